"""Who belongs to which group, and who said so. Inside one operation, which holds the person's row."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from datetime import datetime
from typing import Any

from accessrequests.models import Group, Membership, Person
from accessrequests.models.people import GroupRole, MembershipSource


def give_memberships(
    person: Person, wanted: AbstractSet[Group], *, source: MembershipSource, at: datetime
) -> dict[str, Any]:
    """Let the person belong to `wanted` as far as `source` says, and to nothing else of what it gave before.

    The file comes first: what it names becomes its own, and only the file takes that away again. The provider neither
    takes over what the file gave nor ends it. What changed is returned for the audit trail.
    """
    current = {membership.group: membership for membership in person.memberships.current().select_related("group")}
    left = []
    for group, membership in current.items():
        if membership.source == source.value and group not in wanted:
            membership.ended_at = at
            membership.save(update_fields=["ended_at"])
            left.append(group)
        elif source is MembershipSource.FILE and group in wanted and membership.source != source.value:
            membership.source = source.value
            membership.save(update_fields=["source"])
    joined = wanted - set(current)
    Membership.objects.bulk_create(
        Membership(person=person, group=group, since=at, source=source.value) for group in joined
    )
    moved = {"joined": sorted(group.name for group in joined), "left": sorted(group.name for group in left)}
    return _with_sight(person, (set(current) - set(left)) | joined) | {name: who for name, who in moved.items() if who}


def _with_sight(person: Person, groups: AbstractSet[Group]) -> dict[str, Any]:
    """Administrators, and nobody else, see the tables."""
    is_staff = any(group.role == GroupRole.ADMINISTRATOR for group in groups)
    if person.is_staff == is_staff:
        return {}
    person.is_staff = is_staff
    person.save(update_fields=["is_staff"])
    return {"is_staff": is_staff}
