"""Guards the account page: who one is here, moments in one's own zone, and the end of every other session."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from accessrequests.models import Identity, Person
from tests import make
from tests.make import Cast
from tests.web.browser import Browser, give_password, heading_of, signed_in, text_of


class TestAccount:
    def test_says_who_one_is_and_since_when_one_belongs(self, cast: Cast, settings: Settings) -> None:
        settings.ACCESS_OIDC_ISSUER, settings.ACCESS_OIDC_NAME = "https://id.example.com", "Example ID"
        give_password(cast.bob)
        Identity.objects.create(person=cast.bob, issuer="https://id.example.com", subject="1", linked_at=make.now())

        page = text_of(signed_in(cast.bob).get("/account/"))

        for words in ("Bob Brandt", "bob@example.com", "data-owners", "since", "a password or Example ID"):
            assert words in page

    def test_says_what_to_do_when_one_belongs_nowhere(self, cast: Cast) -> None:
        page = text_of(signed_in(cast.mallory).get("/account/"))

        assert "You are in no group" in page
        assert "nothing yet" in page


class TestTimeZone:
    def test_moves_every_moment_that_is_shown(self, cast: Cast) -> None:
        browser = signed_in(cast.alice)
        assert "UTC</time>" in text_of(browser.get("/account/"))

        answer = browser.press("/account/", time_zone="Asia/Tokyo")

        assert (answer.status_code, answer["Location"]) == (303, "/account/")
        assert "JST</time>" in text_of(browser.get("/account/"))
        assert "UTC</time>" in text_of(signed_in(cast.bob).get("/account/"))

    def test_says_where_it_shows(self, cast: Cast) -> None:
        page = text_of(signed_in(cast.alice).get("/account/"))

        assert "Dates beside a record are shown in it; sentences, mails and the audit trail say UTC by name." in page

    @pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../../etc/passwd"])
    def test_is_one_that_there_is(self, cast: Cast, zone: str) -> None:
        answer = signed_in(cast.alice).press("/account/", time_zone=zone)

        assert answer.status_code == 422
        assert Person.objects.get(username="alice").time_zone == "UTC"

    def test_that_the_machine_no_longer_knows_is_utc(self, cast: Cast) -> None:
        Person.objects.filter(username="alice").update(time_zone="Gone/Away")

        assert "UTC</time>" in text_of(signed_in(cast.alice).get("/account/"))


class TestSessions:
    def test_end_everywhere_but_here(self, cast: Cast) -> None:
        give_password(cast.alice)
        here, there = Browser(), Browser()
        for browser in (here, there):
            browser.sign_in(cast.alice)
            assert browser.get("/access/").status_code == 200

        assert here.press("/account/", action="/account/sessions/end/")["Location"] == "/account/"

        assert heading_of(here.get("/account/")) == "Account"
        assert there.get("/access/").status_code == 302

    def test_end_for_good_when_somebody_is_disabled(self, cast: Cast) -> None:
        give_password(cast.alice)
        browser = Browser()
        browser.sign_in(cast.alice)

        make.apply("alice", active=False)
        make.apply("alice", active=True)

        assert browser.get("/access/").status_code == 302
