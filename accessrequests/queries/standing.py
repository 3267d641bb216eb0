"""Where a grant stands, in one sentence for every surface, and in all that a page of it says."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

from accessrequests.domain import sentences
from accessrequests.domain.lifecycle import EndReason, GrantState
from accessrequests.domain.situation import Situation, Standing, situation
from accessrequests.models import Grant
from accessrequests.queries import grants, work

PATIENCE = timedelta(seconds=10)  # a worker that lives takes a grant sooner
SILENT = timedelta(minutes=3)  # a sign of life is asked for each minute
_IN_MOTION = (GrantState.PENDING.value, GrantState.REVOKING.value)


def sentence_of(grant: Grant, *, at: datetime, ended_by: str = "") -> str:
    """That access may still work, although it should have ended, is said whatever the row's state.

    `ended_by`: what whoever ended it is called, where that is not their login.
    """
    state, reason = GrantState(grant.state), EndReason(grant.end_reason) if grant.end_reason else None
    overdue = grants.is_overdue(grant, at=at)
    if overdue and state is GrantState.ACTIVE:
        state, reason = GrantState.REVOKING, EndReason.EXPIRY
    return sentences.grant_sentence(
        state=state,
        starts_at=grant.not_before if grant.not_before > at else None,
        expires_at=grant.expires_at,
        reason=reason,
        ended_by=ended_by or grant.ended_by,
        note=grant.note,
        setting_up=_is_being_made(grant),
        was_open=_may_have_worked(grant),
        cut=grant.cut_at is not None,
        overdue=overdue or bool(grant.last_error),
    )


def situation_of(grant: Grant, *, at: datetime, is_mine: bool, silent: Collection[str] = ()) -> Situation:
    """What is true of the grant, why, and what to do."""
    late = grants.is_overdue(grant, at=at) and _may_have_worked(grant)
    failing = grant.state == GrantState.REVOKING and bool(grant.last_error) and _may_have_worked(grant)
    return situation(
        Standing(
            state=GrantState(grant.state),
            at=at,
            target=grant.target.slug,
            username=grant.username,
            not_before=grant.not_before,
            give_up_at=grants.latest_start(grant),
            starts_at=grant.starts_at,
            expires_at=grant.expires_at,
            reason=EndReason(grant.end_reason) if grant.end_reason else None,
            ended_by=grant.ended_by,
            note=grant.note,
            is_mine=is_mine,
            was_open=_may_have_worked(grant),
            setting_up=_is_being_made(grant),
            taken_at=grant.opened_at,
            ending_since=grant.revocation_started_at,
            cut_at=grant.cut_at,
            gone_at=grant.revoked_at,
            overdue=late or failing,
            last_error=grant.last_error,
            waits_for=grant.waits_for,
            away_since=grant.target.unreachable_since,
            workers_silent=_has_waited(grant, at=at) and _carrier_of(grant) in silent,
        )
    )


def silent_workers(found: Iterable[Grant], *, at: datetime) -> Collection[str]:
    """Of which workers nothing was heard for minutes; asked only where a grant has waited for them."""
    waited_for = {_carrier_of(grant) for grant in found if _has_waited(grant, at=at)}
    signs = {consumer: work.last_sign_of_life(consumer) for consumer in waited_for}
    return [consumer for consumer, last in signs.items() if last is None or last < at - SILENT]


def _carrier_of(grant: Grant) -> str:
    """Whose sign of life is looked for."""
    is_urgent = grant.state == GrantState.REVOKING or grant.access_request.is_break_glass
    return "worker_urgent" if is_urgent else "worker"


def _has_waited(grant: Grant, *, at: datetime) -> bool:
    since = grant.revocation_started_at or max(grant.created_at, grant.not_before)
    return grant.state in _IN_MOTION and at - since > PATIENCE


def _is_being_made(grant: Grant) -> bool:
    return grant.attempt_started_at is not None and (grant.attempt_ended_at is None or grant.opened_at is not None)


def _may_have_worked(grant: Grant) -> bool:
    """It did, or an attempt to make it has no recorded end, so that nobody can say that it never did."""
    unknown = grant.provisioning_attempt > 0 and grant.attempt_ended_at is None
    return grant.activated_at is not None or grant.opened_at is not None or unknown
