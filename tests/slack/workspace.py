"""A workspace to test with: its people, calls that are signed as Slack signs them, and a Web API that keeps every call."""

from __future__ import annotations

import itertools
import json
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode

from django.test import Client
from slack_sdk.signature import SignatureVerifier

from accessrequests.models import AccessRequest, Person, SlackIdentity, SlackMessage
from accessrequests.models.slack import SlackKind
from tests import make

SECRET = "a-signing-secret-of-nobody"
APP, TEAM = "A0PRODUCT", "T0ACME"
_NUMBERS = itertools.count(1)


def account_of(person: Person) -> str:
    return f"U0{person.username.upper()}"


def link(*people: Person) -> None:
    for person in people:
        SlackIdentity.objects.create(
            person=person,
            enterprise_id="",
            team_id=TEAM,
            slack_user_id=account_of(person),
            slack_name=person.username,
            linked_at=make.now(),
        )


def send(
    body: bytes,
    *,
    secret: str = SECRET,
    at: int | None = None,
    content_type: str,
    client: Client | None = None,
    **headers: str,
) -> Any:
    """Signed by Slack's own code, which is not ours."""
    timestamp = str(int(time.time()) if at is None else at)
    signed = SignatureVerifier(secret).generate_signature(timestamp=timestamp, body=body)
    given = {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": signed or "", **headers}
    return (client or Client()).post("/slack/events", data=body, content_type=content_type, headers=given)


def send_payload(payload: Mapping[str, Any], **options: Any) -> Any:
    body = urlencode({"payload": json.dumps(payload)}).encode()
    return send(body, content_type="application/x-www-form-urlencoded", **options)


def send_event(payload: Mapping[str, Any], **options: Any) -> Any:
    return send(json.dumps(payload).encode(), content_type="application/json", **options)


def event(kind: str, *, event_id: str = "", **fields: Any) -> dict[str, Any]:
    """What Slack tells by itself."""
    return {
        "type": "event_callback",
        "api_app_id": APP,
        "team_id": TEAM,
        "event_id": event_id or f"Ev{next(_NUMBERS)}",
        "event": {"type": kind, **fields},
    }


def pressed(copy: SlackMessage, account: str, action: str, **changes: Any) -> dict[str, Any]:
    """What Slack sends when somebody presses a button of this copy."""
    about = copy.access_request
    assert about is not None
    return {
        "type": "block_actions",
        "api_app_id": APP,
        "team": {"id": TEAM, "domain": "acme"},
        "enterprise": None,
        "user": {"id": account, "username": account.lower(), "team_id": TEAM},
        "container": {"type": "message", "channel_id": copy.posted_in, "message_ts": copy.ts},
        "channel": {"id": copy.posted_in, "name": "approvals"},
        "trigger_id": f"trigger.{next(_NUMBERS)}",
        "response_url": "https://hooks.slack.com/actions/1/2/3",
        "actions": [
            {
                "action_id": action,
                "block_id": f"act:{about.pk}:{copy.revision}",
                "type": "button",
                "value": f"v1.{about.pk}.{copy.revision}",
            }
        ],
        **changes,
    }


def press(copy: SlackMessage, person: Person, action: str = "approve", **changes: Any) -> Any:
    answer = send_payload(pressed(copy, account_of(person), action, **changes))
    assert (answer.status_code, answer.content) == (200, b"")
    return answer


def told() -> list[str]:
    """What people were told alone, and have not been sent yet."""
    return [str((one.content or {})["text"]) for one in SlackMessage.objects.filter(kind="whisper").order_by("pk")]


def state_of(card: SlackMessage) -> str:
    return AccessRequest.objects.get(slack_messages=card).state


def submitted(callback: str, user: str, private: Mapping[str, Any], **values: Any) -> dict[str, Any]:
    """What Slack sends when a form is sent; each field holds text, or a chosen option."""
    return {
        "type": "view_submission",
        "api_app_id": APP,
        "team": {"id": TEAM, "domain": "acme"},
        "user": {"id": user, "username": user.lower(), "team_id": TEAM},
        "view": {
            "id": f"V{next(_NUMBERS)}",
            "callback_id": callback,
            "private_metadata": json.dumps(private),
            "state": {"values": {name: {name: value} for name, value in values.items()}},
        },
    }


def command(account: str, text: str, **changes: str) -> Any:
    """/access, typed in a channel."""
    form = {
        "command": "/access",
        "text": text,
        "api_app_id": APP,
        "team_id": TEAM,
        "user_id": account,
        "user_name": account.lower(),
        "channel_id": "C0DATA",
        "trigger_id": f"trigger.{next(_NUMBERS)}",
        "response_url": "https://hooks.slack.com/commands/1/2/3",
        **changes,
    }
    return send(urlencode(form).encode(), content_type="application/x-www-form-urlencoded")


def copy_of(
    access_request: AccessRequest, *, channel: str = "C0DATA", kind: SlackKind = SlackKind.CARD
) -> SlackMessage:
    """A copy that Slack has already, without a worker."""
    return SlackMessage.objects.create(
        access_request=access_request,
        kind=kind.value,
        channel=channel,
        revision=access_request.revision,
        state="posted",
        posted_in=channel,
        ts=f"1700000000.{next(_NUMBERS):06d}",
        created_at=make.now(),
        posted_at=make.now(),
        drawn_at=make.now(),
    )


class WebApi:
    """The Web API on loopback. It keeps what it was called with, and answers what it was told to, else well."""

    def __init__(self) -> None:
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.answers: list[tuple[int, dict[str, Any], dict[str, str]]] = []
        self.channel: dict[str, Any] = {}
        kept = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"] or 0))
                method = self.path.rpartition("/")[2]
                status, answer, headers = kept.answer(method, _read(body, str(self.headers["Content-Type"])))
                content = json.dumps(answer).encode()
                self.send_response(status)
                for name, value in {"Content-Type": "application/json", **headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Nothing on the terminal."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/api/"
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def answer(self, method: str, given: dict[str, Any]) -> tuple[int, dict[str, Any], dict[str, str]]:
        self.calls.append((method, given))
        if self.answers and method != "conversations.info":
            return self.answers.pop(0)
        if method == "conversations.info":
            return 200, {"ok": True, "channel": {"is_member": True, **self.channel}}, {}
        if method == "users.info":
            return 200, {"ok": True, "user": {"id": given["user"], "is_restricted": False}}, {}
        channel = str(given.get("channel", ""))
        place = f"D{channel[1:]}" if channel.startswith("U") else channel
        return 200, {"ok": True, "channel": place, "ts": f"1700000001.{next(_NUMBERS):06d}"}, {}

    def refuse(self, error: str, *, status: int = 200, **headers: str) -> None:
        """The next call is answered with this."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        self.answers.append((status, {"ok": False, "error": error}, named))

    def of(self, method: str) -> list[dict[str, Any]]:
        return [given for called, given in self.calls if called == method]

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def _read(body: bytes, content_type: str) -> dict[str, Any]:
    if "json" in content_type and body:
        found = json.loads(body)
        assert isinstance(found, dict)
        return found
    form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
    return {name: json.loads(value) if name in {"blocks", "view"} else value for name, value in form.items()}
