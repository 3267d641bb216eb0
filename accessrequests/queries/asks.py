"""What an ask comes to: is it possible at all, what would it let the person do, and what does the policy say.

The preview, the filing, the decision and the opening of the grant all judge here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial, reduce
from typing import Any

from accessrequests.domain import extending, policy, privileges, project_roles
from accessrequests.domain.breaking import Evaluate, evaluator
from accessrequests.domain.kinds import KINDS
from accessrequests.domain.networks import Network, write_network
from accessrequests.domain.plain_text import visible_length
from accessrequests.domain.privileges import Level, Privilege, RoleRef
from accessrequests.models import AccessRequest, Grant, Inventory, Person, PolicyVersion, Target
from accessrequests.models.access_requests import AccessKind
from accessrequests.queries import limits, on_call, people, principals, vouched
from accessrequests.queries.ask_facts import ask_of, use, use_of, what_for
from accessrequests.queries.ask_fields import check_start, check_words, read_addresses
from accessrequests.queries.ask_offers import check_network_gate, check_offer
from accessrequests.queries.principals import Principal
from accessrequests.queries.roles_asked import expand, near, read_at, read_roles
from accessrequests.queries.rules import rules_of

MOST_CLUSTERS = 20


class Invalid(Exception):
    """The ask cannot be judged as it stands. `errors` says, per field, what is wrong and what to do."""

    def __init__(self, errors: Mapping[str, Sequence[str]]) -> None:
        super().__init__(" ".join(sentence for sentences in errors.values() for sentence in sentences))
        self.errors = {name: list(sentences) for name, sentences in errors.items()}


class NotReadYet(Exception):
    """The target's inventory or the policy is not there, so nothing can be judged."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a person typed, already of the right types."""

    target: str
    kind: str
    roles: tuple[str, ...]
    duration: timedelta
    reason: str
    authentication: str = "scram"
    clusters: tuple[str, ...] = ()
    source_addresses: tuple[str, ...] = ()
    grantee: str = ""
    starts_at: datetime | None = None
    ticket: str = ""
    database_user: str = ""
    principal: str = ""


@dataclass(frozen=True, slots=True)
class Considered:
    """An ask that can be judged, with all that was looked up for it."""

    asked: Asked
    target: Target
    beneficiary: Person
    policy_version: PolicyVersion
    verdict: policy.Verdict
    roles: tuple[RoleRef, ...]
    privileges: Mapping[str, tuple[Privilege, ...]]
    clusters: tuple[str, ...]
    networks: tuple[Network, ...]
    groups: Mapping[str, frozenset[str]] = field(default_factory=dict)
    principal: Principal = field(default_factory=lambda: Principal(""))

    @property
    def owners(self) -> tuple[str, ...]:
        """Who gains by it beside those who ask and get it: the owners of the login, and of the service identity."""
        owner = self.beneficiary.owner
        return tuple(dict.fromkeys([*self.principal.owners, *([owner.username] if owner else [])]))

    @property
    def source_addresses(self) -> tuple[str, ...]:
        return tuple(map(write_network, self.networks))

    @property
    def use(self) -> dict[str, Any]:
        """What it is for and how it would be used, as a policy looks at it."""
        how = use(self.target, self.asked.kind, self.asked.authentication, self.clusters, self.networks)
        return how | what_for(self.asked.kind, self.privileges)


def current_policy() -> PolicyVersion:
    """:raises NotReadYet: when nothing has been published, so that nothing may be asked."""
    version = PolicyVersion.objects.order_by("-version").first()
    if version is None:
        raise NotReadYet("No policy has been published yet, so nothing can be asked for. Ask an administrator.")
    return version


def _current_beside(access_request: AccessRequest, pinned: PolicyVersion) -> PolicyVersion:
    return pinned if getattr(access_request, "newest_policy", None) == pinned.version else current_policy()


