"""Every page of the portal in every state that it can be in: who looks at it, where, and what is done there first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Page


@dataclass(frozen=True, slots=True)
class Scene:
    """`{waiting}` in a path is the number of the request or grant that is in that state."""

    name: str
    person: str | None
    path: str
    status: int = 200
    act: Callable[[Page], None] | None = None


def send_nothing(page: Page) -> None:
    """Past the browser's own checks: the server's answer is looked at."""
    form = page.locator("form").filter(has=page.locator("[name=reason]"))
    form.evaluate("form => { form.noValidate = true; }")
    form.locator("button[value=send]").click()
    page.locator(".wrong").first.wait_for()


SCENES = (
    Scene("sign in", None, "/accounts/login/"),
    Scene("signed out", None, "/accounts/login/?next=/access/"),
    Scene("sign up is closed", None, "/accounts/signup/", status=403),
    Scene("sign out", "alice", "/accounts/logout/"),
    Scene("prove who you are again", "alice", "/accounts/reauthenticate/?next=/access/"),
    Scene("ask", "alice", "/request/"),
    Scene("ask, not eligible", "mallory", "/request/"),
    Scene("ask, with errors", "alice", "/request/", act=send_nothing),
    Scene("approvals, none", "mallory", "/approvals/"),
    Scene("approvals, waiting", "bob", "/approvals/?state={waiting}"),
    Scene("approvals, decided", "bob", "/approvals/?show=decided"),
    Scene("approvals, all", "bob", "/approvals/?show=all"),
    Scene("approvals, live", "bob", "/approvals/?show=live"),
    Scene("approval, to decide", "bob", "/approvals/{waiting}/"),
    Scene("approval, one of two", "carol", "/approvals/{one_of_two}/"),
    Scene("approval, given already", "bob", "/approvals/{one_of_two}/"),
    Scene("approval, one's own", "bob", "/approvals/{own_of_an_approver}/"),
    Scene("request, waiting", "alice", "/requests/{waiting}/"),
    Scene("request, one of two", "alice", "/requests/{one_of_two}/"),
    Scene("request, denied", "alice", "/requests/{denied}/"),
    Scene("request, cancelled", "alice", "/requests/{cancelled}/"),
    Scene("request, lapsed", "alice", "/requests/{lapsed}/"),
    Scene("access, none", "mallory", "/access/"),
    Scene("access", "alice", "/access/?{live}{ends_soon}{wiped}{ended}{waiting}"),
    Scene("grant, live", "alice", "/access/{live}/"),
    Scene("grant, unread", "alice", "/access/{unread}/"),
    Scene("grant, ends soon", "alice", "/access/{ends_soon}/"),
    Scene("grant, wiped password", "alice", "/access/{wiped}/"),
    Scene("grant, ended", "alice", "/access/{ended}/"),
    Scene("grant, revoked", "alice", "/access/{revoked}/"),
    Scene("grant, expired", "alice", "/access/{expired}/"),
    Scene("grant, somebody else's", "bob", "/access/{live}/"),
    Scene("history", "alice", "/history/?{denied}{lapsed}"),
    Scene("history, none", "mallory", "/history/"),
    Scene("audit", "dave", "/audit/?{live}"),
    Scene("audit, one's own", "alice", "/audit/"),
    Scene("targets", "alice", "/targets/"),
    Scene("target", "alice", "/targets/shop-prod/"),
    Scene("policies", "alice", "/policies/"),
    Scene("people", "erin", "/people/"),
    Scene("health", "erin", "/health/"),
    Scene("health, forbidden", "mallory", "/health/", status=403),
    Scene("first run", "erin", "/start/"),
    Scene("account", "alice", "/account/"),
    Scene("second factor", "alice", "/account/second-factor/"),
    Scene("tokens", "alice", "/tokens/"),
    Scene("not found", "alice", "/nothing-here/", status=404),
    Scene("not yours", "mallory", "/requests/{waiting}/", status=404),
    Scene("wrong method", "alice", "/access/{live}/release/", status=405),
)

WHILE_AWAY = (
    Scene("grant, setting up", "alice", "/access/{setting_up}/"),
    Scene("grant, setup failed", "alice", "/access/{failed}/"),
    Scene("grant, revoke failing", "alice", "/access/{revoking}/"),
    Scene("access, a revoke failing", "alice", "/access/"),
    Scene("health, a target away", "erin", "/health/"),
    Scene("target, away", "alice", "/targets/shop-staging/"),
)
