"""What people are told of a break-glass, loud and at once: plain values in, a notice out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from accessrequests.domain.events import Event
from accessrequests.domain.lifecycle import EndReason
from accessrequests.domain.notices import LONGEST_URL, Notice
from accessrequests.domain.sentences import FINDINGS
from accessrequests.domain.wording import NO_ACCESS, ending, moment, name, one_line, paragraphs, piece


class Hearer(StrEnum):
    """Whom an alarm is for."""

    TOLD = "told"
    HOLDER = "holder"


@dataclass(frozen=True, slots=True)
class Alarm:
    """What there is to tell. `deed` is what was taken, `reviewers` the groups that review it; `waits` says why a second
    person has to agree, while nobody has.
    """

    person: str
    deed: str
    base_url: str
    number: int
    reason: str
    incident: str
    is_drill: bool
    reviewers: Sequence[str]
    waits: str = ""
    expires_at: datetime | None = None
    due_at: datetime | None = None
    end_reason: EndReason | None = None
    ended_by: str = ""
    was_open: bool = True
    finding: str = ""
    reviewed_by: str = ""
    review_note: str = ""

    @property
    def title(self) -> str:
        drill = " in a drill" if self.is_drill else ""
        return one_line(f"{name(self.person)} broke the glass{drill} to {self.deed}")

    @property
    def page(self) -> str:
        return f"{self.base_url}/break-glass/{self.number}/"


_BECAUSE: Mapping[Hearer, str] = {
    Hearer.TOLD: "You get this because the policy names you among those who are told, and can end it.",
    Hearer.HOLDER: "You get this because it was you.",
}


def alarm(event: Event, *, hearer: Hearer, story: Alarm) -> Notice | None:
    """What this hearer is told of the event, or None when it is nothing."""
    told = _TOLD[hearer].get(event)
    said = told(story) if told else ""
    if not said:
        return None
    asks = event is Event.BREAKGLASS_REQUESTED
    return Notice(
        subject=one_line(f"{_prefix(event, story)}: {story.title}"),
        title=story.title,
        quoted=paragraphs(f"{story.incident}: {story.reason}"),
        sentence=said,
        button="Read it and decide" if asks else _BUTTONS.get(event, "Open it"),
        url=one_line(f"{story.base_url}/approvals/{story.number}/" if asks else story.page, LONGEST_URL),
        because=_BECAUSE[hearer],
        is_loud=event in {Event.BREAKGLASS_ACTIVATED, Event.BREAKGLASS_REVIEW_OVERDUE},
    )


_BUTTONS: Mapping[Event, str] = {
    Event.BREAKGLASS_ACTIVATED: "Look at it, or end it",
    Event.BREAKGLASS_ENDED: "Open the review",
    Event.BREAKGLASS_REVIEW_OVERDUE: "Open the review",
}


def _prefix(event: Event, story: Alarm) -> str:
    return {
        Event.BREAKGLASS_REQUESTED: "Break-glass waits for you",
        Event.BREAKGLASS_ACTIVATED: "Break-glass drill" if story.is_drill else "BREAK-GLASS",
        Event.BREAKGLASS_ENDED: "Break-glass ended",
        Event.BREAKGLASS_REVIEWED: "Break-glass reviewed",
        Event.BREAKGLASS_REVIEW_OVERDUE: "Break-glass not reviewed",
    }[event]


def _reviewed_by_when(story: Alarm) -> str:
    by = " or ".join(story.reviewers)
    due = piece(" by {}", moment(story.due_at) if story.due_at else "")
    return f"Somebody of {by} other than {name(story.person)} reviews it{due}."


def _requested(story: Alarm) -> str:
    """Only where it waits: else it is activated in the same breath, and that is told."""
    if not story.waits:
        return ""
    return f"It waits for a second person. {story.waits} Agree or deny it on its page; without an answer it lapses in an hour."


def _activated(story: Alarm) -> str:
    until = piece(" until {} at the latest", moment(story.expires_at) if story.expires_at else "")
    return (
        f"Nobody has approved it: the access is given at once{until}. Everybody who gets this can end it with one press "
        f"on its page. {_reviewed_by_when(story)}"
    )


def _ended(story: Alarm) -> str:
    if not story.was_open:
        return f"{NO_ACCESS}: {ending(story.end_reason, by=story.ended_by)}. {_reviewed_by_when(story)}"
    return f"It has ended: {ending(story.end_reason, by=story.ended_by)}. {_reviewed_by_when(story)}"


def _reviewed(story: Alarm) -> str:
    return f"{name(story.reviewed_by)} reviewed it and found {FINDINGS.get(story.finding, 'something')}: {one_line(story.review_note)}"


def _overdue(story: Alarm) -> str:
    due = moment(story.due_at) if story.due_at else "before now"
    return (
        f"It should have been reviewed by {due}, and is not. Until it is, {name(story.person)} cannot break the glass. "
        f"{' or '.join(story.reviewers)} can review it on its page. This is told once a day."
    )


_ALL: Mapping[Event, Callable[[Alarm], str]] = {
    Event.BREAKGLASS_ENDED: _ended,
    Event.BREAKGLASS_REVIEWED: _reviewed,
    Event.BREAKGLASS_REVIEW_OVERDUE: _overdue,
}
_TOLD: Mapping[Hearer, Mapping[Event, Callable[[Alarm], str]]] = {
    Hearer.TOLD: {Event.BREAKGLASS_REQUESTED: _requested, Event.BREAKGLASS_ACTIVATED: _activated, **_ALL},
    Hearer.HOLDER: _ALL,
}


def drill_notice(*, target: str, url: str) -> Notice:
    """For administrators, once a week, while nobody has tried the way for 90 days."""
    title = one_line(f"No break-glass drill went well on {target} within 90 days")
    return Notice(
        subject=title,
        title=title,
        quoted="",
        sentence="What is never tried does not work when it must. Have somebody whom the policy names break the glass "
        "there as a drill, use it, end it, and have it reviewed.",
        button="Break the glass",
        url=one_line(url, LONGEST_URL),
        because=_ADMINISTRATORS,
    )


def self_test_notice(*, red: Sequence[str], url: str) -> Notice:
    """For administrators, when the weekly test found what would not work."""
    title = one_line(f"Break-glass would not work as it should: {', '.join(red)}")
    return Notice(
        subject=title,
        title=title,
        quoted="",
        sentence="The page Health says what is wrong with each part. Put it right, and have it tested again there.",
        button="Open Health",
        url=one_line(url, LONGEST_URL),
        because=_ADMINISTRATORS,
        is_loud=True,
    )


_ADMINISTRATORS = "You get this because you are an administrator."
