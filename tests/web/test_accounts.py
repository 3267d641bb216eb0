"""Guards signing in: nobody signs up, nobody learns who exists, sessions are fresh, and leaving ends them."""

from __future__ import annotations

import re

import pytest
from django.urls import get_resolver

from tests.make import Cast
from tests.web.browser import PASSWORD, Browser, give_password, heading_of, signed_in, text_of

LOGIN = "/accounts/login/"


def without_chance(html: str) -> str:
    """A page without what differs each time: the CSRF token and the name that was typed."""
    html = re.sub(r'name="csrfmiddlewaretoken" value="[^"]+"', "", html)
    return re.sub(r'name="login" value="[^"]*"', "", html)


class TestSignIn:
    def test_leads_to_ones_own_access(self, cast: Cast) -> None:
        give_password(cast.alice)
        browser = Browser()

        answer = browser.sign_in(cast.alice)

        assert (answer.status_code, answer["Location"]) == (302, "/")
        assert heading_of(browser.get("/", follow=True)) == "My access"

    def test_takes_the_name_in_capitals(self, cast: Cast) -> None:
        give_password(cast.alice)

        assert Browser().press(LOGIN, login=" Alice", password=PASSWORD).status_code == 302

    def test_says_the_same_of_a_wrong_password_an_unknown_name_and_somebody_who_left(self, cast: Cast) -> None:
        for person in (cast.alice, cast.bob):
            give_password(person)
        cast.bob.is_active = False
        cast.bob.save(update_fields=["is_active"])

        answers = [
            Browser().press(LOGIN, login="alice", password="wrong-" + PASSWORD),
            Browser().press(LOGIN, login="nobody", password=PASSWORD),
            Browser().press(LOGIN, login="bob", password=PASSWORD),
            Browser().press(LOGIN, login="carol", password=PASSWORD),
        ]

        assert {answer.status_code for answer in answers} == {422}
        assert len({without_chance(text_of(answer)) for answer in answers}) == 1
        assert "do not belong together" in text_of(answers[0])
        assert all("sessionid" not in answer.client.cookies for answer in answers)

    @pytest.mark.parametrize("name", ["al\u0131ce", "alice\u200b", "ALICE'--", "\u0430lice"])
    def test_look_alikes_are_nobody(self, cast: Cast, name: str) -> None:
        give_password(cast.alice)

        assert Browser().press(LOGIN, login=name, password=PASSWORD).status_code == 422

    def test_makes_a_new_session(self, cast: Cast) -> None:
        give_password(cast.alice)
        browser = Browser()
        browser.client.cookies["sessionid"] = "chosen-by-mallory"

        browser.sign_in(cast.alice)

        first = browser.client.cookies["sessionid"].value
        assert first != "chosen-by-mallory"
        browser.post("/accounts/logout/")
        browser.sign_in(cast.alice)
        assert browser.client.cookies["sessionid"].value != first

    def test_is_limited_for_each_name(self, cast: Cast) -> None:
        give_password(cast.alice)
        for _ in range(10):
            Browser().press(LOGIN, login="alice", password="wrong-" + PASSWORD)

        answer = Browser().press(LOGIN, login="alice", password=PASSWORD)

        assert (answer.status_code, answer["Retry-After"]) == (429, "300")
        assert "Wait five minutes" in text_of(answer)
        give_password(cast.bob)
        assert Browser().press(LOGIN, login="bob", password=PASSWORD).status_code == 302

    def test_is_not_fooled_about_where_somebody_is(self, cast: Cast) -> None:
        for number in range(30):
            Browser().client.post(LOGIN, {}, headers={"X-Forwarded-For": f"192.0.2.{number}"})
            Browser().press(LOGIN, login=f"name-{number}", password="wrong")

        answer = Browser().press(LOGIN, login="one-more", password="wrong")

        assert answer.status_code == 429

    @pytest.mark.parametrize(
        "wanted",
        ["//evil.example.com", "/\\evil.example.com", "\\\\evil.example.com", "https://evil.example.com", "javascript:alert(1)",
         "https:evil.example.com", "///evil.example.com", "/%09/evil.example.com\t", "http://testserver@evil.example.com/"],
    )  # fmt: skip
    def test_leads_nowhere_else(self, cast: Cast, wanted: str) -> None:
        give_password(cast.alice)

        answer = Browser().press(LOGIN, login="alice", password=PASSWORD, next=wanted)

        assert answer.status_code == 302
        assert answer["Location"] in {"/", "/%09/evil.example.com%09"}

    def test_leads_back_to_where_one_was(self, cast: Cast) -> None:
        give_password(cast.alice)
        browser = Browser()

        answer = browser.get("/approvals/?a=b")

        assert answer["Location"] == "/accounts/login/?next=/approvals/%3Fa%3Db"
        answer = browser.client.post(
            LOGIN,
            {
                "csrfmiddlewaretoken": re.findall(
                    r'csrfmiddlewaretoken" value="([^"]+)"', text_of(browser.get(answer["Location"]))
                )[0],
                "login": "alice",
                "password": PASSWORD,
                "next": "/approvals/?a=b",
            },
        )
        assert answer["Location"] == "/approvals/?a=b"


