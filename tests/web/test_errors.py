"""Guards what people are told when an answer is no: what is true, what to do next, and a way back."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest
import structlog
from django.db import InterfaceError, OperationalError, connection
from django.http import HttpResponse
from django.test import RequestFactory
from pytest_django import Settings

from accessrequests import urls
from accessrequests.models import AccessRequest, AuditEvent
from accessrequests.operations import access_requests
from tests import make
from tests.api.caller import Caller
from tests.make import Cast
from tests.web.browser import Browser, heading_of, signed_in, text_of
from tests.web.grants import live

FRAGMENT = {"HX-Request": "true"}


def words_of(answer: HttpResponse) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text_of(answer)))


class TestPages:
    """One of each kind, as a person meets it."""

    def test_nothing_here(self, cast: Cast) -> None:
        answer = signed_in(cast.alice).get("/nothing/")

        assert (answer.status_code, heading_of(answer)) == (404, "There is nothing here")
        assert 'href="/"' in text_of(answer)

    def test_pressed_too_often(self, cast: Cast, settings: Settings) -> None:
        settings.ACCESS_CALLS_PER_SECOND = 0
        browser = signed_in(cast.alice)
        answer = browser.post("/account/", name="Alice")

        assert (answer.status_code, heading_of(answer)) == (429, "Too much at once")
        assert answer["Retry-After"] == "1"
        assert "Wait a moment, then press again." in words_of(answer)
        assert browser.get("/account/").status_code == 200, "to look costs nothing"

    def test_a_button_is_not_a_page(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice)

        answer = signed_in(cast.bob).get(f"/approvals/{access_request.pk}/approve/")

        assert (answer.status_code, answer["Allow"]) == (405, "POST")
        assert "It answers to POST, and your browser sent GET." in words_of(answer)
        assert f'href="/approvals/{access_request.pk}/"' in text_of(answer)

    def test_a_forbidden_page_says_so(self, cast: Cast) -> None:
        answer = signed_in(cast.alice).get("/admin/")

        assert (answer.status_code, heading_of(answer)) == (403, "This is not yours to do")

    def test_a_conflict_says_who_was_faster_and_when(self, cast: Cast) -> None:
        asked = make.submit(cast.alice)
        make.approve(asked, cast.grace)

        answer = signed_in(cast.bob).post(f"/approvals/{asked.pk}/deny/", revision="1", reason="No need.")

        assert (answer.status_code, heading_of(answer)) == (409, "Somebody was faster")
        assert "Nothing was changed." in words_of(answer)
        assert "<time" in text_of(answer)

    def test_what_one_may_not_see_is_not_there_and_trying_is_recorded(self, cast: Cast) -> None:
        grant, mallory, api = live(cast.alice, cast.bob), signed_in(cast.mallory), Caller(cast.mallory)
        asked = make.submit(cast.alice)
        address, path = f"/requests/{asked.pk}/cancel/", f"access-requests/{asked.pk}/"

        answers = [mallory.post(f"/approvals/{asked.pk}/{act}/", revision="1") for act in ("approve", "deny")]
        answers += [mallory.post(address), mallory.post(f"/access/{grant.pk}/revoke/", reason="No.")]
        answers += [mallory.post(f"/access/{grant.pk}/release/")]
        answers += [api.post(f"{path}{act}/", {"revision": 1}) for act in ("approve", "deny", "cancel")]
        answers += [api.post(f"grants/{grant.pk}/{act}/", {"reason": "No."}) for act in ("revoke", "release")]

        assert {answer.status_code for answer in answers} == {404}
        tried = AuditEvent.objects.filter(actor="mallory", facts={"why": "They may not even see it."})
        told = Counter(tried.values_list("event", "subject", "via"))
        assert told == {
            ("access_request.refused", str(asked), "web"): 3,
            ("access_request.refused", str(asked), "api"): 3,
            ("grant.refused", str(grant), "web"): 2,
            ("grant.refused", str(grant), "api"): 2,
        }

    def test_what_is_spent_is_gone(self, cast: Cast) -> None:
        grant, alice = live(cast.alice, cast.bob), signed_in(cast.alice)
        alice.post(f"/access/{grant.pk}/reveal/")

        answer = alice.post(f"/access/{grant.pk}/reveal/")

        assert answer.status_code == 410
        assert "“Make a new password” is on the page of the access." in text_of(answer)
        assert "POST" not in words_of(answer)
        assert f'href="/access/{grant.pk}/"' in text_of(answer)
        assert "Make a new password" in text_of(alice.get(f"/access/{grant.pk}/"))

    def test_too_much_is_too_large(self, cast: Cast) -> None:
        answer = signed_in(cast.alice).post("/request/", reason="W" * 300_000)

        assert (answer.status_code, heading_of(answer)) == (413, "It is too large")
        assert "At most 256 kB fit into one form." in words_of(answer)
        assert not AccessRequest.objects.exists()

    def test_a_foreign_form_is_not_accepted(self, cast: Cast) -> None:
        answer: Any = signed_in(cast.alice).client.post("/request/", {"reason": "x"})

        assert (answer.status_code, heading_of(answer)) == (403, "The form was not accepted")
        assert "Nothing was changed." in words_of(answer)

    @pytest.mark.parametrize("path", ["/nothing/", "/approvals/1/approve/"])
    def test_keep_the_ways_out_of_who_is_signed_in(self, cast: Cast, path: str) -> None:
        page = text_of(signed_in(cast.alice).get(path))

        assert 'aria-label="Main"' in page
        assert 'action="/accounts/logout/"' in page

    def test_show_strangers_no_ways_in(self, cast: Cast) -> None:
        page = text_of(Browser().get("/nothing/"))

        assert 'aria-label="Main"' not in page
        assert "Start page" in page


class TestWhatBroke:
    @pytest.mark.parametrize(
        ("error", "status", "heading"),
        [
            (ValueError("secret-in-an-exception"), 500, "Something broke"),
            (OperationalError("password=secret-in-an-exception"), 503, "We cannot work right now"),
            (InterfaceError("password=secret-in-an-exception"), 503, "We cannot work right now"),
        ],
    )
    @pytest.mark.parametrize(
        ("method", "kept"), [("GET", "Nothing was changed."), ("POST", "before you repeat it: it may have been done.")]
    )
    def test_is_not_told_but_that_it_did(
        self, error: Exception, status: int, heading: str, method: str, kept: str
    ) -> None:
        """Without the `db` fixture: the page must not need the database, which may be what is broken."""
        with structlog.contextvars.bound_contextvars(request_id="0b5c"):
            answer = failed(error, method=method)

        assert (answer.status_code, heading_of(answer)) == (status, heading)
        assert "secret" not in text_of(answer)
        assert kept in words_of(answer)
        assert "reference: 0b5c" in words_of(answer)

    def test_is_found_in_the_log_by_its_reference(
        self, cast: Cast, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def broken(*_args: object, **_options: object) -> None:
            raise RuntimeError("canary")

        monkeypatch.setattr(access_requests, "cancel", broken)
        asked, alice = make.submit(cast.alice), signed_in(cast.alice)
        alice.client.raise_request_exception = False

        answer = alice.post(f"/requests/{asked.pk}/cancel/")

        (reference,) = re.findall(r"<code>([^<]+)</code>", text_of(answer))
        assert answer.status_code == 500
        assert any(reference in record.getMessage() for record in caplog.records)
        assert "canary" not in text_of(answer)

    def test_page_needs_no_database_even_for_who_is_signed_in(
        self, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        browser = signed_in(cast.alice)
        browser.client.raise_request_exception = False

        def away(*_args: object, **_options: object) -> Any:
            raise OperationalError("the server closed the connection")

        with connection.execute_wrapper(away):
            answers = [browser.get(path) for path in ("/access/", "/approvals/", "/nothing/", "/accounts/login/")]

        for answer in answers[:3]:
            assert (answer.status_code, answer["Retry-After"]) == (503, "60")
            assert "The database does not answer." in words_of(answer)


class TestParts:
    """What is asked for by htmx is answered with a note that stands in the corner of the page that is there."""

    def test_get_a_note_and_no_page(self, cast: Cast) -> None:
        answer = signed_in(cast.alice).get("/nothing/", headers=FRAGMENT)

        assert answer.status_code == 404
        assert (answer["HX-Retarget"], answer["HX-Reswap"]) == ("#toasts", "innerHTML")
        assert "<html" not in text_of(answer)
        assert 'role="alert"' in text_of(answer)
        assert "There is nothing here" in words_of(answer)

    def test_are_refused_like_the_page(self, cast: Cast) -> None:
        asked, bob = make.submit(cast.alice), signed_in(cast.bob)

        refused: Any = bob.client.post(f"/approvals/{asked.pk}/approve/", {"revision": "1"}, headers=FRAGMENT)

        assert refused.status_code == 403
        assert "The form was not accepted" in words_of(refused)

    def test_of_a_session_that_is_over_load_the_page_again(self, cast: Cast) -> None:
        answer = Browser().get("/access/", headers=FRAGMENT)

        assert answer.status_code == 401
        assert "Sign in again" in words_of(answer)

    def test_say_so_when_the_database_is_away(self) -> None:
        answer = failed(OperationalError("x"), headers=FRAGMENT)

        assert answer.status_code == 503
        assert "<html" not in text_of(answer)


def failed(error: Exception, *, method: str = "GET", headers: dict[str, str] | None = None) -> HttpResponse:
    """What Django's own handler answers once it has caught the exception."""
    request = RequestFactory().generic(method, "/access/", headers=headers)
    try:
        raise error
    except Exception:  # noqa: BLE001 - as Django's own handler catches it
        return urls.handler500(request)
