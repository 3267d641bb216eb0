"""What was answered so far of what one needs to do, and where it may lead: over what a person may ask for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

from accessrequests.domain import privileges, project_roles
from accessrequests.domain.privileges import Level, Privilege, Resource

DATABASE_USER, ROLE_GRANT, PROJECT_ROLE = "database_user", "role_grant", "project_role"
DATA, PROJECT = "data", "project"
ME, SERVICE = "me", "service"
READ, CHANGE, ACTION, ADMINISTER = "read", "change", "action", "administer"
COLLECTION, DATABASE = "collection", "database"
USUAL_LEVELS: Mapping[str, Level] = {
    READ: Level.READ,
    CHANGE: Level.WRITE,
    ACTION: Level.READ,
    ADMINISTER: Level.ADMIN,
}

_ROLES = {READ: "read", CHANGE: "readWrite"}
_NO_MEMBER = "The catalogue does not say which Atlas user you are. An administrator adds it."
_NOTHING = "Nothing like that is on offer."
_NOT_READ = "What it has to offer has not been read yet. That takes a minute once it answers."


@dataclass(frozen=True, slots=True)
class Standing:
    """What the policy says to one level on one target: why not, or how many people it takes, and how."""

    refusal: str = ""
    cost: str = ""
    people: int = 0
    maximum: timedelta | None = None
    methods: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AdminRole:
    """A role that administers. `narrowed`: what it needs on one collection alone, where it does anything there."""

    name: str
    reach: str
    narrowed: Level | None = None


@dataclass(frozen=True, slots=True)
class Offered:
    """One target as a person may ask there. `roles` and `collections` as its inventory keeps them; None: not read yet.
    `admin_roles` None: not looked at, because nobody asked.

    `own` and `services` are logins that stand there, with the service of each; `project_roles` None: no Atlas user.
    `actions` are the single ones that mean something there, on a collection or on a database. `policy` is about users
    that are made, `of_kinds` about what else is given.
    """

    target: str
    name: str
    environment: str
    policy: Mapping[Level, Standing]
    kinds: frozenset[str] = frozenset({DATABASE_USER})
    roles: Mapping[str, Any] | None = None
    collections: Mapping[str, Sequence[str]] = field(default_factory=dict)
    clusters: Sequence[str] = ()
    admin_roles: Sequence[AdminRole] | None = None
    own: Sequence[str] = ()
    services: Mapping[str, str] = field(default_factory=dict)
    project_roles: Sequence[str] | None = None
    actions: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    of_kinds: Mapping[str, Mapping[Level, Standing]] = field(default_factory=dict)

    def standing(self, kind: str, level: Level) -> Standing:
        return self.of_kinds.get(kind, self.policy)[level]

    def kind_for(self, who: str) -> str:
        """What is made for whom: a person gets a user for a while where one can be had; nothing: it cannot be done."""
        if who == SERVICE:
            return ROLE_GRANT if self.services and ROLE_GRANT in self.kinds else ""
        if DATABASE_USER in self.kinds:
            return DATABASE_USER
        return ROLE_GRANT if self.own and ROLE_GRANT in self.kinds else ""


@dataclass(frozen=True, slots=True)
class Given:
    """An answer that was given, or that was the only one."""

    key: str
    question: str
    value: str
    title: str
    was_chosen: bool


@dataclass(frozen=True, slots=True)
class State:
    """What is answered so far."""

    offered: Sequence[Offered]
    lengths: Sequence[str]
    given: tuple[Given, ...] = ()

    def __getitem__(self, key: str) -> str:
        return next((one.value for one in self.given if one.key == key), "")

    @property
    def here(self) -> Offered:
        return next(one for one in self.offered if one.target == self["target"])

    @property
    def kind(self) -> str:
        return PROJECT_ROLE if self["plane"] == PROJECT else self.here.kind_for(self["who"])

    def but(self, **answers: str) -> State:
        """The same with more answers, to see where they would lead."""
        more = (Given(key, "", value, "", was_chosen=False) for key, value in answers.items())
        return replace(self, given=(*self.given, *more))


def role_of(state: State) -> str:
    """As it is written in an ask."""
    place = state["place"]
    if state["do"] in _ROLES:
        return f"{_ROLES[state['do']]}@{place}"
    if state["do"] == ACTION:
        return f"{state['action']}@{place}"
    _, dot, collection = place.partition(".")
    return f"{state['role']}{dot}{collection}"


def level_of(state: State) -> Level:
    """How much trust what is chosen needs."""
    if state["plane"] == PROJECT:
        return project_roles.level_of([state["role"]])
    if state["do"] == ADMINISTER:
        return levels_of_admin(state).get(state["place"], Level.ADMIN)
    return places_on(state.here, state)[state["place"]]


def places_on(offered: Offered, state: State) -> dict[str, Level]:
    """Where on a target the deed can be done, in order, with the level that it needs there."""
    found: dict[str, Level] = {}
    for database, collections in offered.collections.items():
        held = _held(offered, state, database)
        names = [f".{name}" for name in collections] if state["reach"] == COLLECTION else [""]
        if names and names[0]:
            held = privileges.narrow(held, database=database, collection=names[0][1:])
        level = privileges.level_of(held)
        if held and level is not Level.DELEGATING:
            found |= {f"{database}{name}": level for name in names}
    return found


def _held(offered: Offered, state: State, database: str) -> tuple[Privilege, ...]:
    """What the deed takes on a whole database of this target; nothing where it cannot be done."""
    if state["do"] == ACTION:
        known = state["action"] in offered.actions.get(state["reach"], {})
        return (Privilege(Resource(database), frozenset(state["action"].split(","))),) if known else ()
    stored = (offered.roles or {}).get(f"{_ROLES[state['do']]}@{database}")
    return privileges.from_json(stored) if stored else ()


def levels_of_admin(state: State) -> dict[str, Level]:
    """Where the chosen role can be had, and what it needs there: one collection, where it is less, before all of it."""
    role = next(one for one in (state.here.admin_roles or ()) if one.name == state["role"])
    database = role.name.rpartition("@")[2]
    narrow = role.narrowed
    collections = state.here.collections.get(database, ()) if narrow else ()
    return {f"{database}.{name}": narrow for name in collections if narrow} | {database: Level.ADMIN}


def standing_on(offered: Offered, state: State) -> Standing:
    """What the policy says to what is answered so far, at best; with a refusal where it leads nowhere."""
    kind = PROJECT_ROLE if state["plane"] == PROJECT else offered.kind_for(state["who"])
    usual = offered.standing(kind, USUAL_LEVELS.get(state["do"], Level.READ))
    if offered.roles is None:
        return usual if usual.refusal else Standing(_NOT_READ)
    if state["plane"] == PROJECT:
        if offered.project_roles is None:
            return Standing(_NO_MEMBER)
        levels = {project_roles.level_of([role]) for role in offered.project_roles}
    elif state["do"] == ADMINISTER:
        levels = set() if offered.admin_roles == () else {Level.ADMIN}
    elif state["do"] == ACTION and not state["action"]:
        levels = set(offered.policy) if offered.actions.get(state["reach"]) else set()
    else:
        levels = set(places_on(offered, state).values())
    found = [offered.standing(kind, level) for level in levels]
    return min(found, key=burden, default=usual if usual.refusal else Standing(_NOTHING))


def burden(standing: Standing) -> tuple[bool, int]:
    return bool(standing.refusal), standing.people


def fitting(state: State) -> list[Offered]:
    """The targets where such a thing is on offer at all."""
    if state["plane"] == PROJECT:
        return [one for one in state.offered if PROJECT_ROLE in one.kinds]
    return [one for one in state.offered if one.kind_for(state["who"])]


def why_nowhere(*states: State) -> str:
    """Why none of these leads on anywhere; empty where one does."""
    found = [standing_on(one, state) for state in states for one in fitting(state)]
    if any(not standing.refusal for standing in found):
        return ""
    by_a_rule = [one.refusal for one in found if one.refusal not in {_NOTHING, _NOT_READ, _NO_MEMBER}]
    return next(iter([*by_a_rule, *(one.refusal for one in found)]), _NOTHING)
