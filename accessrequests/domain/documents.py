"""Reads what a person wrote in a document, strictly, and says everything that is wrong with it at once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Section:
    """One mapping of a document. It notes what is missing, unknown or of the wrong form, each in a sentence."""

    who: str
    document: object
    keys: Collection[str]
    wrong: list[str]
    values: Mapping[Any, Any] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        if not isinstance(self.document, Mapping):
            self.wrong.append(f"{self.who}: write it as keys with values ({', '.join(self.keys)}).")
            return
        object.__setattr__(self, "values", self.document)
        for key in self.document:
            if key not in self.keys:
                self.wrong.append(f"{self.who}: the key {key!s} is unknown. Use only {', '.join(self.keys)}.")

    def take(self, key: str, read: Callable[[object], T | None], form: str, *, default: T, needed: bool = True) -> T:
        """The value, or the default after noting why it cannot be used. `read` gives None for a wrong form."""
        if key not in self.values:
            if needed and isinstance(self.document, Mapping):
                self.wrong.append(f"{self.who}: the key {key} is missing. Write {form}.")
            return default
        value = read(self.values[key])
        if value is None:
            self.wrong.append(f"{self.who}: the key {key} must be {form}.")
            return default
        return value
