"""What is true of a grant right now and what to do about it, in whole sentences: plain values in, words out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from accessrequests.domain.lifecycle import EndReason, GrantState
from accessrequests.domain.wording import NO_ACCESS, ending, moment, name, one_line

SOON = timedelta(minutes=15)
SOON_SHARE = 0.1
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")


@dataclass(frozen=True, slots=True)
class Standing:
    """What the rows say. `was_open`: it may have worked at some time; `taken_at`: since when the target has everything."""

    state: GrantState
    at: datetime
    target: str
    username: str
    not_before: datetime
    give_up_at: datetime
    starts_at: datetime | None = None
    expires_at: datetime | None = None
    reason: EndReason | None = None
    ended_by: str = ""
    note: str = ""
    is_mine: bool = False
    was_open: bool = True
    setting_up: bool = False
    taken_at: datetime | None = None
    ending_since: datetime | None = None
    cut_at: datetime | None = None
    gone_at: datetime | None = None
    overdue: bool = False
    last_error: str = ""
    waits_for: str = ""
    away_since: datetime | None = None
    workers_silent: bool = False


@dataclass(frozen=True, slots=True)
class Situation:
    """One word for a tag, how it should look, one sentence, and what else there is to know or to do."""

    word: str
    tone: str
    icon: str
    heading: str
    lines: tuple[str, ...] = ()


def situation(standing: Standing) -> Situation:
    """That access may still work although it should have ended is said whatever the row's state."""
    if standing.overdue and standing.cut_at is None:
        return _overdue(standing)
    return {
        GrantState.PENDING: _waiting,
        GrantState.ACTIVE: _live,
        GrantState.REVOKING: _ending,
        GrantState.REVOKED: _over,
    }[standing.state](standing)


def ends_soon(*, starts_at: datetime | None, expires_at: datetime | None, at: datetime) -> bool:
    """Whether under a quarter of an hour is left, or under a tenth of the time."""
    if starts_at is None or expires_at is None:
        return False
    left = expires_at - at
    return left < SOON or left < (expires_at - starts_at) * SOON_SHARE


@dataclass(frozen=True, slots=True)
class Tally:
    """How many grants there are of each kind. Only what works now is live."""

    live: int = 0
    setting_up: int = 0
    ending: int = 0
    scheduled: int = 0

    @property
    def total(self) -> int:
        return self.live + self.setting_up + self.ending + self.scheduled

    @property
    def parts(self) -> list[tuple[int, str]]:
        """Of the kinds that there are, how many and what they are."""
        named = (
            (self.live, "live"),
            (self.setting_up, "being set up"),
            (self.ending, "ending"),
            (self.scheduled, "scheduled"),
        )
        return [(count, words) for count, words in named if count]

    @property
    def words(self) -> str:
        """Short: 1 live, 1 ending. Empty when there is none."""
        return ", ".join(f"{count} {words}" for count, words in self.parts)


def headline(tally: Tally) -> str:
    """Two grants are live, one is being set up."""
    told = tally.parts
    if not told:
        return "You hold no database access, and none is on its way."
    count, words = told[0]
    first = f"{_spelled(count).capitalize()} {'grant is' if count == 1 else 'grants are'} {words}"
    others = (f"{_spelled(count)} {'is' if count == 1 else 'are'} {words}" for count, words in told[1:])
    return f"{', '.join([first, *others])}."


def _spelled(count: int) -> str:
    return _NUMBERS[count] if count < len(_NUMBERS) else str(count)


def _waiting(one: Standing) -> Situation:
    give_up = f"If that does not succeed by {moment(one.give_up_at)}, it is given up, and no access is created."
    if one.not_before > one.at:
        heading = f"It is approved and starts at {moment(one.not_before)}."
        return Situation("scheduled", "info", "clock", heading, ("There is nothing to do until then.", give_up))
    heading = "Your user is being made." if one.setting_up and not one.last_error else "It waits to be set up."
    if one.taken_at is not None:
        heading = f"{one.target} has taken it at {moment(one.taken_at)} and is getting ready to let you in."
    return Situation("setting up", "info", "refresh", heading, (*_obstacles(one), give_up))


def _live(one: Standing) -> Situation:
    away = _away(one)
    if not ends_soon(starts_at=one.starts_at, expires_at=one.expires_at, at=one.at):
        return Situation("live", "ok", "live", "It is live.", away)
    until = f" at {moment(one.expires_at)}" if one.expires_at else ""
    lines = ("Whatever runs then is stopped. If you need it for longer, see to it now.", *away)
    return Situation("ends soon", "warn", "clock", f"It ends soon{until}.", lines)


