"""Guards the second factor: added by a proof, asked at the sign-in, sealed at rest, gone only for who is freshly signed in."""

from __future__ import annotations

import re
import time

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth
from django.contrib.sessions.backends.db import SessionStore
from django.contrib.sessions.models import Session

from accessrequests.models import AuditEvent
from tests.make import Cast
from tests.traces import Traces
from tests.web.browser import Browser, give_password, heading_of, signed_in, text_of

ADD, REMOVE, CODES = "/account/second-factor/", "/account/second-factor/remove/", "/account/recovery-codes/"


def code_of(secret: str, *, later: int = 0) -> str:
    """The code that an app would show now, or some steps from now."""
    return str(auth.format_hotp_value(auth.hotp_value(secret, int(time.time()) // 30 + later)))


def added(browser: Browser) -> tuple[str, list[str]]:
    """Add an app as a person does; its secret, and the recovery codes."""
    page = text_of(browser.get(ADD))
    secret = re.findall(r'aria-label="The key"><code[^>]*>([A-Z2-7]+)<', page)[0]
    # The page that is shown decides the secret, so it is not asked for again before the code is sent.
    answer = browser.post(ADD, code=code_of(secret))
    assert (answer.status_code, answer["Location"]) == (303, CODES), text_of(answer)
    return secret, re.findall(
        r"^([0-9]{8})$", text_of(browser.get(CODES)).replace('translate="no">', "\n"), re.MULTILINE
    )


class TestAdd:
    def test_takes_a_code_as_the_proof_and_shows_recovery_codes_once(self, cast: Cast) -> None:
        browser, traces = signed_in(cast.alice), Traces()
        assert "off" in text_of(browser.get("/account/"))

        secret, codes = added(browser)

        assert len(codes) == 10
        assert codes[0] not in text_of(browser.get(CODES))
        assert traces.events() == [("person.second_factor_added", "alice", "person/alice")]
        assert "10 recovery codes left" in text_of(browser.get("/account/"))
        stored = str(list(Authenticator.objects.values_list("data", flat=True)))
        assert secret not in stored
        assert codes[0] not in stored

    def test_is_not_there_when_the_fact_of_it_could_not_be_kept(
        self, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        browser = signed_in(cast.alice)
        page = text_of(browser.get(ADD))
        secret = re.findall(r'aria-label="The key"><code[^>]*>([A-Z2-7]+)<', page)[0]

        def broken(*_args: object, **_options: object) -> None:
            raise RuntimeError("The disk is full.")

        monkeypatch.setattr("accessrequests.operations.sessions.record", broken)
        with pytest.raises(RuntimeError):
            browser.post(ADD, code=code_of(secret))

        assert not Authenticator.objects.exists()

    def test_keeps_the_secret_sealed_while_it_waits_for_its_proof(self, cast: Cast) -> None:
        browser = signed_in(cast.alice)

        page = text_of(browser.get(ADD))

        secret = re.findall(r'aria-label="The key"><code[^>]*>([A-Z2-7]+)<', page)[0]
        held = [session.get_decoded() for session in Session.objects.all()]
        assert auth.SECRET_SESSION_KEY in str(held), "It does wait there."
        assert secret not in str(held)
        assert browser.post(ADD, code="000000").status_code == 422
        assert browser.post(ADD, code=code_of(secret)).status_code == 303
        assert auth.SECRET_SESSION_KEY not in str([session.get_decoded() for session in Session.objects.all()])

    def test_of_a_secret_that_cannot_be_opened_another_is_made(self, cast: Cast) -> None:
        browser = signed_in(cast.alice)
        secret = re.findall(r'aria-label="The key"><code[^>]*>([A-Z2-7]+)<', text_of(browser.get(ADD)))[0]
        for row in Session.objects.all():
            held = row.get_decoded()
            if auth.SECRET_SESSION_KEY in held:
                store = SessionStore(row.session_key)
                store[auth.SECRET_SESSION_KEY] = secret
                store.save()

        assert browser.post(ADD, code=code_of(secret)).status_code == 422
        assert not Authenticator.objects.exists()

    def test_refuses_a_wrong_code(self, cast: Cast) -> None:
        browser = signed_in(cast.alice)
        browser.get(ADD)

        answer = browser.post(ADD, code="000000")

        assert answer.status_code == 422
        assert "not right" in text_of(answer)
        assert not Authenticator.objects.exists()

    def test_needs_a_fresh_sign_in(self, cast: Cast) -> None:
        answer = signed_in(cast.alice, minutes_ago=60).get(ADD)

        assert (answer.status_code, answer["Location"]) == (303, "/accounts/reauthenticate/?next=%2Faccount%2F")


class TestSignIn:
    def test_asks_for_a_code_and_takes_it_once(self, cast: Cast) -> None:
        give_password(cast.alice)
        secret, _ = added(signed_in(cast.alice))
        browser, traces = Browser(), Traces()

        answer = browser.sign_in(cast.alice)
        assert (answer.status_code, answer["Location"]) == (302, "/accounts/code/")
        assert browser.get("/access/").status_code == 302, "A password alone is no session."
        assert heading_of(browser.get("/accounts/code/")) == "Your code"
        assert browser.press("/accounts/code/", code="000000").status_code == 422
        code = code_of(secret, later=1)
        assert browser.press("/accounts/code/", code=code).status_code == 302

        assert browser.get("/access/").status_code == 200
        assert traces.facts("person.signed_in") == {"way": "a password and an authenticator app"}
        other = Browser()
        other.sign_in(cast.alice)
        assert other.press("/accounts/code/", code=code).status_code == 422, "Used once."

    def test_takes_a_code_once_for_as_long_as_it_would_be_right(self, cast: Cast) -> None:
        give_password(cast.alice)
        with time_machine.travel(time.time(), tick=False) as now:
            secret, _ = added(signed_in(cast.alice))
            code = code_of(secret, later=1)
            first = Browser()
            first.sign_in(cast.alice)
            assert first.press("/accounts/code/", code=code).status_code == 302

            now.shift(31)
            other = Browser()
            other.sign_in(cast.alice)
            assert other.press("/accounts/code/", code=code).status_code == 422
            assert other.press("/accounts/code/", code=code_of(secret, later=1)).status_code == 302

    def test_takes_no_code_that_proved_the_secret_already(self, cast: Cast) -> None:
        give_password(cast.alice)
        secret, _ = added(signed_in(cast.alice))
        browser = Browser()
        browser.sign_in(cast.alice)

        assert browser.press("/accounts/code/", code=code_of(secret)).status_code == 422

    def test_takes_a_recovery_code_once(self, cast: Cast) -> None:
        give_password(cast.alice)
        _, codes = added(signed_in(cast.alice))

        for status in (302, 422):
            browser = Browser()
            browser.sign_in(cast.alice)
            assert browser.press("/accounts/code/", code=codes[3]).status_code == status

        event = AuditEvent.objects.filter(event="person.signed_in").latest("sequence")
        assert event.facts == {"way": "a password and a recovery code"}

    def test_counts_wrong_codes_whatever_the_browser(self, cast: Cast) -> None:
        give_password(cast.alice)
        secret, _ = added(signed_in(cast.alice))
        for _ in range(10):
            browser = Browser()
            browser.sign_in(cast.alice)
            browser.press("/accounts/code/", code="000000")

        browser = Browser()
        browser.sign_in(cast.alice)
        answer = browser.press("/accounts/code/", code=code_of(secret, later=1))

        assert answer.status_code in {422, 429}
        assert browser.get("/access/").status_code == 302

    def test_the_page_of_the_code_is_for_who_has_typed_the_password(self, cast: Cast) -> None:
        assert Browser().get("/accounts/code/")["Location"] == "/accounts/login/"


class TestConfirm:
    def test_takes_a_code_in_place_of_the_password(self, cast: Cast) -> None:
        secret, _ = added(signed_in(cast.alice))
        browser = signed_in(cast.alice, minutes_ago=60)
        assert "with a code instead" in text_of(browser.get("/accounts/reauthenticate/"))

        answer = browser.press("/accounts/code/confirm/", code=code_of(secret, later=1), next="/account/")

        assert answer["Location"] == "/account/"
        assert browser.get(REMOVE).status_code == 200


class TestRemove:
    def test_takes_the_recovery_codes_too(self, cast: Cast) -> None:
        browser = signed_in(cast.alice)
        added(browser)
        traces = Traces()

        assert browser.press(REMOVE)["Location"] == "/account/"

        assert not Authenticator.objects.exists()
        assert traces.events() == [("person.second_factor_removed", "alice", "person/alice")]

    def test_needs_a_fresh_sign_in(self, cast: Cast) -> None:
        added(signed_in(cast.alice))

        answer = signed_in(cast.alice, minutes_ago=60).post(REMOVE)

        assert answer.status_code == 303
        assert Authenticator.objects.exists()


class TestRecoveryCodes:
    def test_new_ones_end_the_old(self, cast: Cast) -> None:
        give_password(cast.alice)
        browser = signed_in(cast.alice)
        _, codes = added(browser)
        traces = Traces()

        assert browser.press(f"{CODES}new/")["Location"] == CODES

        assert traces.events() == [("person.recovery_codes_made", "alice", "person/alice")]
        stranger = Browser()
        stranger.sign_in(cast.alice)
        assert stranger.press("/accounts/code/", code=codes[0]).status_code == 422

    @pytest.mark.parametrize("path", [CODES, f"{CODES}new/"])
    def test_need_a_fresh_sign_in(self, cast: Cast, path: str) -> None:
        added(signed_in(cast.alice))

        assert signed_in(cast.alice, minutes_ago=60).get(path).status_code == 303
