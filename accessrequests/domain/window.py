"""The time box of a grant: lengths and moments as people write them, and where the box ends."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

LONGEST = timedelta(days=366)
# The lengths that are suggested to people.
LENGTHS = ("PT30M", "PT1H", "PT2H", "PT4H", "PT8H", "PT24H")

# Eight digits hold any length that we accept; longer numbers are refused before they are turned into one.
_DURATION = re.compile(
    r"P(?!\Z)(?:(?P<days>[0-9]{1,8})D)?"
    r"(?:T(?!\Z)(?:(?P<hours>[0-9]{1,8})H)?(?:(?P<minutes>[0-9]{1,8})M)?(?:(?P<seconds>[0-9]{1,8})S)?)?"
)
_MOMENT = re.compile(
    r"(?P<year>[0-9]{4})-(?P<month>[0-9]{2})-(?P<day>[0-9]{2})[Tt]"
    r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})(?:\.(?P<fraction>[0-9]{1,9}))?"
    r"(?:[Zz]|(?P<sign>[+-])(?P<zone_hours>[01][0-9]|2[0-3]):(?P<zone_minutes>[0-5][0-9]))"
)
# As people say it: a number and a unit, as often as they like.
_SPOKEN = re.compile(r"([0-9]{1,8}(?:[.,][0-9]{1,3})?)\s*([a-z]+)[\s,]*(?:and\s+)?")
_MINUTES_UNSAID = re.compile(r"(?<=h)([0-5][0-9])\Z")  # 1h30
_SPOKEN_UNITS = {
    **dict.fromkeys(("w", "week", "weeks"), 604_800),
    **dict.fromkeys(("d", "day", "days"), 86_400),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3_600),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1),
}
_UNITS = (("day", 86_400), ("hour", 3_600), ("minute", 60), ("second", 1))

_HOW_TO_SAY_IT = "Write the length with its unit, like 90 min, 2 h, 1 h 30 min or PT2H."


class InvalidDuration(ValueError):
    """The text is not a length that we take. The message says what to write instead."""


class InvalidMoment(ValueError):
    """The text is not a moment that we take. The message says what to write instead."""


def parse_duration(text: object) -> timedelta:
    """Read a length such as PT2H or P1DT30M. Takes any object, because a JSON body may hold one.

    :raises InvalidDuration: for anything else, zero and more than 366 days included.
    """
    found = _DURATION.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise InvalidDuration("Write the length as an ISO 8601 text of days, hours, minutes and seconds, like PT2H.")
    length = timedelta(**{unit: int(number) for unit, number in found.groupdict(default="0").items()})
    if not length:
        raise InvalidDuration("The length is zero. Ask for at least one second, like PT1S.")
    return _bounded(length)


def read_length(text: str) -> timedelta:
    """Read a length as people write it in a form: 90 min, 2h, 1h30, 1 h 30 min, 1.5 hours; or as ISO 8601.

    :raises InvalidDuration: for anything else, a number without a unit included: it could be minutes or hours.
    """
    spoken = text.strip().lower()
    if spoken.startswith("p"):
        return parse_duration(spoken.upper())
    spoken = _MINUTES_UNSAID.sub(r"\1min", spoken)
    seconds, end = Decimal(0), 0
    units: list[int] = []
    while end < len(spoken):
        found = _SPOKEN.match(spoken, end)
        unit = _SPOKEN_UNITS.get(found[2], 0) if found else 0
        if found is None or not unit or any(unit >= earlier for earlier in units):
            raise InvalidDuration(_HOW_TO_SAY_IT)
        seconds += Decimal(found[1].replace(",", ".")) * unit
        units.append(unit)
        end = found.end()
    if not units:
        raise InvalidDuration(_HOW_TO_SAY_IT)
    if seconds < 1:
        raise InvalidDuration("The length is zero. Ask for at least one second, like 1 s.")
    return _bounded(timedelta(seconds=int(seconds)) if seconds <= LONGEST.total_seconds() else LONGEST * 2)


def format_duration(length: timedelta) -> str:
    """The shortest ISO 8601 text: PT2H, P1D, PT1H30M. Parts of a second are left out."""
    parts = dict(_parts(length))
    days = f"{parts['day']}D" if parts["day"] else ""
    time = "".join(f"{parts[unit]}{unit[0].upper()}" for unit in ("hour", "minute", "second") if parts[unit])
    if not days and not time:
        return "PT0S"
    return f"P{days}T{time}" if time else f"P{days}"


def spell_duration(length: timedelta) -> str:
    """In words, for people: "2 hours", "1 hour 30 minutes"."""
    words = [f"{number} {unit}{'' if number == 1 else 's'}" for unit, number in _parts(length) if number]
    return " ".join(words) or "0 seconds"


def parse_moment(text: object) -> datetime:
    """Read an RFC 3339 moment, which always names its zone, and give it in UTC.

    :raises InvalidMoment: for anything else.
    """
    sentence = "Write the moment in RFC 3339 with its zone, like 2030-01-31T09:30:00Z."
    found = _MOMENT.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise InvalidMoment(sentence)
    numbers = [int(found[name]) for name in ("year", "month", "day", "hour", "minute", "second")]
    fraction = int((found["fraction"] or "0").ljust(6, "0")[:6])
    hours, minutes = int(found["zone_hours"] or 0), int(found["zone_minutes"] or 0)
    offset = timedelta(hours=hours, minutes=minutes) * (-1 if found["sign"] == "-" else 1)
    try:
        return datetime(*numbers, fraction, tzinfo=timezone(offset)).astimezone(UTC)  # type: ignore[arg-type,misc]
    except (ValueError, OverflowError) as error:
        raise InvalidMoment(sentence) from error


def format_moment(at: datetime) -> str:
    """What `parse_moment` reads: RFC 3339 in UTC."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def ends_at(started_at: datetime, length: timedelta) -> datetime:
    """The first moment outside the box: the end is exclusive."""
    return started_at + length


def _bounded(length: timedelta) -> timedelta:
    if length > LONGEST:
        raise InvalidDuration("The length is over 366 days. Ask for less.")
    return length


def _parts(length: timedelta) -> list[tuple[str, int]]:
    rest = max(0, length // timedelta(seconds=1))
    parts = []
    for unit, seconds in _UNITS:
        number, rest = divmod(rest, seconds)
        parts.append((unit, number))
    return parts
