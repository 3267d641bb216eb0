"""Guards every address of the portal, for everybody, on their own things and on others': one table, nothing left out."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from django.urls import URLPattern, get_resolver

from accessrequests.models import AccessRequest, AuditEvent, Grant, PersonalToken
from accessrequests.operations import people
from accessrequests.web import urls
from tests import make
from tests.make import Cast
from tests.web import grants
from tests.web.browser import Browser, give_password, signed_in

EVERYBODY = ("alice", "bob", "carol", "dave", "erin", "mallory")
# Alice asked and holds; bob decides; dave audits; erin administers; carol and mallory have nothing to do with it.
SEES = {"alice": 200, "bob": 200, "dave": 200, "erin": 200, "carol": 404, "mallory": 404}
ALL = dict.fromkeys(EVERYBODY, 200)
NO_GET = dict.fromkeys(EVERYBODY, 405)

GET: dict[str, dict[str, int]] = {
    "": dict.fromkeys(EVERYBODY, 302),
    "accounts/login/": dict.fromkeys(EVERYBODY, 302),
    "accounts/logout/": ALL,
    "accounts/reauthenticate/": ALL,
    "accounts/signup/": dict.fromkeys(EVERYBODY, 403),
    "accounts/code/": dict.fromkeys(EVERYBODY, 302),
    "accounts/code/confirm/": dict.fromkeys(EVERYBODY, 302),
    "accounts/provider/": dict.fromkeys(EVERYBODY, 404),
    "accounts/provider/callback/": dict.fromkeys(EVERYBODY, 404),
    "accounts/<path:rest>": dict.fromkeys(EVERYBODY, 404),
    "account/": ALL,
    "account/sessions/end/": NO_GET,
    "account/second-factor/": ALL,
    "account/second-factor/remove/": dict.fromkeys(EVERYBODY, 404),
    "account/recovery-codes/": dict.fromkeys(EVERYBODY, 404),
    "account/recovery-codes/new/": ALL,
    "request/": ALL,
    "requests/{request}/": SEES,
    "requests/{request}/cancel/": NO_GET,
    "requests/{request}/comments/": NO_GET,
    "approvals/": ALL,
    "approvals/{request}/": SEES,
    "approvals/{request}/approve/": NO_GET,
    "approvals/{request}/deny/": NO_GET,
    "access/": ALL,
    "access/{grant}/": SEES,
    "access/{grant}/reveal/": NO_GET,
    "access/{grant}/rotate/": NO_GET,
    "access/{grant}/release/": NO_GET,
    "access/{grant}/revoke/": NO_GET,
    "tokens/": ALL,
    "tokens/{token}/revoke/": NO_GET,
}
# In the order in which they try: whoever may not comes first, so that a success of theirs would be seen.
POST: dict[str, dict[str, int]] = {
    "account/": dict.fromkeys(EVERYBODY, 422),
    "account/sessions/end/": dict.fromkeys(EVERYBODY, 303),
    "account/second-factor/": dict.fromkeys(EVERYBODY, 422),
    "account/second-factor/remove/": dict.fromkeys(EVERYBODY, 404),
    "account/recovery-codes/": dict.fromkeys(EVERYBODY, 405),
    "account/recovery-codes/new/": dict.fromkeys(EVERYBODY, 422),
    "request/": dict.fromkeys(EVERYBODY, 422),
    "requests/{request}/": dict.fromkeys(EVERYBODY, 405),
    "requests/{request}/cancel/": {"mallory": 404, "carol": 404, "bob": 403, "dave": 403, "erin": 403, "alice": 303},
    "requests/{request}/comments/": {"mallory": 404, "carol": 404, "dave": 403, "erin": 303, "bob": 303, "alice": 303},
    "approvals/": dict.fromkeys(EVERYBODY, 405),
    "approvals/{request}/": dict.fromkeys(EVERYBODY, 405),
    "approvals/{request}/approve/": {"mallory": 404, "carol": 404, "alice": 403, "dave": 403, "erin": 403, "bob": 303},
    "approvals/{request}/deny/": {"mallory": 404, "carol": 404, "alice": 403, "dave": 403, "erin": 403, "bob": 303},
    "access/": dict.fromkeys(EVERYBODY, 405),
    "access/{grant}/": dict.fromkeys(EVERYBODY, 405),
    "access/{grant}/reveal/": {"mallory": 404, "carol": 404, "bob": 403, "dave": 403, "erin": 403, "alice": 200},
    "access/{grant}/rotate/": {"mallory": 404, "carol": 404, "bob": 403, "dave": 403, "erin": 403, "alice": 303},
    "access/{grant}/release/": {"mallory": 404, "carol": 404, "bob": 403, "dave": 403, "erin": 403, "alice": 303},
    "access/{grant}/revoke/": {"mallory": 404, "carol": 404, "alice": 403, "dave": 403, "bob": 303, "erin": 409},
    "tokens/": dict.fromkeys(EVERYBODY, 422),
    "tokens/{token}/revoke/": {"mallory": 404, "carol": 404, "bob": 404, "dave": 404, "erin": 404, "alice": 303},
}
# What allauth and Django answer themselves; test_accounts.py looks at these.
THEIRS = {
    *("", "accounts/login/", "accounts/logout/", "accounts/reauthenticate/", "accounts/signup/"),
    *("accounts/code/", "accounts/code/confirm/", "accounts/provider/", "accounts/provider/callback/"),
    "accounts/<path:rest>",
}
BODY = {"revision": "1", "reason": "Because it is over.", "text": "Would staging do?"}


@dataclass(frozen=True)
class World:
    """One pending request, one live grant and one token, all of them alice's."""

    cast: Cast
    access_request: AccessRequest
    grant: Grant
    token: PersonalToken

    def address(self, pattern: str) -> str:
        return "/" + pattern.format(request=self.access_request.pk, grant=self.grant.pk, token=self.token.pk)

    def state(self) -> tuple[object, ...]:
        """Everything that a refused attempt must leave as it was. Recorded refusals are no product state."""
        return (
            list(AccessRequest.objects.order_by("pk").values_list("state", "revision")),
            list(
                Grant.objects.order_by("pk").values_list(
                    "state", "attempt", "credential__state", "credential__generation"
                )
            ),
            list(PersonalToken.objects.order_by("pk").values_list("revoked_at")),
            AuditEvent.objects.exclude(event__endswith=".refused").count(),
        )


