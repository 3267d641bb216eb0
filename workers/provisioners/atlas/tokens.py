"""Lets a call be made in a service account's name, with a token that all workers share and one of them renews.

Atlas mints ten tokens a minute and lets an account have a hundred; all workers asking after a restart would lock
themselves out. So the token is a row, sealed with a key that comes of the account's own secret: whoever does not have
the one cannot open the other, and a new secret makes the old token useless.
"""

from __future__ import annotations

import time
from collections.abc import Generator
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus

import httpx2

from accessrequests import sealing
from accessrequests.operations import connections as operations
from accessrequests.queries import connections as queries
from accessrequests.queries.connections import Held
from workers.provisioners.atlas import budget
from workers.provisioners.atlas.failures import AtlasFailure, Kind, Refusal, code_of
from workers.provisioners.atlas.steps import seconds_left, timeouts
from workers.provisioners.connection_record import AtlasLogin

PATH = "/api/oauth/token"

_WAIT_AWAY = 1.0
_WAIT_REFUSED = 15.0
_WAIT_LIMIT = 60.0  # the limit on minting is by the minute
_POLL_SECONDS = 0.05
_LAST_MOMENT = 0.3
_RENEW_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Token:
    value: str = field(repr=False)
    round: int


class ServiceAccount(httpx2.Auth):
    """Bearer token by OAuth 2.0 client credentials (RFC 6749, 4.4)."""

    requires_response_body = True

    def __init__(self, *, client: httpx2.Client, base_url: str, login: AtlasLogin) -> None:
        self._client = client
        self._url = base_url + PATH
        self._login = login
        self._account = f"{base_url} {login.account}"
        self._keys = sealing.key_of(login.secret)

    def auth_flow(self, request: httpx2.Request) -> Generator[httpx2.Request, httpx2.Response, None]:
        token = self._usable()
        request.headers["Authorization"] = f"Bearer {token.value}"
        answer = yield request
        if answer.status_code == HTTPStatus.UNAUTHORIZED and Refusal.of(answer).kind is not Kind.RIGHTS:
            # Refused as such, so nothing was done: even a call that must not be made twice may be made now.
            token = self._after(token.round)
            request.headers["Authorization"] = f"Bearer {token.value}"
            request.extensions["timeout"] = timeouts()
            yield request

    def _usable(self) -> Token:
        """:raises AtlasFailure: there is none and none can be had."""
        row = queries.token(self._account)
        old = self._opened(row)
        if old is not None and not row.is_due:
            return old
        lease = operations.start_renewal(account=self._account, after=row.round)
        if lease is None:
            return old or self._awaited(row.round)
        # An old one is good until it is refused, so it is not worth much waiting.
        made = self._minted(lease, seconds=_RENEW_SECONDS if old else seconds_left())
        if isinstance(made, Token):
            return made
        if old is None:
            raise made
        return old

    def _after(self, refused: int) -> Token:
        """:raises AtlasFailure: Atlas refused the token, and gives no other."""
        lease = operations.start_renewal(account=self._account, after=refused)
        if lease is None:
            return self._awaited(refused)
        made = self._minted(lease, seconds=seconds_left())
        if isinstance(made, AtlasFailure):
            raise made
        return made

    def _awaited(self, old: int) -> Token:
        """What somebody else who is asking gets."""
        while seconds_left() > _LAST_MOMENT:
            row = queries.token(self._account)
            token = self._opened(row) if row.round > old else None
            if token is not None:
                return token
            if not row.is_being_renewed:
                raise _no_token(wait=max(row.wait.total_seconds(), _WAIT_AWAY))
            time.sleep(_POLL_SECONDS)
        raise _no_token(wait=_WAIT_AWAY)

    def _minted(self, lease: int, *, seconds: float) -> Token | AtlasFailure:
        login = self._login
        try:
            answer = self._client.post(
                self._url,
                data={"grant_type": "client_credentials"},
                # The id is not percent-encoded, as RFC 6749 would have it: Atlas does not decode it.
                auth=httpx2.BasicAuth(login.account, login.secret),
                headers={"Accept": "application/json"},
                timeout=httpx2.Timeout(**timeouts(seconds)),
            )
        except httpx2.HTTPError:
            return self._away(lease)
        said = _json(answer)
        value, life = said.get("access_token"), said.get("expires_in")
        if answer.status_code != HTTPStatus.OK or not isinstance(value, str) or not isinstance(life, int) or life < 1:
            return self._refused(answer, lease)
        sealed = sealing.seal(value, purpose=self._account, keys=self._keys)
        made = operations.keep_token(
            account=self._account, lease=lease, sealed=sealed, life=timedelta(seconds=min(life, 86_400))
        )
        return Token(value, made or 0)

    def _refused(self, answer: httpx2.Response, lease: int) -> AtlasFailure:
        status = HTTPStatus(answer.status_code) if answer.status_code in set(HTTPStatus) else HTTPStatus.BAD_GATEWAY
        if status is HTTPStatus.TOO_MANY_REQUESTS or status is HTTPStatus.SERVICE_UNAVAILABLE:
            wait = budget.wait_said(answer.headers, unsaid=_WAIT_LIMIT)
            self._give_up(lease, wait)
            return _no_token(wait=wait, status=status)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return self._away(lease)
        self._give_up(lease, _WAIT_REFUSED)
        return AtlasFailure(
            "Atlas gives the worker's account no token. Check client_id and client_secret in the connection record, "
            "and whether the account has a hundred tokens already.",
            code=code_of(_json(answer)),
            status=status,
            retry_after=_WAIT_REFUSED,
        )

    def _away(self, lease: int) -> AtlasFailure:
        self._give_up(lease, _WAIT_AWAY)
        return AtlasFailure(
            "Atlas did not give us a token when we asked for one.", unreachable=True, retry_after=_WAIT_AWAY
        )

    def _give_up(self, lease: int, wait: float) -> None:
        operations.give_up_renewal(account=self._account, lease=lease, wait=timedelta(seconds=wait))

    def _opened(self, row: Held) -> Token | None:
        try:
            return Token(sealing.open_sealed(row.sealed, purpose=self._account, keys=self._keys), row.round)
        except sealing.CannotOpen:
            return None  # there is none yet, or the account has a new secret


def _json(answer: httpx2.Response) -> dict[str, object]:
    try:
        said = answer.json()
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def _no_token(*, wait: float, status: int = 0) -> AtlasFailure:
    return AtlasFailure(
        "Atlas gives no token for the worker's account right now. We try again shortly.",
        status=status,
        retry_after=wait,
    )
