"""How slow, late and strict the stand-in is: set in the seed file or over the control endpoint, at any time."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class UnknownSetting(ValueError):
    """There is no such setting, or it cannot have this value."""


@dataclass(slots=True)
class Settings:
    """The seed's values are those of a calm day at Atlas, made short."""

    apply_seconds: float = 2.0  # From a change of users or roles until the clusters are APPLIED.
    active_seconds: float = 2.0  # From a new entry of the access list until it is ACTIVE.
    purge_lag_seconds: float = 15.0  # From an expiration date until the purge takes what has expired.
    delete_missing_user: str = "USER_NOT_FOUND"  # The code when a user to be deleted is not there; GET has its own.
    overlap_fails: bool = False  # For a write of an access list or of roles while another one is under way.
    access_list_write_seconds: float = 0.0  # How long such a write is under way.
    token_seconds: float = 3600.0
    token_mints_per_minute: int = 10  # For one account from one address.
    live_tokens: int = 100  # For one account.
    user_limit: int = 100  # Database users of a project; the limits endpoint shows it.
    custom_role_limit: int = 100
    access_list_limit: int = 200

    def change(self, values: Mapping[str, Any]) -> None:
        """Set some of them, all or none.

        :raises UnknownSetting: a name or a value that does not fit.
        """
        kinds = {each.name: type(getattr(self, each.name)) for each in dataclasses.fields(self)}
        for name, value in values.items():
            if name not in kinds:
                raise UnknownSetting(f"There is no setting {name}. There are: {', '.join(sorted(kinds))}.")
            fits = isinstance(value, (int, float) if kinds[name] is float else kinds[name])
            if not fits or isinstance(value, bool) is not (kinds[name] is bool):
                raise UnknownSetting(f"{name} has to be a {kinds[name].__name__}.")
            if not isinstance(value, (bool, str)) and value < 0:
                raise UnknownSetting(f"{name} cannot be negative.")
        for name, value in values.items():
            setattr(self, name, kinds[name](value))

    def as_dict(self) -> dict[str, Any]:
        return dataclasses.asdict(self)
