"""The ways in which an operation says no, and the record of those refusals that are worth keeping."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction

from accessrequests.domain.events import Actor, Event
from accessrequests.models import AccessRequest, AuditEvent, CustomRoleChange, Grant, Person, ReviewCampaign
from accessrequests.operations._record import Fact, record
from accessrequests.queries import clock

RECORDED_A_MINUTE = 20
_NOT_SEEN = "They may not even see it."


class Refused(Exception):
    """The policy, or the house, says no. `event` and `subject` are set when the refusal is worth keeping, `about` when it
    is about one part of what was asked.
    """

    def __init__(
        self, sentence: str, *, rule: str = "", about: str = "", event: Event | None = None, subject: str = ""
    ) -> None:
        super().__init__(sentence)
        self.rule = rule
        self.about = about
        self.event = event
        self.subject = subject


class NeedsSecondFactor(Refused):
    """It is done in the portal only, by who has just given a second factor."""


class IllegalMove(Exception):
    """Somebody was faster, or the clock was. `person`, `what` and `at` say who did what, when."""

    def __init__(self, sentence: str, *, person: str, what: str, at: datetime) -> None:
        super().__init__(sentence)
        self.person = person
        self.what = what
        self.at = at


class StaleRevision(Exception):
    """The request was edited after the person read it."""


class NotReady(Exception):
    """What is asked for will be there later, and is not there yet."""


class Gone(Exception):
    """What is asked for was there once and never will be again."""


class Spent(Gone):
    """The password was shown or erased, and the access lives, so that another one can be made."""


class NotYours(Exception):
    """There, but not this person's to see: answered as if it were not there, and kept in the audit trail."""

    def __init__(self, there: Grant | AccessRequest | CustomRoleChange | ReviewCampaign, why: str = _NOT_SEEN) -> None:
        super().__init__()
        event = Event.GRANT_REFUSED if isinstance(there, Grant) else Event.ACCESS_REQUEST_REFUSED
        if isinstance(there, CustomRoleChange):
            event = Event.CUSTOM_ROLE_REFUSED
        if isinstance(there, ReviewCampaign):
            event = Event.ACCESS_REVIEW_REFUSED
        self.refused = Refused(why, event=event, subject=str(there))


@transaction.atomic(durable=True)
def record_refusal(*, refused: Refused, actor: Actor) -> None:
    """Keep a refusal in the audit trail, at most `RECORDED_A_MINUTE` a person."""
    if refused.event is None:
        return
    # The person's row keeps count: refusals of one person come one after the other, so that none slips past the cap.
    Person.objects.select_for_update(no_key=True).filter(pk=actor.person_id or 0).first()
    at = clock.now()
    recent = AuditEvent.objects.filter(
        actor=actor.name,
        event__in=[
            Event.ACCESS_REQUEST_REFUSED,
            Event.GRANT_REFUSED,
            Event.CUSTOM_ROLE_REFUSED,
            Event.BREAKGLASS_REFUSED,
            Event.ACCESS_REVIEW_REFUSED,
        ],
        at__gt=at - timedelta(minutes=1),
    )
    if recent.count() >= RECORDED_A_MINUTE:
        return
    record(Fact(refused.event, refused.subject, {"why": str(refused)}), actor=actor, at=at)
