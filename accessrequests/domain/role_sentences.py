"""Where a change of a custom role stands, in sentences, and the notices about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from accessrequests.domain.approvals import Given, Step, open_steps
from accessrequests.domain.events import Event
from accessrequests.domain.lifecycle import ChangeState
from accessrequests.domain.notices import LONGEST_URL, Notice
from accessrequests.domain.wording import because, moment, name, one_line, paragraphs, people_needed

_SUBJECTS = {
    Event.CUSTOM_ROLE_PROPOSED: "Proposed",
    Event.CUSTOM_ROLE_DENIED: "Denied",
    Event.CUSTOM_ROLE_CANCELLED: "Taken back",
    Event.CUSTOM_ROLE_EXPIRED: "Lapsed",
    Event.CUSTOM_ROLE_APPLIED: "Made",
    Event.CUSTOM_ROLE_FAILED: "Not made",
}

ROLE_EVENTS = frozenset(_SUBJECTS)


def standing(
    state: ChangeState,
    *,
    steps: Sequence[Mapping[str, Any]],
    answers: Sequence[Mapping[str, Any]],
    lapses_at: datetime,
    by: str = "",
    note: str = "",
) -> str:
    """`note`: why it failed or is void, or what stands in the way just now."""
    if state is ChangeState.PENDING:
        needed = tuple(Step(step["group"], step["needed"]) for step in steps)
        given = [Given(one["person"], frozenset(one["groups"])) for one in answers]
        waits = f"It waits for {people_needed(open_steps(needed, given))}."
        return f"{waits} Without an answer it lapses at {moment(lapses_at)}."
    if state is ChangeState.APPROVED:
        trouble = f" So far: {one_line(note)} It is tried again, and may still be made." if note else ""
        return f"It is approved and being made.{trouble}"
    comment = str(answers[-1]["comment"]) if answers else ""
    return {
        ChangeState.DENIED: f"{name(by)} denied it{because(comment)}. Nothing was changed.",
        ChangeState.CANCELLED: _taken_back(by, note),
        ChangeState.EXPIRED: "Nobody answered in time, so it has lapsed. Nothing was changed. Propose it again if it is still needed.",
        ChangeState.APPLIED: "Atlas has it so, read back.",
        ChangeState.FAILED: f"It was not made. {one_line(note)}",
    }[state]


def _taken_back(by: str, note: str) -> str:
    return (
        f"It is void: {one_line(note)} Nothing was changed."
        if note
        else f"{name(by)} took it back. Nothing was changed."
    )


def notice_of(
    event: Event, *, title: str, sentence: str, reason: str, url: str, decides: bool, is_void: bool = False
) -> Notice:
    """For those who decide, and for whoever proposed it."""
    why = "you may decide on this change" if decides else "you proposed this change"
    return Notice(
        subject=one_line(f"{'Void' if is_void else _SUBJECTS[event]}: {title}"),
        title=one_line(title),
        quoted=paragraphs(reason),
        sentence=sentence,
        button="Read it and decide" if event is Event.CUSTOM_ROLE_PROPOSED else "Open the change",
        url=one_line(url, LONGEST_URL),
        because=f"You get this because {why}.",
        is_loud=False,
    )