def consider(
    *,
    requester: Person,
    asked: Asked,
    at: datetime,
    is_draft: bool = False,
    version: PolicyVersion | None = None,
    target: Target | None = None,
    groups: frozenset[str] | None = None,
) -> Considered:
    """Judge an ask as of `at`; of a draft, whose reason is still to be written, everything but the reason.

    `version` is the current policy, `target` the one that is asked for and `groups` the requester's, where the same
    page has read them already.
    :raises Invalid: when a field names something that is not there, not offered or not sensible.
    :raises NotReadYet: when the target's inventory or the policy is missing.
    """
    errors: dict[str, list[str]] = {}
    target = target or Target.objects.select_related("inventory").filter(slug=asked.target, retired_at=None).first()
    if target is None:
        raise Invalid({"target": [f"There is no target called {asked.target}. GET targets/ lists them."]})
    beneficiary = _beneficiary(target, requester, asked, errors)
    check_offer(target, kind=asked.kind, authentication=asked.authentication, errors=errors)
    check_words(reason=asked.reason, ticket=asked.ticket, errors=errors, is_draft=is_draft)
    check_start(asked.starts_at, at=at, errors=errors)
    networks = read_addresses(asked.source_addresses, errors)
    check_network_gate(target, kind=asked.kind, addresses=asked.source_addresses, errors=errors)
    clusters = _clusters(target, asked.clusters, errors)
    principals.check_reach(kind=asked.kind, clusters=clusters, addresses=asked.source_addresses, errors=errors)
    principal = _principal(target, asked, beneficiary, errors)
    roles, expanded = read_roles(target, asked.kind, asked.roles, errors, inventory=partial(_inventory, target))
    if errors:
        raise Invalid(errors)
    version = version or current_policy()
    is_known = groups is not None and beneficiary == requester
    judged = {requester.username: groups or frozenset()} if is_known else _groups(requester, beneficiary)
    verdict = _judge(
        version,
        target,
        groups=judged,
        level=_level(asked.kind, expanded),
        duration=asked.duration,
        reason=None if is_draft else asked.reason,
        use={
            **use(target, asked.kind, asked.authentication, clusters, networks),
            **what_for(asked.kind, expanded),
            "ticket": None if is_draft and not asked.ticket else asked.ticket,
        },
    )
    obstacle = limits.why_not(
        target,
        kind=asked.kind,
        principal=principal.name,
        login=principal.name if principal.is_vouched else "",
        roles=stored_privileges(expanded),
        clusters=clusters,
        addresses=[write_network(one) for one in networks],
    )
    said = policy.refused(verdict, obstacle) if obstacle is not None else verdict
    return Considered(asked, target, beneficiary, version, said, roles, expanded, clusters, networks, judged, principal)


def _principal(target: Target, asked: Asked, beneficiary: Person, errors: dict[str, list[str]]) -> Principal:
    """Who gets it on the target: a login that stands there, a name that others vouch for, or a user yet to be made."""
    standing = principals.chosen(
        target, kind=asked.kind, database_user=asked.database_user, beneficiary=beneficiary, errors=errors
    )
    by_others = vouched.chosen(
        target,
        kind=asked.kind,
        authentication=asked.authentication,
        name=asked.principal,
        beneficiary=beneficiary,
        errors=errors,
    )
    return by_others or standing


def elsewhere(considered: Considered, inventory: Inventory) -> policy.Verdict | None:
    """What the policy would say to the same roles on the target of another inventory; None where they are not there."""
    errors: dict[str, list[str]] = {}
    if not principals.makes_a_user(considered.asked.kind):
        return None
    expanded = expand(considered.roles, inventory, errors)
    if errors:
        return None
    return _judge(
        considered.policy_version,
        inventory.target,
        groups=considered.groups,
        level=_level(considered.asked.kind, expanded),
        duration=considered.asked.duration,
        reason=None,
        use={
            "authentication": considered.asked.authentication,
            "networks": considered.networks,
            **what_for(considered.asked.kind, expanded),
        },
    )


def steps_asked(rules: policy.Rules, access_request: AccessRequest, *, version: int) -> tuple[policy.Step, ...]:
    """The steps that a policy would ask for a filed request; for this, nothing of the people counts."""
    ask = ask_of(access_request, person="", groups=frozenset())
    verdict = evaluator(is_break_glass=access_request.is_break_glass)(rules, ask, version=version)
    return verdict.steps


def lost_eligibility(access_request: AccessRequest) -> str:
    """Why the people of a request could not ask for it today, by the policy that it was filed under; or empty."""
    for person, groups in _groups(access_request.requester, access_request.beneficiary).items():
        verdict = _look_at(access_request.policy_version, access_request, person=person, groups=groups)
        if not verdict.allowed:
            return verdict.refusals[0].sentence
    return ""


def _look_at(
    version: PolicyVersion, access_request: AccessRequest, *, person: str, groups: frozenset[str]
) -> policy.Verdict:
    ask = ask_of(access_request, person=person, groups=groups)
    evaluate = evaluator(is_break_glass=access_request.is_break_glass)
    return evaluate(rules_of(version), ask, version=version.version)


