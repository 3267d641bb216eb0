"""Tells a person that an account of Slack acts as them now, or no longer does."""

from __future__ import annotations

from django.conf import settings

from accessrequests.domain.events import Event
from accessrequests.domain.slack_links import notice_of_link
from accessrequests.models import Person
from accessrequests.operations.outbox import Claim
from accessrequests.queries import audit
from workers.channels import email
from workers.channels.email import Thread


def tell(claim: Claim) -> None:
    """Nobody who may no longer sign in is told.

    :raises NotSent: when the mail could not be sent.
    """
    told = audit.told_by(claim.message_id)
    if told is None:
        return
    notice = notice_of_link(
        Event(claim.event),
        account=str(told.facts.get("name") or told.facts.get("slack_user", "")),
        actor=told.actor,
        url=f"{settings.ACCESS_BASE_URL}/account/",
    )
    people = Person.objects.filter(username=claim.subject_name, is_active=True)
    email.send(notice, to=people, thread=Thread(about=claim.subject, notice=f"notice-{claim.message_id}"))
