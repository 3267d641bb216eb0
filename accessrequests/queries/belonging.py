"""What a person's groups let them see and do, looked up once for a whole page or operation."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now

from accessrequests.domain.approvals import Given
from accessrequests.models import AccessRequest, Approval, Delegation, Membership, Person
from accessrequests.models.people import GroupRole
from accessrequests.queries import people


def gains(person: Person, access_request: AccessRequest) -> bool:
    """Who asks, who gets it, and who owns the service identity that gets it."""
    return person.pk == access_request.requester_id or person.stands_for(access_request.beneficiary)


def benefits(person: Person, access_request: AccessRequest) -> bool:
    """Whoever gains, and every owner of the login that gets more: none of them decides."""
    return gains(person, access_request) or person.username in access_request.owners


@dataclass(frozen=True, slots=True)
class Lent:
    """The voice of somebody who is away: their groups, each with since when, and none of their roles."""

    giver: Person
    since: Mapping[str, datetime]

    def about(self, prefix: str = "") -> Q:
        """Requests that ask one of these groups, but for those that the giver would gain by."""
        asked = Q(**{f"{prefix}step_groups__overlap": sorted(self.since)})
        return asked & ~self._own(prefix)

    def wants(self) -> Q:
        """What still wants somebody of these groups, as long as neither the giver nor anybody for them has answered."""
        spoken = Approval.objects.filter(access_request=OuterRef("pk"), revision=OuterRef("revision"))
        spent = Q(Exists(spoken.filter(Q(person=self.giver) | Q(on_behalf_of=self.giver))))
        return _wanted(self.since) & ~self._own("") & ~spent

    def _own(self, prefix: str) -> Q:
        return (
            Q(**{f"{prefix}requester": self.giver})
            | Q(**{f"{prefix}beneficiary": self.giver})
            | Q(**{f"{prefix}beneficiary__owner": self.giver})
            | Q(**{f"{prefix}owners__contains": [self.giver.username]})
        )

    def is_asked(self, access_request: AccessRequest) -> bool:
        return bool(self.since.keys() & set(access_request.step_groups)) and not benefits(self.giver, access_request)

    def has_voice(self, access_request: AccessRequest) -> bool:
        """Whether it is one of those who may decide, or might have."""
        held = _held(self.since, access_request.step_groups, access_request.filed_at)
        return bool(held) and not benefits(self.giver, access_request)


@dataclass(frozen=True, slots=True)
class Belonging:
    """The groups that a person belongs to now, each with since when, the roles that come with them, and lent voices."""

    person: Person
    since: Mapping[str, datetime]
    roles: frozenset[GroupRole]
    lent: Sequence[Lent] = ()

    @property
    def sees_all(self) -> bool:
        return bool(self.roles & {GroupRole.AUDITOR, GroupRole.ADMINISTRATOR})

    @property
    def administers(self) -> bool:
        return GroupRole.ADMINISTRATOR in self.roles

    def gains(self, access_request: AccessRequest) -> bool:
        return gains(self.person, access_request)

    def benefits(self, access_request: AccessRequest) -> bool:
        return benefits(self.person, access_request)

    def voices(self, access_request: AccessRequest, *, wanted: Collection[str] | None = None) -> tuple[Given, ...]:
        """Their own voice and those lent to them, as far as they count: asked now (of `wanted`, where today's policy
        asks others), and held already when the request was filed.
        """
        asked = frozenset(access_request.step_groups if wanted is None else wanted)
        own = Given(self.person.username, _held(self.since, asked, access_request.filed_at))
        lent = (
            Given(self.person.username, _held(one.since, asked, access_request.filed_at), one.giver.username)
            for one in self.lent
            if not benefits(one.giver, access_request)
        )
        return tuple(voice for voice in (own, *lent) if voice.groups)

    def why_not_lent(self, access_request: AccessRequest) -> str:
        """Why a voice that is lent to them does not count here; empty when there is none."""
        for one in self.lent:
            name = one.giver.username
            if not one.since.keys() & set(access_request.step_groups):
                continue
            if benefits(one.giver, access_request):
                return f"You stand in for {name}, who would gain by it: that voice does not count here."
            return f"You stand in for {name}, who joined after it was filed."
        return ""

    def has_answered(self, access_request: AccessRequest) -> bool:
        return any(approval.person_id == self.person.pk for approval in access_request.approvals.all())

    def is_asked(self, access_request: AccessRequest) -> bool:
        own = bool(self.since.keys() & set(access_request.step_groups))
        return own or any(one.is_asked(access_request) for one in self.lent)

    def asked_about(self, prefix: str = "") -> Q:
        """The same of many; `prefix` leads to the request. None for a person in no group."""
        asked = Q(**{f"{prefix}step_groups__overlap": sorted(self.since)})
        for one in self.lent:
            asked |= one.about(prefix)
        return asked

    def has_voice_in(self, prefix: str = "") -> Q:
        """Of many: those that ask one of these groups, which held when it was filed, or of those of a lent voice."""
        voiced = _decided_by(self.since, prefix)
        for one in self.lent:
            voiced |= _decided_by(one.since, prefix) & one.about(prefix)
        return voiced

    def sees(self, access_request: AccessRequest) -> bool:
        """The same as `access_requests.visible_to`, of one request that is at hand with its approvals."""
        takes_part = self.gains(access_request) or self.is_asked(access_request) or self.has_answered(access_request)
        return self.sees_all or takes_part

    def may_comment(self, access_request: AccessRequest) -> bool:
        """Those who ask, those who are asked or have answered, and administrators. Auditors only read."""
        takes_part = self.gains(access_request) or self.is_asked(access_request) or self.has_answered(access_request)
        return self.person.is_active and (self.administers or takes_part)

    def may_review(self, access_request: AccessRequest) -> bool:
        """Whoever the policy named as reviewers of a break-glass, but for the one who did it. No voice is lent for it."""
        named = set(access_request.break_glass.review_groups) if access_request.is_break_glass else set()
        return not self.benefits(access_request) and bool(self.since.keys() & named)

    def may_end(self, access_request: AccessRequest) -> bool:
        """Administrators, and those who may decide on the request that the access came from."""
        own = bool(_held(self.since, access_request.step_groups, access_request.filed_at))
        has_voice = own or any(one.has_voice(access_request) for one in self.lent)
        return self.administers or (has_voice and not self.benefits(access_request))

    def wants(self) -> Q:
        """What still wants their voice, or one that is lent to them and not yet given."""
        wanted = _wanted(self.since)
        for one in self.lent:
            wanted |= one.wants()
        return wanted


def belonging_of(person: Person, *, at: datetime | Now = people.NOW) -> Belonging:
    """One question, for the person and for those in whose place they answer. `at`: of whoever decides, after the lock."""
    givers = Delegation.objects.running(at).filter(stand_in=person).values("giver")
    me = Person.objects.filter(pk=person.pk).values("pk")
    held = Membership.objects.filter(person__in=me.union(givers), person__is_active=True).current()
    found = list(held.select_related("group", "person"))
    # A service may be in a group to be eligible, and has no voice and no sight from it.
    own = [one for one in found if one.person_id == person.pk and not person.is_service]
    roles = people.roles_from(own)
    others: dict[Person, dict[str, datetime]] = defaultdict(dict)
    # Auditors decide nothing, in nobody's place either.
    for one in found if GroupRole.AUDITOR not in roles else ():
        if one.person_id != person.pk:
            others[one.person][one.group.name] = one.since
    lent = tuple(Lent(giver, others[giver]) for giver in sorted(others, key=str))
    return Belonging(person, {one.group.name: one.since for one in own}, roles, lent)


def _held(since: Mapping[str, datetime], asked: Collection[str], filed_at: datetime) -> frozenset[str]:
    return frozenset(group for group in asked if group in since and since[group] <= filed_at)


def _decided_by(since: Mapping[str, datetime], prefix: str) -> Q:
    voiced = Q(pk__in=[])
    for group, joined in since.items():
        voiced |= Q(**{f"{prefix}step_groups__contains": [group], f"{prefix}filed_at__gte": joined})
    return voiced


def _wanted(since: Mapping[str, datetime]) -> Q:
    """What still wants somebody of these groups, but for what was filed before they were joined: no voice in that."""
    wanted = Q(pk__in=[])
    for group, joined in since.items():
        wanted |= Q(wanted_groups__contains=[group], filed_at__gte=joined)
    return wanted
