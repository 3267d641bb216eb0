"""What the desks behind the stand-ins share: who may use one, and settings that can be changed at any time."""

from __future__ import annotations

import dataclasses
import hmac
from collections.abc import Mapping
from typing import Any, ClassVar


class UnknownSetting(ValueError):
    """There is no such setting, or it cannot have this value."""


class Adjustable:
    """Base of a dataclass of settings."""

    __slots__ = ()
    __dataclass_fields__: ClassVar[dict[str, Any]]

    def change(self, values: Mapping[str, Any]) -> None:
        """Set some of them, all or none.

        :raises UnknownSetting: a name or a value that does not fit.
        """
        kinds = {name: type(value) for name, value in self.as_dict().items()}
        for name, value in values.items():
            if name not in kinds:
                raise UnknownSetting(f"There is no setting {name}. There are: {', '.join(sorted(kinds))}.")
            fits = isinstance(value, (int, float) if kinds[name] is float else kinds[name])
            if not fits or isinstance(value, bool) is not (kinds[name] is bool):
                raise UnknownSetting(f"{name} has to be a {kinds[name].__name__}.")
            if isinstance(value, (int, float)) and value < 0:
                raise UnknownSetting(f"{name} cannot be negative.")
        for name, value in values.items():
            setattr(self, name, kinds[name](value))

    def as_dict(self) -> dict[str, Any]:
        return {each.name: getattr(self, each.name) for each in dataclasses.fields(self)}


def may_control(headers: Mapping[str, str], *, token: str) -> bool:
    """Whether the caller holds the desk's token; names of headers are in small letters."""
    said = headers.get("authorization", "")
    return bool(token) and hmac.compare_digest(said.encode(), f"Bearer {token}".encode())
