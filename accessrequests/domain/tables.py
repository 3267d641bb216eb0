"""Reads a mapping of a document by a table of its keys, strictly, and says where everything stands that is wrong."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

# How one gets from the top of a document to a value: keys of mappings and places in lists.
Path = tuple[str | int, ...]
SHORTEST_BEGINNING = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, and where. `is_key`: it is the key that is wrong, not its value."""

    sentence: str
    path: Path = ()
    is_key: bool = False


@dataclass(frozen=True, slots=True)
class Form:
    """What a value may look like: how it is read (None is a wrong form), in words, and as a JSON Schema.

    `words` are those that may stand in it, where they are few: to say which of them was meant.
    """

    read: Callable[[object], Any]
    said: str
    schema: Mapping[str, Any]
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a mapping. Where it may be left out, `default` holds."""

    form: Form
    means: str
    default: Any = None
    needed: bool = False


Table = Mapping[str, Key]


@dataclass(frozen=True, slots=True)
class Reader:
    """One mapping of a document, read by its table."""

    who: str
    document: object
    table: Table
    wrong: list[Finding]
    path: Path = ()
    values: dict[str, Any] = field(init=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Read every key of the table; what is missing or of a wrong form is noted, and gets its default."""
        written = self.document if isinstance(self.document, Mapping) else None
        if written is None:
            self.note(f"write it as keys with values ({', '.join(self.table)})")
        for key in written or ():
            if key not in self.table:
                self._note_stranger(key)
        for name, key in self.table.items():
            self.values[name] = key.default
            if written is not None and name in written:
                self._read(name, key, written[name])
            elif written is not None and key.needed:
                self.note(f"the key {name} is missing. Write {key.form.said}")

    def __getitem__(self, name: str) -> Any:
        return self.values[name]

    def note(self, what: str, *path: str | int, is_key: bool = False) -> None:
        """Something is wrong with what stands at `path` below this mapping."""
        self.wrong.append(Finding(f"{self.who}: {what}.", (*self.path, *path), is_key))

    def _read(self, name: str, key: Key, value: object) -> None:
        read = key.form.read(value)
        if read is None:
            sentence = f"{self.who}: the key {name} must be {key.form.said}.{_meant(value, key.form.words)}"
            self.wrong.append(Finding(sentence, (*self.path, name)))
            return
        self.values[name] = read

    def _note_stranger(self, key: object) -> None:
        near = closest(str(key), self.table)
        advice = f", did you mean {near}?" if near else f". Use only {', '.join(self.table)}."
        sentence = f"{self.who}: the key {key!s} is unknown{advice}"
        self.wrong.append(Finding(sentence, (*self.path, key if isinstance(key, str | int) else str(key)), True))


def closest(word: str, known: Iterable[str]) -> str:
    """The known word that somebody may have meant, or nothing."""
    there = list(known)
    parts = sorted(word.lower().split("_"))
    turned = [one for one in there if sorted(one.lower().split("_")) == parts]  # maximum_total for total_maximum
    begun = [one for one in there if len(word) >= SHORTEST_BEGINNING and one.lower().startswith(word.lower())]
    near = difflib.get_close_matches(word, there, n=1, cutoff=0.6)
    # One beginning that fits several says nothing.
    return next(iter([*turned, *near, *(begun if len(begun) == 1 else [])]), "")


def _meant(value: object, words: tuple[str, ...]) -> str:
    """Which of the words was meant by the first that is none of them."""
    written = value if isinstance(value, list) else [value]
    near = [closest(one, words) for one in written if isinstance(one, str) and one not in words]
    return f" Did you mean {near[0]}?" if near and near[0] else ""
