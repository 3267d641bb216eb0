"""Who calls: tokens of service accounts (OAuth client credentials), beside the digest sign-in of API keys.

Limits and errors are those of "Generate Service Account Token" in Atlas's documents. Tokens outlive a restart, as they
do at Atlas: their hashes are kept in a file.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
import json
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import parse_qs

from sandbox.atlas.digest import Digest, Unauthenticated
from sandbox.atlas.settings import Settings
from sandbox.atlas.wire import Account, Answer, AtlasError

TOKEN_PATH = "/api/oauth/token"
REVOKE_PATH = "/api/oauth/revoke"
_MINUTE = 60.0


class Tokens:
    """Bearer tokens: minted for an account's id and secret, at most so many a minute, and so many at once."""

    def __init__(
        self,
        *,
        accounts: Mapping[str, Account],
        settings: Settings,
        kept_in: Path | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._accounts = accounts
        self._settings = settings
        self._kept_in = kept_in
        self._clock = clock
        self._lock = threading.Lock()
        self._mints: dict[tuple[str, str], deque[float]] = {}
        self._live: dict[str, tuple[str, float]] = {}  # Digest of a token -> whose it is, and until when.
        if kept_in is not None and kept_in.exists():
            self._live = {digest: (key, until) for digest, (key, until) in json.loads(kept_in.read_text()).items()}

    def mint(self, *, headers: Mapping[str, str], body: bytes, peer: str) -> Answer:
        """Answer a call of the token endpoint.

        :raises AtlasError: too many calls within a minute.
        """
        form = _form(body)
        key, secret = _client(headers, form)
        with self._lock:
            self._count_mint(key, peer)
            account = self._checked(key, secret)
            if account is None:
                return _oauth_error(401, "invalid_client", "The client's id or secret is wrong.")
            if form.get("grant_type") != "client_credentials":
                return _oauth_error(400, "unsupported_grant_type", "The grant type has to be client_credentials.")
            self._forget_expired()
            if sum(owner == key for owner, _ in self._live.values()) >= self._settings.live_tokens:
                return _oauth_error(
                    403,
                    "access_denied",
                    "Access Token limit reached. Please use the existing Access Tokens or create a new Service Account.",
                )
            token = secrets.token_urlsafe(48)
            self._live[_digest(token)] = (key, self._clock() + self._settings.token_seconds)
            self._keep()
        return Answer(
            body={"access_token": token, "token_type": "Bearer", "expires_in": int(self._settings.token_seconds)}
        )

    def revoke(self, *, headers: Mapping[str, str], body: bytes) -> Answer:
        """Answer a call of the revocation endpoint: an unknown token is as good as revoked (RFC 7009, 2.2)."""
        form = _form(body)
        key, secret = _client(headers, form)
        with self._lock:
            if self._checked(key, secret) is None:
                return _oauth_error(401, "invalid_client", "The client's id or secret is wrong.")
            digest = _digest(form.get("token", ""))
            if self._live.get(digest, ("", 0.0))[0] == key:
                del self._live[digest]
                self._keep()
        return Answer()

    def account(self, token: str) -> Account | None:
        """Whose token this is, or None: it is unknown, revoked or past its end."""
        with self._lock:
            key, until = self._live.get(_digest(token), ("", 0.0))
            return self._accounts.get(key) if until > self._clock() else None

    def void(self) -> None:
        """Take back all of them."""
        with self._lock:
            self._live.clear()
            self._keep()

    def _checked(self, key: str, secret: str) -> Account | None:
        account = self._accounts.get(key)
        if account is None or not account.is_service_account:
            return None
        return account if any(hmac.compare_digest(each.encode(), secret.encode()) for each in account.secrets) else None

    def _count_mint(self, key: str, peer: str) -> None:
        most = self._settings.token_mints_per_minute
        times = self._mints.setdefault((key, peer), deque())
        while times and times[0] <= self._clock() - _MINUTE:
            times.popleft()
        if len(times) >= most:
            raise AtlasError("RATE_LIMITED", TOKEN_PATH, most, 1)
        times.append(self._clock())

    def _forget_expired(self) -> None:
        self._live = {digest: (key, until) for digest, (key, until) in self._live.items() if until > self._clock()}

    def _keep(self) -> None:
        if self._kept_in is not None:
            draft = self._kept_in.with_suffix(".new")
            draft.touch(mode=0o600)
            draft.write_text(json.dumps(self._live))
            draft.replace(self._kept_in)


class Credentials:
    """Both ways of signing in, and where an account may call from."""

    def __init__(self, *, tokens: Tokens, digest: Digest) -> None:
        self.tokens = tokens
        self.digest = digest

    def account(self, *, method: str, target: str, headers: Mapping[str, str], peer: str) -> Account:
        """Who calls.

        :raises Unauthenticated: nobody that we know.
        :raises AtlasError: somebody who may not call from there.
        """
        scheme, _, value = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "digest":
            account: Account | None = self.digest.account(method=method, target=target, authorization=value)
        elif scheme.lower() == "bearer":
            account = self.tokens.account(value.strip())
        else:
            raise Unauthenticated(self.digest.challenge())
        if account is None:
            raise Unauthenticated('Bearer error="invalid_token"')
        if account.addresses and not _is_listed(peer, account.addresses):
            raise AtlasError("IP_ADDRESS_NOT_ON_ACCESS_LIST", peer)
        return account


def _is_listed(peer: str, addresses: tuple[str, ...]) -> bool:
    return any(ipaddress.ip_address(peer) in ipaddress.ip_network(each) for each in addresses)


def _form(body: bytes) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(body.decode(errors="replace")).items()}


def _client(headers: Mapping[str, str], form: Mapping[str, str]) -> tuple[str, str]:
    """Id and secret: from Basic, which is how Atlas documents it, or from the form (RFC 6749, 2.3.1)."""
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return form.get("client_id", ""), form.get("client_secret", "")
    try:
        key, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return key, secret


def _oauth_error(status: int, error: str, description: str) -> Answer:
    return Answer(status=status, body={"error": error, "error_description": description})


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
