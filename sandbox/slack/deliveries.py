"""Sends what happens to the app: signed over HTTP, or through a Socket Mode connection; events again when they fail.

Signing as on Slack's page "Verifying requests from Slack", retries as on "The Events API".
"""

from __future__ import annotations

import hashlib
import hmac
import json
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import httpx2

from sandbox.faults import Fault, Faults
from sandbox.slack.sockets import Sockets
from sandbox.slack.wire import Document
from sandbox.slack.workspace import Workspace, new_id

EVENTS, INTERACTIVITY, OPTIONS, COMMANDS = "events", "interactivity", "options", "commands"
_ENVELOPES = {
    EVENTS: "events_api",
    INTERACTIVITY: "interactive",
    OPTIONS: "interactive",
    COMMANDS: "slash_commands",
}
LATE, NEVER, LOST, TWICE = "deliver_late", "deliver_never", "deliver_answer_lost", "deliver_twice"
FAULTS = {
    LATE: "It is sent after `seconds`; what comes after it overtakes it.",
    NEVER: "It does not arrive.",
    LOST: "It arrives, but the answer does not come back: an event is sent again.",
    TWICE: "It is sent twice, signature and all.",
}
_REMEMBERED = 2000


@dataclass(frozen=True, slots=True)
class Delivered:
    """What came of one delivery; `reason` is Slack's word for why it failed, or empty."""

    status: int | None = None
    body: Any = None
    reason: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_good(self) -> bool:
        return not self.reason


def signature(secret: str, *, timestamp: str, body: bytes) -> str:
    base = b"v0:" + timestamp.encode() + b":" + body
    return "v0=" + hmac.new(secret.encode(), base, hashlib.sha256).hexdigest()


