"""What others have in an Atlas project and what they do there: users, roles, addresses, people, and who logged in."""

from __future__ import annotations

from datetime import datetime
from itertools import islice

from accessrequests.domain.outside import KIND_OF, UNRECORDED_KIT, Change, Kind, Thing, left_out
from accessrequests.domain.sharing import InvalidAddress, canonical_address
from workers.provisioners.atlas.access_list import AccessList
from workers.provisioners.atlas.custom_roles import CustomRoles
from workers.provisioners.atlas.project import AtlasProject, Document
from workers.provisioners.atlas.users import AtlasUser, is_ours
from workers.provisioners.connection_record import AtlasRecord
from workers.provisioners.tag import Tagger

MOST_EVENTS = 2_000
# Who did it: an Atlas user, an API key or a service account (project events, EventViewForNdsGroup).
_ACTORS = ("username", "publicKey", "apiKeyId", "userId")
_DETAIL = 300
_DAMAGED = "it says that it is ours, and our tag does not prove it"


def things(project: AtlasProject, *, tagger: Tagger, entries: AccessList, roles: CustomRoles) -> list[Thing]:
    """Everything that we cannot prove to be ours; and the users of our kits, which may be on no record."""
    users = [AtlasUser(user) for user in project.users()]
    return [
        *(_user(user, tagger) for user in users if user.proof(tagger) is None),
        *(Thing(Kind.ENTRY, name, comment[:_DETAIL]) for name, comment in entries.of_others()),
        *(Thing(Kind.ROLE, name, detail) for name, detail in roles.of_others()),
        *(_invited(person) for person in project.members(invited=True)),
    ]


def changes(project: AtlasProject, record: AtlasRecord, *, since: datetime) -> list[Change]:
    """Newest first, as many as are read at once; when there are more, the last says so. What Atlas does by itself, like removing what has expired, has no actor."""
    us = {login.account for login in (record.login, record.owner) if login is not None}
    found = list(islice(project.events(since=since, types=sorted(KIND_OF)), MOST_EVENTS + 1))
    read, more = found[:MOST_EVENTS], found[MOST_EVENTS:]
    older = [left_out(last_id=str(event["id"]), at=datetime.fromisoformat(str(event["created"]))) for event in more]
    return [*(_change(event, us) for event in read if _actor(event)), *older]


def last_logins(project: AtlasProject, *, since: datetime, until: datetime) -> dict[str, datetime]:
    """The last time that each user, as name@database, was let in to any cluster."""
    clusters = [cluster["name"] for cluster in project.clusters() if not cluster.get("paused")]
    rows = [row for name in clusters for row in project.logins(name, since=since, until=until)]
    let_in = [row for row in rows if row["authResult"]]
    last: dict[str, datetime] = {}
    for row in let_in:
        name, at = (
            f"{row['username']}@{row.get('authSource') or 'admin'}",
            datetime.fromisoformat(str(row["timestamp"])),
        )
        last[name] = max(at, last.get(name, at))
    return last


def _user(user: AtlasUser, tagger: Tagger) -> Thing:
    if user.is_kit(tagger):
        return Thing(Kind.USER, user.at, UNRECORDED_KIT, is_kit=True)
    end = f"Atlas deletes it at {user.end:%Y-%m-%d %H:%M} UTC" if user.end else ""
    damaged = _DAMAGED if is_ours(user, tagger) else ""
    return Thing(Kind.USER, user.at, "; ".join(filter(None, (", ".join(user.role_names), end, damaged)))[:_DETAIL])


def _invited(person: Document) -> Thing:
    """We never mean to invite anybody, so that none of these is ours."""
    by = f" by {person['inviterUsername']}" if person.get("inviterUsername") else ""
    roles = ", ".join(sorted(person["roles"]))
    return Thing(Kind.MEMBER, str(person["username"]), f"invited{by}, to {roles}"[:_DETAIL])


def _change(event: Document, us: set[str]) -> Change:
    kind = KIND_OF[event["eventTypeName"]]
    return Change(
        event_id=str(event["id"]),
        event=str(event["eventTypeName"]),
        kind=kind,
        name=_name(event, kind),
        actor=_actor(event),
        at=datetime.fromisoformat(str(event["created"])),
        is_ours=any(str(event.get(field)) in us for field in _ACTORS),
    )


def _actor(event: Document) -> str:
    return next((str(event[field]) for field in _ACTORS if event.get(field)), "")


def _name(event: Document, kind: Kind) -> str:
    """Atlas names a custom role in the raw event only."""
    if kind is Kind.ROLE:
        return str((event.get("raw") or {}).get("description", ""))
    if kind is Kind.ENTRY:
        said = str(event.get("whitelistEntry", ""))
        try:
            return canonical_address(said)
        except InvalidAddress:
            return said
    return str(event.get("dbUserUsername" if kind is Kind.USER else "targetUsername", ""))
