"""What stands between a person and a decision: the row, held; whether it is still open; the verdict of today; a voice."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta

from accessrequests.domain import policy
from accessrequests.domain.answering import stand_ins_of
from accessrequests.domain.approvals import standing_in
from accessrequests.domain.events import PRODUCT, Event
from accessrequests.domain.lifecycle import REQUEST_MOVES, AccessRequestState, check_move
from accessrequests.domain.wording import moment
from accessrequests.models import AccessRequest, Person
from accessrequests.operations._holding import hold_people
from accessrequests.operations._record import CLOCKWORK
from accessrequests.operations.refusals import IllegalMove, Refused, StaleRevision
from accessrequests.queries import asks, limits
from accessrequests.queries.access_requests import with_newest_policy
from accessrequests.queries.asks import Invalid
from accessrequests.queries.belonging import belonging_of

_AND_NOW = {
    AccessRequestState.DENIED: "It cannot be approved any more; it can be asked again.",
    AccessRequestState.APPROVED: "It cannot be denied any more; its access can be ended.",
}


def locked(access_request_id: int, approver: Person | None = None) -> AccessRequest:
    """The request, its row locked and (where somebody decides) its people held; all of it read after the locks."""
    return locked_all([access_request_id], approver)[0]


def locked_all(access_request_ids: Collection[int], approver: Person | None = None) -> list[AccessRequest]:
    """Several at once, in order of their ids: first all rows, then all people, so that nobody waits in a circle.

    One SELECT with joins would not do: what it joins is as old as the statement, not as new as the lock.
    :raises AccessRequest.DoesNotExist: when one is not there.
    """
    rows = AccessRequest.objects.select_for_update(no_key=True).values_list("requester", "beneficiary")
    held = list(rows.filter(pk__in=access_request_ids).order_by("pk"))
    if len(held) < len(set(access_request_ids)):
        raise AccessRequest.DoesNotExist
    if approver is not None:
        gaining = [pk for both in held for pk in both]
        hold_people([approver.pk, *gaining], stand_in=approver.pk)
    found = AccessRequest.objects.select_related("target__inventory", "requester", "beneficiary", "policy_version")
    return list(with_newest_policy(found).filter(pk__in=access_request_ids).order_by("pk"))


def check_open(
    access_request: AccessRequest,
    revision: int,
    at: datetime,
    *,
    person: Person,
    wants: AccessRequestState | None = None,
) -> None:
    if access_request.state != AccessRequestState.PENDING:
        raise was_decided(access_request, person.username, wants=wants)
    check_not_lapsed(access_request, access_request.lapses_at, at)
    if revision != access_request.revision:
        raise StaleRevision(f"The request was edited. Read revision {access_request.revision} before you decide.")


def check_not_lapsed(access_request: AccessRequest, lapses_at: datetime, at: datetime) -> None:
    """By the time that it was given when it was filed; to approve it, also by the shorter one of a newer policy."""
    if at >= lapses_at:
        raise IllegalMove(
            f"Nobody answered {access_request} in time, so it has lapsed. It can be asked again.",
            person=CLOCKWORK.name,
            what=AccessRequestState.EXPIRED.value,
            at=lapses_at,
        )


def was_decided(
    access_request: AccessRequest, who_asks: str = "", *, wants: AccessRequestState | None = None
) -> IllegalMove:
    """`wants`: what they would make of it; whoever has done just that already is told no more."""
    state, at = AccessRequestState(access_request.state), access_request.decided_at or access_request.filed_at
    if state is AccessRequestState.PENDING:
        sentence = "The request is still open; its time is not over."
    elif access_request.decided_by == who_asks:
        then = " already." if state is wants else f". {_AND_NOW.get(state, 'It can be asked again.')}"
        sentence = f"You {state.value} this at {moment(at)}{then}"
    elif access_request.decided_by in {PRODUCT, "policy"}:
        done = "had lapsed" if state is AccessRequestState.EXPIRED else f"was {state.value}"
        sentence = f"It {done} already, at {moment(at)}."
    else:
        sentence = f"{access_request.decided_by} was faster: the request is {state.value} already."
    return IllegalMove(sentence, person=access_request.decided_by, what=state.value, at=at)


def on_call_facts(access_request: AccessRequest, decided_by: str) -> dict[str, str]:
    """Which schedule stood in for those who would have been asked; nothing where somebody answered."""
    schedules = access_request.verdict.get("on_call", ())
    return {"on_call": " and ".join(schedules)} if schedules and decided_by == "policy" else {}


def decide(access_request: AccessRequest, state: AccessRequestState, by: str, at: datetime) -> None:
    check_move(REQUEST_MOVES, AccessRequestState(access_request.state), state)
    access_request.state = state.value
    access_request.decided_at = at
    access_request.decided_by = by


def judged_now(access_request: AccessRequest, shortened: timedelta | None = None) -> policy.Verdict | Refused:
    """The verdict of today, or the refusal that stands in the way of approving (denying stays possible)."""
    try:
        verdict = asks.judge_again(access_request, shortened=shortened)
    except (asks.NotReadYet, Invalid) as error:
        return _refusal(access_request, str(error))
    if not verdict.allowed:
        return _refusal(access_request, verdict.refusals[0].sentence, rule=verdict.refusals[0].rule)
    obstacle = limits.why_not_now(access_request)
    return _refusal(access_request, obstacle.sentence, rule=obstacle.rule) if obstacle is not None else verdict


def voices_of(
    approver: Person, access_request: AccessRequest, verdict: policy.Verdict | Refused, *, at: datetime
) -> tuple[policy.Given, ...]:
    """The approver's own voice, and those of people who are away and lent them theirs, with the groups that count:
    held now, and already when the request was filed. Nobody who would gain by it has one, or can lend one.
    """
    who = belonging_of(approver, at=at)
    if who.benefits(access_request):
        sentence = "Nobody decides on access that they ask for or would get. Somebody else has to."
        raise _refusal(access_request, sentence)
    wanted, stand_ins = set(access_request.step_groups), set(access_request.stand_ins)
    steps = policy.from_json(access_request.verdict).steps
    if isinstance(verdict, policy.Verdict):
        steps, stand_ins = verdict.steps, stand_ins & stand_ins_of(verdict.answering)
        wanted = {step.group for step in steps} | stand_ins
    voices = who.voices(access_request, wanted=wanted)
    if not voices:
        asked = " and ".join(sorted(wanted)) or "nobody"
        why = who.why_not_lent(access_request) or "You were not among them when it was filed."
        raise _refusal(access_request, f"This request is decided by {asked}. {why}")
    return tuple(replace(one, groups=standing_in(one.groups, stand_ins=stand_ins, steps=steps)) for one in voices)


def _refusal(access_request: AccessRequest, sentence: str, *, rule: str = "") -> Refused:
    return Refused(sentence, rule=rule, event=Event.ACCESS_REQUEST_REFUSED, subject=str(access_request))
