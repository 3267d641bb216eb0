"""Whether somebody may decide on a request now, and in place of the buttons: why not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from accessrequests.domain import policy
from accessrequests.domain.approvals import standing_in
from accessrequests.domain.wording import people_needed
from accessrequests.models import AccessRequest
from accessrequests.queries import holdings
from accessrequests.queries.belonging import Belonging


def why_not_decide(
    belonging: Belonging, access_request: AccessRequest, verdict: policy.Verdict, *, at: datetime
) -> str:
    """Why this person cannot decide on a pending request; empty when they can. The operation judges again."""
    if at >= access_request.lapses_at:
        return "Nobody answered in time, so the request has lapsed. It can be asked again."
    if belonging.benefits(access_request):
        return "Nobody decides on access that they ask for or would get. Somebody else has to."
    voices = _counted(belonging, access_request, verdict)
    if not voices:
        return _no_voice(belonging, access_request)
    given = holdings.given(access_request)
    me = belonging.person.username
    if any(one.person == me for one in given):
        return "You have approved this request. It waits for somebody else."
    for_me = next((one.person for one in given if one.on_behalf_of == me), "")
    if for_me:
        return f"{for_me} approved this request in your place. It waits for somebody else."
    if policy.first_slot(verdict.steps, given, voices) is None:
        not_yet = why_not_yet(verdict, given, voices)
        if not_yet:
            return not_yet
        groups = _groups(belonging.voices(access_request))
        said = " and ".join(sorted(one.person for one in given if one.groups & groups))
        waits = people_needed(policy.open_steps(verdict.steps, given))
        return f"{said} approved for {' and '.join(sorted(groups))} already. It waits for {waits}."
    return ""


def voice_in(belonging: Belonging, access_request: AccessRequest, verdict: policy.Verdict) -> policy.Given | None:
    """The voice that a yes would be given with; None where it would add nothing."""
    voices = _counted(belonging, access_request, verdict)
    found = policy.first_slot(verdict.steps, holdings.given(access_request), voices)
    return found[0] if found else None


def why_not_yet(verdict: policy.Verdict, given: Sequence[policy.Given], voices: Iterable[policy.Given]) -> str:
    """Where steps are asked one after another, whose turn it is instead; empty when it is not about that."""
    now = policy.asked_now(verdict.steps, given)
    later = {step.group for step in policy.open_steps(verdict.steps, given)} - {step.group for step in now}
    return f"It is not your turn yet. It waits for {people_needed(now)} first." if _groups(voices) & later else ""


def _counted(belonging: Belonging, access_request: AccessRequest, verdict: policy.Verdict) -> tuple[policy.Given, ...]:
    return tuple(
        replace(one, groups=standing_in(one.groups, stand_ins=access_request.stand_ins, steps=verdict.steps))
        for one in belonging.voices(access_request)
    )


def _groups(voices: Iterable[policy.Given]) -> frozenset[str]:
    return frozenset(group for one in voices for group in one.groups)


def _no_voice(belonging: Belonging, access_request: AccessRequest) -> str:
    asked = sorted(access_request.step_groups)
    decided_by = f"This request is decided by {' and '.join(asked)}."
    not_lent = belonging.why_not_lent(access_request)
    if not_lent:
        return f"{decided_by} {not_lent}"
    joined = [group for group in asked if group in belonging.since]
    if joined:
        return f"{decided_by} You joined {' and '.join(joined)} after it was filed, so you have no voice in it."
    if belonging.sees_all:
        return f"{decided_by} You are not among them: you can read everything here."
    return f"{decided_by} You were not among them when it was filed."
