"""Guards every address of the portal, for everybody, on their own things and on others': one table, nothing left out."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import pytest
from django.test import override_settings
from pytest_django import DjangoDbBlocker

from tests.kept import Copy, Kept
from tests.web.addresses import address_of, routes
from tests.web.browser import CHEAP, Browser, signed_in
from tests.web.matrix import CAST, EVERYBODY, OWNERS, World, begin, canonical
from tests.web.untouched import rows_of_everything, taken_back

# Alice asked and holds; bob decides; dave audits; erin administers; carol and mallory have nothing to do with it.
SEES = {"alice": 200, "bob": 200, "dave": 200, "erin": 200, "carol": 404, "mallory": 404}
ALL = dict.fromkeys(EVERYBODY, 200)
NO_GET = dict.fromkeys(EVERYBODY, 405)
# What is for those who watch over it all, and what is for administrators alone.
WATCHES = dict.fromkeys(EVERYBODY, 403) | {"dave": 200, "erin": 200}
ADMINISTERS = dict.fromkeys(EVERYBODY, 403) | {"erin": 200}
# Security reviews what stands on the target, and carol is security.
REVIEWS = dict.fromkeys(EVERYBODY, 404) | dict.fromkeys(("carol", "dave", "erin"), 200)

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
    "account/away/": ALL,
    "account/channels/": ALL,
    "account/away/{delegation}/end/": NO_GET,
    "account/sessions/end/": NO_GET,
    "account/second-factor/": ALL,
    "account/second-factor/remove/": dict.fromkeys(EVERYBODY, 404),
    "account/recovery-codes/": dict.fromkeys(EVERYBODY, 404),
    "account/recovery-codes/new/": ALL,
    "request/": ALL,
    "request/saved/{saved}/forget/": NO_GET,
    "request/wizard/": ALL,
    "requests/{request}/": SEES,
    "requests/{request}/change/": SEES | dict.fromkeys(("bob", "dave", "erin"), 303),
    "requests/{request}/cancel/": NO_GET,
    "requests/{request}/save/": NO_GET,
    "requests/{request}/comments/": NO_GET,
    "bundles/{request}/approve/": NO_GET,
    "bundles/{request}/deny/": NO_GET,
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
    "access/{grant}/extend/": NO_GET,
    "access/{grant}/diagnose/": SEES | dict.fromkeys(("alice", "bob", "dave", "erin"), 303),
    "break-glass/": ALL,
    "break-glass/report/": WATCHES,
    "break-glass/report/export/": WATCHES,
    "break-glass/test/": NO_GET,
    "break-glass/kits/": ALL,
    "break-glass/kits/uses/{request}/": dict.fromkeys(EVERYBODY, 404),
    "break-glass/kits/uses/{request}/review/": NO_GET,
    "break-glass/{request}/": dict.fromkeys(EVERYBODY, 404),  # theirs are none; test_break_glass.py looks at some
    "break-glass/{request}/end/": NO_GET,
    "break-glass/{request}/review/": NO_GET,
    "access-reviews/": ALL,
    "access-reviews/start/": ADMINISTERS,
    "access-reviews/{review}/": REVIEWS,
    "access-reviews/{review}/answer/": NO_GET,
    "access-reviews/{review}/sign-off/": NO_GET,
    "access-reviews/{review}/cancel/": NO_GET,
    **dict.fromkeys(("access-reviews/{review}/export/", "access-reviews/{review}/print/"), REVIEWS),
    "history/": ALL,
    "history/export/": ALL,
    "pulse/": ALL,
    "stream/": dict.fromkeys(EVERYBODY, 204),
    "audit/": ALL,
    "audit/{event}/": SEES | {"bob": 404},
    "audit/export/": NO_GET,
    "audit/verify/": NO_GET,
    "targets/": ALL,
    "targets/{target}/": ALL,
    "targets/{project}/custom-roles/": ALL,
    "targets/{project}/custom-roles/change/": ALL,
    "custom-roles/": ALL,
    "custom-roles/{change}/": SEES,
    "custom-roles/{change}/approve/": NO_GET,
    "custom-roles/{change}/deny/": NO_GET,
    "custom-roles/{change}/cancel/": NO_GET,
    "targets/{target}/others/": WATCHES,
    "targets/{target}/changes/": WATCHES,
    "targets/{target}/look/": NO_GET,
    "policies/": ALL,
    "policies/new/": ADMINISTERS,
    "policies/drafts/{draft}/": ALL,
    "policies/drafts/{draft}/propose/": NO_GET,
    "policies/drafts/{draft}/publish/": NO_GET,
    "policies/drafts/{draft}/agree/": NO_GET,
    "policies/drafts/{draft}/reject/": NO_GET,
    "policies/drafts/{draft}/simulate/": WATCHES,
    "dashboard/": ALL,
    "health/": WATCHES,
    "health/{grant}/hurry/": NO_GET,
    "people/": ADMINISTERS,
    "search/": ALL,
    "settings/slack/": ADMINISTERS,
    "settings/slack/test/": NO_GET,
    "slack/accounts/{account}/unlink/": NO_GET,
    "slack/link/": dict.fromkeys(EVERYBODY, 410),  # without an address that was signed; test_slack_link.py has some
    "start/": ADMINISTERS,
    "tokens/": ALL,
    "tokens/{token}/revoke/": NO_GET,
}
MAY_DECIDE = {"mallory": 404, "carol": 404, "alice": 403, "dave": 403, "erin": 403, "bob": 303}
# Each tries by themselves, on things that nobody has touched.
POST: dict[str, dict[str, int]] = {
    "account/": dict.fromkeys(EVERYBODY, 422),
    "account/away/": dict.fromkeys(EVERYBODY, 422),
    "account/channels/": dict.fromkeys(EVERYBODY, 422),
    "account/away/{delegation}/end/": {
        "mallory": 404,
        "carol": 404,
        "bob": 404,
        "dave": 403,
        "erin": 303,
        "alice": 303,
    },
    "account/sessions/end/": dict.fromkeys(EVERYBODY, 303),
    "account/second-factor/": dict.fromkeys(EVERYBODY, 422),
    "account/second-factor/remove/": dict.fromkeys(EVERYBODY, 404),
    "account/recovery-codes/": dict.fromkeys(EVERYBODY, 405),
    "account/recovery-codes/new/": dict.fromkeys(EVERYBODY, 422),
    "request/": dict.fromkeys(EVERYBODY, 422),
    "request/saved/{saved}/forget/": dict.fromkeys(EVERYBODY, 404),
    "request/wizard/": dict.fromkeys(EVERYBODY, 405),
    "requests/{request}/": dict.fromkeys(EVERYBODY, 405),
    "requests/{request}/change/": dict.fromkeys(EVERYBODY, 422) | {"mallory": 404, "carol": 404},
    "requests/{request}/cancel/": {"mallory": 404, "carol": 404, "bob": 403, "dave": 403, "erin": 403, "alice": 303},
    "requests/{request}/save/": {"mallory": 404, "carol": 404, "bob": 403, "dave": 403, "erin": 403, "alice": 303},
    "requests/{request}/comments/": {"mallory": 404, "carol": 404, "dave": 403, "erin": 303, "bob": 303, "alice": 303},
    "bundles/{request}/approve/": dict.fromkeys(EVERYBODY, 404),
    "bundles/{request}/deny/": dict.fromkeys(EVERYBODY, 404),
    "approvals/": dict.fromkeys(EVERYBODY, 405),
    "approvals/{request}/": dict.fromkeys(EVERYBODY, 405),
    "approvals/{request}/approve/": MAY_DECIDE,
    "approvals/{request}/deny/": MAY_DECIDE,
    "access/": dict.fromkeys(EVERYBODY, 405),
    "access/{grant}/": dict.fromkeys(EVERYBODY, 405),
    "access/{grant}/reveal/": {"mallory": 404, "carol": 404, "bob": 403, "dave": 403, "erin": 403, "alice": 200},
    "access/{grant}/rotate/": {"mallory": 404, "carol": 404, "bob": 403, "dave": 403, "erin": 403, "alice": 303},
    "access/{grant}/release/": {"mallory": 404, "carol": 404, "bob": 403, "dave": 403, "erin": 403, "alice": 303},
    "access/{grant}/extend/": {"mallory": 404, "carol": 404, "bob": 403, "dave": 403, "erin": 403, "alice": 303},
    "access/{grant}/diagnose/": dict.fromkeys(EVERYBODY, 303) | {"mallory": 404, "carol": 404},
    "access/{grant}/revoke/": {"mallory": 404, "carol": 404, "alice": 403, "dave": 403, "bob": 303, "erin": 303},
    "break-glass/": dict.fromkeys(EVERYBODY, 403),
    "break-glass/report/": dict.fromkeys(EVERYBODY, 405),
    "break-glass/report/export/": dict.fromkeys(EVERYBODY, 405),
    "break-glass/test/": dict.fromkeys(EVERYBODY, 403) | {"erin": 303},
    "break-glass/kits/": dict.fromkeys(EVERYBODY, 405),
    "break-glass/kits/uses/{request}/": dict.fromkeys(EVERYBODY, 405),
    "break-glass/kits/uses/{request}/review/": dict.fromkeys(EVERYBODY, 404),
    "break-glass/{request}/": dict.fromkeys(EVERYBODY, 405),
    "break-glass/{request}/end/": dict.fromkeys(EVERYBODY, 404),
    "break-glass/{request}/review/": dict.fromkeys(EVERYBODY, 404),
    "access-reviews/start/": dict.fromkeys(EVERYBODY, 403) | {"erin": 422},
    "access-reviews/{review}/": dict.fromkeys(EVERYBODY, 405),
    "access-reviews/{review}/answer/": REVIEWS | dict.fromkeys(("carol", "dave", "erin"), 422),
    "access-reviews/{review}/sign-off/": REVIEWS | {"carol": 403, "dave": 403, "erin": 409},
    "access-reviews/{review}/cancel/": REVIEWS | {"carol": 403, "dave": 403, "erin": 303},
    **dict.fromkeys(("access-reviews/", "access-reviews/{review}/export/", "access-reviews/{review}/print/"), NO_GET),
    "history/": dict.fromkeys(EVERYBODY, 405),
    "history/export/": dict.fromkeys(EVERYBODY, 405),
    "pulse/": dict.fromkeys(EVERYBODY, 405),
    "stream/": dict.fromkeys(EVERYBODY, 405),
    "audit/": dict.fromkeys(EVERYBODY, 405),
    "audit/{event}/": dict.fromkeys(EVERYBODY, 405),
    "audit/export/": ALL,
    "audit/verify/": dict.fromkeys(EVERYBODY, 403) | {"dave": 303, "erin": 303},
    "targets/": dict.fromkeys(EVERYBODY, 405),
    "targets/{target}/": dict.fromkeys(EVERYBODY, 405),
    "targets/{project}/custom-roles/": dict.fromkeys(EVERYBODY, 405),
    "targets/{project}/custom-roles/change/": dict.fromkeys(EVERYBODY, 422),
    "custom-roles/": dict.fromkeys(EVERYBODY, 405),
    "custom-roles/{change}/": dict.fromkeys(EVERYBODY, 405),
    "custom-roles/{change}/approve/": MAY_DECIDE,
    "custom-roles/{change}/deny/": MAY_DECIDE,
    "custom-roles/{change}/cancel/": {"mallory": 404, "carol": 404, "bob": 403, "dave": 403, "erin": 303, "alice": 303},
    "targets/{target}/others/": dict.fromkeys(EVERYBODY, 405),
    "targets/{target}/changes/": dict.fromkeys(EVERYBODY, 405),
    "targets/{target}/look/": dict.fromkeys(EVERYBODY, 403) | {"erin": 303},
    "policies/": dict.fromkeys(EVERYBODY, 405),
    "policies/new/": dict.fromkeys(EVERYBODY, 403) | {"erin": 422},
    "policies/drafts/{draft}/": dict.fromkeys(EVERYBODY, 405),
    "policies/drafts/{draft}/propose/": dict.fromkeys(EVERYBODY, 403),
    "policies/drafts/{draft}/publish/": dict.fromkeys(EVERYBODY, 403) | {"erin": 303},
    "policies/drafts/{draft}/agree/": dict.fromkeys(EVERYBODY, 409),
    "policies/drafts/{draft}/reject/": dict.fromkeys(EVERYBODY, 422),
    "policies/drafts/{draft}/simulate/": dict.fromkeys(EVERYBODY, 405),
    "dashboard/": dict.fromkeys(EVERYBODY, 405),
    "health/": dict.fromkeys(EVERYBODY, 405),
    "health/{grant}/hurry/": dict.fromkeys(EVERYBODY, 403) | {"erin": 409},
    "people/": dict.fromkeys(EVERYBODY, 405),
    "search/": dict.fromkeys(EVERYBODY, 405),
    "settings/slack/": dict.fromkeys(EVERYBODY, 405),
    "settings/slack/test/": dict.fromkeys(EVERYBODY, 403),  # of no channel; test_slack_setup.py has one
    "slack/accounts/{account}/unlink/": dict.fromkeys(EVERYBODY, 404),
    "slack/link/": dict.fromkeys(EVERYBODY, 410),
    "start/": dict.fromkeys(EVERYBODY, 405),
    "tokens/": dict.fromkeys(EVERYBODY, 422),
    "tokens/{token}/revoke/": {"mallory": 404, "carol": 404, "bob": 404, "dave": 404, "erin": 404, "alice": 303},
}
# What allauth and Django answer themselves; test_accounts.py looks at these.
THEIRS = {
    *("", "accounts/login/", "accounts/logout/", "accounts/reauthenticate/", "accounts/signup/"),
    *("accounts/code/", "accounts/code/confirm/", "accounts/provider/", "accounts/provider/callback/"),
    "accounts/<path:rest>",
}
BODY = {"revision": "1", "reason": "Because it is over.", "text": "Would staging do?", "duration": "PT1H"}
FORBIDDEN = 400
OTHER = ({302, 403, 404, 405, 422}, {200, 302, 403, 404, 405})  # what another method may be answered, and OPTIONS


@pytest.fixture(scope="session")
def begun(kept_cast: Kept, django_db_blocker: DjangoDbBlocker) -> Mapping[str, Copy[Mapping[str, object]]]:
    with django_db_blocker.unblock(), override_settings(PASSWORD_HASHERS=CHEAP):
        return {owner: kept_cast.keep(f"matrix_{owner}", partial(begin, kept_cast, owner)) for owner in OWNERS}


@pytest.fixture(params=OWNERS)
def world(request: pytest.FixtureRequest, begun: Mapping[str, Copy[Mapping[str, object]]], db: None) -> World:
    found = begun[request.param]
    return World(found.give(), request.param, found.made)


class TestMatrix:
    def test_knows_every_address(self) -> None:
        there = {canonical(route) for route in routes()}

        assert {canonical(route) for route in GET} == there, "Say what everybody may see there."
        assert {canonical(route) for route in {*POST, *THEIRS}} == there, "Say what everybody may do there."

    def test_says_something_of_everybody(self) -> None:
        assert all(set(row) >= set(EVERYBODY) for row in (*GET.values(), *POST.values()))

    @pytest.mark.parametrize("name", CAST)
    def test_get(self, world: World, name: str) -> None:
        browser, expected = signed_in(getattr(world.cast, name)), world.expected(GET, name)
        before = rows_of_everything()

        found = {route: browser.get(world.address(route)).status_code for route in expected}

        assert found == expected
        assert rows_of_everything() == before

    @pytest.mark.parametrize("name", EVERYBODY)
    @pytest.mark.parametrize("world", ["alice"], indirect=True)
    def test_get_of_a_part_obeys_the_same_rules(self, world: World, name: str) -> None:
        """Whose things they are was asked above: it is the same view that answers."""
        browser = signed_in(getattr(world.cast, name))
        before = rows_of_everything()

        ours = {route: row for route, row in GET.items() if route not in THEIRS}
        for route, expected in world.expected(ours, name).items():
            part = browser.get(world.address(route), headers={"HX-Request": "true"})
            allowed = {expected, 204, 286} if expected < FORBIDDEN else {expected}  # 286 tells htmx to stop asking
            assert part.status_code in allowed, route
        assert rows_of_everything() == before

    @pytest.mark.parametrize("world", ["alice"], indirect=True)
    def test_get_leads_strangers_to_the_sign_in(self, world: World) -> None:
        browser = Browser()
        before = rows_of_everything()

        found = {route: browser.get(world.address(route)) for route in GET if route not in THEIRS}

        assert {route: answer.status_code for route, answer in found.items()} == dict.fromkeys(found, 302)
        assert {answer["Location"].partition("?")[0] for answer in found.values()} == {"/accounts/login/"}
        assert rows_of_everything() == before

    @pytest.mark.parametrize("name", CAST)
    def test_post(self, world: World, name: str) -> None:
        """What is refused leaves nothing, all of it together; what is done is taken back, for each is to find the same."""
        browser, expected = signed_in(getattr(world.cast, name)), world.expected(POST, name)
        refused = [route for route, status in expected.items() if status >= FORBIDDEN]
        before = rows_of_everything()

        found = {route: browser.post(world.address(route), **BODY).status_code for route in refused}

        assert found == {route: expected[route] for route in refused}
        assert rows_of_everything() == before
        for route in expected.keys() - refused:
            with taken_back():
                one = signed_in(getattr(world.cast, name))
                assert one.post(world.address(route), **BODY).status_code == expected[route], route

    @pytest.mark.parametrize("world", ["alice"], indirect=True)
    def test_post_of_strangers_changes_nothing(self, world: World) -> None:
        before, stranger = rows_of_everything(), Browser()

        found = {route: stranger.post(world.address(route), **BODY).status_code for route in POST}

        assert set(found.values()) == {302}, found
        assert rows_of_everything() == before

    @pytest.mark.parametrize("world", ["alice"], indirect=True)
    def test_post_without_our_token_changes_nothing(self, world: World) -> None:
        """At every address there is, also those that answer no POST: a new one is looked at by itself.

        Alice alone tries, who could do the most with her own things: it is refused before anybody asks who she is.
        """
        alice = signed_in(world.cast.alice)
        before = rows_of_everything()
        forged = {**BODY, "csrfmiddlewaretoken": "a" * 64}

        for route in routes():
            path = address_of(route, world.objects)
            without = alice.client.post(path, BODY)
            foreign = alice.client.post(path, forged, headers={"Origin": "https://evil.example"})
            part = alice.client.post(path, forged, headers={"HX-Request": "true"})
            assert (without.status_code, foreign.status_code, part.status_code) == (403, 403, 403), route
            assert "The form was not accepted" in without.content.decode()

        assert rows_of_everything() == before
        assert alice.get("/access/").status_code == 200

    @pytest.mark.parametrize("world", ["alice"], indirect=True)
    @pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "OPTIONS"])
    def test_other_methods_change_nothing(self, world: World, method: str) -> None:
        alice = signed_in(world.cast.alice)
        alice.get("/accounts/logout/")
        before = rows_of_everything()

        token = {"X-CSRFToken": alice.client.cookies["csrftoken"].value}
        for route in routes():
            answer = alice.client.generic(method, address_of(route, world.objects), headers=token)
            assert answer.status_code in OTHER[method == "OPTIONS"], route
        # A form's field or a header that names another method is no such method.
        alice.post(world.address("access/{grant}/"), _method="DELETE")
        alice.client.post(world.address("access/{grant}/"), headers={"X-HTTP-Method-Override": "DELETE", **token})

        assert rows_of_everything() == before
