"""What a target says of how an access was used: logins counted, never what was done with them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

MOST_ADDRESSES = 50


@dataclass(frozen=True, slots=True)
class Login:
    """One attempt to log in with the name of an access."""

    at: datetime
    address: str
    went_well: bool


@dataclass(frozen=True, slots=True)
class Used:
    """What is known of the use of an access. `tried_after_end` counts what was refused once it had ended."""

    first_login: datetime | None = None
    last_login: datetime | None = None
    logins: int = 0
    failures: int = 0
    tried_after_end: int = 0
    addresses: tuple[str, ...] = ()


def with_logins(used: Used, logins: Iterable[Login], *, ended_at: datetime | None) -> Used:
    """The same with logins that were not counted yet."""
    found = sorted(logins, key=lambda login: login.at)
    good = [login.at for login in found if login.went_well]
    late = sum(not login.went_well and ended_at is not None and login.at > ended_at for login in found)
    came_from = {login.address for login in found if login.went_well}
    return Used(
        first_login=used.first_login or min(good, default=None),
        last_login=max(good, default=used.last_login),
        logins=used.logins + len(good),
        failures=used.failures + len(found) - len(good) - late,
        tried_after_end=used.tried_after_end + late,
        addresses=tuple(sorted({*used.addresses, *came_from})[:MOST_ADDRESSES]),
    )
