"""Guards personal tokens in the portal: shown once, one's own, made only on a fresh sign-in."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from typing import Any

import pytest

from accessrequests.models import AuditEvent, PersonalToken
from accessrequests.queries import clock, people
from tests import make
from tests.make import Cast
from tests.web.browser import Browser, give_password, heading_of, signed_in, text_of


def make_token(browser: Browser, **typed: Any) -> Any:
    return browser.press("/tokens/", **{"name": "laptop", "scopes": ["read", "request"], **typed})


class TestOfServices:
    def test_their_owner_makes_and_ends_them(self, cast: Cast) -> None:
        make.make_service()
        browser = signed_in(cast.bob)

        refused = make_token(browser, service="ci-runner", scopes=["read", "request"])
        assert (refused.status_code, PersonalToken.objects.count()) == (422, 0)
        made = make_token(browser, service="ci-runner", scopes=["read", "reveal", "end"])

        token = PersonalToken.objects.get()
        assert (made.status_code, token.person.username) == (201, "ci-runner")
        assert "for Continuous integration" in text_of(browser.get("/tokens/"))
        assert "For whom" not in text_of(signed_in(cast.alice).get("/tokens/"))
        assert make_token(signed_in(cast.alice), service="ci-runner").status_code == 422
        assert signed_in(cast.alice).post(f"/tokens/{token.pk}/revoke/").status_code == 404
        browser.press("/tokens/", action=f"/tokens/{token.pk}/revoke/")
        token.refresh_from_db()
        assert token.revoked_at is not None


class TestMake:
    def test_shows_the_secret_once(self, cast: Cast) -> None:
        browser = signed_in(cast.alice)

        answer = make_token(browser, days="7")

        found = re.search(r"access_[\w-]+", html.unescape(text_of(answer)))
        assert found
        token = people.person_by_token(found[0], at=clock.now())
        event = AuditEvent.objects.get(event="token.created")
        assert answer.status_code == 201
        assert "no-store" in answer["Cache-Control"]
        assert token is not None
        assert (token.person, token.name, token.scopes) == (cast.alice, "laptop", ["read", "request"])
        assert token.expires_at is not None
        assert timedelta(days=6) < token.expires_at - clock.now() <= timedelta(days=7)
        assert (event.actor, event.via) == ("alice", "web")
        page = text_of(browser.get("/tokens/"))
        assert "laptop" in page
        assert found[0] not in page
        assert token.digest not in page

    @pytest.mark.parametrize(
        ("typed", "field"),
        [
            ({"name": ""}, "id_name"),
            ({"name": "x" * 101}, "id_name"),
            ({"scopes": []}, "id_scopes"),
            ({"scopes": ["root"]}, "id_scopes"),
            ({"scopes": ["admin"]}, "id_scopes"),
            ({"days": "0"}, "id_days"),
            ({"days": "367"}, "id_days"),
            ({"days": "x"}, "id_days"),
        ],
    )
    def test_says_what_is_wrong_and_makes_nothing(self, cast: Cast, typed: dict[str, Any], field: str) -> None:
        answer = make_token(signed_in(cast.alice), **typed)

        assert answer.status_code == 422
        assert f'href="#{field}"' in text_of(answer)
        assert f'id="{field}"' in text_of(answer)
        assert not PersonalToken.objects.exists()

    def test_offers_admin_to_administrators_only(self, cast: Cast) -> None:
        assert make_token(signed_in(cast.erin), scopes=["admin"]).status_code == 201
        assert 'value="admin"' not in text_of(signed_in(cast.alice).get("/tokens/"))

    def test_wants_the_password_again_after_fifteen_minutes(self, cast: Cast) -> None:
        give_password(cast.alice)

        answer = make_token(signed_in(cast.alice, minutes_ago=16))

        assert (answer.status_code, answer["Location"]) == (303, "/accounts/reauthenticate/?next=%2Ftokens%2F")
        assert not PersonalToken.objects.exists()


class TestRevoke:
    def test_ends_ones_own(self, cast: Cast) -> None:
        browser = signed_in(cast.alice)
        make_token(browser)
        token = PersonalToken.objects.get()

        answer = browser.press("/tokens/", action=f"/tokens/{token.pk}/revoke/")

        token.refresh_from_db()
        assert (answer.status_code, token.revoked_at is not None) == (303, True)
        assert AuditEvent.objects.filter(event="token.revoked", actor="alice").count() == 1
        again = browser.post(f"/tokens/{token.pk}/revoke/")
        assert (again.status_code, heading_of(again)) == (409, "You did this already")
