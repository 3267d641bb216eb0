"""Socket Mode: what Slack would send to our address comes through a connection that we have opened, and is answered in it.

docs.slack.dev, apis/events-api/using-socket-mode: an address from apps.connections.open, one envelope for each call, an
acknowledgement with its `envelope_id` within three seconds, `disconnect` before Slack ends a connection. Nothing is signed:
whoever has the app's token has opened it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping
from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError, close_old_connections
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.client import BaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest

from accessrequests import log_lines
from accessrequests.operations import slack_arrivals, slack_places
from accessrequests.slack import arrival as arrivals
from accessrequests.slack import dispatch

AT_ONCE = 10
CALL_SECONDS = 5
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 30.0
TELL_SECONDS = 15.0
COMMAND = "slash_commands"
# No attempt mends these; an operator does.
_FATAL = frozenset(
    {
        *("invalid_auth", "not_authed", "not_allowed_token_type", "account_inactive", "token_revoked", "token_expired"),
        *("missing_scope", "socket_mode_not_enabled", "link_disabled", "forbidden_team"),
    }
)

log = structlog.get_logger(__name__)


class NotLetIn(Exception):
    """Slack refuses the connection, and will refuse the next one."""


class Connection:
    """One connection, opened anew whenever Slack or the network ends it."""

    def __init__(self) -> None:
        self._client = SocketModeClient(
            app_token=settings.ACCESS_SLACK_APP_TOKEN,
            web_client=WebClient(base_url=settings.ACCESS_SLACK_API_URL, timeout=CALL_SECONDS),
            logger=_quiet(),
            concurrency=AT_ONCE,
        )
        self._client.socket_mode_request_listeners.append(hear)
        self._stopping = threading.Event()

    @property
    def is_open(self) -> bool:
        return self._client.is_connected()

    def stop(self) -> None:
        self._stopping.set()

    def run(self) -> None:
        """Until told to stop.

        :raises NotLetIn: when Slack refuses the app's token, or Socket Mode is off there.
        """
        try:
            pause = FIRST_PAUSE
            while not self._stopping.is_set() and not self._has_opened():
                self._stopping.wait(pause)
                pause = min(2 * pause, LONGEST_PAUSE)
            self._tell()
            while not self._stopping.wait(TELL_SECONDS):
                self._tell()
        finally:
            self._client.close()

    def _has_opened(self) -> bool:
        """From the first time on the client opens it again by itself."""
        try:
            self._client.connect()
        except SlackApiError as error:
            name = str(error.response.get("error", ""))
            if name in _FATAL:
                raise NotLetIn(f"Slack refuses the connection ({name}).") from error
            log.warning("slack_not_connected", error=name)
        except (SlackClientError, OSError) as error:
            log.warning("slack_not_connected", error=type(error).__name__)
        return self.is_open

    def _tell(self) -> None:
        """What the page of health looks at."""
        close_old_connections()
        try:
            if self.is_open:
                slack_places.note_connected()
        except (DatabaseError, InterfaceError) as error:
            log.warning("database_away", error=type(error).__name__)
        finally:
            close_old_connections()


def hear(connection: BaseSocketModeClient, request: SocketModeRequest) -> None:
    """One envelope, in a thread of its own. What failed is not acknowledged, so that Slack tells an event again."""
    with structlog.contextvars.bound_contextvars(request_id=log_lines.request_id_from("")):
        close_old_connections()
        try:
            answer = answer_to(request.type, request.payload, envelope_id=request.envelope_id)
        except Exception:
            log.exception("envelope_failed", kind=request.type)
            return
        finally:
            close_old_connections()
    said = {"payload": answer} if answer is not None and request.accepts_response_payload else {}
    connection.send_socket_mode_response({"envelope_id": request.envelope_id, **said})


def answer_to(kind: str, payload: Mapping[str, Any], *, envelope_id: str) -> dispatch.Answer:
    """The same as over HTTP, but for the signature. What is of others is acknowledged, or it would come again."""
    try:
        arrival = arrivals.of_command(payload) if kind == COMMAND else arrivals.of_payload(payload)
        arrivals.check_home(arrival)
    except arrivals.Unreadable:
        slack_arrivals.note_rejected(what="body", why="it could not be read")
        return None
    except arrivals.Foreign as error:
        slack_arrivals.note_rejected(what="workspace", why=str(error))
        return None
    return dispatch.once(arrival, call=f"envelope/{envelope_id}")


def _quiet() -> logging.Logger:
    """Below a warning the client logs what people wrote."""
    logger = logging.getLogger(f"{__name__}.client")
    logger.setLevel(logging.WARNING)
    return logger
