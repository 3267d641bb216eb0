"""Who is asked about a request that waits, who may stand in for them, and when it is looked at again."""

from __future__ import annotations

from collections.abc import Sequence

from accessrequests.domain import answering, policy
from accessrequests.models import AccessRequest
from accessrequests.queries import people


def put_to(access_request: AccessRequest, verdict: policy.Verdict, *, given: Sequence[policy.Given] = ()) -> None:
    """Write down whom the verdict asks now. Saving the row is for whoever calls."""
    fallback = verdict.answering.fallback
    stand_ins = [*access_request.stand_ins]
    if fallback and fallback not in stand_ins and not _could_be_answered(access_request, verdict, given):
        stand_ins.append(fallback)
    allowed = answering.stand_ins_of(verdict.answering)
    access_request.stand_ins = [group for group in stand_ins if group in allowed]
    groups = [step.group for step in verdict.steps]
    # Those who were told of a break-glass go on seeing it.
    told = access_request.step_groups if access_request.is_break_glass else []
    access_request.step_groups = _once([*told, *groups, *access_request.stand_ins])
    access_request.wanted_groups = _once([*policy.groups_wanted(verdict.steps, given), *access_request.stand_ins])
    access_request.look_again_at = answering.look_again_at(
        verdict.answering,
        filed_at=access_request.filed_at,
        reminders=access_request.reminders,
        stand_ins=access_request.stand_ins,
    )


def _could_be_answered(access_request: AccessRequest, verdict: policy.Verdict, given: Sequence[policy.Given]) -> bool:
    """Whether there are people enough, one for each slot, beside those who gain. Who has answered may have left since."""
    without = [access_request.requester_id, access_request.beneficiary_id, *people.ids_of(access_request.owners)]
    groups = {step.group for step in verdict.steps}
    able = people.deciders_by_group(groups, since=access_request.filed_at, without=without)
    everybody = [policy.Given(name, frozenset({group})) for group, names in able.items() for name in names]
    return policy.is_complete(verdict.steps, [*given, *everybody])


def _once(groups: Sequence[str]) -> list[str]:
    return list(dict.fromkeys(groups))
