"""What a person's groups let them see and do, looked up once for a whole page or operation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from accessrequests.models import AccessRequest, Membership, Person
from accessrequests.models.people import GroupRole
from accessrequests.queries import people


@dataclass(frozen=True, slots=True)
class Belonging:
    """The groups that a person belongs to now, each with since when, and the roles that come with them."""

    person: Person
    since: Mapping[str, datetime]
    roles: frozenset[GroupRole]

    @property
    def sees_all(self) -> bool:
        return bool(self.roles & {GroupRole.AUDITOR, GroupRole.ADMINISTRATOR})

    @property
    def administers(self) -> bool:
        return GroupRole.ADMINISTRATOR in self.roles

    def gains(self, access_request: AccessRequest) -> bool:
        """Who asks, who gets it, and who owns the service identity that gets it."""
        return self.person.pk == access_request.requester_id or self.person.stands_for(access_request.beneficiary)

    def benefits(self, access_request: AccessRequest) -> bool:
        """Whoever gains, and every owner of the login that gets more: none of them decides."""
        return self.gains(access_request) or self.person.username in access_request.owners

    def voices(self, access_request: AccessRequest) -> frozenset[str]:
        """The groups that give a voice: asked now, and held already when the request was filed."""
        return frozenset(
            group
            for group in access_request.step_groups
            if group in self.since and self.since[group] <= access_request.filed_at
        )

    def has_answered(self, access_request: AccessRequest) -> bool:
        return any(approval.person_id == self.person.pk for approval in access_request.approvals.all())

    def sees(self, access_request: AccessRequest) -> bool:
        """The same as `access_requests.visible_to`, of one request that is at hand with its approvals."""
        asked = bool(self.since.keys() & set(access_request.step_groups))
        return self.sees_all or self.gains(access_request) or asked or self.has_answered(access_request)

    def may_comment(self, access_request: AccessRequest) -> bool:
        """Those who ask, those who are asked or have answered, and administrators. Auditors only read."""
        asked = bool(self.since.keys() & set(access_request.step_groups))
        takes_part = self.administers or self.gains(access_request) or asked or self.has_answered(access_request)
        return self.person.is_active and takes_part

    def may_review(self, access_request: AccessRequest) -> bool:
        """Whoever the policy named as reviewers of a break-glass, but for the one who did it."""
        named = set(access_request.break_glass.review_groups) if access_request.is_break_glass else set()
        return not self.benefits(access_request) and bool(self.since.keys() & named)

    def may_end(self, access_request: AccessRequest) -> bool:
        """Administrators, and those who may decide on the request that the access came from."""
        return self.administers or (not self.benefits(access_request) and bool(self.voices(access_request)))


def belonging_of(person: Person) -> Belonging:
    held = Membership.objects.filter(person=person, person__is_active=True).current().select_related("group")
    found = list(held)
    return Belonging(person, {one.group.name: one.since for one in found}, people.roles_from(found))