@pytest.fixture
def world(cast: Cast) -> World:
    for name in EVERYBODY:
        give_password(getattr(cast, name))
    token, _ = people.create_token(person=cast.alice, name="laptop", scopes=["read"], actor=make.OPERATOR)
    return World(cast, make.submit(cast.alice), grants.live(cast.alice, cast.bob), token)


class TestMatrix:
    def test_knows_every_address(self) -> None:
        patterns = {
            str(pattern.pattern).replace("<int:number>", "{n}")
            for pattern in urls.urlpatterns
            if isinstance(pattern, URLPattern)
        }
        known = {path.replace("{request}", "{n}").replace("{grant}", "{n}").replace("{token}", "{n}") for path in GET}

        assert patterns == known
        assert {*GET} == {*POST, *THEIRS}
        assert any(pattern for pattern in get_resolver().url_patterns)

    @pytest.mark.parametrize("name", EVERYBODY)
    def test_get(self, world: World, name: str) -> None:
        browser = signed_in(getattr(world.cast, name))
        before = world.state()

        found = {pattern: browser.get(world.address(pattern)).status_code for pattern in GET}

        assert found == {pattern: expected[name] for pattern, expected in GET.items()}
        assert world.state() == before

    def test_get_leads_strangers_to_the_sign_in(self, world: World) -> None:
        browser = Browser()

        found = {pattern: browser.get(world.address(pattern)) for pattern in GET if pattern not in THEIRS}

        assert {answer.status_code for answer in found.values()} == {302}
        assert {answer["Location"].partition("?")[0] for answer in found.values()} == {"/accounts/login/"}

    @pytest.mark.parametrize("pattern", POST)
    def test_post(self, world: World, pattern: str) -> None:
        before = world.state()

        for name, expected in POST[pattern].items():
            answer = signed_in(getattr(world.cast, name)).post(world.address(pattern), **BODY)
            assert answer.status_code == expected, name
            if expected >= 400 and expected != 409:
                assert world.state() == before, name

    def test_post_of_strangers_changes_nothing(self, world: World) -> None:
        before, stranger = world.state(), Browser()

        found = {pattern: stranger.post(world.address(pattern), **BODY).status_code for pattern in POST}

        assert set(found.values()) == {302}, found
        assert world.state() == before

    def test_post_without_our_token_changes_nothing(self, world: World) -> None:
        before = world.state()
        alice, bob = signed_in(world.cast.alice), signed_in(world.cast.bob)
        forged = {**BODY, "csrfmiddlewaretoken": "a" * 64}

        for pattern in [*POST, "accounts/login/", "accounts/logout/", "accounts/reauthenticate/"]:
            for browser in (alice, bob):
                path = world.address(pattern)
                without = browser.client.post(path, BODY)
                foreign = browser.client.post(path, forged, headers={"Origin": "https://evil.example"})
                assert (without.status_code, foreign.status_code) == (403, 403), pattern
                assert "The form was not accepted" in without.content.decode()

        assert world.state() == before
        assert [browser.get("/access/").status_code for browser in (alice, bob)] == [200, 200]
