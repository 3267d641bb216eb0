"""What others have and do on a target, in words: plain values in, sentences out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from accessrequests.domain.wording import one_line


class Kind(StrEnum):
    """What it is."""

    USER = "user"
    ROLE = "role"
    ENTRY = "entry"
    MEMBER = "member"


NAMES = {
    Kind.USER: "database user",
    Kind.ROLE: "custom role",
    Kind.ENTRY: "address on the access list",
    Kind.MEMBER: "person in the project",
}


OWN_LOGIN = "this product's own login: without it, nothing is given or ended here"
# After a restore from an older backup, say: it stands, and nobody looks for logins with it.
UNRECORDED_KIT = "the user of an offline kit of ours that is not on record: make the kit again, or drop it"


@dataclass(frozen=True, slots=True)
class Thing:
    """Something that we did not make, as the target describes it. `is_kit`: our tag proves it to be an offline kit's user;
    `is_own`: workers log in with it.
    """

    kind: Kind
    name: str
    detail: str = ""
    is_kit: bool = False
    is_own: bool = False


@dataclass(frozen=True, slots=True)
class Change:
    """One event of the target's own, by its own id. `is_ours`: our own account did it."""

    event_id: str
    event: str
    kind: Kind
    name: str
    actor: str
    at: datetime
    is_ours: bool = False


# Names of events as Atlas has them (project events, eventTypeName).
DONE = {
    "MONGODB_USER_ADDED": "made",
    "MONGODB_USER_UPDATED": "changed",
    "MONGODB_USER_DELETED": "deleted",
    "MONGODB_ROLE_ADDED": "made",
    "MONGODB_ROLE_UPDATED": "changed",
    "MONGODB_ROLE_DELETED": "deleted",
    "NETWORK_PERMISSION_ENTRY_ADDED": "added",
    "NETWORK_PERMISSION_ENTRY_UPDATED": "changed",
    "NETWORK_PERMISSION_ENTRY_REMOVED": "removed",
    "USER_ROLES_CHANGED_AUDIT": "changed the roles of",
    "JOINED_GROUP": "let in",
    "INVITED_TO_GROUP": "invited",
    "REMOVED_FROM_GROUP": "removed",
}
KIND_OF = {
    **dict.fromkeys(("MONGODB_USER_ADDED", "MONGODB_USER_UPDATED", "MONGODB_USER_DELETED"), Kind.USER),
    **dict.fromkeys(("MONGODB_ROLE_ADDED", "MONGODB_ROLE_UPDATED", "MONGODB_ROLE_DELETED"), Kind.ROLE),
    **{f"NETWORK_PERMISSION_ENTRY_{what}": Kind.ENTRY for what in ("ADDED", "UPDATED", "REMOVED")},
    **dict.fromkeys(
        ("USER_ROLES_CHANGED_AUDIT", "JOINED_GROUP", "INVITED_TO_GROUP", "REMOVED_FROM_GROUP"), Kind.MEMBER
    ),
}
MAKING = frozenset({"MONGODB_USER_ADDED", "MONGODB_ROLE_ADDED", "NETWORK_PERMISSION_ENTRY_ADDED"})

# Not the target's own name of an event: ours, for those that nobody read.
LEFT_OUT = "EVENTS_LEFT_OUT"


def left_out(*, last_id: str, at: datetime) -> Change:
    """In the place of events that were more than are read at once: the last of them, and all before it."""
    return Change(f"left-out-{last_id}"[:64], LEFT_OUT, Kind.ENTRY, "", "", at)


def told(*, event: str, kind: Kind, name: str, actor: str) -> str:
    """Who did what, without the when: ops@example.com changed the database user jit-7."""
    if event == LEFT_OUT:
        return "More was changed at once than is read. What came up to here was left out: look at it on the target"
    who = one_line(actor) or "Somebody"
    return f"{who} {DONE.get(event, 'changed')} the {NAMES[kind]} {one_line(name)}".rstrip()
