"""Guards the limits of every call: how often, how large, whatever way a body comes; and failures that are ours."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.db import OperationalError, connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from accessrequests.models import AccessRequest, CallBucket
from accessrequests.operations.calls import BY_HAND
from accessrequests.queries import catalogue
from accessrequests.wsgi import application
from tests.api.caller import ROOT, Caller, ask
from tests.make import Cast
from tests.web.browser import signed_in


class TestPace:
    def test_is_counted_per_token(self, cast: Cast, settings: Settings) -> None:
        settings.ACCESS_CALLS_PER_SECOND = 1
        alice, bob = Caller(cast.alice), Caller(cast.bob)

        answers = [alice.get("targets/") for _ in range(12)]

        slow = [answer for answer in answers if answer.status_code == 429]
        assert slow
        assert answers[0].status_code == 200
        assert (slow[0].json()["code"], slow[0].headers["Retry-After"]) == ("slow_down", "1")
        assert bob.get("targets/").status_code == 200
        assert CallBucket.objects.count() == 2

    def test_of_a_stolen_token_keeps_nobody_from_ending_it(self, cast: Cast, settings: Settings) -> None:
        settings.ACCESS_CALLS_PER_SECOND = 1
        stolen, own = Caller(cast.alice, scopes=("read",)), Caller(cast.alice)
        while stolen.get("targets/").status_code != 429:
            continue

        assert own.get("targets/").status_code == 200
        assert signed_in(cast.alice).post(f"/tokens/{stolen.token_id}/revoke/").status_code == 303
        counted = CallBucket.objects.filter(person=cast.alice)
        assert set(counted.values_list("token", flat=True)) == {stolen.token_id, own.token_id, BY_HAND}
        assert stolen.get("targets/").status_code == 401

    def test_of_strangers_costs_no_query(self, cast: Cast) -> None:
        with CaptureQueriesContext(connection) as queries:
            for header in ("", "Bearer", "Bearer short", "Basic YWxpY2U6"):
                Caller(cast.alice).client.get(f"{ROOT}targets/", headers={"Authorization": header})

        touched = [query["sql"] for query in queries if "personaltoken" in query["sql"] and "SELECT" in query["sql"]]
        assert touched == []


class TestChunkedBodies:
    """gunicorn gives a body in chunks no length and promises an end of input."""

    def send(self, caller: Caller, body: bytes) -> tuple[int, dict[str, Any]]:
        environ = RequestFactory().post(f"{ROOT}access-requests/", content_type="application/json").environ
        environ.pop("CONTENT_LENGTH", None)
        environ |= {
            "HTTP_TRANSFER_ENCODING": "chunked",
            "HTTP_AUTHORIZATION": caller.headers()["Authorization"],
            "wsgi.input": io.BytesIO(body),
            "wsgi.input_terminated": True,
        }
        said: list[str] = []

        def start(status: str, _headers: Any, _failed: Any = None) -> Any:
            said.append(status)

        chunks = application(environ, start)
        return int(said[0].split()[0]), json.loads(b"".join(chunks))

    def test_are_read_whole(self, committed_cast: Cast) -> None:
        status, answer = self.send(Caller(committed_cast.alice), json.dumps(ask()).encode())

        assert (status, answer["state"]) == (201, "pending")

    def test_over_256_kb_are_413(self, committed_cast: Cast) -> None:
        status, answer = self.send(Caller(committed_cast.alice), b" " * (256 * 1024 + 1))

        assert (status, answer["code"]) == (413, "too_large")
        assert not AccessRequest.objects.exists()


class TestOurOwnFailures:
    @pytest.mark.parametrize(
        ("error", "status", "code"),
        [(RuntimeError("a secret detail"), 500, "broken"), (OperationalError("a secret detail"), 503, "unavailable")],
    )
    def test_are_told_without_details(
        self, cast: Cast, monkeypatch: pytest.MonkeyPatch, error: Exception, status: int, code: str
    ) -> None:
        def fail() -> None:
            raise error

        monkeypatch.setattr(catalogue, "targets", fail)

        answer = Caller(cast.alice).get("targets/")

        assert (answer.status_code, answer.json()["code"]) == (status, code)
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert "secret" not in answer.content.decode()