class TestSignUp:
    def test_is_closed(self, cast: Cast) -> None:
        answer = Browser().get("/accounts/signup/")

        assert (answer.status_code, heading_of(answer)) == (403, "Sign-up is closed")

    def test_no_other_address_of_accounts_is_there(self) -> None:
        found = {
            str(pattern.pattern)
            for part in get_resolver().url_patterns
            for pattern in getattr(part, "url_patterns", [])
            if str(pattern.pattern).startswith("accounts/")
        }

        assert found == {
            *("accounts/login/", "accounts/logout/", "accounts/reauthenticate/", "accounts/signup/"),
            *("accounts/code/", "accounts/code/confirm/", "accounts/provider/", "accounts/provider/callback/"),
            "accounts/<path:rest>",
        }

    @pytest.mark.parametrize("path", ["password/change/", "password/reset/", "email/", "3rdparty/", "2fa/"])
    def test_what_allauth_would_have_there_says_who_changes_it(self, cast: Cast, path: str) -> None:
        answer = signed_in(cast.alice).get(f"/accounts/{path}")

        assert (answer.status_code, heading_of(answer)) == (404, "There is nothing here")


class TestSignOut:
    def test_takes_a_post(self, cast: Cast) -> None:
        browser = signed_in(cast.alice)

        assert heading_of(browser.get("/accounts/logout/")) == "Sign out"
        assert browser.get("/access/").status_code == 200
        browser.press("/access/", action="/accounts/logout/")
        assert browser.get("/access/").status_code == 302


class TestSession:
    def test_ends_when_the_person_is_disabled(self, cast: Cast) -> None:
        browser = signed_in(cast.alice)
        assert browser.get("/access/").status_code == 200

        cast.alice.is_active = False
        cast.alice.save(update_fields=["is_active"])

        assert browser.get("/access/")["Location"].startswith("/accounts/login/")

    def test_ends_when_the_password_is_changed(self, cast: Cast) -> None:
        browser = signed_in(cast.alice)

        give_password(cast.alice)

        assert browser.get("/access/").status_code == 302

    def test_cookies_are_out_of_reach_of_scripts_and_other_sites(self, cast: Cast) -> None:
        give_password(cast.alice)
        browser = Browser()
        browser.sign_in(cast.alice)

        cookie = browser.client.cookies["sessionid"]
        assert (cookie["httponly"], cookie["secure"], cookie["samesite"]) == (True, True, "Lax")


class TestConfirm:
    def test_asks_for_the_password_once_more_and_leads_back(self, cast: Cast) -> None:
        give_password(cast.alice)
        browser = signed_in(cast.alice, minutes_ago=60)

        wrong = browser.press("/accounts/reauthenticate/", password="wrong")
        right = browser.press("/accounts/reauthenticate/", password=PASSWORD, next="/access/")

        assert (wrong.status_code, "This is not your password." in text_of(wrong)) == (422, True)
        assert (right.status_code, right["Location"]) == (302, "/access/")

    def test_leads_nowhere_else(self, cast: Cast) -> None:
        give_password(cast.alice)
        browser = signed_in(cast.alice)

        answer = browser.press("/accounts/reauthenticate/", password=PASSWORD, next="//evil.example.com")

        assert answer["Location"] == "/"

    def test_is_for_people_who_are_signed_in(self, cast: Cast) -> None:
        assert Browser().get("/accounts/reauthenticate/")["Location"].startswith("/accounts/login/")
