"""Tells of offline kits: that one was made or would not work, that somebody logged in with it, and what a review found."""

from __future__ import annotations

import structlog
from django.conf import settings

from accessrequests.domain.channels import News
from accessrequests.domain.events import Event
from accessrequests.domain.offline_kits import KitStory, notice
from accessrequests.models import AuditEvent, KitUse, OfflineKit
from accessrequests.operations import break_glass
from accessrequests.operations.outbox import Claim
from accessrequests.queries import audit, clock
from accessrequests.queries import offline_kits as queries
from workers import telling
from workers.channels import email
from workers.channels.email import Thread
from workers.outcomes import Done, Outcome, try_again

MAIL = "mail"
MOST_FAILURES = 2_880  # at half a minute each: a day

log = structlog.get_logger(__name__)


def tell(claim: Claim, thread: Thread) -> Outcome:
    """Everybody who hears of the kit. That an alarm does not get through is an alarm itself."""
    kit, told = queries.of_target(claim.subject_name), audit.told_by(claim.message_id)
    if kit is None or told is None:
        return Done()
    try:
        hearers = sorted(queries.hearers(kit, at=clock.now()), key=str)
        said = notice(Event(claim.event), _story(kit, told))
        telling.tell(said, to=hearers, thread=thread, news=News.ALARMS)
    except email.NotSent as error:
        break_glass.note_alert_failed(event=claim.event, subject=claim.subject, channel=MAIL, why=str(error))
        if claim.failures < MOST_FAILURES:
            return try_again(claim, str(error))
        log.warning("alarm_given_up", told_of=claim.event)
    return Done()


def _story(kit: OfflineKit, told: AuditEvent) -> KitStory:
    use = KitUse.objects.select_related("reviewed_by").filter(pk=told.facts.get("use")).first()
    return KitStory(
        target=kit.target.slug,
        username=kit.username,
        holders=use.holders if use is not None else kit.holders,
        base_url=settings.ACCESS_BASE_URL,
        what=str(told.facts.get("why", "")),
        use_id=use.pk if use is not None else None,
        finding=use.finding if use is not None else "",
        reviewed_by=use.reviewed_by.name if use is not None and use.reviewed_by else "",
        review_note=use.review_note if use is not None else "",
        actor=told.actor,
    )