def judge_again(
    access_request: AccessRequest, *, shortened: timedelta | None = None, current: PolicyVersion | None = None
) -> policy.Verdict:
    """The strictest of what was said when it was filed, the pinned policy and the current one, as things are now.

    Things are groups, the target's environment, its roles, and the length, when an approver has `shortened` it.
    `current` is the current policy, where a page has read it already. A request that was read `with_newest_policy`
    saves the question for it, as long as nothing newer was published.
    :raises NotReadYet: when the inventory or the policy has gone.
    :raises Invalid: when the target is retired, or a role is no longer there or lets one do more than was asked for.
    """
    if access_request.target.retired_at is not None:
        raise Invalid({"target": [f"{access_request.target.slug} has been retired. Nothing on it can be opened."]})
    errors: dict[str, list[str]] = {}
    _, expanded = read_roles(
        access_request.target,
        access_request.kind,
        access_request.roles,
        errors,
        inventory=partial(_inventory, access_request.target),
    )
    principals.check_still(access_request, errors)
    vouched.check_still(access_request, errors)
    for name, held in expanded.items():
        asked_for = privileges.from_json(access_request.privileges.get(name, []))
        if privileges.difference(held, asked_for):
            errors.setdefault("roles", []).append(f"{name} now lets one do more than when it was asked for. Ask again.")
    _clusters(access_request.target, access_request.clusters, errors)
    if errors:
        raise Invalid(errors)
    groups = _groups(access_request.requester, access_request.beneficiary)
    length = access_request.approved_duration or access_request.duration
    verdict = policy.from_json(access_request.verdict)
    pinned = access_request.policy_version
    versions = {one.version: one for one in (pinned, current or _current_beside(access_request, pinned))}
    for version in versions.values():
        today = _judge(
            version,
            access_request.target,
            groups=groups,
            level=_level(access_request.kind, expanded),
            duration=min(length, shortened or length),
            reason=access_request.reason,
            use={
                **use_of(access_request),
                **what_for(access_request.kind, expanded),
                "ticket": access_request.ticket,
                "held": _lasts(access_request.extends),
            },
            evaluate=evaluator(is_break_glass=access_request.is_break_glass),
        )
        verdict = policy.stricter(verdict, today)
    grant = access_request.extends
    if grant is None or grant.starts_at is None or grant.expires_at is None:
        return verdict
    more = min(length, shortened or length)
    return extending.capped(verdict, starts_at=grant.starts_at, expires_at=grant.expires_at, length=more)


def _lasts(grant: Grant | None) -> timedelta:
    """How long an access that is to be extended lasts as it is; nothing of one that is yet to be given."""
    if grant is None or grant.starts_at is None or grant.expires_at is None:
        return timedelta()
    lasts: timedelta = grant.expires_at - grant.starts_at
    return lasts


def _groups(requester: Person, beneficiary: Person) -> dict[str, frozenset[str]]:
    """The groups of each person who must be eligible, by user name; both, when one asks for the other."""
    groups = people.groups_of_all({requester, beneficiary})
    return {person.username: groups[person.pk] for person in (requester, beneficiary)}


def _judge(
    version: PolicyVersion,
    target: Target,
    *,
    groups: Mapping[str, frozenset[str]],
    level: Level,
    duration: timedelta,
    reason: str | None,
    use: Mapping[str, Any],
    evaluate: Evaluate = policy.evaluate,
) -> policy.Verdict:
    rules = rules_of(version)
    schedules = on_call.known_for(rules, target)
    verdicts = [
        evaluate(
            rules,
            policy.Ask(
                target=target.slug,
                environment=target.environment,
                level=level,
                groups=held,
                duration=duration,
                reason_length=None if reason is None else visible_length(reason),
                person=person,
                on_call=on_call.schedules_of(person, schedules),
                **use,
            ),
            version=version.version,
        )
        for person, held in groups.items()
    ]
    return on_call.told(reduce(policy.stricter, verdicts), rules, schedules)


def _level(kind: str, expanded: Mapping[str, Sequence[Privilege]]) -> Level:
    """How much trust the roles need."""
    if kind == AccessKind.PROJECT_ROLE:
        return project_roles.level_of(expanded)
    return privileges.level_of(privilege for held in expanded.values() for privilege in held)


def _beneficiary(target: Target, requester: Person, asked: Asked, errors: dict[str, list[str]]) -> Person:
    owned = principals.named(target, asked.database_user)
    owned = owned or vouched.named(target, method=asked.authentication, name=asked.principal)
    if asked.grantee in {"", requester.username} or (owned is not None and asked.grantee == owned.service):
        return requester
    found = Person.objects.filter(username=asked.grantee, is_active=True)
    beneficiary = found.select_related("owner").first()
    if beneficiary is None:
        advice = "Write a user name, like bob, or that of a service identity, or nothing to ask for yourself."
        errors["grantee"] = [f"There is nobody with the user name {asked.grantee}. {advice}"]
        return requester
    return beneficiary


def _clusters(target: Target, names: Sequence[str], errors: dict[str, list[str]]) -> tuple[str, ...]:
    """The clusters that are named, each of them there. Whether none may be named is for the policy to say."""
    if names and not KINDS[target.kind].has_clusters:
        errors["clusters"] = [f"{target.slug} has no clusters to choose from. Leave clusters out."]
    elif len(names) > MOST_CLUSTERS:
        errors["clusters"] = [f"At most {MOST_CLUSTERS} clusters fit one request."]
    elif names:
        inventory = _inventory(target)
        strangers = [name for name in names if name not in inventory.clusters]
        for name in strangers:
            sentence = f"{target.slug} has no cluster called {name[:64]}.{near(name, inventory.clusters)}"
            errors.setdefault("clusters", []).append(f"{sentence} {read_at(inventory)}")
    return tuple(dict.fromkeys(names))


def _inventory(target: Target) -> Inventory:
    try:
        return target.inventory
    except Inventory.DoesNotExist as error:
        sentence = f"What {target.slug} has to offer has not been read yet. Try again in a minute."
        raise NotReadYet(sentence) from error


def stored_privileges(expanded: Mapping[str, Sequence[Privilege]]) -> dict[str, Any]:
    """Privileges as a request keeps them, per role."""
    return {name: privileges.to_json(held) for name, held in expanded.items()}
