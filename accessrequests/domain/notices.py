"""The notices that people get: for each event and audience, one message in the words of every other surface."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from accessrequests.domain.approvals import Step
from accessrequests.domain.events import Event
from accessrequests.domain.lifecycle import EndReason
from accessrequests.domain.wording import (
    MAY_WORK,
    NO_ACCESS,
    because,
    ending,
    moment,
    name,
    one_line,
    paragraphs,
    people_needed,
    piece,
)

LONGEST_URL = 2_000
# Whoever is told of these is asked for an answer.
ASKING = frozenset({Event.ACCESS_REQUEST_SUBMITTED, Event.ACCESS_REQUEST_EDITED, Event.ACCESS_REQUEST_ASKED})
NEVER_BY_MAIL = "A link opens a page and decides nothing; a password is never sent."


class Audience(StrEnum):
    """Whom a notice is for."""

    APPROVER = "approver"
    REQUESTER = "requester"
    GRANTEE = "grantee"  # somebody else has asked for them, or for a service of theirs
    ENDER = "ender"


@dataclass(frozen=True, slots=True)
class Notice:
    """A message to one person, for any channel. The subject is one line; `button` names the page behind `url`."""

    subject: str
    title: str
    quoted: str
    sentence: str
    button: str
    url: str
    because: str
    is_loud: bool = False
    also: tuple[tuple[str, str], ...] = ()  # other things to do: what, and on which page

    @property
    def body(self) -> str:
        """The whole as plain text. What a person wrote is quoted line by line: it cannot pass for our own words."""
        quoted = "\n".join(f"> {line}" for line in self.quoted.splitlines())
        others = "\n".join(f"{words}: {url}" for words, url in self.also)
        parts = [f"{self.title}.", quoted, self.sentence, self.url, others, f"-- \n{self.because} {NEVER_BY_MAIL}"]
        return "\n\n".join(part for part in parts if part) + "\n"


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
    own_login: str = ""
    target: str = ""
    expires_at: datetime | None = None
    end_reason: EndReason | None = None
    was_open: bool = True
    said: str = ""
    shorter: str = ""  # the length that was approved in place of the one that was asked for
    # What to do before an access ends: with which pages, or why it cannot last longer.
    also: tuple[tuple[str, str], ...] = ()
    why_not_longer: str = ""
    certificate_until: datetime | None = None


_SUBJECTS: Mapping[Event, str] = {
    Event.ACCESS_REQUEST_EDITED: "Changed",
    Event.ACCESS_REQUEST_ASKED: "Still waiting",
    Event.ACCESS_REQUEST_APPROVED: "Approved",
    Event.ACCESS_REQUEST_DENIED: "Denied",
    Event.ACCESS_REQUEST_CANCELLED: "Taken back",
    Event.ACCESS_REQUEST_EXPIRED: "Lapsed",
    Event.ACCESS_REQUEST_COMMENTED: "Comment",
    Event.GRANT_ACTIVATED: "Live",
    Event.GRANT_ATTEMPT_FAILED: "May still work",
    Event.GRANT_PROVISIONING_FAILED: "Not set up",
    Event.GRANT_ENDING_SOON: "Ends soon",
    Event.GRANT_EXTENDED: "Extended",
    Event.GRANT_EXTENSION_FAILED: "Not extended",
    Event.GRANT_REVOKED: "Ended",
    Event.GRANT_DRIFT_FOUND: "Changed on the target",
}

_BECAUSE: Mapping[Audience, str] = {
    Audience.APPROVER: "You get this because you may decide on this request, or have spoken on it.",
    Audience.REQUESTER: "You get this because the request, or the access, is yours.",
    Audience.GRANTEE: "You get this because somebody asked for you, or for a service that you own.",
    Audience.ENDER: "You get this because you may end this access.",
}


def notice(event: Event, *, audience: Audience, story: Story) -> Notice | None:
    """What this audience is told of the event, or None when it is told nothing."""
    told = _TOLD[audience].get(event)
    if told is None:
        return None
    never = event is Event.GRANT_REVOKED and not story.was_open
    prefix = NO_ACCESS if never else _SUBJECTS.get(event, "")
    if event is Event.ACCESS_REQUEST_CANCELLED and story.note:
        prefix = "Void"
    asked = event in ASKING
    of_grant = event.value.startswith("grant.")
    return Notice(
        subject=one_line(f"{prefix}: {story.title}" if prefix else story.title),
        title=one_line(story.title),
        quoted=paragraphs(story.said if event is Event.ACCESS_REQUEST_COMMENTED else story.reason),
        sentence=told(story),
        button="Read it and decide" if asked else ("Open the access" if of_grant else "Open the request"),
        url=one_line(story.url, LONGEST_URL),
        because=_BECAUSE[audience],
        is_loud=event is Event.GRANT_ATTEMPT_FAILED,
        also=tuple((words, one_line(url, LONGEST_URL)) for words, url in story.also),
    )


def authority_notice(*, target: str, ends_at: datetime, url: str) -> Notice:
    """For administrators, once a day, while the certificate authority of a target nears its end or is past it."""
    title = one_line(f"The certificate authority for {target} is good only until {moment(ends_at)}")
    return Notice(
        subject=title,
        title=title,
        quoted="",
        sentence="No access by certificate can be given that would last longer. Make a new one with manage.py x509 init, "
        "have the target trust both, and then give the workers the new one.",
        button="Open the target",
        url=one_line(url, LONGEST_URL),
        because="You get this because you are an administrator, once a day until it is done.",
        is_loud=True,
    )


def changes_notice(*, target: str, what: str, url: str) -> Notice:
    """For administrators: somebody changed what is ours on a target, by the target's own events."""
    title = one_line(f"Somebody changed what is ours on {target}")
    return Notice(
        subject=title,
        title=title,
        quoted="",
        sentence=f"{one_line(what)}. What is no longer as approved is ended by itself; ask whoever did it why.",
        button="See what was changed",
        url=one_line(url, LONGEST_URL),
        because="You get this because you are an administrator.",
    )


