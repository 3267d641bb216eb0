"""Events for other programs: whoever hears of an event is told by a message of their own, until they have it."""

from __future__ import annotations

from typing import Any

import structlog
from django.conf import settings

from accessrequests.domain.cloud_events import cloud_event, is_wanted
from accessrequests.domain.events import Event
from accessrequests.models import AuditEvent
from accessrequests.operations import break_glass, outbox
from accessrequests.operations.outbox import Claim
from accessrequests.queries import audit, clock, events
from workers.channels import webhook
from workers.outcomes import Done, Outcome, try_again
from workers.provisioners.connection_entry import InvalidConnection
from workers.receivers import receivers

MOST_FAILURES = 2_880  # at half a minute each: a day

log = structlog.get_logger(__name__)


def pass_on(claim: Claim) -> None:
    """File what a notice tells for every receiver that wants to hear of its event. Before any mail: it may take long."""
    try:
        wanting = [one.name for one in receivers().values() if is_wanted(claim.event, one.types)]
    except InvalidConnection as error:
        log.error("webhooks_unreadable", why=str(error))  # noqa: TRY400 - the sentence is all there is to it
        return
    if wanting:
        outbox.file_deliveries(claim=claim, receivers=wanting)


def deliver(claim: Claim) -> Outcome:
    """One event to one receiver. One that the operator has taken out of the file meanwhile hears nothing."""
    told = audit.told_by(claim.message_id)
    try:
        receiver = receivers().get(claim.receiver)
        if receiver is None or told is None:
            return Done()
        webhook.post(receiver, _event(claim, told), now=int(clock.now().timestamp()))
    except (webhook.NotDelivered, InvalidConnection) as error:
        break_glass.note_alert_failed(event=claim.event, subject=claim.subject, channel=claim.receiver, why=str(error))
        if claim.failures < MOST_FAILURES:
            return try_again(claim, str(error))
        log.warning("event_given_up", receiver=claim.receiver, told_of=claim.event)
    return Done()


def _event(claim: Claim, told: AuditEvent) -> dict[str, Any]:
    return cloud_event(
        number=claim.tells,
        installation=settings.ACCESS_INSTALLATION,
        source=settings.ACCESS_BASE_URL,
        event=told.event,
        subject=told.subject,
        at=told.at,
        data=events.data_of(told, Event(told.event)),
    )
