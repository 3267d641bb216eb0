"""Reads the YAML files that operators write, strictly: what we do not understand, we refuse, and say where it stands."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from django.core.management.base import CommandError

from accessrequests.queries import yaml_text

LARGEST_FILE = 4_000_000

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


def read_text(path: Path) -> str:
    """:raises CommandError: when the file cannot be read as text."""
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise CommandError(f"{path} is larger than {LARGEST_FILE // 1_000_000} MB. Is it the right file?")
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}. Check the name and its permissions.") from error
    except UnicodeDecodeError as error:
        raise CommandError(f"{path} is not UTF-8 text. Save it as UTF-8 and try again.") from error


def parse_yaml(text: str, *, path: Path) -> object:
    """:raises CommandError: when it is not one YAML document; names line and column."""
    try:
        return yaml_text.read(text).values
    except yaml_text.Unreadable as error:
        raise CommandError(f"{path} {error} Nothing was changed.") from error


def refuse(path: Path, sentences: Collection[str]) -> CommandError:
    """The error that lists everything that is wrong with a document."""
    listed = "\n".join(f"  - {sentence}" for sentence in sentences)
    return CommandError(f"{path} was not applied, and nothing was changed:\n{listed}")


def entries_of(section: Section, key: str, *, needed: bool = True) -> Mapping[Any, Any]:
    """A mapping of names to entries, such as `people`."""
    empty: Mapping[Any, Any] = {}
    return section.take(key, mapping, "names, each with its keys", default=empty, needed=needed)


def mapping(value: object) -> Mapping[Any, Any] | None:
    return value if isinstance(value, Mapping) else None


def yes_or_no(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def line(longest: int) -> Callable[[object], str | None]:
    """One line of printable text."""

    def read(value: object) -> str | None:
        sound = isinstance(value, str) and value.isprintable() and value == value.strip() and 0 < len(value) <= longest
        return value if isinstance(value, str) and sound else None

    return read


def lines(longest: int) -> Callable[[object], list[str] | None]:
    """A list of such texts, none of them twice."""
    read_one = line(longest)

    def read(value: object) -> list[str] | None:
        read_all = [read_one(one) for one in value] if isinstance(value, list) else [None]
        texts = [text for text in read_all if text is not None]
        return texts if len(set(texts)) == len(read_all) else None

    return read
