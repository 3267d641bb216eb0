"""The tag of ownership on a target's object: who made it, for which grant, until when, and a MAC that proves it."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

_CONTEXT = "access-requests tag v1"
_SHORTEST_KEY = 32
_KIT = "offline kit"  # where the tag of a grant has its number


@dataclass(frozen=True, slots=True)
class Tag:
    """What a proven tag says."""

    grant_id: int
    end: datetime


@dataclass(frozen=True, slots=True)
class Tagger:
    """Makes the tags of one installation on one target, with the newest key, and verifies those of all its keys."""

    installation: str
    target: str
    key: bytes = field(repr=False)
    older: tuple[bytes, ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        if any(len(key) < _SHORTEST_KEY for key in (self.key, *self.older)):
            raise ValueError(f"The key of the tags must have at least {_SHORTEST_KEY} bytes.")

    def make(self, *, principal: str, grant_id: int, end: datetime) -> dict[str, str]:
        """The tag of `principal`, which is the object's full name on the target."""
        grant, until = str(grant_id), end.astimezone(UTC).isoformat()
        mac = self._mac(self.key, principal=principal, grant=grant, end=until)
        return {"installation": self.installation, "grant": grant, "end": until, "mac": mac}

    def verify(self, tag: object, *, principal: str) -> Tag | None:
        """What the tag says when its MAC is ours and fits this very object; None for any other, whatever it claims."""
        if not isinstance(tag, Mapping):
            return None
        installation, grant, end, mac = (tag.get(name) for name in ("installation", "grant", "end", "mac"))
        if not (isinstance(grant, str) and isinstance(end, str) and isinstance(mac, str)):
            return None
        if installation != self.installation:
            return None
        if not self._is_ours(mac, principal=principal, grant=grant, end=end):
            return None
        # Nothing before this line was believed, and what carries our MAC was written by `make`.
        return Tag(grant_id=int(grant), end=datetime.fromisoformat(end))

    def make_kit(self, *, principal: str) -> dict[str, str]:
        """The tag of the user of an offline kit: no grant's, and without an end."""
        mac = self._mac(self.key, principal=principal, grant=_KIT, end="")
        return {"installation": self.installation, "mac": mac}

    def proves_kit(self, tag: object, *, principal: str) -> bool:
        """Whether the tag is ours and makes this very user that of an offline kit."""
        mac = tag.get("mac") if isinstance(tag, Mapping) else None
        return isinstance(mac, str) and self._is_ours(mac, principal=principal, grant=_KIT, end="")

    def _is_ours(self, mac: str, *, principal: str, grant: str, end: str) -> bool:
        """Whether the MAC was made with a key of ours."""
        said = mac.encode(errors="replace")
        return any(
            hmac.compare_digest(self._mac(key, principal=principal, grant=grant, end=end).encode(), said)
            for key in (self.key, *self.older)
        )

    def _mac(self, key: bytes, *, principal: str, grant: str, end: str) -> str:
        # JSON keeps the parts apart: no two sets of parts give the same text.
        said = json.dumps([_CONTEXT, self.installation, self.target, principal, grant, end])
        return hmac.new(key, said.encode(), hashlib.sha256).hexdigest()
