"""Why somebody cannot connect: what shuts a gate, said of each cause in words, with what to do about it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from accessrequests.domain.lifecycle import GateName


class GateView(StrEnum):
    """What a look found of a gate."""

    OPEN = "open"
    SHUT = "shut"
    NOT_KNOWN = "not_known"


class Cause(StrEnum):
    """What can shut a gate."""

    ENTRY_GONE = "entry_gone"
    ENTRY_LAPSED = "entry_lapsed"
    ENTRY_PENDING = "entry_pending"
    ASKED_FROM_ELSEWHERE = "asked_from_elsewhere"
    LOGIN_FROM_ELSEWHERE = "login_from_elsewhere"
    ADDRESSES_CHANGED = "addresses_changed"
    CLUSTER_PAUSED = "cluster_paused"
    CLUSTER_GONE = "cluster_gone"
    TARGET_AWAY = "target_away"
    NOT_SET_UP = "not_set_up"
    ENDED = "ended"
    USER_GONE = "user_gone"
    USER_LAPSED = "user_lapsed"
    PASSWORD_UNREAD = "password_unread"  # noqa: S105 - the name of a cause
    METHOD_CHANGED = "method_changed"
    CLUSTER_NOT_IN_SCOPE = "cluster_not_in_scope"
    NOT_APPLIED = "not_applied"
    LOGIN_IN_ANOTHER_DATABASE = "login_in_another_database"
    LOGINS_REFUSED = "logins_refused"
    ROLE_GONE = "role_gone"
    ROLE_NARROWED = "role_narrowed"
    ROLE_EMPTY = "role_empty"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Shut:
    """One cause that was found. `what` is the address, cluster, role or time that it is about; never a secret."""

    cause: Cause
    what: str = ""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What a look at a target found. Of gates that are not `known` it says in `unclear` why not."""

    known: frozenset[GateName]
    shut: tuple[Shut, ...] = ()
    unclear: str = ""


@dataclass(frozen=True, slots=True)
class _Told:
    gate: GateName
    why: str
    what_to_do: str


