"""Reviews of access that people and logins have: what is answered, when reminders go out, and what is told of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from accessrequests.domain.events import Event
from accessrequests.domain.notices import LONGEST_URL, Notice
from accessrequests.domain.wording import moment, one_line, paragraphs

MOST_ITEMS = 5_000
MOST_AT_ONCE = 100
MOST_TOLD = 20
SHORTEST, LONGEST = timedelta(hours=1), timedelta(days=366)
# The last reminder before the end comes so long before it, or half-way where the whole takes less than twice that.
BEFORE_DUE = timedelta(days=3)
EVERY_DAY = timedelta(days=1)


class SubjectKind(StrEnum):
    """Whose access is looked at: of a grant of ours, of a database user that others made, of a member of a project, of an
    offline kit, or of the workers themselves.
    """

    GRANT = "grant"
    USER = "user"
    MEMBER = "member"
    KIT = "kit"
    OWN = "own"


KINDS: Mapping[str, str] = {
    SubjectKind.GRANT.value: "access of ours",
    SubjectKind.USER.value: "database user, not ours",
    SubjectKind.MEMBER.value: "person in the project, not ours",
    SubjectKind.KIT.value: "user of an offline kit",
    SubjectKind.OWN.value: "this product's own login",
}


class ReviewAnswer(StrEnum):
    """What a reviewer wants to become of it."""

    KEEP = "keep"
    END = "end"
    REDUCE = "reduce"


ANSWERED: Mapping[str, str] = {
    ReviewAnswer.KEEP.value: "kept",
    ReviewAnswer.END.value: "to end",
    ReviewAnswer.REDUCE.value: "to be reduced",
}
REVIEW_EVENTS = frozenset({Event.ACCESS_REVIEW_STARTED, Event.ACCESS_REVIEW_REMINDED, Event.ACCESS_REVIEW_HANDED_OVER})


def first_reminder(started_at: datetime, due_at: datetime) -> datetime:
    return due_at - min(BEFORE_DUE, (due_at - started_at) / 2)


def next_reminder(at: datetime, due_at: datetime) -> datetime:
    """Once when it is due, and from then on every day."""
    return due_at if at < due_at else at + EVERY_DAY


def why_it_ends(campaign: str, answer: ReviewAnswer, reason: str) -> str:
    """What the holder of an access is told."""
    less = " If you still need some of it, ask for less." if answer is ReviewAnswer.REDUCE else ""
    return f"Access review {one_line(campaign)}: {one_line(reason)}{'' if reason.endswith('.') else '.'}{less}"


def asked_notice(event: Event, *, campaign: str, waiting: int, due_at: datetime, at: datetime, url: str) -> Notice:
    """For one reviewer: how much waits for them."""
    accesses = _counted(waiting)
    subjects = {Event.ACCESS_REVIEW_STARTED: "To review", Event.ACCESS_REVIEW_REMINDED: "Still to review"}
    late = "was due" if at >= due_at else "is due"
    title = f"{accesses} in the access review {campaign}"
    return Notice(
        subject=one_line(f"{'Overdue' if at >= due_at else subjects[event]}: {title}"),
        title=one_line(title),
        quoted="",
        sentence=f"Say of each whether it is kept, ends or becomes less. Your answer {late} at {moment(due_at)}.",
        button="Review them",
        url=one_line(url, LONGEST_URL),
        because="You get this because you review access to these targets.",
    )


def ready_notice(*, campaign: str, url: str) -> Notice:
    """For administrators, once nothing waits for an answer any more."""
    title = one_line(f"The access review {campaign} waits to be signed off")
    return Notice(
        subject=title,
        title=title,
        quoted="",
        sentence="Everything in it is answered. An administrator who answered none of it signs it off.",
        button="Open the review",
        url=one_line(url, LONGEST_URL),
        because="You get this because you are an administrator.",
    )


def task_notice(
    *,
    target: str,
    answer: ReviewAnswer,
    names: Sequence[str],
    reason: str,
    reviewer: str,
    campaign: str,
    url: str,
    is_kit: bool = False,
) -> Notice:
    """For those who own a target: what is not ours has to be seen to by them."""
    verb = "End" if answer is ReviewAnswer.END else "Reduce"
    logins = f"{len(names)} login{'' if len(names) == 1 else 's'}"
    listed = ", ".join(one_line(one) for one in names[:MOST_TOLD])
    more = f" and {len(names) - MOST_TOLD} more" if len(names) > MOST_TOLD else ""
    deed = "be removed" if answer is ReviewAnswer.END else "get fewer roles"
    todo = (
        f"This product did not make {'it' if len(names) == 1 else 'them'} and never touches what it did not make: please "
        f"do it on {one_line(target)} itself."
    )
    if is_kit:
        todo = (
            f"It belongs to the offline kit of {one_line(target)}, which only people at a terminal end or make again: "
            "please have that done with manage.py break_glass_kit."
        )
    title = one_line(f"{verb} {logins} on {target}")
    return Notice(
        subject=one_line(f"Task of an access review: {title}"),
        title=title,
        quoted=paragraphs(reason),
        sentence=f"{one_line(reviewer)} answered in the access review {one_line(campaign)} that {listed}{more} should "
        f"{deed}. {todo} The review shows what still stands there.",
        button="Open the review",
        url=one_line(url, LONGEST_URL),
        because="You get this because you own this target, or administer where nobody does.",
    )


def _counted(waiting: int) -> str:
    return "1 access waits for you" if waiting == 1 else f"{waiting} accesses wait for you"
