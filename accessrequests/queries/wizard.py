"""What a person may ask for, target by target, as the questions of the wizard need it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from accessrequests.domain import policy, privileges, wizard
from accessrequests.domain.actions import COLLECTION_ACTIONS, SEARCH_ACTIONS, SERVER_DATABASES, SINGLE_ACTIONS
from accessrequests.domain.kinds import KINDS
from accessrequests.domain.privileges import Level, RoleRef
from accessrequests.domain.single_actions import why_not, written
from accessrequests.domain.window import LENGTHS
from accessrequests.domain.wizard import Proposal, Step
from accessrequests.domain.wizard_answers import (
    ADMINISTER,
    COLLECTION,
    DATABASE,
    DATABASE_USER,
    AdminRole,
    Offered,
    Standing,
)
from accessrequests.models import Inventory, Person, PolicyVersion, Target
from accessrequests.models.access_requests import AccessKind
from accessrequests.queries import catalogue, offers, principals
from accessrequests.queries.offers import Outlook

MOST_TARGETS = 200
_NO_POLICY = "No policy has been published yet, so nothing can be asked for."
_NEVER_GIVEN = "What can give or change access itself is never given."


def next_step(person: Person, answers: Mapping[str, str], *, groups: frozenset[str]) -> Step | Proposal:
    """Where these answers lead this person: the next question, or the ask that does what they need and no more."""
    version = catalogue.policies().order_by("-version").first()
    is_admin = answers.get("do") == ADMINISTER
    return wizard.next_step(
        answers, offered_to(person, version=version, groups=groups, with_admin_roles=is_admin), LENGTHS
    )


def still_to_say(proposal: Proposal) -> list[str]:
    """The fields of the ask that only the person knows."""
    kind = KINDS[Target.objects.get(slug=proposal.target).kind]
    has_address = proposal.kind == DATABASE_USER and kind.needs_address
    return ["reason", *(["source_addresses"] if has_address else [])]


def offered_to(
    person: Person, *, version: PolicyVersion | None, groups: frozenset[str], with_admin_roles: bool
) -> list[Offered]:
    """Every target with what the policy says to this person. Only where it allows anything, what is on it is read."""
    targets = list(offers.targets_on_offer()[:MOST_TARGETS])
    outlooks = {
        kind.value: offers.outlooks(version, targets, person=person, groups=groups, kind=kind.value)
        for kind in AccessKind
    }
    said = {target.slug: {kind: of.get(target.slug, {}) for kind, of in outlooks.items()} for target in targets}
    open_ones = [
        target.pk
        for target in targets
        if any(verdict.allowed for of in said[target.slug].values() for verdict in of.values())
    ]
    read = {one.target_id: one for one in Inventory.objects.filter(target__in=open_ones)}
    return [
        _offered(target, read.get(target.pk), said[target.slug], person, with_admin_roles=with_admin_roles)
        for target in targets
    ]


def _offered(
    target: Target,
    inventory: Inventory | None,
    outlooks: Mapping[str, Outlook],
    person: Person,
    *,
    with_admin_roles: bool,
) -> Offered:
    kind, logins = KINDS[target.kind], principals.users_of(target, person)
    member = principals.member_of(target, person)
    of_kinds = {
        kind: {level: _standing(target, level, outlook) for level in Level} for kind, outlook in outlooks.items()
    }
    return Offered(
        target=target.slug,
        name=f"{target.name}, of {target.owner}",
        environment=target.environment,
        policy=of_kinds[AccessKind.DATABASE_USER],
        of_kinds=of_kinds,
        kinds=frozenset(target.offers.get("kinds", [])),
        roles=inventory.roles if inventory else None,
        collections=_collections(inventory) if inventory else {},
        clusters=sorted(inventory.clusters) if inventory and kind.has_clusters else (),
        admin_roles=_admin_roles(inventory) if inventory and with_admin_roles else None,
        own=[one.name for one in logins if not one.service],
        services={one.name: one.service for one in logins if one.service},
        project_roles=target.offers.get("project_roles", []) if member else None,
        actions=_ACTIONS[kind.has_search],
    )


def _standing(target: Target, level: Level, outlook: Outlook) -> Standing:
    """What the policy says to a level there, before a reason is written."""
    verdict = outlook.get(level)
    if level is Level.DELEGATING or verdict is None:
        return Standing(_NEVER_GIVEN if level is Level.DELEGATING else _NO_POLICY)
    if not verdict.allowed:
        return Standing(verdict.refusals[0].sentence)
    return Standing(
        cost=offers.cost_of(verdict),
        people=sum(step.needed for step in verdict.steps),
        maximum=verdict.maximum,
        methods=_methods(target, verdict),
    )


def _methods(target: Target, verdict: policy.Verdict) -> tuple[str, ...]:
    """The ways to sign in that can be had there: a password first, because a target ends that by itself."""
    offered = [one for one in target.offers.get("authentication", []) if one in KINDS[target.kind].given]
    allowed = [one for one in offered if one in verdict.conditions.authentication] or offered
    expiring = KINDS[target.kind].expiring
    return tuple(sorted(allowed, key=lambda one: one not in expiring))


def _collections(inventory: Inventory) -> Mapping[str, Sequence[str]]:
    """Of every database but the server's own, in order."""
    found: dict[str, list[str]] = {name: [] for name in sorted(inventory.databases) if name not in SERVER_DATABASES}
    for place in offers.collections_on_offer(inventory):
        database, _, collection = place.partition(".")
        found[database].append(collection)
    return found


def _admin_roles(inventory: Inventory) -> list[AdminRole]:
    """Those that administer, the narrowest reach first."""
    return [
        AdminRole(role.name, role.reach, _narrowed(inventory, role.name))
        for role in offers.roles_on_offer(inventory)
        if role.level is Level.ADMIN
    ]


def _narrowed(inventory: Inventory, name: str) -> Level | None:
    """What the role needs on one collection alone, where it does anything there."""
    role = RoleRef.parse(name)
    collection = next(iter(inventory.databases.get(role.database, {})), "")
    if role.database in SERVER_DATABASES or not collection:
        return None
    held = privileges.from_json(inventory.roles[name])
    found = privileges.narrow(held, database=role.database, collection=collection)
    return privileges.level_of(found) if found else None


def _single(*, collection: str, has_search: bool) -> dict[str, str]:
    """Every single action that may be asked for alone there, or with finding where it must not be alone."""
    words: dict[str, str] = {action: said for group in SINGLE_ACTIONS.values() for action, said in group.items()}
    found: dict[str, str] = {}
    for action, said in words.items():
        sets = [frozenset({action}), frozenset({action, "find"})]
        if (collection and action not in COLLECTION_ACTIONS) or (action in SEARCH_ACTIONS and not has_search):
            continue
        fitting = next((one for one in sets if not why_not(one, collection=collection)), None)
        if fitting:
            found[written(fitting)] = said
    return found


_ACTIONS: Mapping[bool, Mapping[str, Mapping[str, str]]] = {
    has_search: {
        COLLECTION: _single(collection="collection", has_search=has_search),
        DATABASE: _single(collection="", has_search=has_search),
    }
    for has_search in (False, True)
}