_ASK_AGAIN = "Somebody changed it on the target. We end an access that was changed there; ask again for what you need."
_WAIT = "Wait a minute or two and try again. It needs nothing from you."
_CAUSES: Mapping[Cause, _Told] = {
    Cause.ENTRY_GONE: _Told(GateName.NETWORK, "The access list has no entry that lets {} in.", _ASK_AGAIN),
    Cause.ENTRY_LAPSED: _Told(
        GateName.NETWORK, "The entry for {} on the access list has come to its end.", "Ask again, and say until when."
    ),
    Cause.ENTRY_PENDING: _Told(GateName.NETWORK, "The entry for {} is on the access list and not active yet.", _WAIT),
    Cause.ASKED_FROM_ELSEWHERE: _Told(
        GateName.NETWORK,
        "You come from {} now, and that is none of the addresses of this access.",
        "Connect from one of its addresses, or ask again for the one that you work from. If the way to the database is "
        "another than to this page, compare the address that you have there.",
    ),
    Cause.LOGIN_FROM_ELSEWHERE: _Told(
        GateName.NETWORK,
        "A login with this name was refused that came from {}, which is none of the addresses of this access.",
        "Connect from one of its addresses, or ask again for the one that you work from.",
    ),
    Cause.ADDRESSES_CHANGED: _Told(
        GateName.NETWORK, "The user may log in from other addresses than were approved: {}.", _ASK_AGAIN
    ),
    Cause.CLUSTER_PAUSED: _Told(
        GateName.NETWORK,
        "The cluster {} is paused, so it answers nobody: drivers time out.",
        "Ask whoever owns the cluster to resume it.",
    ),
    Cause.CLUSTER_GONE: _Told(
        GateName.NETWORK, "There is no cluster {} any more.", "Ask again, for the cluster that has the data now."
    ),
    Cause.TARGET_AWAY: _Told(
        GateName.NETWORK,
        "{} does not answer us either.",
        "Wait until it is back; its owner knows more. This access stays as it is, until its end.",
    ),
    Cause.NOT_SET_UP: _Told(
        GateName.USER, "The access is not set up yet.", "Wait until this page says that it is live."
    ),
    Cause.ENDED: _Told(GateName.USER, "The access has ended: {}.", "Ask again."),
    Cause.USER_GONE: _Told(
        GateName.USER,
        "The target has no user {} any more: it was deleted.",
        "Ask again. We end an access whose user is gone, and make none a second time by ourselves.",
    ),
    Cause.USER_LAPSED: _Told(
        GateName.USER, "The target has ended the user by itself, on {}.", "Ask again, and say until when."
    ),
    Cause.PASSWORD_UNREAD: _Told(
        GateName.USER,
        "Nobody has read the password that works now{}. No earlier one works.",
        "Its holder is shown it once, on the page of the access. Where it was erased unread, have a new one made there.",
    ),
    Cause.METHOD_CHANGED: _Told(GateName.USER, "The user signs in in another way than was approved.", _ASK_AGAIN),
    Cause.CLUSTER_NOT_IN_SCOPE: _Told(GateName.USER, "The user is not let in on the cluster {}.", _ASK_AGAIN),
    Cause.NOT_APPLIED: _Told(
        GateName.USER,
        "The cluster {} has not carried out the last changes of users yet. New users cannot log in until then.",
        _WAIT,
    ),
    Cause.LOGIN_IN_ANOTHER_DATABASE: _Told(
        GateName.USER,
        "A login with this name was refused that looked for the user in {}, where there is none.",
        "Copy the connection string whole: its authSource says where the user is.",
    ),
    Cause.LOGINS_REFUSED: _Told(
        GateName.USER,
        "The name is known and logins are refused: {}.",
        "Copy name and password whole, with authSource=admin; percent-encode what is special in a connection string. "
        "If a new password was made meanwhile, only that one works.",
    ),
    Cause.ROLE_GONE: _Told(GateName.ROLES, "The user no longer has {}.", _ASK_AGAIN),
    Cause.ROLE_NARROWED: _Told(GateName.ROLES, "{} no longer allows all that was approved.", _ASK_AGAIN),
    Cause.ROLE_EMPTY: _Told(GateName.ROLES, "{} allows nothing any more.", _ASK_AGAIN),
    Cause.CHANGED: _Told(GateName.ROLES, "The target holds something other than what was approved.", _ASK_AGAIN),
}
_NOT_LOOKED = "It could not be looked at."


def gate_of(cause: Cause) -> GateName:
    return _CAUSES[cause].gate


def findings(gates: Iterable[GateName], diagnosis: Diagnosis) -> list[dict[str, Any]]:
    """Per gate, whether it is open and, if not, why and what to do: plain values, to be kept and shown."""
    return [_finding(gate, diagnosis) for gate in gates]


def summary(found: Iterable[Mapping[str, Any]]) -> str:
    """The same in one sentence or two, for the trail."""
    shut = [cause["why"] for finding in found for cause in finding["causes"] if finding["state"] == GateView.SHUT]
    if shut:
        return " ".join(shut)
    if any(finding["state"] == GateView.NOT_KNOWN for finding in found):
        return "No gate was found shut, and not every gate could be looked at."
    return "Every gate is open."


def _finding(gate: GateName, diagnosis: Diagnosis) -> dict[str, Any]:
    shut = [one for one in diagnosis.shut if gate_of(one.cause) is gate]
    if shut:
        return {"gate": gate.value, "state": GateView.SHUT.value, "causes": [_told(one) for one in shut]}
    if gate in diagnosis.known:
        return {"gate": gate.value, "state": GateView.OPEN.value, "causes": []}
    unclear = {"cause": "", "why": diagnosis.unclear or _NOT_LOOKED, "what_to_do": "Ask once more in a while."}
    return {"gate": gate.value, "state": GateView.NOT_KNOWN.value, "causes": [unclear]}


def _told(shut: Shut) -> dict[str, str]:
    told = _CAUSES[shut.cause]
    return {"cause": shut.cause.value, "why": told.why.format(shut.what), "what_to_do": told.what_to_do}
