"""The sealed kit for the day when nothing of ours works: one user that stands on a target, watched, and spent by its use."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from accessrequests.domain.events import Event
from accessrequests.domain.notices import LONGEST_URL, Notice
from accessrequests.domain.sentences import FINDINGS
from accessrequests.domain.wording import moment, name, one_line

PREFIX = "ar-kit-"
HALVES = 2  # whoever has one of them has nothing
MOST_SEEN = 1_000


class KitState(StrEnum):
    """How a kit stands. `making`: the target may have it, and nobody knows whether the halves fit."""

    MAKING = "making"
    STANDING = "standing"
    SPENT = "spent"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class KitLogin:
    """Somebody was let in as the user of a kit. `key` is how the target tells one login from another."""

    key: str
    at: datetime
    address: str


@dataclass(frozen=True, slots=True)
class KitStory:
    """What there is to tell. `what` is the use in words, or what is wrong with the kit."""

    target: str
    username: str
    holders: Sequence[str]
    base_url: str
    what: str = ""
    use_id: int | None = None
    finding: str = ""
    reviewed_by: str = ""
    review_note: str = ""
    actor: str = ""


def username_for(target: str) -> str:
    """The kit's user: never named like that of a grant, so that nothing that ends grants ends it."""
    return f"{PREFIX}{target}"


def unseen(seen: Collection[str], logins: Sequence[KitLogin]) -> list[KitLogin]:
    """Those that were not told of yet, the first first, each once."""
    new = {login.key: login for login in logins if login.key not in seen}
    return sorted(new.values(), key=lambda login: (login.at, login.key))


def in_words(logins: Sequence[KitLogin]) -> str:
    """When, and from where: at 22 Nov 2026 03:12 UTC, from 10.0.0.7."""
    places = ", ".join(sorted({login.address for login in logins})[:5])
    return one_line(f"at {moment(min(login.at for login in logins))}, from {places}")


def notice(event: Event, story: KitStory) -> Notice:
    """What people are told of a kit."""
    subject, sentence, button = _TOLD[event](story)
    path = f"break-glass/kits/uses/{story.use_id}/" if story.use_id else "break-glass/kits/"
    return Notice(
        subject=one_line(subject),
        title=one_line(subject),
        quoted="",
        sentence=one_line(sentence, len(sentence)),
        button=button,
        url=one_line(f"{story.base_url}/{path}", LONGEST_URL),
        because=_BECAUSE,
        is_loud=event in _LOUD,
    )


_BECAUSE = (
    "You get this because the policy names you for break-glasses there, because you hold half of the kit, or because you "
    "are an administrator."
)
_OPEN = "Open the kits"
_Told = tuple[str, str, str]


def _made(story: KitStory) -> _Told:
    said = (
        f"{name(story.actor)} made it for {' and '.join(story.holders)}, who hold one half each. The halves of an earlier "
        "kit open nothing any more. If you did not expect this, ask them, and have the kit ended."
    )
    return f"The offline kit of {story.target} was made", said, _OPEN


def _used(story: KitStory) -> _Told:
    said = (
        f"The user {story.username} logged in {story.what}. {' and '.join(story.holders)} hold the halves: ask them. Its "
        "password is being changed, so that nobody gets in with it again; what is connected already goes on. Somebody "
        "else reviews what was done, and a new kit has to be made."
    )
    subject = f"BREAK-GLASS: somebody logged in with the offline kit of {story.target}"
    return subject, said, "Look at it, and review it"


def _damaged(story: KitStory) -> _Told:
    subject = f"The offline kit of {story.target} would not work as it should"
    return subject, f"{story.what} Put it right, or make a new kit.", _OPEN


def _reviewed(story: KitStory) -> _Told:
    found = FINDINGS.get(story.finding, "something")
    said = f"{name(story.reviewed_by)} reviewed it and found {found}: {story.review_note}"
    return f"The use of the offline kit of {story.target} was reviewed", said, "Open the review"


def _overdue(story: KitStory) -> _Told:
    said = (
        f"Somebody logged in with {story.username}, and nobody has said what it was. Whoever reviews break-glasses there, or "
        "an administrator, reviews it if they held no half of the kit. This is told once a day."
    )
    return f"The use of the offline kit of {story.target} is not reviewed", said, "Open the review"


def _ended(story: KitStory) -> _Told:
    said = f"{name(story.actor)} ended it. Its user is gone, and its halves open nothing."
    return f"The offline kit of {story.target} was ended", said, _OPEN


_TOLD: Mapping[Event, Callable[[KitStory], _Told]] = {
    Event.BREAKGLASS_KIT_MADE: _made,
    Event.BREAKGLASS_KIT_USED: _used,
    Event.BREAKGLASS_KIT_DAMAGED: _damaged,
    Event.BREAKGLASS_KIT_REVIEWED: _reviewed,
    Event.BREAKGLASS_KIT_REVIEW_OVERDUE: _overdue,
    Event.BREAKGLASS_KIT_ENDED: _ended,
}
TOLD = frozenset(_TOLD)
_LOUD = frozenset(
    {Event.BREAKGLASS_KIT_USED, Event.BREAKGLASS_KIT_DAMAGED, Event.BREAKGLASS_KIT_REVIEW_OVERDUE},
)
