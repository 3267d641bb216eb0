"""What a target has to offer to people who ask: whether they may, its roles by growing reach, and its collections."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.db.models import QuerySet

from accessrequests.domain import policy, privileges
from accessrequests.domain.actions import SERVER_DATABASES
from accessrequests.domain.privileges import Level
from accessrequests.domain.window import LENGTHS, parse_duration
from accessrequests.models import AccessRequest, Inventory, Person, PolicyVersion, Target
from accessrequests.models.access_requests import AccessKind
from accessrequests.queries.rules import rules_of

MOST_SHOWN = 25
MOST_RECENT = 50
MOST_DATABASES = 4
ONE = "one:"
SINGLE = "actions"
A_MILLION = 1_000_000
SHORT = timedelta(seconds=1)

_DOES = {
    Level.READ: "Reads",
    Level.WRITE: "Reads and changes",
    Level.ADMIN: "Counts as administering",
    Level.DELEGATING: "Gives access to",
}
USUAL_LENGTH = "PT2H"
_LEVELS = (Level.READ, Level.WRITE, Level.ADMIN)
_NUMBERS = {1: "one", 2: "two", 3: "three", 4: "four"}

Outlook = Mapping[Level, policy.Verdict]


@dataclass(frozen=True, slots=True)
class OfferedRole:
    """One role of the inventory that may be asked for."""

    name: str
    level: Level
    reach: str

    @property
    def words(self) -> str:
        """What one does with it: Reads every collection of shop."""
        return f"{_DOES[self.level]} {self.reach}"


@dataclass(frozen=True, slots=True)
class OfferedTarget:
    """One target as it stands to a person: may anything be asked for there, and at what cost."""

    target: Target
    databases: Sequence[str]
    is_eligible: bool
    cost: str


@dataclass(frozen=True, slots=True)
class Want:
    """One thing that one may want to do. `role` is a role's name, a role without a place for one collection, or SINGLE."""

    role: str
    title: str
    hint: str
    level: Level


def targets_on_offer() -> QuerySet[Target]:
    return Target.objects.filter(retired_at=None).order_by("environment", "slug")


def outlook(version: PolicyVersion | None, target: Target, *, person: Person, groups: frozenset[str]) -> Outlook:
    """What the policy says to each level for a short time, before a reason is written; nothing without a policy."""
    if version is None:
        return {}
    return _outlook(rules_of(version), version.version, target, person, groups)


def outlooks(
    version: PolicyVersion | None, targets: Iterable[Target], *, person: Person, groups: frozenset[str], kind: str
) -> Mapping[str, Outlook]:
    """The same for many targets, by slug, and for another kind of access."""
    if version is None:
        return {}
    rules = rules_of(version)
    return {target.slug: _outlook(rules, version.version, target, person, groups, kind=kind) for target in targets}


def _outlook(
    rules: policy.Rules,
    version: int,
    target: Target,
    person: Person,
    groups: frozenset[str],
    *,
    kind: str = AccessKind.DATABASE_USER.value,
) -> Outlook:
    return {
        level: policy.evaluate(
            rules,
            policy.Ask(
                target.slug,
                target.environment,
                level,
                groups,
                duration=SHORT,
                reason_length=None,
                person=person.username,
                databases=frozenset(),
                kind=kind,
            ),
            version=version,
        )
        for level in _LEVELS
    }


def cost_of(verdict: policy.Verdict | None) -> str:
    """What it takes, in a few words: at once, one of data-owners and one of security, refused here."""
    if verdict is None or not verdict.allowed:
        return "refused here"
    steps = [f"{_NUMBERS.get(step.needed, str(step.needed))} of {step.group}" for step in verdict.steps]
    return " and ".join(steps) or "at once"


def suggested(verdict: policy.Verdict | None) -> timedelta:
    """The length that the policy suggests; else the usual one, or the longest usual one that the policy allows."""
    if verdict is not None and verdict.default is not None:
        return verdict.default
    maximum = verdict.maximum if verdict is not None else None
    usual = parse_duration(USUAL_LENGTH)
    if maximum is None or maximum >= usual:
        return usual
    return max((one for one in map(parse_duration, LENGTHS) if one <= maximum), default=maximum)


