"""The audit trail, narrowed to what somebody looks for, and how it was when it was last checked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet

from accessrequests.domain.events import Event
from accessrequests.models import AccessRequest, AuditEvent, Grant, Person
from accessrequests.queries import audit

SINCE: Mapping[str, timedelta] = {
    "1h": timedelta(hours=1),
    "24h": timedelta(hours=24),
    "7d": timedelta(days=7),
    "30d": timedelta(days=30),
}
MOST_NAMED = 50


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the reader looks for. Empty means any."""

    text: str = ""
    who: str = ""
    event: str = ""
    via: str = ""
    target: str = ""
    subject: str = ""
    since: str = ""


@dataclass(frozen=True, slots=True)
class LastCheck:
    """What the newest check of the whole trail found."""

    at: datetime
    by: str
    facts: Mapping[str, Any]


def matching(person: Person, wanted: Wanted, *, at: datetime, sees_all: bool | None = None) -> QuerySet[AuditEvent]:
    """The events that this person may see, narrowed; newest first."""
    found = audit.visible_to(person, sees_all=sees_all)
    of_person, on_target = _of_requests(wanted)
    if wanted.text:
        found = found.filter(_about(wanted.text) | of_person)
    if wanted.who:
        found = found.filter(actor=wanted.who)
    if wanted.event.endswith(".*"):
        found = found.filter(event__startswith=wanted.event.removesuffix("*"))
    elif wanted.event:
        found = found.filter(event=wanted.event)
    if wanted.via:
        found = found.filter(via=wanted.via)
    if wanted.target:
        found = found.filter(Q(subject=f"target/{wanted.target}") | on_target)
    if wanted.subject:
        found = found.filter(subject__in=audit.about(wanted.subject))
    return found.filter(at__gte=at - SINCE[wanted.since]) if wanted.since in SINCE else found


def page(events: QuerySet[AuditEvent], *, before: int | None, most: int) -> list[AuditEvent]:
    """The newest of them, or the newest below a sequence."""
    return list((events.filter(sequence__lt=before) if before else events)[:most])


def oldest_first(events: QuerySet[AuditEvent], *, up_to: int) -> Iterator[dict[str, Any]]:
    """What a copy holds, streamed: never more than there was when it was asked for, never all of it in memory."""
    for event in events.filter(sequence__lte=up_to).order_by("sequence").iterator(chunk_size=2000):
        yield audit.shown_with_hash(event)


def last_check() -> LastCheck | None:
    """The newest check of the whole trail that somebody asked for."""
    newest = AuditEvent.objects.filter(event=Event.AUDIT_VERIFIED.value).order_by("-sequence").first()
    return LastCheck(newest.at, newest.actor, newest.facts) if newest else None


def _about(text: str) -> Q:
    """A number of a request, grant or event; the name of a person, target, policy version, user on a target, or event.

    Each is an exact look-up, so that searching stays cheap however long the trail is.
    """
    word = text.strip().lower()
    named = Q(actor=word) | Q(event=word) | Q(event__startswith=f"{word}.") | Q(subject=word)
    named |= Q(subject__in=[f"{kind}/{word}" for kind in ("person", "target", "policy", "group", "token")])
    if word.isascii() and word.isdecimal() and len(word) <= audit.MOST_DIGITS:
        named |= (
            Q(sequence=int(word)) | Q(subject__in=audit.about(f"access_request/{word}")) | Q(subject=f"grant/{word}")
        )
    if "/" in word:
        named |= Q(subject__in=audit.about(word))
    grants = Grant.objects.filter(username=word).values_list("pk", "access_request")[:MOST_NAMED]
    subjects = [subject for pk, asked in grants for subject in (f"grant/{pk}", f"access_request/{asked}")]
    people = Person.objects.filter(name__icontains=word).values_list("username", flat=True)[:MOST_NAMED]
    return named | Q(subject__in=subjects) | Q(actor__in=list(people))


def _of_requests(wanted: Wanted) -> list[Q]:
    """What happened to the requests that a person of that name made or gains from; and to those on the target."""
    if not (wanted.text or wanted.target):
        return [Q(), Q()]
    requests, username = AccessRequest.objects, wanted.text.strip().lower()
    theirs = [requests.filter(requester__username=username), requests.filter(beneficiary__username=username)]
    return audit.of_requests(theirs, [requests.filter(target__slug=wanted.target)])
