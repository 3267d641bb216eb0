"""Calls to Atlas by a process that has no database of ours: its own token, and its own memory of what has to wait."""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus

import httpx2

from workers.provisioners.atlas import budget
from workers.provisioners.atlas.budget import Urgency
from workers.provisioners.atlas.client import AtlasClient
from workers.provisioners.atlas.failures import AtlasFailure, Kind, Refusal
from workers.provisioners.atlas.steps import timeouts
from workers.provisioners.atlas.tokens import PATH
from workers.provisioners.connection_record import AtlasLogin, AtlasRecord

_NO_TOKEN = "Atlas gives no token for the worker's account right now. It is tried again."  # noqa: S105  # nosec B105
_WAIT_REFUSED = 15.0
_RENEWED_AT = 0.8  # of its life


@dataclass(slots=True)
class OwnLimits:
    """What Atlas said has to wait, for as long as it said. Nothing else is held back: all that is done here ends access."""

    _until: dict[str, float] = field(default_factory=dict)

    def check(self, *, bucket: str, urgency: Urgency, is_safe: bool) -> None:
        del is_safe
        wait = self._until.get(bucket, 0.0) - time.monotonic()
        if wait > 0:
            raise self.held(wait, urgency=urgency)

    def note(self, *, bucket: str, headers: Mapping[str, str], wait: float = 0.0) -> None:
        del headers
        if wait:
            self._until[bucket] = time.monotonic() + wait

    def held(self, wait: float, *, urgency: Urgency, code: str = "", status: int = 0) -> AtlasFailure:
        return budget.held(wait, urgency=urgency, at=datetime.now(UTC), code=code, status=status)


@dataclass(slots=True)
class _Token:
    lock: threading.Lock = field(default_factory=threading.Lock)
    value: str = field(default="", repr=False)
    good_until: float = 0.0  # on the steady clock, as the next
    not_before: float = 0.0


# One for all targets of one account: Atlas mints ten a minute, and lets an account have a hundred.
_tokens: dict[tuple[str, str], _Token] = {}
_tokens_lock = threading.Lock()


class OwnAccount(httpx2.Auth):
    """Bearer token by OAuth 2.0 client credentials (RFC 6749, 4.4), kept in this process alone."""

    requires_response_body = True

    def __init__(self, *, client: httpx2.Client, base_url: str, login: AtlasLogin) -> None:
        self._client = client
        self._url = base_url + PATH
        self._login = login
        with _tokens_lock:
            self._token = _tokens.setdefault((base_url, login.account), _Token())

    def auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        used = self._usable()
        request.headers["Authorization"] = f"Bearer {used}"
        answer = yield request
        if answer.status_code == HTTPStatus.UNAUTHORIZED and Refusal.of(answer).kind is not Kind.RIGHTS:
            # Refused as such, so nothing was done: even a call that must not be made twice may be made now.
            request.headers["Authorization"] = f"Bearer {self._usable(instead_of=used)}"
            request.extensions["timeout"] = timeouts()
            yield request

    def _usable(self, *, instead_of: str = "") -> str:
        """:raises AtlasFailure: there is none and none can be had."""
        token = self._token
        with token.lock:
            now = time.monotonic()
            if token.value and token.value != instead_of and now < token.good_until:
                return token.value
            if now < token.not_before:
                raise AtlasFailure(_NO_TOKEN, retry_after=token.not_before - now)
            self._mint(token)
            return token.value

    def _mint(self, token: _Token) -> None:
        """:raises AtlasFailure: Atlas gave none."""
        token.value = ""
        token.not_before = time.monotonic() + _WAIT_REFUSED
        try:
            answer = self._client.post(
                self._url,
                data={"grant_type": "client_credentials"},
                auth=httpx2.BasicAuth(self._login.account, self._login.secret),
                headers={"Accept": "application/json"},
                timeout=httpx2.Timeout(**timeouts()),
            )
            said = answer.json() if answer.status_code == HTTPStatus.OK else {}
        except (httpx2.HTTPError, ValueError):
            said = {}
        value, life = said.get("access_token"), said.get("expires_in")
        if not isinstance(value, str) or not isinstance(life, int) or life < 1:
            raise AtlasFailure(_NO_TOKEN, retry_after=_WAIT_REFUSED)
        token.value, token.good_until, token.not_before = value, time.monotonic() + _RENEWED_AT * life, 0.0


def alone_client(record: AtlasRecord) -> AtlasClient:
    """One that asks nobody of ours."""
    return AtlasClient(record=record, limits=OwnLimits(), signs_in=OwnAccount)
