"""The audit chain: how an event is sealed onto the one before, and how a chain is checked.

Needs nothing but Python's standard library, so that anybody can check an export without the product:
`python3 chain.py EXPORT.jsonl [ANCHORS.jsonl]`.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GENESIS = "0" * 64
COLUMNS = ("sequence", "at", "event", "actor", "via", "subject", "facts", "previous")
PREFIX = 16  # hexadecimal digits of each event's hash that an anchor carries: 64 bits


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
    shown = {name: columns[name] for name in COLUMNS}
    canonical = json.dumps(shown, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(canonical.encode()).hexdigest()


def verify(events: Iterable[Mapping[str, Any]], anchors: Sequence[Anchor]) -> Report:
    """Walk the whole chain in order of sequence, and hold it against every anchor. Stops at the first bad row."""
    expected_prefixes = dict(_prefixes(anchors))
    newest = max(anchors, key=lambda anchor: anchor.sequence, default=None)
    previous, sequence = GENESIS, 0
    for event in events:
        sequence += 1
        why = _why_bad(event, sequence, previous, expected_prefixes.get(sequence))
        if why:
            return Report(sequence - 1, previous, newest, FirstBad(sequence, why))
        previous = event["hash"]
    if newest is not None and sequence < newest.sequence:
        missing = FirstBad(sequence + 1, f"This event is missing: the head was anchored at {newest.sequence}.")
        return Report(sequence, previous, newest, missing)
    return Report(sequence, previous, newest, None)


def _why_bad(event: Mapping[str, Any], sequence: int, previous: str, prefix: str | None) -> str:
    if event["sequence"] != sequence:
        return f"Event {sequence} is missing; event {event['sequence']} stands in its place."
    if prefix is not None and not event["hash"].startswith(prefix):
        return "Its hash is not the one that was anchored outside the database."
    if event["previous"] != previous:
        return "It does not follow from the event before it."
    if seal_event(event) != event["hash"]:
        return "Its columns do not give its hash: the row was changed."
    return ""


def _prefixes(anchors: Sequence[Anchor]) -> Iterator[tuple[int, str]]:
    """Newest first, so that where two anchors speak of one event, the older one (yielded last) counts."""
    for anchor in sorted(anchors, key=lambda anchor: -anchor.sequence):
        first = anchor.sequence - len(anchor.prefixes) + 1
        yield from zip(range(first, anchor.sequence + 1), anchor.prefixes, strict=True)


def parse_anchor(fields: Mapping[str, Any]) -> Anchor:
    """An anchor from one line of the anchor file. Its signature is checked elsewhere: that needs a library."""
    text = fields["prefixes"]
    prefixes = tuple(text[start : start + PREFIX] for start in range(0, len(text), PREFIX))
    return Anchor(fields["sequence"], fields["hash"], fields["at"], prefixes)


def _lines(path: str) -> Iterator[dict[str, Any]]:
    with Path(path).open(encoding="utf-8") as file:
        for line in file:
            yield json.loads(line)


def main(arguments: Sequence[str]) -> int:
    """Check an export from the command line; 0 when it holds, 1 when it does not, 2 when called wrongly."""
    if len(arguments) not in {1, 2}:
        sys.stderr.write("usage: python3 chain.py EXPORT.jsonl [ANCHORS.jsonl]\n")
        return 2
    anchors = [parse_anchor(fields) for fields in _lines(arguments[1])] if len(arguments) == 2 else []
    report = verify(_lines(arguments[0]), anchors)
    if report.first_bad:
        sys.stdout.write(f"BROKEN at event {report.first_bad.sequence}. {report.first_bad.why}\n")
        return 1
    proof = f"agrees with the anchor at {report.anchor.sequence}" if report.anchor else "order only, no anchor given"
    sys.stdout.write(f"INTACT: {report.checked} events, {proof}. Head {report.head}.\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
