"""Whether this database may act: not one that was restored or copied, until a person says so.

A dump that is restored makes other tables in another place, which the database itself knows. A copy of its files knows
nothing of that; there the newest anchor, outside, says that there was more.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

from django.db import connection
from django.db.models import BooleanField
from django.db.models.expressions import RawSQL

from accessrequests.models import AuditEvent, Installation

ONLY = 1  # the one row
NOT_QUARANTINED = RawSQL("NOT access_is_quarantined()", [], output_field=BooleanField())
LONGEST_LINE = 200_000

MOVED = "This is not the database that the relay last worked with: it was copied, or restored from a dump."
BEHIND = "It ends at event {head}, and event {anchored} was anchored outside: it was restored to an earlier time."
FORKED = "Its event {anchored} is not the one that was anchored outside: it went on from an earlier time."
OLDER = "It is of epoch {epoch}, and a database of epoch {anchored} was accepted since."


@dataclass(frozen=True, slots=True)
class Anchored:
    """What the newest line of the anchor file says of the database that it was written for."""

    sequence: int
    hash: str
    epoch: int = 1


def why() -> str:
    """Why nothing is done; empty while all is well."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT access_is_quarantined()")
        (is_on,) = cursor.fetchone()
    if not is_on:
        return ""
    row = known()
    return (row.why if row is not None else "") or MOVED


def known() -> Installation | None:
    return Installation.objects.filter(pk=ONLY).first()


def epoch() -> int:
    """How many databases this installation has had, one accepted after the other."""
    row = known()
    return row.epoch if row is not None else 1


def database() -> str:
    """Which one this is, whatever its rows say."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT access_this_database()")
        found: str = cursor.fetchone()[0]
    return found


def newest_anchor(path: str) -> Anchored | None:
    """The last whole line of the anchor file; None where there is none, or none that can be read.

    Its signature does not matter here: a false line can only stop us.
    """
    try:
        with Path(path).open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - LONGEST_LINE))
            whole, _, _ = file.read().rpartition(b"\n")
        said = json.loads(whole.rpartition(b"\n")[2])
        return Anchored(int(said["sequence"]), str(said["hash"]), int(said.get("epoch", 1)))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def lost_against(anchored: Anchored | None, *, epoch: int) -> str:
    """What of the trail that was anchored outside is not here; empty when all of it is."""
    if anchored is None:
        return ""
    if anchored.epoch > epoch:
        return OLDER.format(epoch=epoch, anchored=anchored.epoch)
    if anchored.epoch < epoch:
        return ""  # the line is of the database before this one was accepted
    head = AuditEvent.objects.order_by("-sequence").values_list("sequence", flat=True).first() or 0
    if head < anchored.sequence:
        return BEHIND.format(head=head, anchored=anchored.sequence)
    there = AuditEvent.objects.filter(sequence=anchored.sequence).values_list("hash", flat=True).first()
    return "" if there == anchored.hash else FORKED.format(anchored=anchored.sequence)
