"""Writes the signed head of the audit trail to a place outside the database."""

from __future__ import annotations

import base64
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import structlog
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from django.conf import settings

from accessrequests.domain.chain import PREFIX
from accessrequests.queries import audit

EVENTS_BETWEEN = 1_000
MOST_EVENTS = 10_000
LONGEST_LINE = MOST_EVENTS * PREFIX + 4_096  # bytes

log = structlog.get_logger(__name__)


def write_anchor() -> bool:
    """Append one signed line for the events since the last one. False when there is nothing new.

    The line carries a prefix of every event's hash, so that even a chain that was rewritten whole is named to the row.
    """
    path = Path(settings.ACCESS_ANCHOR_FILE)
    last = _last_sequence(path)
    hashes = audit.hashes_after(last, limit=MOST_EVENTS)
    if not hashes:
        head = audit.head_sequence()
        if head < last:
            log.error("audit_trail_is_behind_its_anchor", head=head, anchored=last)
        return False
    fields: dict[str, Any] = {
        "installation": settings.ACCESS_INSTALLATION,
        "sequence": last + len(hashes),
        "hash": hashes[-1],
        "at": datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        "prefixes": "".join(value[:PREFIX] for value in hashes),
    }
    key = Ed25519PrivateKey.from_private_bytes(base64.urlsafe_b64decode(settings.ACCESS_ANCHOR_SEED))
    fields["signature"] = base64.urlsafe_b64encode(key.sign(audit.signed_part(fields))).decode()
    _append(path, json.dumps(fields, sort_keys=True) + "\n")
    return True


def is_far_behind() -> bool:
    """Whether a thousand events have come since the last anchor."""
    return audit.head_sequence() - _last_sequence(Path(settings.ACCESS_ANCHOR_FILE)) >= EVENTS_BETWEEN


def _last_sequence(path: Path) -> int:
    if not path.exists():
        return 0
    whole, _, _ = _tail(path).rpartition(b"\n")
    return int(json.loads(whole.rpartition(b"\n")[2])["sequence"]) if whole else 0


def _tail(path: Path) -> bytes:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - LONGEST_LINE))
        return file.read()


def _end_of_whole_lines(path: Path) -> int:
    """Where the next line goes: after the last end of line, so over what a crash left half written."""
    cut_short = _tail(path).rpartition(b"\n")[2]
    return path.stat().st_size - len(cut_short)


def _append(path: Path, line: str) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    with open(descriptor, "r+b") as file:
        file.seek(_end_of_whole_lines(path))
        file.truncate()
        file.write(line.encode())
        file.flush()
        os.fsync(descriptor)
