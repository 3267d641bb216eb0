"""The contract of what looks after the user of an offline kit on one kind of target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from accessrequests.domain.offline_kits import KitLogin


@dataclass(frozen=True, slots=True)
class KitSpec:
    """The user of an offline kit, which stands: its name, and its roles as role@database. `password` is empty except for
    `make` and `rotate`.
    """

    username: str
    roles: tuple[str, ...]
    password: str = field(default="", repr=False)


class KitKeeper(Protocol):
    """Looks after the user of a target's offline kit. It is tagged as ours, and neither a grant's nor a stranger's."""

    def make(self, kit: KitSpec) -> None:
        """So that it has this password and these roles, made or changed. Never one that our tag does not prove."""

    def rotate(self, kit: KitSpec) -> None:
        """Give it this password. Fails when the user is gone."""

    def look(self, kit: KitSpec) -> str:
        """What is wrong with it or with watching it, in a sentence; empty when it is as it was made."""

    def logins(self, kit: KitSpec, *, since: datetime, until: datetime) -> Sequence[KitLogin]:
        """Who was let in as this user, as far as the target tells. Each login again and again, by the same key."""

    def end(self, kit: KitSpec) -> Mapping[str, Any]:
        """Take it away, gone already or not; what the target says of it then."""
