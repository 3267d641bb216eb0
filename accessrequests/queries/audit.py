"""The audit trail as people read it, and the check that it is what it was."""

from __future__ import annotations

import base64
import json
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from django.conf import settings
from django.db import connection
from django.db.models import BigIntegerField, BooleanField, Func, OuterRef, Q, QuerySet, Subquery, TextField, Value
from django.db.models.functions import Cast

from accessrequests.domain import chain
from accessrequests.models import AccessRequest, AuditEvent, Grant, OutboxMessage, Person
from accessrequests.queries import people
from accessrequests.queries.access_requests import own_ways

MOST_NAMED = 1_000


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
    own = Q(actor=person.username) | Q(subject=f"person/{person.username}")
    (of_own,) = of_requests(own_ways(person))
    return events.filter(own | of_own)


Ways = Sequence[QuerySet[AccessRequest]]


def of_requests(*sets: Ways) -> list[Q]:
    """What happened to the requests of each set, which are found in several ways, and to what came of them.

    A few are named, so that the index of subjects finds their events wherever in the trail they are. Of very many the
    trail is full: its newest events are looked at one by one, each by the number in its subject.
    """
    first, *others = [
        way.order_by().annotate(place=Value(place)).values_list("place", "pk", "grant")[: MOST_NAMED + 1]
        for place, ways in enumerate(sets)
        for way in ways
    ]
    named: dict[int, set[tuple[int, int | None]]] = defaultdict(set)
    for place, pk, grant in first.union(*others) if others else first:
        named[place].add((pk, grant))
    return [_of_these(ways, named[place]) for place, ways in enumerate(sets)]


def _of_these(ways: Ways, named: Collection[tuple[int, int | None]]) -> Q:
    if len(named) <= MOST_NAMED:
        requests = [f"access_request/{pk}" for pk, _ in named]
        return Q(subject__in=[*requests, *(f"grant/{grant}" for _, grant in named if grant is not None)])
    is_theirs = Q()
    for way in ways:
        is_theirs |= Q(_is_there(way.filter(pk=_number_in_subject("access_request"))))
        is_theirs |= Q(_is_there(way.filter(grant=_number_in_subject("grant"))))
    return is_theirs


def _is_there(way: QuerySet[AccessRequest]) -> Subquery:
    """In place of EXISTS, which PostgreSQL may answer by reading all of them into a hash first."""
    return Subquery(way.order_by().annotate(there=Value(True)).values("there")[:1], output_field=BooleanField())


def _number_in_subject(kind: str) -> Cast:
    """Of the event that is looked at; none where its subject is of another kind."""
    pattern = Value(f"^{kind}/([0-9]{{1,{MOST_DIGITS}}})$")
    return Cast(Func(OuterRef("subject"), pattern, function="SUBSTRING", output_field=TextField()), BigIntegerField())


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
