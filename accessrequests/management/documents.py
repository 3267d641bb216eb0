"""Reads the YAML files that operators write, strictly: what we do not understand, we refuse, and say where it stands."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Any, TypeVar

from django.core.management.base import CommandError

from accessrequests.domain.documents import Section
from accessrequests.queries import yaml_text

__all__ = ["Section", "entries_of", "line", "lines", "mapping", "parse_yaml", "read_text", "refuse", "yes_or_no"]

LARGEST_FILE = 4_000_000

T = TypeVar("T")


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


def entries_of(section: Section, key: str) -> Mapping[Any, Any]:
    """A mapping of names to entries, such as `people`."""
    empty: Mapping[Any, Any] = {}
    return section.take(key, mapping, "names, each with its keys", default=empty)


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
