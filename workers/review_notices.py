"""Tells people of a review of access: those who have something to answer, and those who own what is not ours."""

from __future__ import annotations

from django.conf import settings

from accessrequests.domain.access_reviews import ReviewAnswer, SubjectKind, asked_notice, ready_notice, task_notice
from accessrequests.domain.channels import News
from accessrequests.domain.events import Event
from accessrequests.models import ReviewCampaign, ReviewItem
from accessrequests.operations.outbox import Claim
from accessrequests.queries import access_reviews, audit, clock, people
from workers import telling
from workers.channels.email import Thread


def tell(claim: Claim) -> None:
    """:raises NotSent: when a mail could not be sent."""
    campaign = ReviewCampaign.objects.get(pk=claim.subject_id)
    if claim.event == Event.ACCESS_REVIEW_HANDED_OVER:
        _hand_over(claim, campaign)
        return
    if campaign.is_closed:
        return
    thread = Thread(about=claim.subject, notice=f"notice-{claim.message_id}")
    waiting = access_reviews.waiting_for(campaign)
    if not waiting:
        ready = ready_notice(campaign=campaign.name, url=_page(campaign))
        telling.tell(ready, to=people.administrators(), thread=thread, news=News.ANSWERS)
    for person, count in sorted(waiting.items(), key=lambda found: str(found[0])):
        notice = asked_notice(
            Event(claim.event),
            campaign=campaign.name,
            waiting=count,
            due_at=campaign.due_at,
            at=clock.now(),
            url=f"{_page(campaign)}?answer=open",
        )
        telling.tell(notice, to=[person], thread=thread, news=News.ANSWERS)


def _hand_over(claim: Claim, campaign: ReviewCampaign) -> None:
    """One message for each target (and one for its kit), to those who own it; to administrators where nobody does."""
    told = audit.told_by(claim.message_id)
    if told is None:
        return
    items = ReviewItem.objects.filter(campaign=campaign, pk__in=told.facts["items"]).select_related("target")
    by_target: dict[tuple[str, bool], list[ReviewItem]] = {}
    for item in items.order_by("target__slug", "name"):
        by_target.setdefault((item.target.slug, item.kind == SubjectKind.KIT), []).append(item)
    owners = access_reviews.members_of({item.target.owner for item in items})
    for (slug, is_kit), theirs in by_target.items():
        notice = task_notice(
            target=slug,
            answer=ReviewAnswer(told.facts["answer"]),
            names=[item.name for item in theirs],
            reason=str(told.facts["reason"]),
            reviewer=told.actor,
            campaign=campaign.name,
            url=f"{_page(campaign)}?target={slug}",
            is_kit=is_kit,
        )
        to = owners.get(theirs[0].target.owner) or list(people.administrators())
        notice_id = f"notice-{claim.message_id}-{slug}{'-kit' * is_kit}"
        telling.tell(notice, to=to, thread=Thread(about=claim.subject, notice=notice_id), news=News.ANSWERS)


def _page(campaign: ReviewCampaign) -> str:
    return f"{settings.ACCESS_BASE_URL}/access-reviews/{campaign.pk}/"
