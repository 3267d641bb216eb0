"""By which channels a person is told of what: their own choice, within what must reach them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum


class Channel(StrEnum):
    """A way to tell people."""

    MAIL = "mail"
    SLACK = "slack"


class News(StrEnum):
    """What there is to tell, as a person chooses it."""

    OWN = "own"
    ANSWERS = "answers"
    ALARMS = "alarms"


NEWS: Mapping[News, tuple[str, str]] = {
    News.OWN: (
        "My requests and my access",
        "What became of them, what others wrote about them, that an access ends soon.",
    ),
    News.ANSWERS: (
        "What waits for my answer",
        "Requests, changes of roles, drafts of the policy and access reviews, with their reminders.",
    ),
    News.ALARMS: (
        "Alarms",
        "Break-glass and its reviews, access that may still work after its end, and what administrators have to see to.",
    ),
}
# Others wait for an answer: one channel at least has to stay.
DEMANDED = frozenset({News.ANSWERS})
# Something is wrong: what one company may stop taking at any moment must not be all that tells of it.
ALWAYS = frozenset({f"{News.ALARMS.value}/{Channel.MAIL.value}"})
EVERYTHING = frozenset(f"{news.value}/{channel.value}" for news in News for channel in Channel)


def is_on(news: News, channel: Channel, *, off: Collection[str]) -> bool:
    """What nobody has switched off is on, and so is what nobody can."""
    name = f"{news.value}/{channel.value}"
    return name in ALWAYS or name not in off


def why_not(off: Collection[str]) -> dict[str, list[str]]:
    """By what is told: a sentence, where a person cannot be left without it."""
    return {
        news.value: [f"“{NEWS[news][0]}” has to reach you in one way at least. Leave mail or Slack on."]
        for news in News
        if news in DEMANDED and not any(is_on(news, channel, off=off) for channel in Channel)
    }


def channels_for(news: News, *, off: Collection[str], is_in_slack: bool) -> frozenset[Channel]:
    """How to tell them. Who chose Slack and cannot be reached there has not chosen silence: they get a mail."""
    chosen = {channel for channel in Channel if is_on(news, channel, off=off)}
    if not is_in_slack and Channel.SLACK in chosen:
        chosen = {Channel.MAIL}
    return frozenset(chosen) if chosen or news not in DEMANDED else frozenset({Channel.MAIL})
