"""Custom roles of a project as people read and change them: what each lets one do, who has it, what a change comes to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from django.db.models import Q, QuerySet

from accessrequests.domain import custom_role_rules, policy, privileges, role_definitions
from accessrequests.domain.custom_role_rules import RoleAsk, RoleVerdict
from accessrequests.domain.custom_roles import OPEN, OURS, ChangeKind, Project, why_not
from accessrequests.domain.kinds import KINDS
from accessrequests.domain.lifecycle import GrantState
from accessrequests.domain.plain_text import visible_length, why_unreadable
from accessrequests.domain.privileges import Level, Privilege, UnknownRole
from accessrequests.domain.role_definitions import ADMIN, Definition, InvalidDefinition, expand_all, from_json
from accessrequests.domain.sharing import SharedKind
from accessrequests.domain.wording import people_needed
from accessrequests.models import (
    AuditEvent,
    CustomRoleChange,
    Grant,
    Inventory,
    Person,
    PolicyVersion,
    SharedUse,
    Target,
)
from accessrequests.queries import asks, outside, people, principals, room
from accessrequests.queries.ask_fields import REASON_MAXIMUM
from accessrequests.queries.asks import Invalid, NotReadYet
from accessrequests.queries.belonging import Belonging
from accessrequests.queries.rules import rules_of

MOST_SHOWN = 20


@dataclass(frozen=True, slots=True)
class CustomRole:
    """One custom role as it was read: what it lets one do, who has it, and whether it is ours.

    `accesses` are live grants that use it, `heirs` roles that inherit from it, `users` those who stand there anyway.
    """

    name: str
    definition: Definition
    level: Level
    what_this_lets_you_do: Sequence[str]
    users: Sequence[str]
    heirs: Sequence[str]
    accesses: Sequence[int]
    is_ours: bool
    change: CustomRoleChange | None
    made_by: int | None  # the change by which it came


@dataclass(frozen=True, slots=True)
class Proposed:
    """A change as somebody wrote it."""

    target: str
    kind: ChangeKind
    role: str
    reason: str
    privileges: tuple[str, ...] = ()
    inherits: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Effect:
    """What a change comes to for somebody who has the role, with all other roles that they have."""

    holder: str
    changes: Sequence[str]


@dataclass(frozen=True, slots=True)
class Considered:
    """A change that can be judged, with all that was looked up for it."""

    target: Target
    proposed: Proposed
    before: Definition | None
    after: Definition | None
    version: PolicyVersion
    verdict: RoleVerdict
    what_this_lets_you_do: Sequence[str]
    what_changes: Sequence[str]
    effects: Sequence[Effect]
    warnings: Sequence[str]

    @property
    def named(self) -> Sequence[Effect]:
        """For those who may know who has what."""
        return self.effects[:MOST_SHOWN]

    @property
    def counted(self) -> Sequence[Effect]:
        """The same for everybody else: how many logins it comes to what for."""
        numbers = Counter(tuple(effect.changes) for effect in self.effects)
        return [Effect(logins(number), changes) for changes, number in numbers.items()][:MOST_SHOWN]


def logins(number: int) -> str:
    return "1 login" if number == 1 else f"{number} logins"


def visible_to(belonging: Belonging) -> QuerySet[CustomRoleChange]:
    """One's own, those that one's groups decide on, and all of them for auditors and administrators."""
    changes = CustomRoleChange.objects.select_related("target", "proposer").order_by("-pk")
    if belonging.sees_all:
        return changes
    return changes.filter(Q(proposer=belonging.person) | Q(step_groups__overlap=sorted(belonging.since)))


def has_custom_roles(target: Target) -> bool:
    """Whether its custom roles are things that people manage here."""
    return KINDS[target.kind].has_clusters


def of_target(target: Target) -> list[CustomRole]:
    """Every custom role of the project, by name.

    :raises NotReadYet: before a worker has read them.
    """
    inventory = _inventory(target)
    project, known = _project(inventory), _known(inventory)
    accesses, made = _accesses(target), _made(target)
    changes = {change.role: change for change in _open_changes(target)}
    by_change = outside.made_by_change(target.slug)
    return [
        CustomRole(
            name=name,
            definition=definition,
            level=privileges.level_of(known.get(f"{name}@{ADMIN}", ())),
            what_this_lets_you_do=privileges.what_this_lets_you_do(known.get(f"{name}@{ADMIN}", ())),
            users=project.users_of(name),
            heirs=project.heirs_of(name),
            accesses=sorted({*accesses.get(f"{name}@{ADMIN}", ()), *made.get(name, ())}),
            is_ours=name.startswith(OURS) and name in made,
            change=changes.get(name),
            made_by=by_change.get(name),
        )
        for name, definition in sorted(project.roles.items())
    ]


def consider(
    *, proposer: Person, proposed: Proposed, groups: frozenset[str], version: PolicyVersion | None = None
) -> Considered:
    """Judge a change as things are; nothing is filed.

    :raises Invalid: when it means nothing, or Atlas would not have it.
    :raises NotReadYet: when the inventory or the policy is missing.
    """
    target = _target(proposed.target)
    inventory = _inventory(target)
    project, before_all = _project(inventory), _known(inventory)
    after = _after(proposed)
    refusal = why_not(project, proposed.kind, proposed.role, after) or _why_not_used(target, proposed)
    if refusal:
        raise Invalid({"role": [refusal]})
    _check_reason(proposed.reason)
    definitions = {name: held for name, held in project.roles.items() if name != proposed.role}
    if after is not None:
        _check_inherits(after, before_all)
        definitions[proposed.role] = after
    after_all = expand_all(definitions, _built_in(inventory))
    name = f"{proposed.role}@{ADMIN}"
    old, new = before_all.get(name, ()), after_all.get(name, ())
    version = version or asks.current_policy()
    rules = rules_of(version)
    level = privileges.level_of([*old, *new])
    ask = RoleAsk(target.slug, target.environment, level, proposer.username, groups)
    verdict = custom_role_rules.evaluate(rules.custom_roles, ask, policy=rules.name, version=version.version)
    full = room.why_no_role(target) if proposed.kind is ChangeKind.CREATE else ""
    return Considered(
        target=target,
        proposed=proposed,
        before=project.roles.get(proposed.role),
        after=after,
        version=version,
        verdict=custom_role_rules.refused(verdict, full) if full else verdict,
        what_this_lets_you_do=privileges.what_this_lets_you_do(new),
        what_changes=privileges.what_changes(old, new),
        effects=_effects(project, proposed.role, before_all, after_all),
        warnings=_warnings(target, proposed, old, new),
    )


def judge_again(change: CustomRoleChange) -> Considered:
    """As things are now; the verdict is the stricter of what was said, the pinned policy's and the current one's.

    :raises Invalid: when it would mean something else by now. :raises NotReadYet: when it cannot be judged.
    """
    after = change.after or {"privileges": (), "inherits": ()}
    proposed = Proposed(
        target=change.target.slug,
        kind=ChangeKind(change.kind),
        role=change.role,
        reason=change.reason,
        privileges=tuple(after["privileges"]),
        inherits=tuple(after["inherits"]),
    )
    groups = people.groups_of(change.proposer)
    considered = consider(proposer=change.proposer, proposed=proposed, groups=groups)
    if (considered.before.to_json() if considered.before else None) != change.before:
        raise Invalid({"role": [f"{change.role} was changed meanwhile. Look at it, and propose the change again."]})
    pinned = consider(proposer=change.proposer, proposed=proposed, groups=groups, version=change.policy_version)
    verdict = custom_role_rules.stricter(custom_role_rules.from_json(change.verdict), pinned.verdict)
    return _with(considered, custom_role_rules.stricter(verdict, considered.verdict))


def lost_eligibility(change: CustomRoleChange) -> str:
    """Why whoever proposed it could not today, by the policy that it was proposed under; or empty."""
    refusals = _evaluated(change, change.policy_version).refusals
    return refusals[0].sentence if refusals else ""


def _evaluated(change: CustomRoleChange, version: PolicyVersion) -> RoleVerdict:
    rules, groups = rules_of(version), people.groups_of(change.proposer)
    ask = RoleAsk(change.target.slug, change.target.environment, Level(change.level), change.proposer.username, groups)
    return custom_role_rules.evaluate(rules.custom_roles, ask, policy=rules.name, version=version.version)


def why_not_any_more(change: CustomRoleChange) -> str:
    """Why an approved change may not be made today: whoever proposed it could not, or more people are asked; or empty."""
    verdict = _evaluated(change, asks.current_policy())
    if verdict.refusals:
        return verdict.refusals[0].sentence
    missing = policy.open_steps(verdict.steps, answers_of(change))
    return f"By the policy of today {people_needed(missing)} must approve it, too. Propose it again." if missing else ""


def gainers(target: Target, role: str) -> frozenset[str]:
    """The people whose logins or accesses have the role, directly or in another one: none of them decides on it."""
    project = _project(_inventory(target))
    reached = _with_heirs(project, role)
    found = (principals.named(target, user) for user, held in project.users.items() if reached & set(held))
    standing = {owner for principal in found if principal is not None for owner in principal.owners}
    alive = Grant.objects.filter(target=target).exclude(state=GrantState.REVOKED.value)
    uses = alive.values_list("access_request__roles", "holder__username", "access_request__owners")
    using = ({holder, *owners} for roles, holder, owners in uses if not reached.isdisjoint(roles))
    return frozenset(standing.union(*using))


def open_change(target: Target, role: str) -> CustomRoleChange | None:
    return _open_changes(target).filter(role=role).first()


def answers_of(change: CustomRoleChange) -> list[policy.Given]:
    return [policy.Given(one["person"], frozenset(one["groups"])) for one in change.answers]


def _with(considered: Considered, verdict: RoleVerdict) -> Considered:
    return Considered(**{name: getattr(considered, name) for name in considered.__slots__} | {"verdict": verdict})


def _target(slug: str) -> Target:
    target = Target.objects.select_related("inventory").filter(slug=slug, retired_at=None).first()
    if target is None or not has_custom_roles(target):
        raise Invalid({"target": [f"There is no project called {slug} whose custom roles could be changed here."]})
    return target


def _inventory(target: Target) -> Inventory:
    inventory: Inventory | None = getattr(target, "inventory", None)
    if inventory is None:
        raise NotReadYet(f"What {target.slug} has to offer has not been read yet. Try again in a minute.")
    return inventory


def _project(inventory: Inventory) -> Project:
    return Project({name: from_json(held) for name, held in inventory.custom_roles.items()}, inventory.users)


def _known(inventory: Inventory) -> dict[str, tuple[Privilege, ...]]:
    return {name: privileges.from_json(stored) for name, stored in inventory.roles.items()}


def _built_in(inventory: Inventory) -> dict[str, tuple[Privilege, ...]]:
    custom = {f"{name}@{ADMIN}" for name in inventory.custom_roles}
    return {name: held for name, held in _known(inventory).items() if name not in custom}


def _after(proposed: Proposed) -> Definition | None:
    if proposed.kind is ChangeKind.DELETE:
        return None
    try:
        return role_definitions.read(proposed.privileges, proposed.inherits)
    except InvalidDefinition as error:
        raise Invalid(error.errors) from error


def _check_inherits(after: Definition, roles: Mapping[str, Sequence[Privilege]]) -> None:
    try:
        role_definitions.expand(after, roles)
    except UnknownRole as error:
        raise Invalid({"inherits": [str(error)]}) from error


def _check_reason(reason: str) -> None:
    wrong = why_unreadable(reason)
    if not visible_length(reason):
        wrong = "Say why, so that those who decide know."
    elif len(reason) > REASON_MAXIMUM:
        wrong = f"Keep the reason within {REASON_MAXIMUM} characters."
    if wrong:
        raise Invalid({"reason": [wrong]})


def _why_not_used(target: Target, proposed: Proposed) -> str:
    using = _accesses(target).get(f"{proposed.role}@{ADMIN}", [])
    if proposed.kind is not ChangeKind.DELETE or not using:
        return ""
    return f"{_accesses_named(using)} {proposed.role}. End {'it' if len(using) == 1 else 'them'} first, or wait."


def _warnings(target: Target, proposed: Proposed, old: Sequence[Privilege], new: Sequence[Privilege]) -> list[str]:
    using = _accesses(target).get(f"{proposed.role}@{ADMIN}", [])
    if not using or not privileges.difference(new, old):
        return []
    return [
        f"{_accesses_named(using)} {proposed.role}, and will be ended: it would allow more than was approved for that."
    ]


def _accesses_named(numbers: Sequence[int]) -> str:
    named = ", ".join(map(str, numbers[:MOST_SHOWN]))
    return f"Access {named} uses" if len(numbers) == 1 else f"The accesses {named} use"


def _effects(
    project: Project,
    role: str,
    before: Mapping[str, Sequence[Privilege]],
    after: Mapping[str, Sequence[Privilege]],
) -> list[Effect]:
    """For each who has it, directly or by inheriting, the union before and after: the highest of any role counts."""
    reached = _with_heirs(project, role)
    holders = {user: held for user, held in project.users.items() if reached & set(held)}
    effects = []
    for user, held in sorted(holders.items()):
        old = privileges.union(*(before.get(name, ()) for name in held))
        new = privileges.union(*(after.get(name, ()) for name in held))
        effects.append(Effect(user, privileges.what_changes(old, new)))
    return effects


def _with_heirs(project: Project, role: str) -> set[str]:
    reached, waiting = set[str](), [role]
    while waiting:
        name = waiting.pop()
        if f"{name}@{ADMIN}" not in reached:
            reached.add(f"{name}@{ADMIN}")
            waiting += project.heirs_of(name)
    return reached


def _accesses(target: Target) -> dict[str, list[int]]:
    """The grants that are not over, by each role that they were asked for with."""
    alive = Grant.objects.filter(target=target).exclude(state=GrantState.REVOKED.value).order_by("pk")
    using: dict[str, list[int]] = {}
    for number, roles in alive.values_list("pk", "access_request__roles"):
        for role in roles:
            using.setdefault(role, []).append(number)
    return using


def _made(target: Target) -> dict[str, list[int]]:
    """The roles that were made for accesses, each with those that use it."""
    made: dict[str, list[int]] = {}
    uses = SharedUse.objects.filter(shared__target=target, shared__kind=SharedKind.CUSTOM_ROLE.value).order_by("grant")
    for number, wants in uses.values_list("grant", "wants"):
        for name in wants.get("names", ()):
            made.setdefault(name, []).append(number)
    return made


def _open_changes(target: Target) -> QuerySet[CustomRoleChange]:
    waiting = [state.value for state in OPEN]
    return CustomRoleChange.objects.select_related("proposer").filter(target=target, state__in=waiting)


def trail_of(change: CustomRoleChange) -> list[AuditEvent]:
    """Everything that happened to it, oldest first."""
    return list(AuditEvent.objects.filter(subject=str(change)).order_by("sequence"))
