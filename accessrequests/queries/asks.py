"""What an ask comes to: is it possible at all, what would it let the person do, and what does the policy say.

The preview, the filing, the decision and the opening of the grant all judge here.
"""

from __future__ import annotations

import difflib
import ipaddress
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from accessrequests.domain import policy, privileges
from accessrequests.domain.plain_text import visible_length, why_unreadable
from accessrequests.domain.privileges import Level, Privilege, RoleRef
from accessrequests.domain.wording import moment
from accessrequests.models import AccessRequest, Inventory, Person, PolicyVersion, Target
from accessrequests.queries import people

LATEST_START = timedelta(days=30)
REASON_MAXIMUM = 2_000
MOST_ROLES = 20
MOST_ADDRESSES = 20
IPV4 = 4
MAPPED_PREFIX = 96  # RFC 4291, 2.5.5.2: ::ffff:0:0/96

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


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
    source_addresses: tuple[str, ...] = field(default=())
    groups: Mapping[str, frozenset[str]] = field(default_factory=dict)


def current_policy() -> PolicyVersion:
    """:raises NotReadYet: when nothing has been published, so that nothing may be asked."""
    version = PolicyVersion.objects.order_by("-version").first()
    if version is None:
        raise NotReadYet("No policy has been published yet, so nothing can be asked for. Ask an administrator.")
    return version


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
    beneficiary = _beneficiary(requester, asked, errors)
    _check_offer(target, asked, errors)
    _check_words(asked, at, errors, is_draft=is_draft)
    addresses = _addresses(asked.source_addresses, errors)
    roles = _roles(asked.roles, errors)
    expanded = _expand(roles, _inventory(target), errors) if roles else {}
    if errors:
        raise Invalid(errors)
    version = version or current_policy()
    if groups is not None and beneficiary == requester:
        judged = {requester.username: groups}
    else:
        judged = _groups(requester, beneficiary)
    verdict = _judge(
        version,
        target,
        groups=judged,
        expanded=expanded,
        duration=asked.duration,
        reason=None if is_draft else asked.reason,
    )
    return Considered(asked, target, beneficiary, version, verdict, roles, expanded, addresses, judged)


def elsewhere(considered: Considered, inventory: Inventory) -> policy.Verdict | None:
    """What the policy would say to the same roles on the target of another inventory; None where they are not there."""
    errors: dict[str, list[str]] = {}
    expanded = _expand(considered.roles, inventory, errors)
    if errors:
        return None
    return _judge(
        considered.policy_version,
        inventory.target,
        groups=considered.groups,
        expanded=expanded,
        duration=considered.asked.duration,
        reason=None,
    )


def groups_asked(version: PolicyVersion, access_request: AccessRequest) -> frozenset[str]:
    """The groups that a policy would ask about a filed request; for this, nothing of the people counts."""
    verdict = _look_at(version, access_request, person="", groups=frozenset())
    return frozenset(step.group for step in verdict.steps)


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
    ask = policy.Ask(
        target=access_request.target.slug,
        environment=access_request.target.environment,
        level=Level(access_request.level),
        groups=groups,
        duration=access_request.approved_duration or access_request.duration,
        reason_length=None,
        person=person,
    )
    return policy.evaluate(policy.parse(version.rules), ask, version=version.version)


def judge_again(
    access_request: AccessRequest, *, shortened: timedelta | None = None, current: PolicyVersion | None = None
) -> policy.Verdict:
    """The strictest of what was said when it was filed, the pinned policy and the current one, as things are now.

    Things are groups, the target's environment, its roles, and the length, when an approver has `shortened` it.
    `current` is the current policy, where a page has read it already.
    :raises NotReadYet: when the inventory or the policy has gone.
    :raises Invalid: when the target is retired, or a role is no longer there or lets one do more than was asked for.
    """
    if access_request.target.retired_at is not None:
        raise Invalid({"target": [f"{access_request.target.slug} has been retired. Nothing on it can be opened."]})
    errors: dict[str, list[str]] = {}
    roles = _roles(tuple(access_request.roles), errors)
    expanded = _expand(roles, _inventory(access_request.target), errors)
    for name, held in expanded.items():
        asked_for = privileges.from_json(access_request.privileges.get(name, []))
        if privileges.difference(held, asked_for):
            errors.setdefault("roles", []).append(f"{name} now lets one do more than when it was asked for. Ask again.")
    if errors:
        raise Invalid(errors)
    groups = _groups(access_request.requester, access_request.beneficiary)
    length = access_request.approved_duration or access_request.duration
    verdict = policy.from_json(access_request.verdict)
    versions = {version.version: version for version in (access_request.policy_version, current or current_policy())}
    for version in versions.values():
        today = _judge(
            version,
            access_request.target,
            groups=groups,
            expanded=expanded,
            duration=min(length, shortened or length),
            reason=access_request.reason,
        )
        verdict = policy.stricter(verdict, today)
    return verdict


