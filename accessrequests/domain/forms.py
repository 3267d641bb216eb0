"""The forms that values of a policy take, each read, said in words and written as a JSON Schema in one place."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any

from accessrequests.domain.tables import Form, Key, Table
from accessrequests.domain.window import InvalidDuration, parse_duration, spell_duration

LONGEST_WORD = 64

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,79}")
_WORD_SCHEMA = {"type": "string", "minLength": 1, "maxLength": LONGEST_WORD, "pattern": r"^\S(.*\S)?$"}
_LENGTH_SCHEMA = {"type": "string", "pattern": r"^P(?=.)([0-9]+D)?(T(?=.)([0-9]+H)?([0-9]+M)?([0-9]+S)?)?$"}


def read_name(value: object) -> str | None:
    return value if isinstance(value, str) and _NAME.fullmatch(value) else None


def read_word(value: object) -> str | None:
    sound = isinstance(value, str) and value.isprintable() and value == value.strip() and 0 < len(value) <= LONGEST_WORD
    return value if isinstance(value, str) and sound else None


def read_words(value: object) -> frozenset[str] | None:
    words = [read_word(one) for one in value] if isinstance(value, list) else [None]
    return None if None in words else frozenset(word for word in words if word)


def read_some_words(value: object) -> frozenset[str] | None:
    return read_words(value) or None


def read_length(value: object) -> timedelta | None:
    try:
        return parse_duration(value)
    except InvalidDuration:
        return None


def _mapping(value: object) -> Mapping[object, object] | None:
    return value if isinstance(value, Mapping) else None


def _list(value: object) -> Sequence[object] | None:
    return value if isinstance(value, list) else None


def _filled_list(value: object) -> Sequence[object] | None:
    return _list(value) or None


def _yes_or_no(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


NAME = Form(
    read_name,
    "a short name of a-z, 0-9, dot, dash and underscore",
    {"type": "string", "pattern": f"^{_NAME.pattern}$"},
)
GROUP = Form(read_word, "the name of a group", _WORD_SCHEMA)
LENGTH = Form(read_length, "a length like PT8H", _LENGTH_SCHEMA)
FLAG = Form(_yes_or_no, "true or false", {"type": "boolean"})
GROUPS = Form(read_words, "a list of groups", {"type": "array", "items": _WORD_SCHEMA})
SOME_GROUPS = Form(
    read_some_words, "a list with at least one group", {"type": "array", "items": _WORD_SCHEMA, "minItems": 1}
)


def words(what: str) -> Form:
    """A list of words, of which none at all means any."""
    return Form(read_words, f"a list of {what}", {"type": "array", "items": _WORD_SCHEMA})


def text(read: Callable[[object], str | None], said: str, longest: int) -> Form:
    return Form(read, said, {"type": "string", "minLength": 1, "maxLength": longest})


def number(least: int, most: int, what: str = "a number") -> Form:
    def read(value: object) -> int | None:
        return value if isinstance(value, int) and not isinstance(value, bool) and least <= value <= most else None

    return Form(read, f"{what} from {least} to {most}", {"type": "integer", "minimum": least, "maximum": most})


def some_of(choices: tuple[str, ...], said: str, *, least: int = 0) -> Form:
    """A list of some of a few words."""

    def read(value: object) -> frozenset[str] | None:
        sound = isinstance(value, list) and len(value) >= least and all(one in choices for one in value)
        return frozenset(value) if isinstance(value, list) and sound else None

    items: dict[str, Any] = {"type": "array", "items": {"enum": list(choices)}}
    return Form(read, said, items | ({"minItems": least} if least else {}), choices)


def length_up_to(longest: timedelta) -> Form:
    def read(value: object) -> timedelta | None:
        found = read_length(value)
        return found if found is not None and found <= longest else None

    return Form(read, f"a length of at most {spell_duration(longest)}, like PT1H", _LENGTH_SCHEMA)


def part(said: str, table: Table) -> Form:
    """A mapping with a table of its own, which is read by that."""
    return Form(_mapping, said, schema_of(table))


def parts(said: str, table: Table, *, least: int = 0, schema: Mapping[str, Any] | None = None) -> Form:
    """A list of such mappings."""
    items: dict[str, Any] = {"type": "array", "items": schema or schema_of(table)}
    return Form(_filled_list if least else _list, said, items | ({"minItems": least} if least else {}))


def schema_of(table: Table) -> dict[str, Any]:
    """The JSON Schema of a mapping that is read by the table."""
    needed = [name for name, key in table.items() if key.needed]
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {name: _property(key) for name, key in table.items()},
        **({"required": needed} if needed else {}),
    }


def _property(key: Key) -> dict[str, Any]:
    return {"description": key.means, **key.form.schema}
