"""What the clock does to a request that nobody has answered: it reminds, and it asks one group more."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from accessrequests.domain import answering, policy
from accessrequests.domain.events import Event
from accessrequests.domain.lifecycle import AccessRequestState
from accessrequests.models import AccessRequest
from accessrequests.operations._asked import put_to
from accessrequests.operations._deciding import judged_now, locked, was_decided
from accessrequests.operations._record import CLOCKWORK, Fact, record
from accessrequests.operations.refusals import Refused
from accessrequests.queries import clock, holdings


@transaction.atomic(durable=True)
def look_again(*, access_request_id: int) -> AccessRequest:
    """Ask again those who have not answered, and from its time on the group to which the policy escalates.

    :raises IllegalMove: when it is decided, or not time yet.
    """
    access_request = locked(access_request_id)
    at = clock.now()
    due_at = access_request.look_again_at
    if access_request.state != AccessRequestState.PENDING or due_at is None or at < due_at:
        raise was_decided(access_request)
    verdict = judged_now(access_request)
    if isinstance(verdict, Refused):
        # Nobody can approve it as things are. Those who look at it are told so; reminding them would help nobody.
        access_request.look_again_at = at + answering.REMIND_AFTER
        access_request.save(update_fields=["look_again_at"])
        return access_request
    why = _one_group_more(access_request, verdict, at)
    passed = answering.times_passed(verdict.answering, filed_at=access_request.filed_at, at=at)
    access_request.reminders = max(access_request.reminders, passed)
    known = set(access_request.stand_ins)
    put_to(access_request, verdict, given=holdings.given(access_request))
    if not why and known < set(access_request.stand_ins):
        why = "nobody else can answer"
    access_request.save(update_fields=["stand_ins", "step_groups", "wanted_groups", "look_again_at", "reminders"])
    facts = {"groups": access_request.wanted_groups, "why": why or "nobody has answered yet"}
    record(Fact(Event.ACCESS_REQUEST_ASKED, str(access_request), facts), actor=CLOCKWORK, at=at)
    return access_request


def _one_group_more(access_request: AccessRequest, verdict: policy.Verdict, at: datetime) -> str:
    """Let the group answer to which the policy escalates, once its time has come. Why, or nothing."""
    escalate = verdict.answering.escalate
    if escalate is None or escalate.to in access_request.stand_ins or at < access_request.filed_at + escalate.after:
        return ""
    access_request.stand_ins.append(escalate.to)
    return "nobody answered in time"
