"""What stands in somebody's Home in Slack, and which Homes are behind."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import F, Q

from accessrequests.domain.slack_homes import MOST, HomeFacts
from accessrequests.models import Person, SlackHome
from accessrequests.models.slack import SlackKind
from accessrequests.queries import access_requests, holdings, slack
from accessrequests.queries.belonging import belonging_of

LOOKED_AT_FOR = timedelta(days=1)
TRUE_FOR = timedelta(minutes=15)


def are_any() -> bool:
    """Whether anybody has ever opened one."""
    return SlackHome.objects.exists()


def home(home_id: int) -> SlackHome:
    return SlackHome.objects.get(pk=home_id)


def shows(*, slack_user_id: str, access_request_id: int) -> bool:
    """Whether this account's Home has a button of that request."""
    return SlackHome.objects.filter(slack_user_id=slack_user_id, shows__contains=[access_request_id]).exists()


def behind(at: datetime, *, limit: int) -> list[int]:
    """Homes that were opened lately, and drawn long ago: groups and policies change without a word about a request."""
    old = Q(drawn_at=None) | Q(drawn_at__lt=at - TRUE_FOR)
    found = SlackHome.objects.filter(old, opened_at__gt=at - LOOKED_AT_FOR)
    return list(found.order_by(F("drawn_at").asc(nulls_first=True), "pk").values_list("pk", flat=True)[:limit])


def facts_of(person: Person, *, at: datetime) -> HomeFacts:
    """All that their Home tells, read now."""
    base = settings.ACCESS_BASE_URL
    waiting = access_requests.inbox_of(belonging_of(person), most=MOST)
    held = (
        holdings.grants_held(person)
        .filter(state__in=holdings.ALIVE)
        .order_by(F("expires_at").asc(nulls_last=True), "pk")
    )
    first = list(held[:MOST])
    return HomeFacts(
        base_url=base,
        waiting=[
            slack.card_of(one.pk, kind=SlackKind.CARD, revision=one.revision, reader=person, at=at) for one in waiting
        ],
        more_waiting=int(getattr(waiting[0], "waiting", 0)) - len(waiting) if waiting else 0,
        held=[
            slack.card_of(
                one.access_request_id,
                kind=SlackKind.OWN_CARD,
                revision=one.access_request.revision,
                reader=person,
                at=at,
            )
            for one in first
        ],
        more_held=held.count() - len(first) if len(first) == MOST else 0,
        asked=slack.own_asks(person, at=at, most=MOST),
    )
