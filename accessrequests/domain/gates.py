"""How each gate of an access is known to be open on a kind of target, and who ends it, in sentences."""

from __future__ import annotations

from collections.abc import Mapping

from accessrequests.domain.kinds import KINDS, X509_MANAGED, named_method
from accessrequests.domain.lifecycle import GateName

BY_LOGIN = "proved by login"
_MONGODB: Mapping[GateName, str] = {
    GateName.NETWORK: "Read back from the user. A login of ours would come from another address, so none can prove it.",
    GateName.USER: "Proved by a login, while the user can do nothing yet.",
    GateName.ROLES: "Read back from the user: exactly what was approved.",
}
_ATLAS: Mapping[GateName, str] = {
    GateName.NETWORK: "Read back from the project's access list until it is active. The list counts for every cluster.",
    GateName.USER: "Read back, and every cluster of its scope says that it has the user.",
    GateName.ROLES: "Read back with the user: exactly what was approved, on exactly these clusters.",
}
_PROVED: Mapping[str, Mapping[GateName, str]] = {"mongodb": _MONGODB, "atlas": _ATLAS}


def how_proved(kind: str, gate: GateName, *, by_login: bool = False) -> str:
    """`by_login`: the new user has logged in, which a target that lets our workers in nowhere may not show."""
    if by_login and gate is GateName.USER and kind == "atlas":
        return "Proved by a login of our workers, on every cluster of its scope."
    return _PROVED[kind][gate]


def who_ends(*, kind: str, target: str, authentication: str) -> str:
    """Whether the target ends the access by itself, should we be away when its time is over."""
    if authentication in KINDS[kind].expiring:
        return f"{target} deletes the user by itself when its time is over, too, should we be away then."
    said = f"{target} has no end of its own for who signs in with {named_method(authentication)}: only we end it."
    if authentication == X509_MANAGED:
        return f"{said} The certificate itself says a later day, months being all that Atlas counts in."
    return said


def how_added(login: str) -> str:
    return f"Read back from {login}: all that was approved is there."


def only_we_end_it(target: str) -> str:
    """Of roles for a login that stands anyway, whatever the target can do for users that are made."""
    return f"{target} has no end of its own for roles of a login that stays: only we take them."


def everyone_in(group: str) -> str:
    """What is given to a group is given to all who are in it, now and later."""
    return f"{group} is a group: everyone in the group gets it, and everyone loses it at the end."
