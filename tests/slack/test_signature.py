"""Guards the door: only what Slack signed over these very bytes, a moment ago, is even read; nothing else is an accident."""

from __future__ import annotations

import hashlib
import hmac
import json
import time

import pytest
from django.test import Client
from pytest_django import Settings

from accessrequests.models import AuditEvent, SlackArrival
from tests import make
from tests.make import Cast
from tests.slack import workspace
from tests.slack.workspace import SECRET
from tests.traces import Traces

HELLO = json.dumps({"type": "url_verification", "challenge": "abc", "token": "old"}).encode()


def signed(body: bytes, *, timestamp: str, secret: str = SECRET) -> str:
    base = b"v0:" + timestamp.encode() + b":" + body
    return f"v0={hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()}"


def knock(body: bytes, *, timestamp: str, signature: str) -> int:
    headers = {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": signature}
    answer = Client().post("/slack/events", data=body, content_type="application/json", headers=headers)
    assert answer.content == b""
    return answer.status_code


@pytest.mark.parametrize(
    ("timestamp", "signature"),
    [
        ("abc", ""),
        ("", ""),
        ("1e9", ""),
        ("-1", ""),
        ("٣", ""),
        ("9" * 13, ""),
        ("now", "v0=é"),
        ("now", "v0="),
        ("now", ""),
        ("now", "V0=" + "0" * 64),
        ("now", "v0=" + "0" * 64),
        ("now", "v0=" + "A" * 64),
        ("now", "v0=" + "0" * 63),
        ("now", "v1=" + "0" * 64),
    ],
)
def test_headers_of_any_other_shape_are_refused_and_are_no_accident(cast: Cast, timestamp: str, signature: str) -> None:
    now = str(int(time.time()))
    given = now if timestamp == "now" else timestamp
    signature = signature or (signed(HELLO, timestamp=given) if timestamp != "now" else "")
    assert knock(HELLO, timestamp=given, signature=signature.encode().decode("latin-1")) == 401
    assert SlackArrival.objects.count() == 0


@pytest.mark.parametrize("seconds", [-301, 301, -86_400])
def test_slack_old_timestamp(cast: Cast, seconds: int) -> None:
    """Signed well, but not now."""
    then = str(int(time.time()) + seconds + (1 if seconds > 0 else -1))
    assert knock(HELLO, timestamp=then, signature=signed(HELLO, timestamp=then)) == 401


@pytest.mark.parametrize("seconds", [-290, 290])
def test_within_five_minutes_it_is_heard(cast: Cast, seconds: int) -> None:
    answer = workspace.send(HELLO, at=int(time.time()) + seconds, content_type="application/json")
    assert answer.json() == {"challenge": "abc"}


def test_slack_forged_signature(cast: Cast) -> None:
    """Nothing changes but for a line in the audit trail, and of a thousand tries only one a minute."""
    traces, now = Traces(), str(int(time.time()))
    for secret in ("another", "a third"):
        assert knock(HELLO, timestamp=now, signature=signed(HELLO, timestamp=now, secret=secret)) == 401
    assert traces.events() == [("slack.rejected", "slack", "slack/signature")]
    assert traces.jobs() == []
    assert AuditEvent.objects.get(event="slack.rejected").via == "slack"


def test_two_secrets_count_while_one_replaces_the_other(cast: Cast, settings: Settings) -> None:
    settings.ACCESS_SLACK_SIGNING_SECRETS = ["the-new-one", SECRET]
    for secret in ("the-new-one", SECRET):
        assert workspace.send(HELLO, secret=secret, content_type="application/json").status_code == 200
    assert workspace.send(HELLO, secret="the-one-before", content_type="application/json").status_code == 401


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"\xff\xfe", "application/json"),
        (b"{", "application/json"),
        (b"[]", "application/json"),
        (b"{}", "application/json"),
        (b'{"type": 7}', "application/json"),
        (b"[" * 5_000, "application/json"),
        (b"", "application/json"),
        (b"payload=%7B", "application/x-www-form-urlencoded"),
        (b"payload=7", "application/x-www-form-urlencoded"),
        (b"\xff=\xff", "application/x-www-form-urlencoded"),
        (b"command=%2Faccess&user_id=U%00", "application/x-www-form-urlencoded"),
        (b"just words", "text/plain"),
        (b"", ""),
    ],
)
def test_bodies_that_slack_would_not_send_are_refused(cast: Cast, body: bytes, content_type: str) -> None:
    now = str(int(time.time()))
    headers = {"X-Slack-Request-Timestamp": now, "X-Slack-Signature": signed(body, timestamp=now)}
    answer = Client().post("/slack/events", data=body, content_type=content_type, headers=headers)
    assert (answer.status_code, answer.content) == (401, b"")


@pytest.mark.parametrize("odd", ["\0", "\ud800"])
def test_what_no_database_holds_is_refused_wherever_it_stands(cast: Cast, odd: str) -> None:
    """A press is as Slack sends it but for one sign: in who pressed, in a name, deep in a form."""
    copy = workspace.copy_of(make.submit(cast.alice))
    for changes in (
        {"user": {"id": f"U0{odd}", "username": "bob", "team_id": workspace.TEAM}},
        {"trigger_id": odd},
        {odd: "x"},
        {"actions": [{"action_id": "approve", "value": f"v1.{odd}"}]},
        {"view": {"state": {"values": {"reason": {"reason": {"value": odd}}}}}},
    ):
        answer = workspace.send_payload(workspace.pressed(copy, "U0BOB", "approve", **changes))
        assert (answer.status_code, answer.content) == (401, b"")
    assert SlackArrival.objects.count() == 0


def test_a_body_that_is_too_large_is_refused_unread(cast: Cast) -> None:
    body = b'{"type": "' + b"x" * 300_000 + b'"}'
    answer = workspace.send(body, content_type="application/json")
    assert (answer.status_code, answer.content) == (413, b"")


def test_only_a_post_is_heard_and_only_where_slack_is_on(cast: Cast, settings: Settings) -> None:
    assert Client().get("/slack/events").status_code == 405
    settings.ACCESS_SLACK = False
    assert workspace.send(HELLO, content_type="application/json").status_code == 404
