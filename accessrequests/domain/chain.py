"""The audit chain: how an event is sealed onto the one before, and how a chain is checked.

Needs nothing but Python's standard library, so that anybody can check an export without the product:
`python3 chain.py EXPORT.jsonl [ANCHORS.jsonl]`.
"""

from __future__ import annotations

import hashlib
import heapq
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GENESIS = "0" * 64
COLUMNS = ("sequence", "at", "event", "actor", "via", "subject", "facts", "previous")
PREFIX = 16  # hexadecimal digits of each event's hash that an anchor carries: 64 bits
MOST_ARGUMENTS = 2

# One encoder for all events: json.dumps would make a new one for each.
_canonical = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode


@dataclass(frozen=True, slots=True)
class Anchor:
    """The head of the chain as it was written outside the database, with a prefix of every hash since the last one."""

    sequence: int
    hash: str
    at: str
    prefixes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FirstBad:
    """The first place where the chain is not what it was. `sequence` is that of the row, or of the missing row."""

    sequence: int
    why: str


@dataclass(frozen=True, slots=True)
class Report:
    """What a check found. `anchor` is the newest anchor compared with; without one the check proves order only."""

    checked: int
    head: str
    anchor: Anchor | None
    first_bad: FirstBad | None

    @property
    def ok(self) -> bool:
        return self.first_bad is None


def seal_event(columns: Mapping[str, Any]) -> str:
    """The SHA-256 of the canonical JSON of `COLUMNS`: what screens show, and the previous event's hash."""
    return hashlib.sha256(_canonical({name: columns[name] for name in COLUMNS}).encode()).hexdigest()


def canonical_around(columns: Mapping[str, str], facts: Mapping[str, Any]) -> tuple[str, str, str, str]:
    """The canonical JSON of an event that is not sealed yet: what stands before, between and after `at`, `previous`
    and `sequence`, which are known only where it is sealed.
    """
    actor, event, subject, via = (_canonical(columns[name]) for name in ("actor", "event", "subject", "via"))
    return (
        f'{{"actor":{actor},"at":"',
        f'","event":{event},"facts":{_canonical(facts)},"previous":"',
        '","sequence":',
        f',"subject":{subject},"via":{via}}}',
    )


def verify(events: Iterable[Mapping[str, Any]], anchors: Sequence[Anchor]) -> Report:
    """Walk the whole chain in order of sequence, and hold it against every anchor. Stops at the first bad row."""
    newest = max(anchors, key=lambda anchor: anchor.sequence, default=None)
    anchored = _anchored(anchors)
    expected, previous, sequence = next(anchored, None), GENESIS, 0
    for event in events:
        sequence += 1
        why = _why_bad(event, sequence, previous)
        while expected is not None and expected[0] <= sequence:
            if not why and expected[0] == sequence and not event["hash"].startswith(expected[1]):
                why = "Its hash is not the one that was anchored outside the database."
            expected = next(anchored, None)
        if why:
            return Report(sequence - 1, previous, newest, FirstBad(sequence, why))
        previous = event["hash"]
    if newest is not None and sequence < newest.sequence:
        missing = FirstBad(sequence + 1, f"This event is missing: the head was anchored at {newest.sequence}.")
        return Report(sequence, previous, newest, missing)
    return Report(sequence, previous, newest, None)


def _why_bad(event: Mapping[str, Any], sequence: int, previous: str) -> str:
    if event["sequence"] != sequence:
        return f"Event {sequence} is missing; event {event['sequence']} stands in its place."
    if event["previous"] != previous:
        return "It does not follow from the event before it."
    if seal_event(event) != event["hash"]:
        return "Its columns do not give its hash: the row was changed."
    return ""


def _anchored(anchors: Sequence[Anchor]) -> Iterator[tuple[int, str]]:
    """What anchors say of each event's hash, in order of sequence: a prefix of it, and at the anchor's head all of it.

    Every anchor counts; where two speak of one event, it must agree with both.
    """
    return heapq.merge(*(_said_by(anchor) for anchor in anchors))


def _said_by(anchor: Anchor) -> Iterator[tuple[int, str]]:
    first = anchor.sequence - len(anchor.prefixes) + 1
    yield from enumerate(anchor.prefixes, start=first)
    yield anchor.sequence, anchor.hash


def parse_anchor(fields: Mapping[str, Any]) -> Anchor:
    """An anchor from one line of the anchor file. Its signature is checked elsewhere: that needs a library.

    :raises ValueError: when the fields are not those of an anchor.
    """
    _check_fields(fields, {"sequence": int, "hash": str, "at": str, "prefixes": str})
    text = fields["prefixes"]
    prefixes = tuple(text[start : start + PREFIX] for start in range(0, len(text), PREFIX))
    return Anchor(fields["sequence"], fields["hash"], fields["at"], prefixes)


def _check_fields(fields: object, wanted: Mapping[str, type]) -> None:
    if not isinstance(fields, Mapping):
        raise TypeError("it is not an object")
    for name, kind in wanted.items():
        if name not in fields or not isinstance(fields[name], kind) or isinstance(fields[name], bool):
            raise ValueError(f"its {name} is missing or of the wrong type")


class Unreadable(Exception):
    """A file is not what it should be. The message names the line."""


_EVENT = {**dict.fromkeys((*COLUMNS, "hash"), str), "sequence": int, "facts": dict}


def _events(path: str) -> Iterator[dict[str, Any]]:
    for number, fields in _lines(path):
        try:
            _check_fields(fields, _EVENT)
            _canonical(fields).encode()
        except (TypeError, ValueError) as error:
            raise Unreadable(f"Line {number} of {path} is not an event: {error}.") from error
        yield fields


def _anchors(path: str) -> Iterator[Anchor]:
    for number, fields in _lines(path):
        try:
            yield parse_anchor(fields)
        except (TypeError, ValueError) as error:
            raise Unreadable(f"Line {number} of {path} is not an anchor: {error}.") from error


def _lines(path: str) -> Iterator[tuple[int, Any]]:
    number = 0
    try:
        with Path(path).open(encoding="utf-8") as file:
            for number, line in enumerate(file, start=1):
                yield number, json.loads(line)
    except OSError as error:
        raise Unreadable(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise Unreadable(f"Line {max(number, 1)} of {path} is not JSON in UTF-8.") from error


def main(arguments: Sequence[str]) -> int:
    """Check an export from the command line; 0 when it holds, 1 when it does not, 2 when it cannot be checked."""
    if not 1 <= len(arguments) <= MOST_ARGUMENTS:
        sys.stderr.write("usage: python3 chain.py EXPORT.jsonl [ANCHORS.jsonl]\n")
        return 2
    try:
        anchors = [anchor for path in arguments[1:] for anchor in _anchors(path)]
        report = verify(_events(arguments[0]), anchors)
    except Unreadable as error:
        sys.stderr.write(f"{error}\n")
        return 2
    if report.first_bad:
        sys.stdout.write(f"BROKEN at event {report.first_bad.sequence}. {report.first_bad.why}\n")
        return 1
    if not report.checked:
        sys.stdout.write(f"EMPTY: {arguments[0]} holds no events, so nothing is proved.\n")
        return 1
    proof = f"agrees with the anchor at {report.anchor.sequence}" if report.anchor else "order only, no anchor given"
    sys.stdout.write(f"INTACT: {report.checked} events, {proof}. Head {report.head}.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