def _groups(requester: Person, beneficiary: Person) -> dict[str, frozenset[str]]:
    """The groups of each person who must be eligible, by user name; both, when one asks for the other."""
    groups = people.groups_of_all({requester, beneficiary})
    return {person.username: groups[person.pk] for person in (requester, beneficiary)}


def _judge(
    version: PolicyVersion,
    target: Target,
    *,
    groups: Mapping[str, frozenset[str]],
    expanded: Mapping[str, Sequence[Privilege]],
    duration: timedelta,
    reason: str | None,
) -> policy.Verdict:
    rules = policy.parse(version.rules)
    level = privileges.level_of(privilege for held in expanded.values() for privilege in held)
    verdicts = [
        policy.evaluate(
            rules,
            policy.Ask(
                target=target.slug,
                environment=target.environment,
                level=level,
                groups=held,
                duration=duration,
                reason_length=None if reason is None else visible_length(reason),
                person=person,
            ),
            version=version.version,
        )
        for person, held in groups.items()
    ]
    verdict = verdicts[0]
    for other in verdicts[1:]:
        verdict = policy.stricter(verdict, other)
    return verdict


def _beneficiary(requester: Person, asked: Asked, errors: dict[str, list[str]]) -> Person:
    if asked.grantee in {"", requester.username}:
        return requester
    beneficiary = Person.objects.filter(username=asked.grantee, is_active=True).first()
    if beneficiary is None:
        advice = "Write a user name, like bob, or nothing to ask for yourself."
        errors["grantee"] = [f"There is nobody with the user name {asked.grantee}. {advice}"]
        return requester
    return beneficiary


def _check_offer(target: Target, asked: Asked, errors: dict[str, list[str]]) -> None:
    kinds = target.offers.get("kinds", [])
    methods = target.offers.get("authentication", [])
    if asked.kind not in kinds:
        errors["kind"] = [f"{target.slug} offers {_listed(kinds)}, not {asked.kind}."]
    if asked.authentication not in methods:
        errors["authentication"] = [f"{target.slug} offers {_listed(methods)}, not {asked.authentication}."]
    if asked.clusters:
        errors["clusters"] = [f"{target.slug} has no clusters to choose from. Leave clusters out."]


def _listed(words: Sequence[str]) -> str:
    return ", ".join(words) or "nothing"


def _check_words(asked: Asked, at: datetime, errors: dict[str, list[str]], *, is_draft: bool) -> None:
    for name, text in (("reason", asked.reason), ("ticket", asked.ticket)):
        unreadable = why_unreadable(text)
        if unreadable:
            errors[name] = [unreadable]
    if not visible_length(asked.reason) and not is_draft:
        errors["reason"] = ["Say why you need it."]
    elif len(asked.reason) > REASON_MAXIMUM:
        errors["reason"] = [f"Keep the reason within {REASON_MAXIMUM} characters."]
    if asked.starts_at is not None and asked.starts_at < at:
        errors["starts_at"] = ["The start has passed. Leave starts_at out to start at once."]
    elif asked.starts_at is not None and asked.starts_at > at + LATEST_START:
        errors["starts_at"] = ["The start is more than 30 days ahead. Ask nearer to the day."]


def _addresses(texts: Sequence[str], errors: dict[str, list[str]]) -> tuple[str, ...]:
    networks: list[Network] = []
    for text in texts:
        network = _network(text)
        if network is None:
            errors.setdefault("source_addresses", []).append(
                f"{text[:60]} is not an address that one connects from, or a CIDR block of such, like 192.0.2.7 or "
                "192.0.2.0/24."
            )
        else:
            networks.append(network)
    if any(_is_everything(networks, version) for version in (4, 6)):
        errors["source_addresses"] = ["Together these are every address there is. Name your own."]
    if len(networks) > MOST_ADDRESSES:
        errors["source_addresses"] = [f"At most {MOST_ADDRESSES} addresses fit one request."]
    shown = (
        str(network.network_address) if network.prefixlen == network.max_prefixlen else str(network)
        for network in networks
    )
    return tuple(dict.fromkeys(shown))


