"""The audit trail as people read it, and the check that it is what it was."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from datetime import UTC
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.conf import settings
from django.db import connection
from django.db.models import CharField, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat

from accessrequests.domain import chain
from accessrequests.models import AccessRequest, AuditEvent, Grant, OutboxMessage, Person
from accessrequests.queries import people


def shown(event: AuditEvent) -> dict[str, Any]:
    """The columns that screens show and the seal covers."""
    return {
        "sequence": event.sequence,
        "at": event.at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "event": event.event,
        "actor": event.actor,
        "via": event.via,
        "subject": event.subject,
        "facts": event.facts,
        "previous": event.previous,
    }


def shown_with_hash(event: AuditEvent) -> dict[str, Any]:
    """What an export holds of one event: the sealed columns and their hash."""
    return {**shown(event), "hash": event.hash}


def told_by(message_id: int) -> AuditEvent | None:
    """The event that a notice is about: the first of its kind and subject that is not older than the notice.

    What happens to one subject happens one after the other, because each operation holds the subject's row.
    """
    message = OutboxMessage.objects.filter(pk=message_id).first()
    if message is None:
        return None
    told = AuditEvent.objects.filter(subject=message.subject, event=message.event, at__gte=message.created_at)
    return told.order_by("sequence").first()


def visible_to(person: Person, *, sees_all: bool | None = None) -> QuerySet[AuditEvent]:
    """Auditors and administrators see all; others what they did, and what was done to requests and grants of theirs.

    `sees_all` is given by a page that has looked up already who the person is.
    """
    events = AuditEvent.objects.order_by("-sequence")
    if people.may_audit(person) if sees_all is None else sees_all:
        return events
    mine = [person.pk, *person.service_ids]
    requests = AccessRequest.objects.filter(Q(requester=person) | Q(beneficiary__in=mine))
    grants = Grant.objects.filter(access_request__in=requests.values("pk"))
    return events.filter(
        Q(actor=person.username)
        | Q(subject=f"person/{person.username}")
        | Q(subject__in=subjects("access_request/", requests))
        | Q(subject__in=subjects("grant/", grants))
    )


def subjects(kind: str, rows: QuerySet[Any]) -> QuerySet[Any]:
    """The subjects of these rows, left to the database to make: there may be very many."""
    named: QuerySet[Any] = rows.annotate(named=Concat(Value(kind), Cast("pk", CharField()), output_field=CharField()))
    return named.order_by().values("named")


def about(subject: str) -> list[str]:
    """The subjects that belong to one: a request and the grant that came of it."""
    kind, _, number = subject.partition("/")
    if kind != "access_request" or not number.isdecimal() or len(number) > MOST_DIGITS:
        return [subject]
    return [
        subject,
        *(f"grant/{pk}" for pk in Grant.objects.filter(access_request=int(number)).values_list("pk", flat=True)),
    ]


def export(events: QuerySet[AuditEvent]) -> Iterator[str]:
    """JSON Lines, oldest first, one event a line, with everything that an offline check needs."""
    for event in events.order_by("sequence").iterator(chunk_size=2000):
        yield json.dumps(shown_with_hash(event), ensure_ascii=False, sort_keys=True) + "\n"


def hashes_after(sequence: int, *, limit: int) -> list[str]:
    """The hashes of the events after `sequence`, in order."""
    later = AuditEvent.objects.filter(sequence__gt=sequence).order_by("sequence")
    return list(later.values_list("hash", flat=True)[:limit])


def head_sequence() -> int:
    """The sequence of the newest event; 0 for an empty trail."""
    return AuditEvent.objects.order_by("-sequence").values_list("sequence", flat=True).first() or 0


MOST_DIGITS = 18


class UntrueAnchor(Exception):
    """A line of the anchor file does not carry our signature."""


def anchors() -> list[chain.Anchor]:
    """Every anchor of the anchor file, its signature checked.

    :raises UntrueAnchor: when a line was not written by this installation's relay.
    """
    path = Path(settings.ACCESS_ANCHOR_FILE) if settings.ACCESS_ANCHOR_FILE else None
    if path is None or not path.exists() or not settings.ACCESS_ANCHOR_PUBLIC_KEY:
        return []
    key = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(settings.ACCESS_ANCHOR_PUBLIC_KEY))
    with path.open(encoding="utf-8") as file:
        return [
            _checked(line, f"Line {number}", key) for number, line in enumerate(file, start=1) if line.endswith("\n")
        ]


def signed_part(fields: Mapping[str, Any]) -> bytes:
    """The bytes of an anchor that its signature covers."""
    kept = {name: fields[name] for name in ("installation", "sequence", "hash", "at", "prefixes")}
    if "epoch" in fields:
        kept["epoch"] = fields["epoch"]
    return json.dumps(kept, sort_keys=True, separators=(",", ":")).encode()


def _checked(line: str, where: str, key: Ed25519PublicKey) -> chain.Anchor:
    try:
        fields = json.loads(line)
        key.verify(base64.urlsafe_b64decode(fields["signature"]), signed_part(fields))
        if fields["installation"] != settings.ACCESS_INSTALLATION:
            raise ValueError("It is the anchor of another installation.")
        return chain.parse_anchor(fields)
    except (InvalidSignature, ValueError, KeyError, TypeError) as error:
        raise UntrueAnchor(f"{where} of the anchor file was not written by this installation.") from error


TAIL = 256_000


def newest_anchor() -> chain.Anchor | None:
    """The last anchor that was written, its signature checked; only the end of the file is read.

    :raises UntrueAnchor: when this installation's relay did not write it.
    """
    path = Path(settings.ACCESS_ANCHOR_FILE) if settings.ACCESS_ANCHOR_FILE else None
    if path is None or not path.exists() or not settings.ACCESS_ANCHOR_PUBLIC_KEY:
        return None
    key = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(settings.ACCESS_ANCHOR_PUBLIC_KEY))
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL))
        # What follows the last line break is being written just now.
        lines = file.read().decode("utf-8", errors="replace").split("\n")[:-1]
    return _checked(lines[-1], "The last line", key) if lines else None


def checked_now() -> chain.Report:
    """Check the whole trail; an anchor file that was changed is a broken trail too."""
    try:
        return verify()
    except UntrueAnchor as error:
        return chain.Report(0, chain.GENESIS, None, chain.FirstBad(1, str(error)))


def verify() -> chain.Report:
    """Check the whole trail from its shown columns, against every anchor outside the database.

    :raises UntrueAnchor: when the anchor file itself was changed.
    """
    return chain.verify(_rows(), anchors())


# What `shown_with_hash` gives, made by the database: half the time of making model instances first.
_PAGE = """
SELECT sequence, to_char(at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
       event, actor, via, subject, facts::text, previous, hash
  FROM accessrequests_auditevent WHERE sequence > %s ORDER BY sequence LIMIT %s
"""
_COLUMNS = (*chain.COLUMNS, "hash")
_AT_ONCE = 5_000
_BEFORE_ALL = -(2**63)


def _rows() -> Iterator[dict[str, Any]]:
    """Every event, oldest first, a page at a time."""
    last = _BEFORE_ALL
    while True:
        with connection.cursor() as cursor:
            cursor.execute(_PAGE, [last, _AT_ONCE])
            page = cursor.fetchall()
        for row in page:
            fields = dict(zip(_COLUMNS, row, strict=True))
            fields["facts"] = json.loads(fields["facts"])
            yield fields
        if len(page) < _AT_ONCE:
            return
        last = page[-1][0]
