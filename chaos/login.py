"""What a target says to somebody with a password: it works, it does nothing, it is refused, or nobody is there."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from enum import Enum
from urllib.parse import unquote, urlsplit

from sandbox.bare_mongo import BareClient, BareError

REFUSED_CODES = frozenset({11, 18, 8000})  # UserNotFound, AuthenticationFailed, Atlas's word for that
UNAUTHORIZED = 13


class Login(Enum):
    WORKS = "it gets in and may read"
    POWERLESS = "it gets in and may do nothing"
    REFUSED = "it does not get in"
    AWAY = "nobody answers"


@dataclass(slots=True)
class Key:
    """A password and the place where it counts; `client` is a connection that was opened with it."""

    host: str
    username: str
    password: str
    source: str
    client: BareClient | None = None

    @classmethod
    def revealed(cls, connection_string: str, *, source: str) -> Key:
        parts = urlsplit(connection_string)
        host = parts.netloc.rpartition("@")[2].partition(",")[0]
        return cls(host, unquote(parts.username or ""), unquote(parts.password or ""), source)

    def log_in(self) -> Login:
        """A new connection, and a read on it."""
        try:
            client = BareClient(host=self.host, username=self.username, password=self.password, source=self.source)
        except BareError as error:
            return Login.REFUSED if error.code in REFUSED_CODES else Login.AWAY
        except (OSError, ConnectionError):
            return Login.AWAY
        self.close()
        self.client = client
        return self.read()

    def read(self) -> Login:
        """On the connection that is open."""
        if self.client is None:
            return Login.AWAY
        try:
            self.client.command("shop", {"find": "orders", "limit": 1, "singleBatch": True})
        except BareError as error:
            return Login.POWERLESS if error.code in {UNAUTHORIZED, *REFUSED_CODES} else Login.AWAY
        except (OSError, ConnectionError):
            return Login.AWAY
        return Login.WORKS

    def close(self) -> None:
        if self.client is not None:
            with contextlib.suppress(OSError):
                self.client.close()
            self.client = None