class Deliveries:
    """To one app. `url` is where it listens; without one it comes to us, by Socket Mode."""

    def __init__(self, workspace: Workspace, *, faults: Faults, sockets: Sockets, url: str | None) -> None:
        self._workspace = workspace
        self._faults = faults
        self._sockets = sockets
        self.url = url
        self._client = httpx2.Client(trust_env=False)
        self._made: deque[Document] = deque(maxlen=_REMEMBERED)

    def as_list(self) -> list[Document]:
        return list(self._made)

    def close(self) -> None:
        self._client.close()

    def interact(self, payload: Document) -> Delivered:
        """A click, a submission, a shortcut. It is not sent again."""
        kind = OPTIONS if payload["type"] == "block_suggestion" else INTERACTIVITY
        return self._deliver(kind, payload, what=payload["type"], user=payload["user"]["id"])

    def command(self, form: Document) -> Delivered:
        return self._deliver(COMMANDS, form, what=form["command"], user=form["user_id"])

    def event(self, event: Document) -> None:
        """Something happened. Sent in the background, up to three times more."""
        app = self._workspace.installation
        envelope = {
            "token": "deprecated",
            "team_id": app.team_id,
            "api_app_id": app.app_id,
            "event": {"event_ts": f"{time.time():.6f}", **event},
            "type": "event_callback",
            "event_id": new_id("Ev"),
            "event_time": int(time.time()),
            "authorizations": [
                {
                    "enterprise_id": app.enterprise_id or None,
                    "team_id": app.team_id,
                    "user_id": app.bot_user,
                    "is_bot": True,
                    "is_enterprise_install": False,
                }
            ],
            "is_ext_shared_channel": False,
        }
        if app.enterprise_id:
            envelope["enterprise_id"] = app.enterprise_id
        threading.Thread(target=self._insist, args=(envelope,), name="event", daemon=True).start()

    def verify_url(self) -> Delivered:
        """What Slack asks of an address before it sends events there."""
        challenge = {"token": "deprecated", "challenge": new_id("C"), "type": "url_verification"}
        return self._deliver(EVENTS, challenge, what="url_verification", user="")

    def _insist(self, envelope: Document) -> None:
        settings = self._workspace.settings
        user = str(envelope["event"].get("user", ""))
        reason = ""
        for number, pause in enumerate((0.0, 0.0, settings.second_retry_seconds, settings.third_retry_seconds)):
            time.sleep(pause)
            headers = {"X-Slack-Retry-Num": str(number), "X-Slack-Retry-Reason": reason} if number else {}
            came = self._deliver(EVENTS, envelope, what=envelope["event"]["type"], user=user, headers=headers)
            if came.is_good or came.headers.get("x-slack-no-retry") == "1":
                return
            reason = came.reason

    def _deliver(
        self, kind: str, payload: Document, *, what: str, user: str, headers: Mapping[str, str] | None = None
    ) -> Delivered:
        fault = self._faults.take(method=kind, path=what, account=user or None, kinds=FAULTS)
        came = self._through(fault, kind, payload, dict(headers or {}))
        self._made.append(
            {
                "at": datetime.now(UTC).isoformat(),
                "kind": kind,
                "what": what,
                "payload": payload,
                "headers": dict(headers or {}),
                "status": came.status,
                "reason": came.reason,
                "fault": fault.fault if fault is not None else None,
            }
        )
        return came

    def _through(self, fault: Fault | None, kind: str, payload: Document, headers: dict[str, str]) -> Delivered:
        ordered = fault.fault if fault is not None else None
        if ordered == NEVER:
            return Delivered(reason="http_timeout")
        if fault is not None and ordered == LATE:
            time.sleep(fault.seconds)
        if self.url is None:
            came = self._by_socket(kind, payload, headers, times=2 if ordered == TWICE else 1)
        else:
            came = self._by_http(self.url, kind, payload, headers, times=2 if ordered == TWICE else 1)
        return Delivered(reason="http_timeout") if ordered == LOST else came

    def _by_http(self, url: str, kind: str, payload: Document, headers: dict[str, str], *, times: int) -> Delivered:
        if kind == EVENTS:
            body, content_type = json.dumps(payload), "application/json"
        else:
            form = payload if kind == COMMANDS else {"payload": json.dumps(payload)}
            body, content_type = urlencode(form), "application/x-www-form-urlencoded"
        timestamp = str(int(time.time()))
        secret = self._workspace.installation.signing_secret
        sent = headers | {
            "Content-Type": content_type,
            "User-Agent": "Slackbot 1.0 (stand-in)",
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": signature(secret, timestamp=timestamp, body=body.encode()),
        }
        came = Delivered()
        for _ in range(times):
            came = self._post(url, body.encode(), sent)
        return came

    def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> Delivered:
        try:
            seconds = self._workspace.settings.answer_seconds
            answer = self._client.post(url, content=body, headers=dict(headers), timeout=seconds)
        except httpx2.TimeoutException:
            return Delivered(reason="http_timeout")
        except httpx2.TransportError:
            return Delivered(reason="connection_failed")
        except RuntimeError:
            if not self._client.is_closed:
                raise
            return Delivered(reason="connection_failed")  # the workspace ended while an event was on its way
        said = answer.headers
        if not answer.is_success:
            return Delivered(status=answer.status_code, reason="http_error", headers=said)
        try:
            return Delivered(status=answer.status_code, body=answer.json() if answer.content else None, headers=said)
        except ValueError:
            return Delivered(status=answer.status_code, body={"text": answer.text}, headers=said)

    def _by_socket(self, kind: str, payload: Document, headers: Mapping[str, str], *, times: int) -> Delivered:
        envelope: Document = {
            "type": _ENVELOPES[kind],
            "payload": payload,
            "accepts_response_payload": kind != EVENTS,
        }
        if kind == EVENTS:
            envelope["retry_attempt"] = int(headers.get("X-Slack-Retry-Num", 0))
            envelope["retry_reason"] = headers.get("X-Slack-Retry-Reason", "")
        came = Delivered(reason="connection_failed")
        for _ in range(times):
            try:
                is_there, body = self._sockets.send(envelope, seconds=self._workspace.settings.answer_seconds)
            except ConnectionError:
                return Delivered(reason="connection_failed")
            came = Delivered(body=body, reason="" if is_there else "http_timeout")
        return came
