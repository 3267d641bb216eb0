"""Tells people of a change of a custom role: those who decide, and whoever proposed it."""

from __future__ import annotations

from django.conf import settings

from accessrequests.domain.events import Event
from accessrequests.domain.lifecycle import ChangeState
from accessrequests.domain.role_sentences import notice_of, standing
from accessrequests.models import CustomRoleChange, Person
from accessrequests.operations.outbox import Claim
from accessrequests.queries import people
from workers.channels import email
from workers.channels.email import Thread

_WORDS = {"create": "make", "edit": "change", "delete": "delete"}


def tell(claim: Claim) -> None:
    """:raises NotSent: when a mail could not be sent."""
    change = CustomRoleChange.objects.select_related("target", "proposer").get(pk=claim.subject_id)
    event, to_decide = Event(claim.event), claim.event == Event.CUSTOM_ROLE_PROPOSED
    if to_decide and change.state != ChangeState.PENDING:
        return
    notice = notice_of(
        event,
        title=f"{change.proposer.name} wants to {_WORDS[change.kind]} the role {change.role} on {change.target.slug}",
        sentence=standing(
            ChangeState(change.state),
            steps=change.verdict["steps"],
            answers=change.answers,
            by=change.decided_by,
            note=change.note,
        ),
        reason=change.reason,
        url=f"{settings.ACCESS_BASE_URL}/custom-roles/{change.pk}/",
        to_decide=to_decide,
    )
    told = _deciders(change) if to_decide else [change.proposer]
    email.send(notice, to=told, thread=Thread(about=str(change), notice=f"notice-{claim.message_id}"))


def _deciders(change: CustomRoleChange) -> list[Person]:
    found = {
        person
        for group in change.step_groups
        for person in people.deciders(group, since=change.proposed_at, without=[change.proposer_id])
    }
    return sorted(found, key=str)
