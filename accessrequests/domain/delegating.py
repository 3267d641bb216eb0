"""A voice that is lent for a while: how long it may be, and when; and what the two are told of it."""

from __future__ import annotations

from datetime import datetime, timedelta

from accessrequests.domain.events import Event
from accessrequests.domain.notices import LONGEST_URL, Notice
from accessrequests.domain.wording import because, moment, name, one_line

DELEGATION_EVENTS = frozenset({Event.DELEGATION_MADE, Event.DELEGATION_ENDED})
LONGEST = timedelta(days=90)
FARTHEST = timedelta(days=90)


def wrong_with(*, starts_at: datetime, ends_at: datetime, at: datetime) -> dict[str, list[str]]:
    """What is wrong with the time of it, by field; nothing when it may be."""
    wrong: dict[str, list[str]] = {}
    if starts_at < at:
        wrong["starts_at"] = ["It cannot begin in the past. Leave it out to begin at once."]
    elif starts_at > at + FARTHEST:
        wrong["starts_at"] = [f"It can begin at most {FARTHEST.days} days from now."]
    if ends_at <= starts_at:
        wrong["ends_at"] = ["It has to end after it begins. Choose a later end."]
    elif ends_at > starts_at + LONGEST:
        wrong["ends_at"] = [f"A voice is lent for at most {LONGEST.days} days. Choose an earlier end."]
    return wrong


def notice_to_stand_in(event: Event, *, giver: str, starts_at: datetime, ends_at: datetime, url: str) -> Notice:
    """`giver` as people call them. `url`: where requests wait."""
    if event is Event.DELEGATION_MADE:
        title = f"{name(giver)} lets you answer in their place"
        sentence = (
            f"From {moment(starts_at)} until {moment(ends_at)} you may answer the requests that {name(giver)} could "
            f"answer, unless one of you would gain by it, or {name(giver)} has answered. Yours stays one voice."
        )
    else:
        title = f"You no longer answer in the place of {name(giver)}"
        sentence = "It was ended before its time. What you have answered stands."
    return _notice(title, sentence, url=url, why="somebody lent you their voice", button="See what waits for you")


def notice_to_giver(
    event: Event, *, stand_in: str, starts_at: datetime, ends_at: datetime, why: str, url: str
) -> Notice:
    """`url`: where it is ended."""
    if event is Event.DELEGATION_MADE:
        title = f"{name(stand_in)} answers requests in your place"
        sentence = (
            f"From {moment(starts_at)} until {moment(ends_at)}, or until you end it. You can answer too: the first of "
            "you counts. If it was not you who asked for this, end it now and tell your administrators."
        )
    else:
        title = f"{name(stand_in)} no longer answers requests in your place"
        sentence = f"It was ended before its time{because(why)}. What was answered for you stands."
    return _notice(title, sentence, url=url, why="it is your voice", button="See who answers for you")


def _notice(title: str, sentence: str, *, url: str, why: str, button: str) -> Notice:
    return Notice(
        subject=one_line(title),
        title=one_line(title),
        quoted="",
        sentence=sentence,
        button=button,
        url=one_line(url, LONGEST_URL),
        because=f"You get this because {why}.",
    )
