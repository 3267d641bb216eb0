"""Tells people of a change of a custom role: those who decide, and whoever proposed it."""

from __future__ import annotations

from django.conf import settings

from accessrequests.domain.channels import News
from accessrequests.domain.events import Event
from accessrequests.domain.lifecycle import ChangeState
from accessrequests.domain.notices import Notice
from accessrequests.domain.role_sentences import notice_of, standing
from accessrequests.models import CustomRoleChange, Person
from accessrequests.operations.outbox import Claim
from accessrequests.queries import people
from workers import telling
from workers.channels.email import Thread

# They were asked, so they are told when there is nothing left to decide.
_TO_DECIDERS = frozenset({Event.CUSTOM_ROLE_PROPOSED, Event.CUSTOM_ROLE_CANCELLED})
_WORDS = {"create": "make", "edit": "change", "delete": "delete"}


def tell(claim: Claim) -> None:
    """:raises NotSent: when a mail could not be sent."""
    change = CustomRoleChange.objects.select_related("target", "proposer").get(pk=claim.subject_id)
    event = Event(claim.event)
    if event is Event.CUSTOM_ROLE_PROPOSED and change.state != ChangeState.PENDING:
        return
    thread = Thread(about=str(change), notice=f"notice-{claim.message_id}")
    if event in _TO_DECIDERS:
        telling.tell(_notice(event, change, decides=True), to=_deciders(change), thread=thread, news=News.ANSWERS)
    if event is not Event.CUSTOM_ROLE_PROPOSED and change.decided_by != change.proposer.username:
        telling.tell(_notice(event, change, decides=False), to=[change.proposer], thread=thread, news=News.OWN)


def _notice(event: Event, change: CustomRoleChange, *, decides: bool) -> Notice:
    return notice_of(
        event,
        title=f"{change.proposer.name} wants to {_WORDS[change.kind]} the role {change.role} on {change.target.slug}",
        sentence=standing(
            ChangeState(change.state),
            steps=change.verdict["steps"],
            answers=change.answers,
            lapses_at=change.lapses_at,
            by=change.decided_by,
            note=change.note,
        ),
        reason=change.reason,
        url=f"{settings.ACCESS_BASE_URL}/custom-roles/{change.pk}/",
        decides=decides,
        is_void=event is Event.CUSTOM_ROLE_CANCELLED and bool(change.note),
    )


def _deciders(change: CustomRoleChange) -> list[Person]:
    """Whoever ended it needs no notice of that."""
    found = {
        person
        for group in change.step_groups
        for person in people.deciders(group, since=change.proposed_at, without=[change.proposer_id])
        if person.username != change.decided_by
    }
    return sorted(found, key=str)
