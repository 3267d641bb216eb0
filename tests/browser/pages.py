"""Every page of the portal in every state that it can be in: who looks at it, where, and what is done there first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from playwright.sync_api import Page

from tests.browser.acts import (
    CAREFUL,
    answer_for_nothing,
    ask_on_more_servers,
    be_asked_for_a_code,
    be_asked_to_agree,
    break_without_words,
    keep_as_template,
    link_an_account,
    make_token,
    preview,
    propose_a_draft,
    recovery_codes_again,
    replay_under_a_draft,
    send_nothing,
    show_password,
    show_recovery_codes,
    then,
    try_the_glass,
    type_a_wrong_code,
    want_more_time_for_nothing,
    write_a_draft,
    write_what_is_wrong,
)
from tests.browser.steps import READ_ORDERS
from tests.browser.windows import Windows

OFTEN = "/request/?target=shop-prod&preset=Look%20into%20an%20order"


@dataclass(frozen=True, slots=True)
class Scene:
    """`{waiting}` in a path is the number of the request or grant that is in that state."""

    name: str
    person: str | None
    path: str
    status: int = 200
    act: Callable[[Page, Windows], None] | None = None


SCENES = (
    Scene("sign in", None, "/accounts/login/"),
    Scene("signed out", None, "/accounts/login/?next=/access/"),
    Scene("sign up is closed", None, "/accounts/signup/", status=403),
    Scene("sign in, code", None, "/accounts/login/", act=be_asked_for_a_code),
    Scene("sign in, wrong code", None, "/accounts/login/", act=type_a_wrong_code),
    Scene("sign out", "alice", "/accounts/logout/"),
    Scene("prove who you are again", "alice", "/accounts/reauthenticate/?next=/access/"),
    Scene("ask", "alice", "/request/"),
    Scene("ask, not eligible", "mallory", "/request/"),
    Scene("ask, with errors", "alice", "/request/", act=send_nothing),
    Scene("ask, previewed", "alice", READ_ORDERS, act=preview),
    Scene("ask, for several collections", "alice", f"{READ_ORDERS}+read@shop.products"),
    Scene("ask, on more servers", "alice", READ_ORDERS, act=ask_on_more_servers),
    Scene("ask, by what people often ask for", "alice", f"{OFTEN}&grantee=ci-runner"),
    Scene("ask, with a template", "alice", "/requests/{waiting}/", act=keep_as_template),
    Scene("wizard, first question", "alice", "/request/wizard/"),
    Scene("wizard, where", "alice", "/request/wizard/?plane=data&who=me&do=administer"),
    Scene("wizard, nothing allowed", "mallory", "/request/wizard/?plane=data&who=me"),
    Scene(
        "wizard, which database", "alice", "/request/wizard/?plane=data&who=me&do=read&reach=database&target=shop-prod"
    ),
    Scene("wizard, which action", "alice", "/request/wizard/?plane=data&who=me&do=action&reach=collection"),
    Scene("wizard, for a service", "alice", "/request/wizard/?plane=data&who=service&do=read"),
    Scene("wizard, an Atlas project", "alice", "/request/wizard/?plane=project"),
    Scene(
        "ask, filled in",
        "alice",
        "/request/wizard/?plane=data&who=me&do=read&reach=collection&target=shop-prod&place=shop.orders&length=PT30M",
    ),
    Scene("approvals, none", "mallory", "/approvals/"),
    Scene("approvals, waiting", "bob", "/approvals/?state={waiting}"),
    Scene("approvals, decided", "bob", "/approvals/?show=decided"),
    Scene("approvals, all", "bob", "/approvals/?show=all"),
    Scene("approvals, live", "bob", "/approvals/?show=live"),
    Scene("approval, to decide", "bob", "/approvals/{waiting}/"),
    Scene("approval, one of two", "carol", "/approvals/{one_of_two}/"),
    Scene("approval, given already", "bob", "/approvals/{one_of_two}/"),
    Scene("approval, one's own", "bob", "/approvals/{own_of_an_approver}/"),
    Scene("approval, asked together", "bob", "/approvals/{together}/"),
    Scene("approval, of more time", "bob", "/approvals/{more_time}/"),
    Scene("request, waiting", "alice", "/requests/{waiting}/"),
    Scene("request, to change", "alice", "/requests/{waiting}/change/"),
    Scene("request, asked together", "alice", "/requests/{together}/"),
    Scene("request, one of two", "alice", "/requests/{one_of_two}/"),
    Scene("request, for a service identity", "bob", "/requests/{for_a_service}/"),
    Scene("request, denied", "alice", "/requests/{denied}/"),
    Scene("request, cancelled", "alice", "/requests/{cancelled}/"),
    Scene("request, lapsed", "alice", "/requests/{lapsed}/"),
    Scene("access, none", "mallory", "/access/"),
    Scene("access", "alice", "/access/?{live}{ends_soon}{wiped}{ended}{waiting}"),
    Scene("grant, live", "alice", "/access/{live}/"),
    Scene("grant, more time wanted for no reason", "alice", "/access/{live}/", act=want_more_time_for_nothing),
    Scene("grant, more time is asked for", "alice", "/access/{longer}/"),
    Scene("grant, unread", "alice", "/access/{unread}/"),
    Scene("grant, password shown", "alice", "/access/{to_show}/", act=show_password),
    Scene("grant, ends soon", "alice", "/access/{ends_soon}/"),
    Scene("grant, wiped password", "alice", "/access/{wiped}/"),
    Scene("grant, ended", "alice", "/access/{ended}/"),
    Scene("grant, revoked", "alice", "/access/{revoked}/"),
    Scene("grant, expired", "alice", "/access/{expired}/"),
    Scene("grant, somebody else's", "bob", "/access/{live}/"),
    Scene("grant, of a service identity", "bob", "/access/{of_a_service}/"),
    Scene("tokens, with a service identity", "bob", "/tokens/"),
    Scene("history", "alice", "/history/?{denied}{lapsed}"),
    Scene("history, none", "mallory", "/history/"),
    Scene("audit", "dave", "/audit/?{live}"),
    Scene("audit, one event", "dave", "/audit/1/"),
    Scene("audit, one's own", "alice", "/audit/"),
    Scene("targets", "alice", "/targets/"),
    Scene("target", "alice", "/targets/shop-prod/"),
    Scene("what others have on a target", "erin", "/targets/shop-prod/others/"),
    Scene("what others have on an Atlas project", "erin", "/targets/ecommerce-prod/others/"),
    Scene("what others changed on a target", "dave", "/targets/shop-prod/changes/"),
    Scene("what others changed on an Atlas project", "dave", "/targets/ecommerce-prod/changes/"),
    Scene("custom roles", "alice", "/targets/ecommerce-prod/custom-roles/"),
    Scene(
        "custom roles, to change one",
        "alice",
        "/targets/ecommerce-prod/custom-roles/change/?kind=edit&role=supportDesk",
    ),
    Scene(
        "custom roles, to delete one",
        "alice",
        "/targets/ecommerce-dev/custom-roles/change/?kind=delete&role=supportDesk",
    ),
    Scene("changes of custom roles", "bob", "/custom-roles/?{role_change}"),
    Scene("change of a custom role, to decide", "bob", "/custom-roles/{role_change}/"),
    Scene("request, single actions", "alice", "/request/?target=shop-prod&role=find,insert@shop.orders"),
    Scene("policies", "alice", "/policies/"),
    Scene("policies, tried", "erin", "/policies/?who=alice&target=shop-prod"),
    Scene("policies, to write", "erin", "/policies/new/"),
    Scene("policies, to write, forbidden", "alice", "/policies/new/", status=403),
    Scene("policies, with errors", "erin", "/policies/new/", act=write_what_is_wrong),
    Scene("policies, a draft", "erin", "/policies/new/", act=write_a_draft),
    Scene("policies, a draft that is proposed", "erin", "/policies/new/", act=propose_a_draft),
    Scene("policies, a draft to agree to", "carol", "/policies/", act=be_asked_to_agree),
    Scene("policies, the past under a draft", "erin", "/policies/new/", act=replay_under_a_draft),
    Scene("dashboard", "erin", "/dashboard/?{live}"),
    Scene("dashboard, of an approver", "bob", "/dashboard/"),
    Scene("access reviews", "erin", "/access-reviews/?{review}"),
    Scene("access reviews, none", "mallory", "/access-reviews/"),
    Scene("access reviews, to start", "erin", "/access-reviews/start/"),
    Scene("access review, to answer", "bob", "/access-reviews/{review}/"),
    Scene("access review, to watch over", "dave", "/access-reviews/{review}/?answer=open"),
    Scene("access review, answered for nothing", "bob", "/access-reviews/{review}/", act=answer_for_nothing),
    Scene("access review, to be signed off", "erin", "/access-reviews/{reviewed}/"),
    Scene("access review, to print", "dave", "/access-reviews/{review}/print/"),
    Scene("people", "erin", "/people/"),
    Scene("Slack", "erin", "/settings/slack/"),
    Scene("Slack, to link an account", "alice", "/account/", act=link_an_account),
    Scene("health", "erin", "/health/"),
    Scene("health, forbidden", "mallory", "/health/", status=403),
    Scene("first run", "erin", "/start/"),
    Scene("account", "alice", "/account/"),
    Scene("account, with a second factor", CAREFUL, "/account/", act=then("/account/")),
    Scene("while I am away", "alice", "/account/away/"),
    Scene("how one is told", "alice", "/account/channels/"),
    Scene("while I am away, somebody will answer", "carol", "/account/away/?{to_stand_in}"),
    Scene("second factor", "alice", "/account/second-factor/"),
    Scene("second factor, to remove", CAREFUL, "/account/", act=then("/account/second-factor/remove/")),
    Scene("recovery codes, shown", CAREFUL, "/account/", act=show_recovery_codes),
    Scene("recovery codes, shown before", CAREFUL, "/account/", act=recovery_codes_again),
    Scene("recovery codes, to make anew", CAREFUL, "/account/", act=then("/account/recovery-codes/new/")),
    Scene("prove who you are again, by a code", CAREFUL, "/account/", act=then("/accounts/code/confirm/")),
    Scene("tokens", "alice", "/tokens/"),
    Scene("tokens, one made", "alice", "/tokens/", act=make_token),
    Scene("break glass, not named", "mallory", "/break-glass/"),
    Scene("break glass, where", "frank", "/break-glass/"),
    Scene("break glass", "frank", "/break-glass/?target=shop-prod"),
    Scene("break glass, with errors", "frank", "/break-glass/?target=shop-prod", act=break_without_words),
    Scene("break glass, one's own", "frank", "/break-glass/{breaking}/"),
    Scene("break glass, live, to who was told", "bob", "/break-glass/{breaking}/"),
    Scene("break glass, a use to review", "carol", "/break-glass/{broken}/"),
    Scene("break glass, what waits for a review", "carol", "/break-glass/"),
    Scene("offline kits", "erin", "/break-glass/kits/?{kit_use}"),
    Scene("offline kits, a use to review", "carol", "/break-glass/kits/uses/{kit_use}/"),
    Scene("break glass, report", "erin", "/break-glass/report/?{broken}"),
    Scene("break glass, report, being tested", "erin", "/break-glass/report/", act=try_the_glass),
    Scene("search", "alice", "/search/?q=orders"),
    Scene("search, nothing found", "mallory", "/search/?q=nothing-of-this-name"),
    Scene("search, for nothing", "alice", "/search/"),
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

# What people look at most, by the names above: seen in forced colours too.
MAIN = frozenset(
    {
        "sign in", "ask", "ask, with errors", "ask, previewed", "approvals, waiting", "approval, to decide",
        "request, waiting", "access", "grant, live", "grant, ended", "history", "audit", "targets", "target",
        "policies", "health", "search", "account",
    }
)  # fmt: skip
