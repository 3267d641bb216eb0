"""Reading the attributes of a body: those that are known, there, and of the right type. Null is as good as absent."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from sandbox.atlas.wire import AtlasError


def check_names(body: Mapping[str, Any], known: Collection[str]) -> None:
    """:raises AtlasError: an attribute that is none. Links come back from clients that send what they were given."""
    for name in body:
        if name not in known and name != "links":
            raise AtlasError("INVALID_ATTRIBUTE", name)


def text(body: Mapping[str, Any], name: str) -> str | None:
    """:raises AtlasError: it is no text."""
    said = body.get(name)
    if said is not None and not isinstance(said, str):
        raise AtlasError("INVALID_JSON_ATTRIBUTE", name)
    return said


def needed(body: Mapping[str, Any], name: str) -> str:
    """:raises AtlasError: it is absent, empty or no text."""
    said = text(body, name)
    if not said:
        raise AtlasError("MISSING_ATTRIBUTE", name)
    return said


def choice(body: Mapping[str, Any], name: str, choices: Collection[str]) -> str | None:
    """:raises AtlasError: it is none of them."""
    said = text(body, name)
    if said is not None and said not in choices:
        raise AtlasError("INVALID_ENUM_VALUE", said)
    return said


def documents(body: Mapping[str, Any], name: str) -> list[dict[str, Any]] | None:
    """:raises AtlasError: it is no list of objects."""
    said = body.get(name)
    if said is not None and not (isinstance(said, list) and all(isinstance(each, dict) for each in said)):
        raise AtlasError("INVALID_JSON_ATTRIBUTE", name)
    return said


def texts(body: Mapping[str, Any], name: str) -> list[str]:
    """:raises AtlasError: it is absent, empty, or no list of texts."""
    said = body.get(name)
    if not said:
        raise AtlasError("MISSING_ATTRIBUTE", name)
    if not (isinstance(said, list) and all(isinstance(each, str) for each in said)):
        raise AtlasError("INVALID_JSON_ATTRIBUTE", name)
    return list(dict.fromkeys(said))
