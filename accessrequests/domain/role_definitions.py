"""What a custom role of Atlas holds, as people write it, and what it comes to on a target.

Each privilege is a line: actions@place, like find,insert@shop.orders. A place is database.collection, a database, *
for every database, *.collection, or $cluster for the cluster itself. What it inherits is role@database.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from accessrequests.domain import privileges
from accessrequests.domain.atlas_actions import atlas_action
from accessrequests.domain.privileges import (
    FORBIDDEN_IN_DATABASES,
    LONGEST_NAMES,
    InvalidRole,
    Privilege,
    Resource,
    RoleRef,
    UnknownRole,
)
from accessrequests.domain.single_actions import SEPARATOR, written

THE_CLUSTER = "$cluster"
EVERY_DATABASE = "*"
ADMIN = "admin"
MOST_LINES = 100

_EMPTY = "A role needs at least one privilege or one role that it inherits."
_FORM = "Write a privilege as actions@database.collection, like find,insert@shop.orders; one in a line."


class InvalidDefinition(ValueError):
    """What is written is no role that Atlas could hold. `errors` says by field what to write instead."""

    def __init__(self, errors: Mapping[str, Sequence[str]]) -> None:
        super().__init__(" ".join(sentence for sentences in errors.values() for sentence in sentences))
        self.errors = {name: list(sentences) for name, sentences in errors.items()}


@dataclass(frozen=True, slots=True)
class Definition:
    """One action on one resource each, and roles by their inventory names. Two of the same content are equal."""

    allows: frozenset[tuple[str, Resource]]
    inherits: frozenset[str]

    @property
    def privileges(self) -> list[str]:
        """One line for each place, in a fixed order."""
        by_place: dict[str, set[str]] = {}
        for action, resource in self.allows:
            by_place.setdefault(_place_of(resource), set()).add(action)
        return [f"{written(frozenset(actions))}@{place}" for place, actions in sorted(by_place.items())]

    def to_json(self) -> dict[str, list[str]]:
        return {"privileges": self.privileges, "inherits": sorted(self.inherits)}


def from_json(values: Mapping[str, Iterable[str]]) -> Definition:
    """What `to_json` wrote: of a role that Atlas has, whatever it may hold."""
    lines = [line.partition("@") for line in values["privileges"]]
    return Definition(
        allows=frozenset((action, _resource(place)) for actions, _, place in lines for action in actions.split(",")),
        inherits=frozenset(values["inherits"]),
    )


def read(lines: Sequence[str], inherits: Sequence[str]) -> Definition:
    """From what people wrote.

    :raises InvalidDefinition: naming every line that means nothing.
    """
    errors: dict[str, list[str]] = {}
    allows = {one for line in lines for one in _line(line, errors)}
    for role in inherits:
        try:
            wrong = bool(RoleRef.parse(role).collection)
        except InvalidRole:
            wrong = True
        if wrong:
            errors.setdefault("inherits", []).append(f"{role} is no role. Write it as role@database, like read@shop.")
    if max(len(lines), len(inherits)) > MOST_LINES:
        errors["privileges"] = [f"Keep it within {MOST_LINES} lines and {MOST_LINES} roles."]
    if not (errors or allows or inherits):
        errors["privileges"] = [_EMPTY]
    if errors:
        raise InvalidDefinition(errors)
    return Definition(frozenset(allows), frozenset(inherits))


def expand(definition: Definition, roles: Mapping[str, Sequence[Privilege]]) -> tuple[Privilege, ...]:
    """All that it allows, with what it inherits; Atlas knows no deny, so that the highest permission counts.

    :raises UnknownRole: when it inherits a role that is not among these.
    """
    for name in sorted(definition.inherits - roles.keys()):
        raise UnknownRole(f"The project has no role {name} to inherit from. Choose one of those that it has.")
    own = (Privilege(resource, frozenset({action})) for action, resource in definition.allows)
    return privileges.union(own, *(roles[name] for name in definition.inherits))


def _line(line: str, errors: dict[str, list[str]]) -> list[tuple[str, Resource]]:
    actions, at, place = line.strip().partition("@")
    database, dot, collection = place.partition(".")
    named = set() if database == EVERY_DATABASE else set(database) & FORBIDDEN_IN_DATABASES
    sound = actions and at and database and bool(dot) == bool(collection) and "$" not in collection
    if place != THE_CLUSTER and (
        not sound or named or not line.isprintable() or len(place.encode()) > LONGEST_NAMES[2]
    ):
        errors.setdefault("privileges", []).append(f"{line.strip() or 'An empty line'} says nothing. {_FORM}")
        return []
    resource = _resource(place)
    unknown = [action for action in actions.split(SEPARATOR) if atlas_action(action, resource) is None]
    if unknown:
        sentence = f"No custom role can allow {', '.join(unknown)} on {_said(resource)}."
        errors.setdefault("privileges", []).append(sentence)
    return [(action, resource) for action in actions.split(SEPARATOR)]


def _resource(place: str) -> Resource:
    if place == THE_CLUSTER:
        return Resource(cluster=True)
    database, _, collection = place.partition(".")
    return Resource("" if database == EVERY_DATABASE else database, collection)


def _place_of(resource: Resource) -> str:
    if resource.cluster:
        return THE_CLUSTER
    database = resource.database or EVERY_DATABASE
    return f"{database}.{resource.collection}" if resource.collection else database


def _said(resource: Resource) -> str:
    if resource.cluster:
        return "the cluster"
    return (
        f"one collection ({_place_of(resource)})"
        if resource.collection
        else f"a whole database ({_place_of(resource)})"
    )


def expand_all(
    definitions: Mapping[str, Definition], others: Mapping[str, Sequence[Privilege]]
) -> dict[str, tuple[Privilege, ...]]:
    """What every custom role comes to, by inventory name, beside the built-in ones. What cannot be read through is left out."""
    known: dict[str, Sequence[Privilege]] = dict(others)
    waiting = {f"{name}@{ADMIN}": definition for name, definition in definitions.items()}
    while ready := [name for name, definition in waiting.items() if definition.inherits <= known.keys()]:
        for name in ready:
            known[name] = expand(waiting.pop(name), known)
    return {name: tuple(held) for name, held in known.items()}
