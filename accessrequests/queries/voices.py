"""Who may fill the steps of a whole page of requests, and what happened to them, in one question each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef

from accessrequests.domain.approvals import Given
from accessrequests.models import AccessRequest, AuditEvent, Membership
from accessrequests.queries.people import memberships_of_people, running_delegations

# Who, and in whose place; nothing where it is their own.
Voice = tuple[str, str]


def steps_with_people(requests: Sequence[AccessRequest]) -> dict[int, list[dict[str, object]]]:
    """Per request, the steps of its verdict, each with the people who may fill it, by themselves or for somebody."""
    members = _members({step["group"] for one in requests for step in one.verdict["steps"]})
    return {
        one.pk: [{**step, "people": _names(_in(one, members[step["group"]]))} for step in one.verdict["steps"]]
        for one in requests
    }


def with_people(verdict: dict[str, Any], *, without: Collection[int], since: datetime) -> dict[str, Any]:
    """A verdict on what is not filed yet, each step with the people who may fill it; `voices` is how many they have
    together: whoever answers for somebody adds none.
    """
    members = _members(step["group"] for step in verdict["steps"])
    steps = []
    for step in verdict["steps"]:
        heard = _heard(members[step["group"]], since=since, without=without)
        voices = sum(1 for _, giver in heard if not giver)
        steps.append({**step, "people": _names(heard), "voices": voices})
    return {**verdict, "steps": steps}


def people_of(groups: Iterable[str], access_request: AccessRequest) -> dict[str, list[Given]]:
    """Per group, those who have a voice in the request: their own, or one that was lent to them."""
    members = _members(groups)
    return {
        group: [Given(who, frozenset({group}), giver) for who, giver in _in(access_request, members[group])]
        for group in groups
    }


def _members(groups: Iterable[str]) -> Mapping[str, list[Membership]]:
    """Each with `stand_ins`: who answers in their place now."""
    members: dict[str, list[Membership]] = defaultdict(list)
    held = memberships_of_people().filter(group__name__in=list(groups))
    running = running_delegations().filter(giver=OuterRef("person")).order_by("stand_in__username")
    found = held.annotate(
        stand_ins=ArraySubquery(running.values_list("stand_in__username")),
        stand_in_ids=ArraySubquery(running.values_list("stand_in")),
    )
    for membership in found.select_related("group", "person").order_by("person__username"):
        members[membership.group.name].append(membership)
    return members


def _in(access_request: AccessRequest, members: Iterable[Any]) -> list[Voice]:
    without = {access_request.requester_id, access_request.beneficiary_id}
    return _heard(members, since=access_request.filed_at, without=without, owners=access_request.owners)


def _heard(
    members: Iterable[Any], *, since: datetime, without: Collection[int], owners: Collection[str] = ()
) -> list[Voice]:
    """Who may answer, and for whom where it is not for themselves; nobody who would gain by it, on either side."""

    def counts(pk: int, username: str) -> bool:
        return pk not in without and username not in owners

    heard = [one for one in members if one.since <= since and counts(one.person_id, one.person.username)]
    own = [(one.person.username, "") for one in heard]
    lent = [
        (username, one.person.username)
        for one in heard
        for pk, username in zip(one.stand_in_ids, one.stand_ins, strict=True)
        if counts(pk, username)
    ]
    return [*own, *lent]


def _names(voices: Iterable[Voice]) -> list[str]:
    return list(dict.fromkeys(who for who, _ in voices))


def timeline_of(access_request: AccessRequest) -> list[AuditEvent]:
    return timelines([access_request])[access_request.pk]


def timelines(requests: Sequence[AccessRequest]) -> dict[int, list[AuditEvent]]:
    """Per request, everything that happened to it and to the grant that came of it, oldest first."""
    owner: dict[str, int] = {}
    for one in requests:
        owner[str(one)] = one.pk
        grant = getattr(one, "grant", None)
        if grant is not None:
            owner[str(grant)] = one.pk
    found: dict[int, list[AuditEvent]] = {one.pk: [] for one in requests}
    for event in AuditEvent.objects.filter(subject__in=owner).order_by("sequence"):
        found[owner[event.subject]].append(event)
    return found