def policy_notice(*, proposer: str, policy: str, changed: Sequence[str], needed: str, url: str) -> Notice:
    """For those whose agreement a proposed policy waits for. `changed` names the rules that would be otherwise."""
    title = one_line(f"{name(proposer)} proposes a policy called {policy}")
    rules = piece(" It would change {}.", one_line(" and ".join(changed)))
    return Notice(
        subject=title,
        title=title,
        quoted="",
        sentence=f"It needs {needed} to agree before it is published.{rules} Read what would be otherwise, and agree or reject it there.",
        button="Read it and decide",
        url=one_line(url, LONGEST_URL),
        because="You get this because a new policy needs your agreement.",
    )


def _submitted_to_approver(story: Story) -> str:
    lapses = piece(" Without an answer it lapses at {}.", moment(story.lapses_at) if story.lapses_at else "")
    return f"You are asked because it needs {people_needed(story.waiting_for)}. Approve or deny it here.{lapses}"


def _edited(story: Story) -> str:
    waits = f"It needs {people_needed(story.waiting_for)}"
    return (
        f"The requester changed what is asked for. {waits}, and answers given before do not count. Decide on it here."
    )


def _approved(story: Story) -> str:
    length = piece(" for {}", story.shorter)
    comment = f" {name(story.actor)} says{because(story.said)}." if story.said else ""
    return f"It is approved{length}, and the access is being set up. You are told when it is live.{comment}"


def _denied(story: Story) -> str:
    return f"{name(story.actor)} denied it{because(story.note)}. {NO_ACCESS}. Ask for less, or ask them."


def _cancelled(story: Story) -> str:
    said = f"It is void{because(story.note)}." if story.note else "The requester took it back."
    return f"{said} There is nothing left to decide."


def _cancelled_to_requester(story: Story) -> str:
    if story.note:
        return f"It is void{because(story.note)}. {NO_ACCESS}."
    return f"It was taken back before anybody decided. {NO_ACCESS}. Ask again if you still need it."


def _expired(_: Story) -> str:
    return f"Nobody answered in time, so it has lapsed. {NO_ACCESS}. Ask again if you still need it."


def _commented(story: Story) -> str:
    return (
        f"{name(story.actor)} wrote this about the request. Answer on its page; a reply to this message reaches nobody."
    )


