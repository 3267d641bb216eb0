"""What roles let a person do: actions on resources, their union, difference and access level, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from typing_extensions import override

from accessrequests.domain import single_actions
from accessrequests.domain.actions import (
    COLLECTION_ACTIONS,
    CONTENT_ACTIONS,
    CREDENTIAL_COLLECTIONS,
    DEEDS,
    DELEGATING_ACTIONS,
    LOG_DATABASE,
    LOG_PREFIX,
    LOOKING_ACTIONS,
    ORDINARY_SYSTEM_COLLECTIONS,
    ORDINARY_SYSTEM_PREFIX,
    PRINCIPAL_COLLECTIONS,
    READ_ACTIONS,
    SERVER_DATABASE_PREFIX,
    SERVER_DATABASES,
    VIEW_MAKING_ACTIONS,
    WHOLE_DEEDS,
    WRITE_ACTIONS,
)

# MongoDB's own limits on the names of a role, a database and a namespace (database.collection), in bytes.
LONGEST_NAMES = (128, 63, 255)
FORBIDDEN_IN_DATABASES = frozenset('/\\ "$*<>:|?@')
_SERVER = "the server itself"


@dataclass(frozen=True, slots=True)
class Resource:
    """What an action may touch. Empty `database` or `collection` means any; `cluster` is the server itself."""

    database: str = ""
    collection: str = ""
    cluster: bool = False


@dataclass(frozen=True, slots=True)
class Privilege:
    """Actions on one resource."""

    resource: Resource
    actions: frozenset[str]


class Level(StrEnum):
    """How much trust privileges need, least first. Comparing follows that order, not the alphabet."""

    READ = "read"
    WRITE = "write"
    ADMIN = "admin"
    DELEGATING = "delegating"

    @property
    def rank(self) -> int:
        return tuple(Level).index(self)

    @override
    def __lt__(self, other: str) -> bool:
        return self.rank < Level(other).rank

    @override
    def __le__(self, other: str) -> bool:
        return self.rank <= Level(other).rank

    @override
    def __gt__(self, other: str) -> bool:
        return self.rank > Level(other).rank

    @override
    def __ge__(self, other: str) -> bool:
        return self.rank >= Level(other).rank


@dataclass(frozen=True, slots=True)
class Reading:
    """What privileges come to: how much trust they need, and how far they reach, in words."""

    level: Level
    reach: str


class InvalidRole(ValueError):
    """The text does not name a role. The message says what to write instead."""


class UnknownRole(LookupError):
    """The target has no such role, as far as its inventory says, or the role has nothing to give there."""


@dataclass(frozen=True, slots=True)
class RoleRef:
    """A role as people ask for it: role@database, or role@database.collection; or single actions in place of the role."""

    role: str
    database: str
    collection: str = ""

    @override
    def __str__(self) -> str:
        return f"{self.inventory_name}.{self.collection}" if self.collection else self.inventory_name

    @property
    def inventory_name(self) -> str:
        """The name that the target's inventory has it under. A role without a database is a project's."""
        return f"{self.role}@{self.database}" if self.database else self.role

    @property
    def where(self) -> str:
        return f"{self.database}.{self.collection}" if self.collection else self.database

    @property
    def actions(self) -> frozenset[str]:
        """The single actions that are asked for; none where it names a role."""
        return single_actions.listed_in(self.role) if self.database else frozenset()

    @classmethod
    def parse(cls, text: str) -> RoleRef:
        """:raises InvalidRole: when the text is not of either form."""
        role, _, where = text.partition("@")
        database, dot, collection = where.partition(".")
        try:
            actions = single_actions.listed_in(role)
        except ValueError as error:
            raise InvalidRole(str(error)) from error
        role = single_actions.written(actions) or role
        forbidden = set(database) & FORBIDDEN_IN_DATABASES or "$" in collection or not text.isprintable()
        sizes = (0 if actions else _bytes(role), _bytes(database), _bytes(where))
        too_long = any(size > limit for size, limit in zip(sizes, LONGEST_NAMES, strict=True))
        if not role or not database or bool(dot) != bool(collection) or forbidden or too_long:
            raise InvalidRole(
                "Write a role as role@database or role@database.collection, like read@shop.orders, or single actions "
                "in place of the role, like find,insert@shop.orders."
            )
        return cls(role=role, database=database, collection=collection)

    @classmethod
    def stored(cls, text: str) -> RoleRef:
        """A role of a request that was filed, of whatever kind."""
        return cls.parse(text) if "@" in text else cls(role=text, database="")


def is_role(text: str) -> bool:
    """Whether the text names a role, as far as its form tells."""
    try:
        RoleRef.parse(text)
    except InvalidRole:
        return False
    return True


def level_of(privileges: Iterable[Privilege]) -> Level:
    """The highest level of any action on any resource; nothing at all is read."""
    return max((_level(action, p.resource) for p in privileges for action in p.actions), default=Level.READ)


def reach_of(privileges: Iterable[Privilege]) -> str:
    """How far the widest of them reaches."""
    resources = [privilege.resource for privilege in _worth_saying(privileges)]
    if any(resource.cluster for resource in resources):
        return _SERVER
    if any(not resource.database for resource in resources):
        return "every database"
    return " and ".join(sorted(map(_place, resources))) or "nothing"


def read(privileges: Iterable[Privilege]) -> Reading:
    """Level and reach in one look."""
    held = tuple(privileges)
    return Reading(level=level_of(held), reach=reach_of(held))


def includes(wide: Resource, narrow: Resource) -> bool:
    """Whether everything in `narrow` is in `wide`, by the server's own rules.

    "Every collection" leaves the system collections out. "Every database" leaves out local and config; we count admin
    as left out too, so that what is said of the server's own databases is never swallowed by a wider resource.
    """
    if wide.cluster or narrow.cluster:
        return wide.cluster and narrow.cluster
    if wide == narrow:
        return True
    if wide.database != narrow.database and (wide.database or _is_the_servers(narrow.database)):
        return False
    if wide.collection:
        return wide.collection == narrow.collection
    return not narrow.collection.startswith("system.")


def covers(held: Iterable[Privilege], wanted: Privilege) -> bool:
    """Whether every action of `wanted` is already allowed by what is held."""
    return not _without(wanted, held).actions


def normalise(privileges: Iterable[Privilege]) -> tuple[Privilege, ...]:
    """The same rights said once: one privilege a resource, nothing that a wider one says already, in a fixed order."""
    by_resource: dict[Resource, set[str]] = {}
    for privilege in privileges:
        by_resource.setdefault(privilege.resource, set()).update(privilege.actions)
    merged = [Privilege(resource, frozenset(actions)) for resource, actions in by_resource.items()]
    kept = []
    for privilege in merged:
        others = [other for other in merged if other.resource != privilege.resource]
        kept.append(_without(privilege, others))
    return tuple(sorted((privilege for privilege in kept if privilege.actions), key=_order))


def union(*sets: Iterable[Privilege]) -> tuple[Privilege, ...]:
    """All that any of them allows, normalised."""
    return normalise(privilege for privileges in sets for privilege in privileges)


def difference(after: Iterable[Privilege], before: Iterable[Privilege]) -> tuple[Privilege, ...]:
    """What `after` allows and `before` does not, normalised."""
    held = tuple(before)
    return tuple(rest for rest in (_without(privilege, held) for privilege in normalise(after)) if rest.actions)


def narrow(privileges: Iterable[Privilege], *, database: str, collection: str) -> tuple[Privilege, ...]:
    """What they come to on exactly one collection: mongod ignores `collection` when it grants a built-in role."""
    resource = Resource(database=database, collection=collection)
    actions = _held_on(resource, privileges) & COLLECTION_ACTIONS
    if "find" not in actions:
        actions -= VIEW_MAKING_ACTIONS
    return (Privilege(resource, actions),) if actions else ()


def expand(role_ref: RoleRef, inventory_roles: Mapping[str, Sequence[Privilege]]) -> tuple[Privilege, ...]:
    """What the role lets a person do on this target.

    :raises UnknownRole: when the inventory has no such role, or it has nothing to give on that one collection.
    """
    if role_ref.actions:
        return _single(role_ref)
    if role_ref.inventory_name not in inventory_roles:
        raise UnknownRole(f"The target has no role {role_ref.inventory_name}. Choose one of the roles that it lists.")
    privileges = inventory_roles[role_ref.inventory_name]
    if not role_ref.collection:
        return normalise(privileges)
    narrowed = narrow(privileges, database=role_ref.database, collection=role_ref.collection)
    if not narrowed:
        raise UnknownRole(
            f"The role {role_ref.inventory_name} gives nothing on the one collection {role_ref.where}. "
            "Ask for another role, or for the whole database."
        )
    return narrowed


def _single(role_ref: RoleRef) -> tuple[Privilege, ...]:
    why_not = single_actions.why_not(role_ref.actions, collection=role_ref.collection)
    if why_not:
        raise UnknownRole(why_not)
    return (Privilege(Resource(role_ref.database, role_ref.collection), role_ref.actions),)


def to_json(privileges: Iterable[Privilege]) -> list[dict[str, Any]]:
    """As plain values, for storage."""
    return [{"resource": asdict(p.resource), "actions": sorted(p.actions)} for p in privileges]


def from_json(values: Iterable[Mapping[str, Any]]) -> tuple[Privilege, ...]:
    """The privileges that `to_json` was given."""
    return tuple(Privilege(Resource(**value["resource"]), frozenset(value["actions"])) for value in values)


def what_this_lets_you_do(privileges: Iterable[Privilege]) -> list[str]:
    """One sentence for each thing that a person with these privileges can do, least first."""
    return _sentences(privileges, "{}.")


def what_changes(before: Iterable[Privilege], after: Iterable[Privilege]) -> list[str]:
    """What a person gains and loses when the rights go from `before` to `after`."""
    old, new = tuple(before), tuple(after)
    gained = _sentences(difference(new, old), "New: {}.")
    lost = _sentences(difference(old, new), "No longer: {}.")
    return [*gained, *lost] or ["Nothing changes."]


def _bytes(text: str) -> int:
    """JSON may bring half of a character; it is counted, not stumbled over."""
    return len(text.encode(errors="replace"))


def _level(action: str, resource: Resource) -> Level:
    if action in DELEGATING_ACTIONS:
        return Level.DELEGATING
    if resource.collection in PRINCIPAL_COLLECTIONS and action not in LOOKING_ACTIONS:
        return Level.DELEGATING
    if action in CONTENT_ACTIONS and _holds_credentials(resource):
        return Level.DELEGATING
    if resource.cluster or _is_the_servers(resource.database) or not _is_ordinary(resource.collection):
        return Level.ADMIN
    if action in READ_ACTIONS:
        return Level.READ
    return Level.WRITE if action in WRITE_ACTIONS else Level.ADMIN


def _holds_credentials(resource: Resource) -> bool:
    if resource.collection in CREDENTIAL_COLLECTIONS:
        return True
    is_log = not resource.collection or resource.collection.startswith(LOG_PREFIX)
    return resource.database == LOG_DATABASE and is_log


def _is_the_servers(database: str) -> bool:
    return database in SERVER_DATABASES or database.startswith(SERVER_DATABASE_PREFIX)


def _is_ordinary(collection: str) -> bool:
    ordinary = collection in ORDINARY_SYSTEM_COLLECTIONS or collection.startswith(ORDINARY_SYSTEM_PREFIX)
    return ordinary or not collection.startswith("system.")


def _held_on(resource: Resource, held: Iterable[Privilege]) -> frozenset[str]:
    return frozenset(action for p in held if includes(p.resource, resource) for action in p.actions)


def _without(privilege: Privilege, held: Iterable[Privilege]) -> Privilege:
    there = _held_on(privilege.resource, held)
    return Privilege(privilege.resource, frozenset() if "anyAction" in there else privilege.actions - there)


def _order(privilege: Privilege) -> tuple[bool, str, str]:
    resource = privilege.resource
    return (resource.cluster, resource.database, resource.collection)


def _place(resource: Resource) -> str:
    """Where documents are: one collection, or every one of a database."""
    if resource.cluster:
        return _SERVER
    if not resource.collection:
        return f"every collection of {resource.database or 'every database'}"
    return f"{resource.database}.{resource.collection}" if resource.database else f"every {resource.collection}"


def _home(resource: Resource) -> str:
    """What is made or dropped as a whole: one collection, or any of a database."""
    if resource.cluster or resource.collection:
        return _place(resource)
    return f"collections of {resource.database or 'every database'}"


def _worth_saying(privileges: Iterable[Privilege]) -> list[Privilege]:
    """Without what goes without saying: what read and readWrite add for stored scripts beside every collection."""
    said = normalise(privileges)
    whole = {p.resource.database: p.actions for p in said if not p.resource.collection and not p.resource.cluster}
    return [
        p
        for p in said
        if p.resource.collection not in ORDINARY_SYSTEM_COLLECTIONS
        or not p.actions <= whole.get(p.resource.database, frozenset())
    ]


def _sentences(privileges: Iterable[Privilege], template: str) -> list[str]:
    """Deeds in the order of trust they need, of equal ones what is done to the server last; one sentence for all places."""
    places: dict[tuple[int, str], list[str]] = {}
    for privilege in _worth_saying(privileges):
        for order, deed in _deeds(privilege):
            place = _home if order in WHOLE_DEEDS else _place
            places.setdefault((order, deed), []).append(place(privilege.resource))
    ranked = sorted(places.items(), key=lambda one: (one[0][0], _SERVER in one[1], len(one[0][1]), one[0][1]))
    said = [f"{deed} {' and '.join(there)}" for (_, deed), there in ranked]
    return [_capital(template.format(sentence)) for sentence in said]


def _deeds(privilege: Privilege) -> list[tuple[int, str]]:
    """What the actions come to, each with its rank; the place comes after it."""
    deeds, rest = [], set(privilege.actions)
    for order, (verbs, phrase) in enumerate(DEEDS):
        held = list(dict.fromkeys(verb for action, verb in verbs.items() if action in rest))
        rest -= verbs.keys()
        if held:
            deeds.append((order, f"{_listed(held)} {phrase}".rstrip()))
    delegating = sorted(rest & DELEGATING_ACTIONS)
    unnamed = sorted(rest - DELEGATING_ACTIONS)
    if unnamed:
        deeds.append((len(DEEDS), f"use {_listed(unnamed)} on"))
    if delegating:
        deeds.append((len(DEEDS) + 1, f"give or change access itself with {_listed(delegating)} on"))
    return deeds


def _listed(words: Sequence[str]) -> str:
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
