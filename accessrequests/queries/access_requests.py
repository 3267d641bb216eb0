"""Access requests as people read them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from accessrequests.domain.lifecycle import AccessRequestState
from accessrequests.models import AccessRequest, Approval, AuditEvent, Person
from accessrequests.queries import people


def _with_everything() -> QuerySet[AccessRequest]:
    return AccessRequest.objects.select_related(
        "requester", "beneficiary", "target", "policy_version", "grant", "grant__target"
    ).prefetch_related("approvals__person")


def visible_to(person: Person) -> QuerySet[AccessRequest]:
    """One's own, those that one may decide on, and all of them for auditors and administrators."""
    requests = _with_everything()
    if people.may_audit(person):
        return requests
    # Not a join: that would give a row per approval, and every page would have to sort them all to tell them apart.
    answered = Exists(Approval.objects.filter(access_request=OuterRef("pk"), person=person))
    return requests.filter(Q(requester=person) | Q(beneficiary=person) | answered | _asks_groups_of(person))


def _asks_groups_of(person: Person) -> Q:
    """Requests with a step that one of the person's groups may fill; none for a person in no group."""
    return Q(step_groups__overlap=sorted(people.groups_of(person)))


def _asked_since_joining(person: Person) -> Q:
    """The same, but for what was filed before the person joined the group: a newcomer has no voice in that."""
    asked = Q(pk__in=[])
    for group, since in people.memberships_of(person):
        asked |= Q(step_groups__contains=[group], filed_at__gte=since)
    return asked


def waiting_for(person: Person) -> QuerySet[AccessRequest]:
    """What waits for this person's decision, bare: to be counted."""
    return (
        AccessRequest.objects.filter(_asked_since_joining(person), state=AccessRequestState.PENDING)
        .exclude(Q(requester=person) | Q(beneficiary=person))
        .exclude(approvals__person=person)
    )


def inbox_of(person: Person) -> QuerySet[AccessRequest]:
    """What waits for this person's decision, soonest to lapse first. Whoever may decide on it may see it."""
    return _with_everything().filter(pk__in=waiting_for(person).values("pk")).order_by("lapses_at", "pk")


def may_decide(person: Person, access_request: AccessRequest) -> bool:
    """Whether the person's groups, held since the request was filed, give them a voice, and they gain nothing."""
    if person.pk in {access_request.requester_id, access_request.beneficiary_id}:
        return False
    return bool(people.groups_of(person, since=access_request.filed_at) & set(access_request.step_groups))


def with_people(verdict: dict[str, Any], *, without: Sequence[int], since: datetime) -> dict[str, Any]:
    """The verdict, each step with the people who may fill it."""
    steps = [
        {
            **step,
            "people": [person.username for person in people.deciders(step["group"], since=since, without=without)],
        }
        for step in verdict["steps"]
    ]
    return {**verdict, "steps": steps}


def timeline_of(access_request: AccessRequest) -> QuerySet[AuditEvent]:
    """Everything that happened to the request and to the grant that came of it, oldest first."""
    subjects = [str(access_request)]
    grant = getattr(access_request, "grant", None)
    if grant is not None:
        subjects.append(str(grant))
    return AuditEvent.objects.filter(subject__in=subjects).order_by("sequence")


def of_subject(subject: str) -> AccessRequest:
    """The request that an event is about, also when its subject is the grant that came of it."""
    kind, _, number = subject.partition("/")
    key = "pk" if kind == "access_request" else "grant"
    return AccessRequest.objects.select_related("requester", "beneficiary", "target", "grant").get(**{key: int(number)})