def _network(text: str) -> Network | None:
    """The block that the text names. An IPv4 address in IPv6 dress is the IPv4 address that a server sees."""
    try:
        network = ipaddress.ip_network(text, strict=True)
    except ValueError:
        return None
    first = network.network_address
    if isinstance(first, ipaddress.IPv6Address):
        if first.scope_id is not None:
            return None
        if first.ipv4_mapped is not None and network.prefixlen >= MAPPED_PREFIX:
            return _network(f"{first.ipv4_mapped}/{network.prefixlen - MAPPED_PREFIX}")
    is_nobodys = first.is_multicast or (first.is_unspecified and network.prefixlen == network.max_prefixlen)
    return None if is_nobodys else network


def _is_everything(networks: Sequence[Network], version: int) -> bool:
    """Whether they leave out less than a quarter of all addresses: two halves are everything too."""
    if version == IPV4:
        blocks = ipaddress.collapse_addresses(one for one in networks if isinstance(one, ipaddress.IPv4Network))
        return sum(one.num_addresses for one in blocks) * 4 > 2**32 * 3
    wide = ipaddress.collapse_addresses(one for one in networks if isinstance(one, ipaddress.IPv6Network))
    return sum(one.num_addresses for one in wide) * 4 > 2**128 * 3


def _roles(texts: Sequence[str], errors: dict[str, list[str]]) -> tuple[RoleRef, ...]:
    if not texts or len(texts) > MOST_ROLES:
        errors["roles"] = [f"Name one to {MOST_ROLES} roles, each like read@shop.orders."]
        return ()
    roles = []
    for text in texts:
        try:
            roles.append(RoleRef.parse(text))
        except privileges.InvalidRole as error:
            errors.setdefault("roles", []).append(str(error))
    if len(set(roles)) < len(roles):
        errors.setdefault("roles", []).append("Name each role once.")
    return tuple(roles)


def _inventory(target: Target) -> Inventory:
    try:
        return target.inventory
    except Inventory.DoesNotExist as error:
        sentence = f"What {target.slug} has to offer has not been read yet. Try again in a minute."
        raise NotReadYet(sentence) from error


def _expand(
    roles: Sequence[RoleRef], inventory: Inventory, errors: dict[str, list[str]]
) -> dict[str, tuple[Privilege, ...]]:
    known = {role.inventory_name: inventory.roles.get(role.inventory_name) for role in roles}
    held = {name: privileges.from_json(stored) for name, stored in known.items() if stored is not None}
    expanded = {}
    for role in roles:
        if role.collection and role.collection not in inventory.databases.get(role.database, {}):
            collections = [f"{role.database}.{name}" for name in inventory.databases.get(role.database, {})]
            sentence = f"{role.database} has no collection called {role.collection}.{_near(role.where, collections)}"
            errors.setdefault("roles", []).append(f"{sentence} {_read_at(inventory)}")
            continue
        if role.inventory_name not in held:
            sentence = f"The target has no role {role.inventory_name}.{_near(role.inventory_name, inventory.roles)}"
            errors.setdefault("roles", []).append(f"{sentence} {_read_at(inventory)}")
            continue
        try:
            expanded[str(role)] = privileges.expand(role, held)
        except privileges.UnknownRole as error:
            errors.setdefault("roles", []).append(str(error))
    return expanded


def _near(wanted: str, names: Iterable[str]) -> str:
    """The names that somebody may have meant."""
    near = difflib.get_close_matches(wanted, list(names), n=3, cutoff=0.6)
    return f" Did you mean {' or '.join(near)}?" if near else ""


def _read_at(inventory: Inventory) -> str:
    return f"What the target has was read at {moment(inventory.read_at)}."


def stored_privileges(expanded: Mapping[str, Sequence[Privilege]]) -> dict[str, Any]:
    """Privileges as a request keeps them, per role."""
    return {name: privileges.to_json(held) for name, held in expanded.items()}
