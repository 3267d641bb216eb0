"""What others have on a target and what they changed there: from when to read on, and as lists show it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, OuterRef, QuerySet, Subquery

from accessrequests.domain import outside
from accessrequests.domain.custom_roles import OURS, ChangeKind
from accessrequests.domain.events import Event
from accessrequests.domain.lifecycle import ChangeState
from accessrequests.domain.outside import Change, Kind
from accessrequests.domain.sharing import SharedKind
from accessrequests.models import AuditEvent, CustomRoleChange, Grant, Look, Other, OutsideChange, SharedUse, Target

FIRST_LOOK_BACK = timedelta(days=30)
# Atlas keeps logins for seven days ("Database Access History"); a day of them is enough to begin with.
FIRST_LOGINS_BACK = timedelta(days=1)
LONGEST_LOGINS_BACK = timedelta(days=7)
LATE = timedelta(minutes=10)  # an event may be told so long after it happened


@dataclass(frozen=True, slots=True)
class ReadFrom:
    """From when on a target's own events and its logins are not known yet."""

    changes: datetime
    logins: datetime


def read_from(slug: str, *, at: datetime) -> ReadFrom:
    look = Look.objects.filter(target__slug=slug).first()
    changes, logins = (look.changes_until, look.logins_until) if look is not None else (None, None)
    return ReadFrom(
        changes=min(changes, at) - LATE if changes else at - FIRST_LOOK_BACK,
        logins=max(min(logins, at), at - LONGEST_LOGINS_BACK) if logins else at - FIRST_LOGINS_BACK,
    )


@dataclass(frozen=True, slots=True)
class Summary:
    """How much of it there is, and up to when it is known."""

    others: int
    changes: int
    changes_until: datetime | None
    compared_at: datetime | None


def summary_of(target: Target) -> Summary:
    """In one question, since the page of a target asks it among many."""
    row = Target.objects.filter(pk=target.pk).annotate(others_there=_count(Other), changes_there=_count(OutsideChange))
    columns = ("others_there", "changes_there", "look__changes_until", "look__finished_at")
    others, changes, changes_until, compared_at = row.values_list(*columns).get()
    return Summary(others or 0, changes or 0, changes_until, compared_at)


def _count(model: type[Other | OutsideChange]) -> Subquery:
    rows = QuerySet[Any](model).filter(target=OuterRef("pk")).order_by().values("target")
    return Subquery(rows.annotate(count=Count("pk")).values("count"))


def others_of(slug: str) -> QuerySet[Other]:
    return Other.objects.filter(target__slug=slug)


def changes_of(slug: str) -> QuerySet[OutsideChange]:
    return OutsideChange.objects.filter(target__slug=slug)


def made_by_change(slug: str) -> dict[str, int]:
    """The custom roles that an applied change made and none took away since, each with the number of that change."""
    applied = CustomRoleChange.objects.filter(target__slug=slug, state=ChangeState.APPLIED.value)
    made: dict[str, int] = {}
    for number, role, kind in applied.order_by("finished_at", "pk").values_list("pk", "role", "kind"):
        if kind == ChangeKind.CREATE:
            made[role] = number
        elif kind == ChangeKind.DELETE:
            made.pop(role, None)
    return made


def ours_among(slug: str, changes: Iterable[Change]) -> set[tuple[Kind, str]]:
    """What of it is ours: users of our grants, what grants share, and roles that are named as we name them."""
    names = {kind: {change.name for change in changes if change.kind is kind} for kind in Kind}
    users = Grant.objects.filter(target__slug=slug, username__in=names[Kind.USER]).values_list("username", flat=True)
    shared = SharedUse.objects.filter(shared__target__slug=slug).values_list("shared__kind", "shared__key")
    used = set(shared)
    return {
        *((Kind.USER, name) for name in users),
        *((Kind.ROLE, name) for name in names[Kind.ROLE] if name.startswith(OURS)),
        *((Kind.ENTRY, name) for name in names[Kind.ENTRY] if (SharedKind.ACCESS_LIST_ENTRY.value, name) in used),
        *(
            (Kind.MEMBER, name)
            for name in names[Kind.MEMBER]
            if (SharedKind.PROJECT_MEMBER.value, name.lower()) in used
        ),
    }


def last_told(slug: str) -> str:
    """What administrators were to be told last of changes to what is ours."""
    event = AuditEvent.objects.filter(subject=f"target/{slug}", event=Event.TARGET_OURS_CHANGED.value)
    newest = event.order_by("-sequence").first()
    return str(newest.facts.get("why", "")) if newest is not None else ""


def told(change: OutsideChange) -> str:
    return outside.told(event=change.event, kind=Kind(change.kind), name=change.name, actor=change.actor)
