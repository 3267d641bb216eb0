"""Digest sign-in of API keys, and the challenge that asks for it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import secrets
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.atlas.wire import Account

REALM = "MMS Public API"
_NONCE_SECONDS = 300.0
_FIELD = re.compile(r'(\w+)=(?:"([^"]*)"|([^\s,]+))')


class Unauthenticated(Exception):
    """Nobody signed in; the answer asks for it with this challenge."""

    def __init__(self, challenge: str) -> None:
        self.challenge = challenge
        super().__init__(challenge)

    def body(self) -> dict[str, Any]:
        """What Atlas says then; it has no parameters, unlike its other errors."""
        return {
            "error": 401,
            "reason": "Unauthorized",
            "detail": "You are not authorized for this resource.",
            "errorCode": "UNEXPECTED_ERROR",
        }


class Digest:
    """API keys: RFC 7616 with MD5 and qop auth, which is what Atlas asks for; a nonce's count is used once."""

    def __init__(self, *, accounts: Mapping[str, Account], clock: Callable[[], float] = time.time) -> None:
        self._accounts = accounts
        self._clock = clock
        self._lock = threading.Lock()
        self._nonces: dict[str, tuple[float, set[str]]] = {}  # Nonce -> until when, and the counts used.

    def challenge(self, *, stale: bool = False) -> str:
        nonce = base64.b64encode(secrets.token_bytes(24)).decode()
        with self._lock:
            now = self._clock()
            self._nonces = {known: kept for known, kept in self._nonces.items() if kept[0] > now}
            self._nonces[nonce] = (now + _NONCE_SECONDS, set())
        return (
            f'Digest realm="{REALM}", domain="", nonce="{nonce}", algorithm=MD5, qop="auth", stale={str(stale).lower()}'
        )

    def account(self, *, method: str, target: str, authorization: str) -> Account:
        """Whose signature this is; `target` is path and query as they were sent.

        :raises Unauthenticated: it is nobody's, it signs something else, or its nonce is spent.
        """
        said = {name: quoted or bare for name, quoted, bare in _FIELD.findall(authorization)}
        account = self._accounts.get(said.get("username", ""))
        signs_this = said.get("uri") in {target, target.partition("?")[0]}
        if account is None or account.is_service_account or not signs_this or not self._is_right(account, method, said):
            raise Unauthenticated(self.challenge())
        if not self._spend(said["nonce"], said["nc"]):
            raise Unauthenticated(self.challenge(stale=True))
        return account

    @staticmethod
    def _is_right(account: Account, method: str, said: Mapping[str, str]) -> bool:
        if said.get("realm") != REALM or said.get("qop") != "auth" or not {"nonce", "nc", "cnonce"} <= said.keys():
            return False
        what = _md5(f"{method}:{said['uri']}")
        signed = f"{said['nonce']}:{said['nc']}:{said['cnonce']}:auth:{what}"
        sent = said.get("response", "").encode()
        return any(
            hmac.compare_digest(_md5(f"{_md5(f'{account.key}:{REALM}:{secret}')}:{signed}").encode(), sent)
            for secret in account.secrets
        )

    def _spend(self, nonce: str, count: str) -> bool:
        with self._lock:
            until, used = self._nonces.get(nonce, (0.0, set()))
            if until <= self._clock() or count in used:
                return False
            used.add(count)
            return True


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
