"""What stands between a person and a decision: the verdict of today, and the voice that the person has in it."""

from __future__ import annotations

from datetime import timedelta

from accessrequests.domain import policy
from accessrequests.domain.events import Event
from accessrequests.models import AccessRequest, Person
from accessrequests.operations.refusals import Refused
from accessrequests.queries import asks, people
from accessrequests.queries.asks import Invalid


def judged_now(access_request: AccessRequest, shortened: timedelta | None = None) -> policy.Verdict | Refused:
    """The verdict of today, or the refusal that stands in the way of approving (denying stays possible).

    A grant that is there has its room already, which is why only here it is asked whether some is left.
    """
    try:
        verdict = asks.judge_again(access_request, shortened=shortened)
    except (asks.NotReadYet, Invalid) as error:
        return _refusal(access_request, str(error))
    if not verdict.allowed:
        return _refusal(access_request, verdict.refusals[0].sentence, rule=verdict.refusals[0].rule)
    full = asks.why_full(access_request)
    return _refusal(access_request, full, rule=policy.NO_ROOM) if full else verdict


def voice_of(approver: Person, access_request: AccessRequest, verdict: policy.Verdict | Refused) -> frozenset[str]:
    """The groups that give the approver a voice: held now, and already when the request was filed."""
    gains = approver.pk in {access_request.requester_id, access_request.beneficiary_id}
    if gains or approver.username in access_request.owners:
        sentence = "Nobody decides on access that they ask for or would get. Somebody else has to."
        raise _refusal(access_request, sentence)
    wanted = set(access_request.step_groups)
    if isinstance(verdict, policy.Verdict):
        wanted = {step.group for step in verdict.steps}
    voices = people.groups_of(approver, since=access_request.filed_at) & wanted
    if not voices:
        asked = " and ".join(sorted(wanted)) or "nobody"
        sentence = f"This request is decided by {asked}. You were not among them when it was filed."
        raise _refusal(access_request, sentence)
    return voices


def _refusal(access_request: AccessRequest, sentence: str, *, rule: str = "") -> Refused:
    return Refused(sentence, rule=rule, event=Event.ACCESS_REQUEST_REFUSED, subject=str(access_request))
