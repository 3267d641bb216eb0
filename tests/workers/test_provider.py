"""Guards the question to the provider of sign-ins: a plain no ends access, and silence of any kind changes nothing."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from pytest_django import Settings

from accessrequests import sealing
from accessrequests.domain.claims import Claims
from accessrequests.domain.events import Job
from accessrequests.models import Identity, OutboxMessage, Person
from accessrequests.operations import identities, outbox
from accessrequests.operations.outbox import Claim
from accessrequests.queries.sealed import purpose_of_tokens
from tests.make import Cast
from tests.traces import Traces
from workers import provider
from workers.outcomes import Done

Answers = dict[str, tuple[int, Any]]


class _Stranger(BaseHTTPRequestHandler):
    """A provider that answers what a test wants, well or ill."""

    answers: Answers

    def _answer(self) -> None:
        status, document = self.answers.get(self.path, (404, {}))
        body = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self._answer()

    def log_message(self, *_said: Any) -> None:
        """Silent."""


def id_token(**claims: Any) -> str:
    body = base64.urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip("=")
    return f"head.{body}.signature"


@pytest.fixture
def answers(settings: Settings) -> Iterator[Answers]:
    server = HTTPServer(("127.0.0.1", 0), type("Stranger", (_Stranger,), {"answers": {}}))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    issuer = f"http://127.0.0.1:{server.server_port}"
    settings.ACCESS_OIDC_ISSUER = issuer
    found: Answers = server.RequestHandlerClass.answers  # type: ignore[attr-defined]
    found["/.well-known/openid-configuration"] = (
        200, {"issuer": issuer, "token_endpoint": f"{issuer}/token", "userinfo_endpoint": f"{issuer}/me"}
    )  # fmt: skip
    found["/token"] = (200, {"access_token": "a2", "refresh_token": "r2", "expires_in": 60})
    found["/me"] = (200, {"sub": "42", "groups": ["security"]})
    yield found
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def nina(cast: Cast, answers: Answers, settings: Settings) -> Person:
    claims = Claims("42", "nina", "Nina Novak", "nina@example.com", frozenset({"engineering"}), is_active=True)
    tokens = json.dumps({"refresh": "r1", "access": "a1", "until": None})
    return identities.arrive(issuer=settings.ACCESS_OIDC_ISSUER, claims=claims, tokens=tokens)


def ask(person: Person) -> None:
    """Carry the question as a worker does."""
    outbox.file_periodic(job=Job.ASK_PROVIDER, subject=f"identity/{person.identity.pk}")
    message = OutboxMessage.objects.get(job=Job.ASK_PROVIDER.value, done_at=None)
    claim = outbox.claim(message_id=message.pk, owner="tests")
    assert isinstance(claim, Claim)
    assert isinstance(provider.ask_provider(claim), Done)
    outbox.finish(claim=claim)
    person.refresh_from_db()


def groups(person: Person) -> set[str]:
    return set(person.memberships.current().values_list("group__name", flat=True))


class TestAskProvider:
    def test_a_good_answer_holds_from_now_on(self, nina: Person, answers: Answers) -> None:
        before = nina.identity.tokens_round

        ask(nina)

        assert groups(nina) == {"security"}
        assert Identity.objects.get(person=nina).tokens_round == before + 1

    def test_groups_may_stand_in_the_id_token(self, nina: Person, answers: Answers) -> None:
        answers["/me"] = (200, {"sub": "42"})
        token = id_token(sub="42", groups=["on-call"])
        answers["/token"] = (200, {"access_token": "a2", "id_token": token})

        ask(nina)

        assert groups(nina) == {"on-call"}

    @pytest.mark.parametrize(
        ("path", "answer"),
        [
            ("/token", (400, {"error": "invalid_grant"})),
            ("/me", (401, {})),
            ("/me", (403, {})),
            ("/me", (200, {"sub": "42", "active": False})),
        ],
    )
    def test_a_plain_no_turns_the_person_away(
        self, nina: Person, answers: Answers, path: str, answer: tuple[int, Any]
    ) -> None:
        answers[path] = answer
        traces = Traces()

        ask(nina)

        assert not nina.is_active
        assert [event for event, *_ in traces.events()] == ["person.disabled"]

    @pytest.mark.parametrize(
        ("path", "answer"),
        [
            ("/.well-known/openid-configuration", (500, {})),
            ("/.well-known/openid-configuration", (200, {"issuer": "https://evil.example.com"})),
            ("/token", (401, {"error": "invalid_client"})),
            ("/token", (400, b"<html>")),
            ("/token", (200, [])),
            ("/token", (200, {"no": "token"})),
            ("/me", (500, {})),
            ("/me", (200, b"x" * 300_000)),
            ("/me", (200, {"sub": "43", "groups": []})),
            ("/me", (200, {"sub": "42", "groups": [1]})),
        ],
    )
    def test_what_is_no_answer_changes_nothing(
        self, nina: Person, answers: Answers, path: str, answer: tuple[int, Any]
    ) -> None:
        answers[path] = answer
        traces = Traces()

        ask(nina)

        assert nina.is_active
        assert groups(nina) == {"engineering"}
        assert traces.events() == []

    def test_a_renewed_token_is_kept_although_the_next_question_fails(self, nina: Person, answers: Answers) -> None:
        answers["/me"] = (503, {})

        ask(nina)

        identity = Identity.objects.get(person=nina)
        held = sealing.open_sealed(bytes(identity.sealed_tokens or b""), purpose=purpose_of_tokens(identity))
        assert json.loads(held)["refresh"] == "r2", "The provider took r1 for the last time."
        answers["/me"] = (401, {})
        ask(nina)
        assert not nina.is_active, "What is said next counts all the same."

    def test_a_token_that_nobody_dated_may_just_be_over(self, cast: Cast, answers: Answers, settings: Settings) -> None:
        claims = Claims("43", "otto", "Otto Orth", "otto@example.com", frozenset(), is_active=True)
        tokens = json.dumps({"refresh": "", "access": "a1", "until": None})
        otto = identities.arrive(issuer=settings.ACCESS_OIDC_ISSUER, claims=claims, tokens=tokens)
        answers["/me"] = (401, {})

        ask(otto)

        assert otto.is_active
