"""What a review of access looks at: every live grant and every standing login of its targets, as they are now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from django.db.models import Q, QuerySet

from accessrequests.domain import privileges, project_roles, sentences
from accessrequests.domain.access_reviews import SubjectKind
from accessrequests.domain.kinds import KINDS
from accessrequests.domain.offline_kits import KitState
from accessrequests.domain.outside import Kind
from accessrequests.domain.privileges import Level
from accessrequests.domain.project_roles import is_project_role
from accessrequests.models import Grant, Inventory, OfflineKit, Other, Person, ReviewCampaign, ReviewItem, Target
from accessrequests.queries.holdings import ALIVE

_EXTERNAL = "@$external"
_NAMING = frozenset({"cn", "uid", "emailaddress"})
_KINDS = {Kind.USER: SubjectKind.USER, Kind.MEMBER: SubjectKind.MEMBER}


def targets_in(*, environments: Sequence[str], targets: Sequence[str]) -> QuerySet[Target]:
    """Those that are named, and those of the named environments; all of them where neither is named."""
    named = Q(slug__in=list(targets)) | Q(environment__in=list(environments))
    found = Target.objects.filter(named) if targets or environments else Target.objects.all()
    return found.order_by("slug")


def items_of(campaign: ReviewCampaign, targets: Iterable[Target], *, most: int) -> list[ReviewItem]:
    """Rows that are not saved yet, at most one more than `most`."""
    chosen = {target.pk: target for target in targets}
    grants = list(_grants(chosen)[: most + 1])
    rows = [_of_grant(campaign, grant) for grant in grants]
    for row in _standing(campaign, chosen):
        if len(rows) > most:
            break
        rows.append(row)
    return rows


def _grants(targets: Iterable[int]) -> QuerySet[Grant]:
    alive = Grant.objects.filter(target__in=list(targets), state__in=ALIVE)
    shown = alive.select_related("target", "holder__owner", "usage", "access_request__requester")
    return shown.select_related("access_request__beneficiary").order_by("target__slug", "pk")


def _of_grant(campaign: ReviewCampaign, grant: Grant) -> ReviewItem:
    asked, usage = grant.access_request, getattr(grant, "usage", None)
    hands = grant.holder.owner or grant.holder  # of a service identity, as it is owned now
    deed = sentences.deed(
        roles=asked.roles, level=Level(asked.level), target=grant.target.slug, clusters=asked.clusters
    )
    return ReviewItem(
        campaign=campaign,
        target=grant.target,
        kind=SubjectKind.GRANT.value,
        grant=grant,
        name=grant.login,
        who=grant.holder.name,
        gains=sorted({*map(str, (grant.holder, hands, asked.requester, asked.beneficiary)), *asked.owners}),
        what=deed[:1].upper() + deed[1:],
        roles=asked.roles,
        level=asked.level,
        since_at=grant.activated_at or grant.created_at,
        ends_at=grant.expires_at,
        last_used_at=usage.last_login if usage is not None else None,
        is_use_known=usage is not None,
        reviewers=_reviewers(campaign, grant.target),
    )


class _Everybody:
    """All people, read once: what they are called, and by what a login is taken for theirs where nobody says whose it is."""

    def __init__(self) -> None:
        self.names: dict[str, str] = {}
        self._hands: dict[str, set[str]] = {}
        for person in Person.objects.select_related("owner"):
            self.names[person.username] = person.name
            for known_as in {person.username.lower(), person.email.lower()}:
                self._hands.setdefault(known_as, set()).update({str(person), str(person.owner or person)})

    def by_name(self, login: str) -> list[str]:
        """Whoever a login is named like gains by it: to let one person too many not answer harms nobody."""
        named = login.lower().removesuffix(_EXTERNAL)
        # Of the subject of a certificate, or of a distinguished name: what may be a person's name in it.
        parts = [part.strip().partition("=") for part in named.split(",")]
        names = [named, *(value for key, _, value in parts if key in _NAMING)]
        return sorted(
            {hand for name in names for known in (name, name.partition("@")[0]) for hand in self._known(known)}
        )

    def _known(self, name: str) -> set[str]:
        return self._hands.get(name, set())


def _standing(campaign: ReviewCampaign, targets: Mapping[int, Target]) -> Iterator[ReviewItem]:
    """Logins that others made, members of a project, and users of offline kits, as workers last read them."""
    found = Other.objects.filter(target__in=targets, kind__in=[Kind.USER.value, Kind.MEMBER.value])
    others: dict[int, list[Other]] = {}
    for other in found.order_by("kind", "name"):
        others.setdefault(other.target_id, []).append(other)
    read = {one.target_id: one for one in Inventory.objects.filter(target__in=targets)}
    kits = OfflineKit.objects.filter(target__in=targets).exclude(state=KitState.ENDED.value)
    kit_of = {kit.target_id: kit for kit in kits}
    everybody = _Everybody()
    for pk, target in targets.items():
        inventory, listed = read.get(pk), others.get(pk, [])
        for other in listed:
            yield _of_login(campaign, target, inventory, other, everybody)
        if inventory is not None:
            known = {other.name for other in listed}
            for name in sorted(inventory.users.keys() - known):
                if all(map(is_project_role, inventory.users[name])):
                    member = Other(target=target, kind=Kind.MEMBER.value, name=name, first_seen_at=inventory.read_at)
                    yield _of_login(campaign, target, inventory, member, everybody)
        if pk in kit_of:
            yield _of_kit(campaign, target, inventory, kit_of[pk])


def _of_kit(campaign: ReviewCampaign, target: Target, inventory: Inventory | None, kit: OfflineKit) -> ReviewItem:
    return ReviewItem(
        campaign=campaign,
        target=target,
        kind=SubjectKind.KIT.value,
        name=kit.username,
        who=f"The offline kit, its halves with {' and '.join(kit.holders)}",
        gains=sorted(kit.holders),
        what=", ".join(kit.roles),
        roles=kit.roles,
        level=level_of(inventory, kit.roles).value,
        since_at=kit.made_at or kit.ordered_at,
        last_used_at=kit.spent_at,
        is_use_known=True,
        reviewers=_reviewers(campaign, target),
    )


def _of_login(
    campaign: ReviewCampaign, target: Target, inventory: Inventory | None, other: Other, everybody: _Everybody
) -> ReviewItem:
    users: Mapping[str, list[str]] = inventory.users if inventory is not None else {}
    roles = list(users.get(other.name, ()))
    declared = whose(target, other.name)
    who, gains = declared or ("", everybody.by_name(other.name))
    keeps_logins = other.kind == Kind.USER and target.kind in KINDS and KINDS[target.kind].keeps_logins
    return ReviewItem(
        campaign=campaign,
        target=target,
        kind=(SubjectKind.OWN if other.is_own else _KINDS[Kind(other.kind)]).value,
        name=other.name,
        who=everybody.names.get(who, who)[:300],
        gains=gains,
        what=", ".join(roles) or other.detail or "No role",
        roles=roles,
        level=level_of(inventory, roles).value if roles else "",
        since_at=other.made_at or other.first_seen_at,
        last_used_at=other.last_login_at,
        is_use_known=keeps_logins,
        made_by=other.made_by,
        reviewers=_reviewers(campaign, target),
    )


def whose(target: Target, name: str) -> tuple[str, list[str]] | None:
    """The person, service or group that the catalogue says a login belongs to, and everybody who gains by it."""
    for person, member in target.declared.get("members", {}).items():
        if member == name:
            return person, [person]
    declared: Mapping[str, Mapping[str, Any]] = {
        **target.declared.get("database_users", {}),
        **target.declared.get("principals", {}),
    }
    said = declared.get(name) or declared.get(name.removesuffix(_EXTERNAL))
    if not said:
        return None
    if "person" in said:
        return said["person"], [said["person"]]
    gains = sorted(str(one) for one in (*said.get("owners", ()), *said.get("members", ())))
    kind = next((kind for kind in ("service", "group") if kind in said), "")
    return (f"the {kind} {said[kind]}" if kind else ""), gains


def level_of(inventory: Inventory | None, roles: Sequence[str]) -> Level:
    """What the roles of a login come to. One that is not known counts as the most."""
    known = inventory.roles if inventory is not None else {}
    levels = [
        privileges.level_of(privileges.from_json(known[role])) if role in known else project_roles.level_of([role])
        for role in roles
    ]
    return max(levels, default=Level.READ)


def _reviewers(campaign: ReviewCampaign, target: Target) -> list[str]:
    return list(campaign.reviewers) or [target.owner]
