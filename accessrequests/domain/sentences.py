"""What people are told, in whole sentences: one builder for the portal, the API, mail and every channel to come.

Plain values in, text out; no secret is ever among the values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from accessrequests.domain.approvals import Step
from accessrequests.domain.events import Event
from accessrequests.domain.lifecycle import AccessRequestState, EndReason, GrantState
from accessrequests.domain.privileges import Level
from accessrequests.domain.window import (
    InvalidDuration,
    InvalidMoment,
    parse_duration,
    parse_moment,
    spell_duration,
)
from accessrequests.domain.wording import (
    because,
    deed,
    ending,
    moment,
    name,
    one_line,
    paragraphs,
    people_needed,
    title,
)

__all__ = [
    "Audience",
    "Notice",
    "Story",
    "deed",
    "ending",
    "grant_sentence",
    "moment",
    "notice",
    "one_line",
    "paragraphs",
    "people_needed",
    "request_sentence",
    "timeline",
    "title",
]

NO_ACCESS = "No access was created"
LONGEST_URL = 2_000
MAY_WORK = "This access may still work. We keep trying to end it until the target confirms that it is gone."

# {by} is who acted; the other gaps are filled by `_gaps`, and stay empty where the audit event keeps no such fact.
_TIMELINE: Mapping[Event, str] = {
    Event.ACCESS_REQUEST_SUBMITTED: "{by} asked to {deed}{length}{reason}.",
    Event.ACCESS_REQUEST_APPROVAL_GIVEN: "{by} approved{group}{comment}.",
    Event.ACCESS_REQUEST_APPROVED: "The request is approved{length}.",
    Event.ACCESS_REQUEST_DENIED: "{by} denied the request{comment}.",
    Event.ACCESS_REQUEST_CANCELLED: "{by} took the request back.",
    Event.ACCESS_REQUEST_EXPIRED: "Nobody answered in time, so the request has lapsed.",
    Event.ACCESS_REQUEST_REFUSED: "{by} was refused{why}.",
    Event.GRANT_PROVISIONING_STARTED: "The access is being set up{attempt}.",
    Event.GRANT_ACTIVATED: "The access is live{username}{until}.",
    Event.GRANT_ATTEMPT_FAILED: "A step did not succeed{attempt}{why}.",
    Event.GRANT_PROVISIONING_FAILED: "The access could not be set up{why}.",
    Event.GRANT_REVOCATION_STARTED: "The access is being ended: {ending}.",
    Event.GRANT_CUT: "The access is cut off: no login, and nothing of it runs.",
    Event.GRANT_REVOKED: "The access is gone: the target has nothing of it left.",
    Event.GRANT_DRIFT_FOUND: "The access was changed on the target{why}.",
    Event.GRANT_REFUSED: "{by} was refused{why}.",
    Event.CREDENTIAL_REVEALED: "{by} was shown the password, once.",
    Event.CREDENTIAL_ERASED: "The copy of the password was erased{why}.",
    Event.CREDENTIAL_ROTATION_STARTED: "{by} asked for a new password.",
    Event.CREDENTIAL_ROTATED: "The target has the new password.",
    Event.POLICY_PUBLISHED: "{by} published a policy{name}.",
    Event.TARGET_APPLIED: "{by} applied the target's entry in the catalogue.",
    Event.TARGET_UNREACHABLE: "The target does not answer{why}.",
    Event.TARGET_REACHABLE: "The target answers again.",
    Event.TARGET_ORPHAN_ENDED: "Something of ours that belongs to no grant was ended{username}.",
    Event.TARGET_CLOCK_SKEWED: "The target's clock and ours differ{skew}.",
    Event.CLOCK_SKEWED: "The database's clock and one of ours differ{skew}. Nothing new is opened until they agree.",
    Event.PERSON_APPLIED: "{by} changed what is known of a person.",
    Event.GROUP_APPLIED: "{by} changed what the members of a group may do.",
    Event.TOKEN_CREATED: "{by} made a personal token{name}.",
    Event.TOKEN_REVOKED: "{by} revoked a personal token{name}.",
}


def timeline(event: Event, *, actor: str, facts: Mapping[str, Any]) -> str:
    """The sentence of one event, from the facts that its audit event keeps."""
    return _TIMELINE[event].format_map({"by": name(actor), **_gaps(actor, facts)})


def request_sentence(
    *,
    state: AccessRequestState,
    lapses_at: datetime,
    waiting_for: Sequence[Step] = (),
    decided_by: str = "",
    note: str = "",
) -> str:
    """Where a request stands. `note` is what the person who denied it said."""
    return {
        AccessRequestState.PENDING: f"It waits for {people_needed(waiting_for)} and lapses at {moment(lapses_at)}.",
        AccessRequestState.APPROVED: "It is approved.",
        AccessRequestState.DENIED: f"{name(decided_by)} denied it{because(note)}.",
        AccessRequestState.CANCELLED: "The requester took it back.",
        AccessRequestState.EXPIRED: "Nobody answered in time, so it has lapsed. It can be asked again.",
    }[state]


def grant_sentence(
    *,
    state: GrantState,
    starts_at: datetime | None = None,
    expires_at: datetime | None = None,
    reason: EndReason | None = None,
    ended_by: str = "",
    note: str = "",
    setting_up: bool = False,
    was_open: bool = True,
    cut: bool = False,
    overdue: bool = False,
) -> str:
    """Where a grant stands. That no access was created and that it may still work are never mixed up.

    `starts_at` is a start that lies ahead; `setting_up`: an attempt is under way; `was_open`: it may have worked at
    some time; `cut`: the target has confirmed that it no longer works; `overdue`: it should have by now.
    """
    if state is GrantState.PENDING:
        waits = f"Waiting for its start at {moment(starts_at)}." if starts_at else "Waiting to be set up."
        return "Setting up." if setting_up else waits
    if state is GrantState.ACTIVE:
        return f"Live until {moment(expires_at)}." if expires_at else "Live."
    why = ending(reason, by=ended_by, note=note)
    if state is GrantState.REVOKED:
        return f"Ended: {why}." if was_open else f"{NO_ACCESS}: {why}."
    if cut:
        return f"Cut off: {why}. What is left of it is being removed."
    return f"Ending: {why}. It may still work, retrying." if overdue else f"Ending: {why}."


class Audience(StrEnum):
    """Whom a notice is for."""

    APPROVER = "approver"
    REQUESTER = "requester"


@dataclass(frozen=True, slots=True)
class Notice:
    """A message to one person, for any channel. The subject is one line."""

    subject: str
    body: str


@dataclass(frozen=True, slots=True)
class Story:
    """What a notice can tell of a request and its grant. `title` comes from `title()`; what is not known stays empty."""

    title: str
    url: str
    reason: str = ""
    waiting_for: Sequence[Step] = ()
    lapses_at: datetime | None = None
    actor: str = ""
    note: str = ""
    username: str = ""
    expires_at: datetime | None = None
    end_reason: EndReason | None = None
    was_open: bool = True


_SUBJECTS: Mapping[Event, str] = {
    Event.ACCESS_REQUEST_APPROVED: "Approved",
    Event.ACCESS_REQUEST_DENIED: "Denied",
    Event.ACCESS_REQUEST_CANCELLED: "Taken back",
    Event.ACCESS_REQUEST_EXPIRED: "Lapsed",
    Event.GRANT_ACTIVATED: "Live",
    Event.GRANT_PROVISIONING_FAILED: "Not set up",
    Event.GRANT_REVOKED: "Ended",
    Event.GRANT_DRIFT_FOUND: "Changed on the target",
}


def notice(event: Event, *, audience: Audience, story: Story) -> Notice | None:
    """What this audience is told of the event, or None when it is told nothing."""
    told = _TOLD[audience].get(event)
    if told is None:
        return None
    never = event is Event.GRANT_REVOKED and not story.was_open
    prefix = NO_ACCESS if never else _SUBJECTS.get(event, "")
    subject = f"{prefix}: {story.title}" if prefix else story.title
    # Quoted line by line: a reason that imitates our own words is still seen to be the requester's.
    quoted = "\n".join(f"> {line}" for line in paragraphs(story.reason).splitlines())
    parts = [f"{one_line(story.title)}.", quoted, told(story), one_line(story.url, LONGEST_URL)]
    return Notice(subject=one_line(subject), body="\n\n".join(part for part in parts if part) + "\n")


def _submitted_to_approver(story: Story) -> str:
    lapses = _piece(" Without an answer it lapses at {}.", moment(story.lapses_at) if story.lapses_at else "")
    return f"You are asked because it needs {people_needed(story.waiting_for)}. Approve or deny it here.{lapses}"


def _approved(_: Story) -> str:
    return "It is approved, and the access is being set up. You are told when it is live."


def _denied(story: Story) -> str:
    return f"{name(story.actor)} denied it{because(story.note)}. {NO_ACCESS}. Ask for less, or ask them."


def _cancelled(_: Story) -> str:
    return "The requester took it back. There is nothing left to decide."


def _expired(_: Story) -> str:
    return f"Nobody answered in time, so it has lapsed. {NO_ACCESS}. Ask again if you still need it."


def _activated(story: Story) -> str:
    until = _piece(" until {}", moment(story.expires_at) if story.expires_at else "")
    user = _piece(" The user is {}.", one_line(story.username))
    return f"The access is live{until}.{user} The password is shown once, in the portal; it is never sent."


def _not_set_up(story: Story) -> str:
    kept = MAY_WORK if story.was_open else f"{NO_ACCESS}."
    return f"The access could not be set up{because(story.note)}. {kept} Ask again if you still need it."


def _revoked(story: Story) -> str:
    why = ending(story.end_reason, by=story.actor, note=story.note)
    if not story.was_open:
        return f"{NO_ACCESS}: {why}. Ask again if you still need it."
    return f"The access has ended: {why}. The target confirms that nothing of it is left."


def _drifted(story: Story) -> str:
    return f"Somebody changed the access on the target{because(story.note)}. It is being ended. {MAY_WORK}"


_TOLD: Mapping[Audience, Mapping[Event, Callable[[Story], str]]] = {
    Audience.APPROVER: {
        Event.ACCESS_REQUEST_SUBMITTED: _submitted_to_approver,
        Event.ACCESS_REQUEST_CANCELLED: _cancelled,
        Event.GRANT_DRIFT_FOUND: _drifted,
    },
    Audience.REQUESTER: {
        Event.ACCESS_REQUEST_APPROVED: _approved,
        Event.ACCESS_REQUEST_DENIED: _denied,
        Event.ACCESS_REQUEST_EXPIRED: _expired,
        Event.GRANT_ACTIVATED: _activated,
        Event.GRANT_PROVISIONING_FAILED: _not_set_up,
        Event.GRANT_REVOKED: _revoked,
        Event.GRANT_DRIFT_FOUND: _drifted,
    },
}


def _gaps(actor: str, facts: Mapping[str, Any]) -> dict[str, str]:
    """What the facts say, each as a piece that fits into a sentence or, when it is not there, as nothing."""
    text = {key: one_line(str(value)) for key, value in facts.items() if value not in (None, "")}
    note = text.get("note", "")
    return {
        "deed": _deed(facts),
        "length": _piece(" for {}", _spelled(facts.get("length", facts.get("duration")))),
        "reason": because(text.get("reason", "")),
        "group": _piece(" for {}", text.get("group", "")),
        "comment": because(text.get("comment", "")),
        "why": because(text.get("why", "")),
        "attempt": _piece(" (attempt {})", text.get("attempt", "")),
        "username": _piece(" as {}", text.get("username", "")),
        "until": _piece(" until {}", _told_moment(facts.get("expires_at"))),
        "ending": ending(_end_reason(facts.get("reason")), by=actor, note=note),
        "name": _piece(" called {}", text.get("name", "")),
        "skew": _piece(" by {} ms", text.get("milliseconds", "")),
    }


def _piece(template: str, text: str) -> str:
    return template.format(text) if text else ""


def _deed(facts: Mapping[str, Any]) -> str:
    """The audit trail may hold rows of older versions, so facts are read with care: a timeline must never fail."""
    try:
        return deed(roles=facts["roles"], level=Level(facts["level"]), target=one_line(str(facts["target"])))
    except (KeyError, TypeError, AttributeError, ValueError):
        return "have access"


def _spelled(value: object) -> str:
    try:
        return spell_duration(parse_duration(value))
    except InvalidDuration:
        return ""


def _told_moment(value: object) -> str:
    try:
        return moment(parse_moment(value))
    except InvalidMoment:
        return ""


def _end_reason(value: object) -> EndReason | None:
    try:
        return EndReason(str(value))
    except ValueError:
        return None