def _away(one: Standing) -> tuple[str, ...]:
    if one.away_since is None:
        return ()
    return (f"{one.target} has not answered since {moment(one.away_since)}; it may not take logins now.",)


def _ending(one: Standing) -> Situation:
    why = _why(one)
    if one.cut_at is not None:
        heading = f"Login is off since {moment(one.cut_at)}: {why}."
        rest = "What is left of it on the target is being removed."
        return Situation("login is off", "warn", "lock", heading, (rest, *_obstacles(one)))
    promise = "Login and everything that runs are cut off first. This page says when the target confirms it."
    return Situation("ending", "warn", "stop", f"It is being ended: {why}.", (promise, *_obstacles(one)))


def _overdue(one: Standing) -> Situation:
    since = one.ending_since or one.expires_at or one.at
    reason = one.reason or EndReason.EXPIRY
    why = ending(reason, by=one.ended_by, note=one.note)
    lines = (
        f"It should have ended at {moment(since)}: {why}.",
        *_obstacles(one),
        "It is tried again until the target confirms that it is gone; there is no limit of tries.",
        f"If that cannot wait, tell an administrator: on {one.target} the user {one.username} must be dropped by hand.",
    )
    return Situation("may still work", "bad", "alert", "This access may still work.", lines)


_OVER: Mapping[EndReason, tuple[str, str, str]] = {
    EndReason.EXPIRY: ("expired", "", "clock"),
    EndReason.RELEASED: ("given back", "", "stop"),
    EndReason.REVOKED: ("revoked", "bad", "stop"),
    EndReason.PROVISIONING_FAILED: ("setup failed", "bad", "alert"),
    EndReason.DRIFT: ("ended: changed on the target", "bad", "alert"),
    EndReason.PERSON_DISABLED: ("ended: account is off", "bad", "lock"),
    EndReason.ELIGIBILITY_LOST: ("ended: policy", "bad", "lock"),
    EndReason.TARGET_RETIRED: ("ended: target retired", "", "database"),
}
_NEXT: Mapping[EndReason, str] = {
    EndReason.EXPIRY: "Ask again if you still need it.",
    EndReason.RELEASED: "Ask again if you still need it.",
    EndReason.REVOKED: "Talk to whoever ended it before you ask again.",
    EndReason.PROVISIONING_FAILED: "Ask again; if it fails again, tell an administrator what it says here.",
    EndReason.DRIFT: "Somebody changed the user on the target into something that nobody had approved, so it was ended.",
    EndReason.PERSON_DISABLED: "An account that is off holds nothing. An administrator can say why.",
    EndReason.ELIGIBILITY_LOST: "Look at the policies to see what may be asked for now.",
    EndReason.TARGET_RETIRED: "Nothing is given out on this target any more.",
}


def _over(one: Standing) -> Situation:
    reason = one.reason or EndReason.EXPIRY
    word, tone, icon = _OVER[reason]
    if reason is EndReason.RELEASED and one.is_mine:
        word = "ended by you"
    elif reason is EndReason.REVOKED:
        word = f"revoked by {name(one.ended_by)}"
    if not one.was_open:
        return Situation(word, tone, icon, f"{NO_ACCESS}: {_why(one)}.", (_NEXT[reason],))
    gone = f"The target confirmed at {moment(one.gone_at)} that nothing of it is left." if one.gone_at else ""
    return Situation(word, tone, icon, f"It has ended: {_why(one)}.", tuple(filter(None, (gone, _NEXT[reason]))))


def _why(one: Standing) -> str:
    if one.reason is EndReason.RELEASED and one.is_mine:
        return "you gave it back"
    return ending(one.reason, by=one.ended_by, note=one.note)


def _obstacles(one: Standing) -> tuple[str, ...]:
    """What keeps it from being made, or from being ended."""
    found = []
    if one.away_since is not None:
        found.append(
            f"{one.target} has not answered since {moment(one.away_since)}. It is asked every second, and this goes on"
            " by itself once it is back."
        )
    if one.workers_silent:
        found.append("The workers show no sign of life. An administrator can see on the page Health what is missing.")
    if one.waits_for:
        found.append(f"It takes longer than usual: {one_line(one.waits_for)}")
    if one.last_error:
        found.append(f"The last try did not succeed: {one_line(one.last_error)}")
    return tuple(found)
