"""Whether somebody may decide on a request now, and in place of the buttons: why not."""

from __future__ import annotations

from collections.abc import Sequence
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
    voices = belonging.voices(access_request)
    if not voices:
        return _no_voice(belonging, access_request)
    given = holdings.given(access_request)
    me = belonging.person.username
    if any(one.person == me for one in given):
        return "You have approved this request. It waits for somebody else."
    counted = standing_in(voices, stand_ins=access_request.stand_ins, steps=verdict.steps)
    if policy.slot_for(verdict.steps, given, candidate=policy.Given(me, counted)) is None:
        not_yet = why_not_yet(verdict, given, voices)
        if not_yet:
            return not_yet
        said = " and ".join(sorted(one.person for one in given if one.groups & voices))
        waits = people_needed(policy.open_steps(verdict.steps, given))
        return f"{said} approved for {' and '.join(sorted(voices))} already. It waits for {waits}."
    return ""


def why_not_yet(verdict: policy.Verdict, given: Sequence[policy.Given], voices: frozenset[str]) -> str:
    """Where steps are asked one after another, whose turn it is instead; empty when it is not about that."""
    now = policy.asked_now(verdict.steps, given)
    later = {step.group for step in policy.open_steps(verdict.steps, given)} - {step.group for step in now}
    return f"It is not your turn yet. It waits for {people_needed(now)} first." if voices & later else ""


def _no_voice(belonging: Belonging, access_request: AccessRequest) -> str:
    asked = sorted(access_request.step_groups)
    decided_by = f"This request is decided by {' and '.join(asked)}."
    joined = [group for group in asked if group in belonging.since]
    if joined:
        return f"{decided_by} You joined {' and '.join(joined)} after it was filed, so you have no voice in it."
    if belonging.sees_all:
        return f"{decided_by} You are not among them: you can read everything here."
    return f"{decided_by} You were not among them when it was filed."
