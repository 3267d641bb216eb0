"""Dates as Atlas reads and writes them, and its rules for the dates on which something temporary is deleted."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from sandbox.atlas.wire import AtlasError

MOST_DAYS = 7


def stamp(moment: datetime | float) -> str:
    """In whole seconds, cut off."""
    at = moment if isinstance(moment, datetime) else datetime.fromtimestamp(moment, tz=UTC)
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def moment_of(text: str) -> datetime:
    """A date of ours or of a caller; one without a zone is UTC.

    :raises AtlasError: it is none.
    """
    try:
        said = datetime.fromisoformat(text)
        return said.replace(tzinfo=UTC) if said.tzinfo is None else said.astimezone(UTC)
    except (OverflowError, ValueError) as error:
        raise AtlasError("INVALID_DATE_FORMAT", text) from error


def asked_expiry(body: Mapping[str, Any], now: datetime) -> str | None:
    """The `deleteAfterDate` of a body as it will be kept; None without one.

    :raises AtlasError: it is no date, not in the future, or not less than seven days ahead.
    """
    said = body.get("deleteAfterDate")
    if said is None:
        return None
    if not isinstance(said, str):
        raise AtlasError("INVALID_JSON_ATTRIBUTE", "deleteAfterDate")
    at = moment_of(said)
    if at <= now:
        raise AtlasError("EXPIRATION_DATE_IN_PAST")
    if at >= now + timedelta(days=MOST_DAYS):
        raise AtlasError("EXPIRATION_DATE_EXCEEDS_MAX", MOST_DAYS)
    return stamp(at)


def check_change(existing: Mapping[str, Any], *, expiry: str | None, now: datetime) -> None:
    """May what exists be changed, and get this date?

    :raises AtlasError: it has expired already, or is permanent and would become temporary.
    """
    current = existing.get("deleteAfterDate")
    if current is not None and moment_of(current) <= now:
        raise AtlasError("ALREADY_EXPIRED")
    if current is None and expiry is not None:
        raise AtlasError("PERMANENT_ENTITY_CANNOT_BE_MADE_TEMPORARY")
