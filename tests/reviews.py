"""Makers of what tests of access reviews need."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from accessrequests.domain.access_reviews import ReviewAnswer
from accessrequests.domain.events import Via
from accessrequests.domain.outside import Kind, Thing
from accessrequests.models import Person, ReviewCampaign, ReviewItem
from accessrequests.operations import access_reviews, outside
from tests import make

ERRANDS = "errands@admin"
OWN = "access-requests@admin"
REPORTING = "reporting@admin"
SLUG = "shop-prod"


def stand_there(*names: str) -> None:
    """Logins on shop-prod that others made."""
    outside.record_others(slug=SLUG, found=[Thing(Kind.USER, name, "read@shop") for name in names or (ERRANDS,)])


def stand_ourselves() -> None:
    """The login that workers use, as they find it beside one of others."""
    own = Thing(Kind.USER, OWN, "readWrite@shop", is_own=True)
    outside.record_others(slug=SLUG, found=[own, Thing(Kind.USER, ERRANDS, "read@shop")])


def start(administrator: Person, **changes: Any) -> ReviewCampaign:
    fields: dict[str, Any] = {"name": "Autumn", "targets": (SLUG,), "due_at": make.now() + timedelta(days=14)}
    return access_reviews.start(person=administrator, via=Via.WEB, **{**fields, **changes})


def answer(
    reviewer: Person, *items: ReviewItem, say: ReviewAnswer = ReviewAnswer.KEEP, reason: str = "Still needed."
) -> list[ReviewItem]:
    return access_reviews.answer(
        campaign_id=items[0].campaign_id,
        item_ids=[item.pk for item in items],
        reviewer=reviewer,
        answer=say,
        reason=reason,
        via=Via.WEB,
    )


def item_of(campaign: ReviewCampaign, name: str) -> ReviewItem:
    return campaign.items.select_related("target", "grant").get(name=name)


def names_in(campaign: ReviewCampaign) -> Sequence[str]:
    return list(campaign.items.order_by("pk").values_list("name", flat=True))