def found_targets(
    targets: Iterable[Target],
    *,
    words: str,
    person: Person,
    version: PolicyVersion | None,
    groups: frozenset[str],
    chosen: str = "",
) -> tuple[list[OfferedTarget], int]:
    """Those that the words are found in: the chosen one, recent ones, those that one may ask on, the rest.

    A bounded number of them, and how many there are beyond those.
    """
    wanted = words.lower().split()
    inside = dict(
        Inventory.objects.filter(target__retired_at=None).values_list("target_id", "databases") if wanted else ()
    )
    rules = rules_of(version) if version else None
    recent = _recent(person)
    hits = []
    for target in targets:
        if target.slug != chosen and not _has(target, wanted, inside.get(target.pk, {})):
            continue
        found = _outlook(rules, version.version, target, person, groups) if rules and version else {}
        allowed = [verdict for verdict in found.values() if verdict.allowed]
        databases = [one for one in inside.get(target.pk, {}) if one not in SERVER_DATABASES]
        hits.append(OfferedTarget(target, databases, bool(allowed), cost_of(allowed[0]) if allowed else ""))
    hits.sort(key=lambda hit: _rank(hit, recent, chosen))
    return hits[:MOST_SHOWN], max(0, len(hits) - MOST_SHOWN)


def _recent(person: Person) -> list[int]:
    """The targets that the person asked on last, newest first."""
    newest = AccessRequest.objects.filter(requester=person).order_by("-pk")
    return list(dict.fromkeys(newest.values_list("target_id", flat=True)[:MOST_RECENT]))


def _rank(hit: OfferedTarget, recent: list[int], chosen: str) -> tuple[bool, bool, int, str]:
    place = recent.index(hit.target.pk) if hit.target.pk in recent else len(recent)
    return (hit.target.slug != chosen, not hit.is_eligible, place, hit.target.slug)


def _has(target: Target, wanted: Sequence[str], databases: Mapping[str, Mapping[str, object]]) -> bool:
    text = [target.slug, target.name, target.owner, target.environment]
    text += [f"{database} {' '.join(collections)}" for database, collections in databases.items()]
    whole = " ".join(text).lower()
    return all(word in whole for word in wanted)


def roles_on_offer(inventory: Inventory) -> list[OfferedRole]:
    """Every role that does not give or change access itself; the narrowest reach first, the server's own databases last."""
    offered = []
    for name, stored in inventory.roles.items():
        reading = privileges.read(privileges.from_json(stored))
        if reading.level is not Level.DELEGATING and stored:
            offered.append(OfferedRole(name, reading.level, reading.reach))
    return sorted(offered, key=lambda role: (_width(role), role.reach, role.level.rank, role.name))


def wants_on_offer(roles: Sequence[OfferedRole], collections: Sequence[str]) -> list[Want]:
    """What one may want to do, by growing reach: one collection before its database, reading before writing."""
    by_name = {role.name: role for role in roles}
    databases = list(dict.fromkeys(place.partition(".")[0] for place in collections))
    wants: list[Want] = []
    for role, verb, hint in (
        ("read", "Read", "Find and aggregate, and change nothing."),
        ("readWrite", "Write", "Insert, change and remove documents."),
    ):
        here = [database for database in databases if f"{role}@{database}" in by_name]
        if here:
            wants.append(Want(f"{ONE}{role}", f"{verb} one collection", hint, by_name[f"{role}@{here[0]}"].level))
        for database in here[:MOST_DATABASES]:
            name, many = f"{role}@{database}", sum(place.startswith(f"{database}.") for place in collections)
            all_of = f"{'The one collection' if many == 1 else f'All {many} collections'} of {database}."
            wants.append(Want(name, f"{verb} the database {database}", all_of, by_name[name].level))
    if collections:
        wants.append(Want(SINGLE, "Single actions on one collection", "Just what you tick, nothing else.", Level.READ))
    return wants


def collections_on_offer(inventory: Inventory) -> list[str]:
    """database.collection of everything but the server's own, in order."""
    return sorted(
        f"{database}.{collection}"
        for database, collections in inventory.databases.items()
        if database not in SERVER_DATABASES
        for collection in collections
        if not collection.startswith("system.")
    )


def roughly(inventory: Inventory, place: str) -> str:
    """How many documents a collection had when it was read: about 12.4 million documents."""
    database, _, collection = place.partition(".")
    size = inventory.databases.get(database, {}).get(collection, {})
    number = size.get("documents") if isinstance(size, Mapping) else None
    if not isinstance(number, int):
        return ""
    if number >= A_MILLION:
        return f"about {number / A_MILLION:,.1f} million documents"
    return "1 document" if number == 1 else f"{number:,} documents"


def _width(role: OfferedRole) -> int:
    """Some collections, then a whole database, then more than one, then the server's own."""
    if role.name.rpartition("@")[2] in SERVER_DATABASES or role.reach == "the server itself":
        return 3
    if role.reach == "every database":
        return 2
    return 1 if "every collection" in role.reach else 0