def _activated(story: Story) -> str:
    until = piece(" until {}", moment(story.expires_at) if story.expires_at else "")
    if story.own_login:
        return (
            f"The access is live{until}. Nothing is to be revealed: {one_line(story.own_login)} goes on with its login."
        )
    user = piece(" The user is {}.", one_line(story.username))
    return f"The access is live{until}.{user} What you sign in with is shown once, in the portal; it is never sent."


def _not_set_up(story: Story) -> str:
    kept = MAY_WORK if story.was_open else f"{NO_ACCESS}."
    return f"The access could not be set up{because(story.note)}. {kept} Ask again if you still need it."


def _ends_soon(story: Story) -> str:
    end = piece(" at {}", moment(story.expires_at) if story.expires_at else "")
    longer = f"It cannot be extended: {one_line(story.why_not_longer)}" if story.why_not_longer else ""
    return f"The access ends{end}, and whatever runs then is stopped. {longer or 'If you need it for longer, extend it now.'}"


def _extended(story: Story) -> str:
    until = piece(" until {}", moment(story.expires_at) if story.expires_at else "")
    new = ""
    if story.certificate_until is not None:
        new = (
            f" Your certificate is good only until {moment(story.certificate_until)}: have a new one made on its page."
        )
    return f"The target has the new end, and the access lasts{until}. Nothing was interrupted.{new}"


def _not_extended(story: Story) -> str:
    end = piece(", at {}", moment(story.expires_at) if story.expires_at else "")
    return f"The access could not be extended{because(story.note)}. It ends as it was to{end}."


def _revoked(story: Story) -> str:
    why = ending(story.end_reason, by=story.actor, note=story.note)
    if not story.was_open:
        return f"{NO_ACCESS}: {why}. Ask again if you still need it."
    return f"The access has ended: {why}. The target confirms that nothing of it is left."


def _drifted(story: Story) -> str:
    return f"Somebody changed the access on the target{because(story.note)}. It is being ended. {MAY_WORK}"


def _not_ended(story: Story) -> str:
    user = piece(" the user {}", one_line(story.username))
    target = piece(" on {}", one_line(story.target))
    by_hand = f" If it cannot wait, end{user}{target} by hand." if user else ""
    return f"The access should have ended, and could not be ended{because(story.note)}. {MAY_WORK}{by_hand}"


def _asked_for_you(story: Story) -> str:
    waits = f"It waits for {people_needed(story.waiting_for)}, which you cannot be"
    return f"You would hold it. {waits}, and you are told what they say. If you do not want it, say so there."


_TOLD: Mapping[Audience, Mapping[Event, Callable[[Story], str]]] = {
    Audience.APPROVER: {
        Event.ACCESS_REQUEST_SUBMITTED: _submitted_to_approver,
        Event.ACCESS_REQUEST_EDITED: _edited,
        Event.ACCESS_REQUEST_ASKED: _submitted_to_approver,
        Event.ACCESS_REQUEST_CANCELLED: _cancelled,
        Event.ACCESS_REQUEST_COMMENTED: _commented,
        Event.GRANT_DRIFT_FOUND: _drifted,
    },
    Audience.REQUESTER: {
        Event.ACCESS_REQUEST_APPROVED: _approved,
        Event.ACCESS_REQUEST_DENIED: _denied,
        Event.ACCESS_REQUEST_CANCELLED: _cancelled_to_requester,
        Event.ACCESS_REQUEST_EXPIRED: _expired,
        Event.ACCESS_REQUEST_COMMENTED: _commented,
        Event.GRANT_ACTIVATED: _activated,
        Event.GRANT_PROVISIONING_FAILED: _not_set_up,
        Event.GRANT_ENDING_SOON: _ends_soon,
        Event.GRANT_EXTENDED: _extended,
        Event.GRANT_EXTENSION_FAILED: _not_extended,
        Event.GRANT_REVOKED: _revoked,
        Event.GRANT_DRIFT_FOUND: _drifted,
    },
    Audience.GRANTEE: {Event.ACCESS_REQUEST_SUBMITTED: _asked_for_you},
    Audience.ENDER: {Event.GRANT_ATTEMPT_FAILED: _not_ended},
}
