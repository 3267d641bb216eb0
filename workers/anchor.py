"""Writes the signed head of the audit trail to a place outside the database."""

from __future__ import annotations

import base64
import fcntl
import itertools
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings

from accessrequests.domain.chain import PREFIX
from accessrequests.queries import audit, quarantine

EVENTS_BETWEEN = 1_000
MOST_EVENTS = 10_000
LONGEST_LINE = MOST_EVENTS * PREFIX + 4_096  # bytes

log = structlog.get_logger(__name__)


def write_anchor(*, at_least: int = 1) -> bool:
    """Append one signed line for the events since the last one. False when there are fewer than `at_least`.

    The line carries a prefix of every event's hash, so that even a chain that was rewritten whole is named to the row.
    """
    if not settings.ACCESS_ANCHOR_FILE:
        return False
    epoch = quarantine.epoch()
    path = Path(settings.ACCESS_ANCHOR_FILE)
    _put_aside(path, epoch)
    with _held(path) as file:
        last, end = _last_sequence(file)
        head = audit.head_sequence()
        if head < last:
            log.error("audit_trail_is_behind_its_anchor", head=head, anchored=last)
        if head - last < at_least:
            return False
        _append(file, end, _line(last, audit.hashes_after(last, limit=MOST_EVENTS), epoch))
    return True


def _put_aside(path: Path, epoch: int) -> None:
    """A database that was accepted in the place of another has a chain of its own: the other's file is kept beside it."""
    if _earlier_epoch(path, epoch) is None:
        return
    with _held(path):
        earlier = _earlier_epoch(path, epoch)
        if earlier is not None:  # no other relay has put it aside between the look and the lock
            path.rename(_free_name(path, f"epoch-{earlier}"))


def _earlier_epoch(path: Path, epoch: int) -> int | None:
    newest = quarantine.newest_anchor(str(path))
    return newest.epoch if newest is not None and newest.epoch < epoch else None


def _free_name(path: Path, ending: str) -> Path:
    """What was put aside is never written over: without its anchors a database can be of an epoch that was there before."""
    numbered = (f"{ending}-{number}" for number in itertools.count(2))
    names = (path.with_name(f"{path.name}.{one}") for one in itertools.chain([ending], numbered))
    return next(name for name in names if not name.exists())


def _line(last: int, hashes: Sequence[str], epoch: int) -> str:
    fields: dict[str, Any] = {
        "installation": settings.ACCESS_INSTALLATION,
        "sequence": last + len(hashes),
        "hash": hashes[-1],
        "at": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "prefixes": "".join(value[:PREFIX] for value in hashes),
    }
    if epoch > 1:
        fields["epoch"] = epoch
    key = Ed25519PrivateKey.from_private_bytes(base64.urlsafe_b64decode(settings.ACCESS_ANCHOR_SEED))
    fields["signature"] = base64.urlsafe_b64encode(key.sign(audit.signed_part(fields))).decode()
    return json.dumps(fields, sort_keys=True) + "\n"


@contextmanager
def _held(path: Path) -> Iterator[BinaryIO]:
    """The file, ours alone: a second relay would otherwise sign the same events again.

    :raises BlockingIOError: when another relay has it; it writes what there is to write.
    """
    with os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o644), "r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield file


def _last_sequence(file: BinaryIO) -> tuple[int, int]:
    """The last event that is anchored, and where the next line goes: over what a crash left half written."""
    size = file.seek(0, os.SEEK_END)
    start = file.seek(max(0, size - LONGEST_LINE))
    whole, newline, _ = file.read().rpartition(b"\n")
    if newline:
        return int(json.loads(whole.rpartition(b"\n")[2])["sequence"]), start + len(whole) + 1
    if start:
        raise ValueError("The anchor file ends in something that is not ours. Keep a copy of it, then cut that off.")
    return 0, 0


def _append(file: BinaryIO, end: int, line: str) -> None:
    file.seek(end)
    file.truncate()
    file.write(line.encode())
    file.flush()
    os.fsync(file.fileno())
