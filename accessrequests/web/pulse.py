"""The small answer that every open page asks for: what waits for the person, and what newly needs them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from accessrequests.domain import sentences
from accessrequests.domain.lifecycle import AccessRequestState
from accessrequests.domain.privileges import Level
from accessrequests.models import Grant
from accessrequests.queries import clock, pulse
from accessrequests.queries.pulse import Asked, News
from accessrequests.web import shown
from accessrequests.web.pages import portal_page, show
from accessrequests.web.whoami import belonging

LONGEST_LOOK_BACK = timedelta(hours=1)
MOST_TOASTS = 3
LOOK = "Look at it"
_MAY_WORK = "{}'s access to {} should have ended and may still work."


@dataclass(frozen=True, slots=True)
class Toast:
    """One thing that newly needs the person, and where to see to it."""

    words: str
    address: str
    do: str
    tone: str
    icon: str


@portal_page("GET")
def page(request: HttpRequest) -> HttpResponse:
    """Nothing but one's own. The next question carries the moment of this answer, so nothing is told twice."""
    at = clock.now()
    found = pulse.news_of(belonging(request), since=_since(request, at=at), at=at)
    toasts = toasts_of(found, at=at)
    context = {
        "title": title_of(found, at=at),
        "waiting": found.waiting,
        "toasts": toasts[:MOST_TOASTS],
        "more": max(0, len(toasts) - MOST_TOASTS),
        "since": at.timestamp(),
        "streams": settings.ACCESS_LIVE_STREAMS > 0,
    }
    return show(request, "pulse/pulse.html", context)


def title_of(news: News, *, at: datetime) -> str:
    """What stands before the page's title in its tab: the end that is near, or how many wait."""
    if news.soonest is not None and news.soonest.expires_at is not None:
        return f"{shown.time_words(news.soonest.expires_at - at)} left ·"
    return f"({news.waiting})" if news.waiting else ""


def toasts_of(news: News, *, at: datetime) -> list[Toast]:
    """The most urgent first."""
    return [
        *(_of_grant(one, "bad", "alert", _MAY_WORK.format(one.holder.name, one.target.slug)) for one in news.overdue),
        *(_of_grant(one, "warn", "clock", _ends_soon(one, at)) for one in news.ends_soon),
        *(
            _of_grant(one, "ok", "key", f"Your access to {one.target.slug} is live.", do="Reveal password")
            for one in news.live
        ),
        *(
            _of_grant(one, "warn", "stop", f"Your access to {one.target.slug} was ended.", do="See why")
            for one in news.ended
            if pulse.was_ended_by_others(one)
        ),
        *(_came_to_nothing(one) for one in news.came_to_nothing),
        *(_to_decide(one) for one in news.to_decide),
    ]


def _of_grant(grant: Grant, tone: str, icon: str, words: str, *, do: str = LOOK) -> Toast:
    return Toast(words, reverse("grant", args=[grant.pk]), do, tone, icon)


def _ends_soon(grant: Grant, at: datetime) -> str:
    return f"Your access to {grant.target.slug} ends in {shown.time_words((grant.expires_at or at) - at)}."


def _to_decide(one: Asked) -> Toast:
    words = f"An approval waits for you: {one.requester} wants to {_deed(one)}."
    return Toast(words, reverse("approval", args=[one.pk]), LOOK, "info", "inbox")


def _came_to_nothing(one: Asked) -> Toast:
    address = reverse("request", args=[one.pk])
    if one.state == AccessRequestState.DENIED:
        return Toast(f"{one.decided_by} denied your request to {_deed(one)}.", address, "See why", "warn", "cross")
    return Toast(f"Nobody answered your request to {_deed(one)}; it has lapsed.", address, "Ask again", "warn", "clock")


def _deed(one: Asked) -> str:
    return sentences.deed(roles=one.roles, level=Level(one.level), target=one.target)


def _since(request: HttpRequest, *, at: datetime) -> datetime:
    """When this page last heard; never long ago, and never ahead."""
    try:
        since = datetime.fromtimestamp(float(request.GET.get("since", "")), tz=UTC)
    except (ValueError, OverflowError, OSError):
        return at
    return min(max(since, at - LONGEST_LOOK_BACK), at)
