"""Who may fill the steps of a whole page of requests, and what happened to them, in one question each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from accessrequests.models import AccessRequest, AuditEvent, Membership


def steps_with_people(requests: Sequence[AccessRequest]) -> dict[int, list[dict[str, object]]]:
    """Per request, the steps of its verdict, each with the people who may fill it."""
    members = _members({step["group"] for one in requests for step in one.verdict["steps"]})
    return {
        one.pk: [{**step, "people": _voices(members[step["group"]], one)} for step in one.verdict["steps"]]
        for one in requests
    }


def people_of(groups: Iterable[str], access_request: AccessRequest) -> dict[str, list[str]]:
    """Per group, the people who have a voice in the request."""
    members = _members(groups)
    return {group: _voices(members[group], access_request) for group in groups}


def _members(groups: Iterable[str]) -> Mapping[str, list[Membership]]:
    members: dict[str, list[Membership]] = defaultdict(list)
    held = Membership.objects.current().filter(group__name__in=list(groups), person__is_active=True, person__owner=None)
    for membership in held.select_related("group", "person").order_by("person__username"):
        members[membership.group.name].append(membership)
    return members


def _voices(members: Sequence[Membership], access_request: AccessRequest) -> list[str]:
    without = {access_request.requester_id, access_request.beneficiary_id}
    return [
        membership.person.username
        for membership in members
        if membership.since <= access_request.filed_at
        and membership.person_id not in without
        and membership.person.username not in access_request.owners
    ]


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
