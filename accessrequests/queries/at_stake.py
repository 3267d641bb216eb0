"""What is at stake in a request: how far it reaches, and what is new for whoever would get it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from accessrequests.domain import privileges, sentences
from accessrequests.domain.actions import SERVER_DATABASES
from accessrequests.domain.privileges import Level, Privilege, Resource
from accessrequests.domain.window import spell_duration
from accessrequests.domain.wording import counted, name
from accessrequests.models import AccessRequest, Inventory
from accessrequests.models.access_requests import AccessKind
from accessrequests.queries import holdings, preview, records
from accessrequests.queries.records import Record

DOCUMENT_ACTIONS = frozenset({"find", "insert", "update", "remove"})
UNCLASSIFIED = "not classified"
_MINUTE = timedelta(minutes=1)
_SHORT = ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k"))


@dataclass(frozen=True, slots=True)
class Reach:
    """How far the roles reach into what the target was seen to hold."""

    words: str
    more: str


@dataclass(frozen=True, slots=True)
class Change:
    """One line of the difference to what the person holds; without a sign it is there already."""

    words: str
    sign: str = ""
    is_of_documents: bool = False


@dataclass(frozen=True, slots=True)
class Stakes:
    """All that whoever decides has to know, in words. `gained`: the gravest first; `held`: what is there already.

    `telling`: the same as `gained`, what tells most first, for where there is no room for all of it.
    """

    environment: str
    data: str
    reach: str = ""
    gained: tuple[str, ...] = ()
    telling: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    unusual: str = ""


def stakes_of(access_request: AccessRequest, *, at: datetime) -> Stakes:
    """Read now, for those who are asked."""
    record = records.record_of(access_request, at=at)
    reach, changes = reach_of(access_request), changes_of(access_request, record, at=at)
    gained = [one for one in reversed(changes) if one.sign]
    # Who may read or write is asked for documents; what an index costs comes after. Of an administrator the gravest tells.
    is_of_documents = Level(access_request.level) <= Level.WRITE
    telling = sorted(gained, key=lambda one: not one.is_of_documents) if is_of_documents else gained
    return replace(
        place_of(access_request),
        reach=", ".join(filter(None, (reach.words, reach.more))),
        gained=tuple(one.words for one in gained),
        telling=tuple(one.words for one in telling),
        held=tuple(one.words for one in changes if not one.sign),
        unusual=_unusual(access_request, record),
    )


def place_of(access_request: AccessRequest) -> Stakes:
    """What is to be known of the target alone."""
    target = access_request.target
    return Stakes(target.environment, " and ".join(map(str, target.data_classes)) or UNCLASSIFIED)


def _unusual(access_request: AccessRequest, record: Record) -> str:
    length = access_request.approved_duration or access_request.duration
    if record.usual is None or not record.is_longer_than_usual(length):
        return ""
    usual = spell_duration(max(record.usual - record.usual % _MINUTE, _MINUTE))
    times = counted(len(record.ended_here), "time")
    return f"Longer than usual: the last {times} on {access_request.target.slug} were used for about {usual}."


def reach_of(access_request: AccessRequest) -> Reach:
    if access_request.kind == AccessKind.PROJECT_ROLE:
        return Reach("the project itself", f"as {access_request.principal}")
    if not all(privileges.is_role(role) and role in access_request.privileges for role in access_request.roles):
        return Reach("unknown", "It names a role in a way that cannot be read. Treat it as admin.")
    asked = holdings.asked_for(access_request)
    words = privileges.reach_of(asked)
    inventory = getattr(access_request.target, "inventory", None)
    if words == "the server itself" or not isinstance(inventory, Inventory):
        return Reach(words, "")
    every = _collections(inventory)
    reached = [size for place, size in every if any(privileges.includes(one.resource, place) for one in asked)]
    share = f"{len(reached)} of {len(every)} collections"
    return Reach(share, f"about {_short(sum(reached))} documents: {words}" if sum(reached) else words)


def _collections(inventory: Inventory) -> list[tuple[Resource, int]]:
    return [
        (Resource(database, name), int(sizes.get("documents") or 0))
        for database, collections in inventory.databases.items()
        if database not in SERVER_DATABASES
        for name, sizes in collections.items()
        if not name.startswith("system.")
    ]


def _short(number: int) -> str:
    """12.4 M for twelve million and some: nobody decides by the last digit of an estimate."""
    for size, letter in _SHORT:
        if number >= size:
            return f"{number / size:.1f}".removesuffix(".0") + f" {letter}"
    return str(number)


def changes_of(access_request: AccessRequest, record: Record | None, *, at: datetime) -> list[Change]:
    """What is new for the person, and below it what they hold on this target already."""
    if access_request.kind == AccessKind.PROJECT_ROLE:
        return [Change(line, "add") for line in preview.let_do(access_request)]
    held: list[Privilege] = [] if record is None else [one for use in record.usable_here for one in use.privileges]
    new = privileges.difference(holdings.asked_for(access_request), held)
    of_documents = set(privileges.what_this_lets_you_do(_of_documents(new)))
    lines = privileges.what_this_lets_you_do(new)
    changes = [Change(line, "add", is_of_documents=line in of_documents) for line in lines]
    if not new:
        changes.append(Change(_nothing_new(access_request, record, at)))
    for use in record.usable_here if record is not None else ():
        until = f" until {sentences.moment(use.expires_at)}" if use.expires_at else ""
        changes.append(Change(f"{', '.join(use.roles)}{until}, held already"))
    return changes


def _of_documents(new: Iterable[Privilege]) -> list[Privilege]:
    """Only what can be done with documents themselves."""
    return [replace(one, actions=one.actions & DOCUMENT_ACTIONS) for one in new]


def _nothing_new(access_request: AccessRequest, record: Record | None, at: datetime) -> str:
    """What is held until after the end of the ask may be all of it, and then not even the time is new."""
    extended = access_request.extends
    begins = extended.expires_at if extended is not None else access_request.starts_at
    ends = max(at, begins or at) + (access_request.approved_duration or access_request.duration)
    held_here = () if record is None else record.usable_here
    later = [use for use in held_here if use.expires_at is not None and use.expires_at > ends]
    held = [one for use in later for one in use.privileges]
    if not later or privileges.difference(holdings.asked_for(access_request), held):
        return "Nothing new: it would last longer, no more."
    until = sentences.moment(min(use.expires_at for use in later if use.expires_at is not None))
    return f"Nothing new: {name(access_request.beneficiary.name)} holds all of this already, until {until}, which is later."
