"""Where a grant stands, in one sentence for every surface."""

from __future__ import annotations

from datetime import datetime

from accessrequests.domain import sentences
from accessrequests.domain.lifecycle import EndReason, GrantState
from accessrequests.models import Grant
from accessrequests.queries import grants


def sentence_of(grant: Grant, *, at: datetime) -> str:
    """That access may still work, although it should have ended, is said whatever the row's state."""
    state, reason = GrantState(grant.state), EndReason(grant.end_reason) if grant.end_reason else None
    overdue = grants.is_overdue(grant, at=at)
    if overdue and state is GrantState.ACTIVE:
        state, reason = GrantState.REVOKING, EndReason.EXPIRY
    return sentences.grant_sentence(
        state=state,
        starts_at=grant.not_before if grant.not_before > at else None,
        expires_at=grant.expires_at,
        reason=reason,
        ended_by=grant.ended_by,
        note=grant.note,
        setting_up=grant.attempt_started_at is not None and grant.attempt_ended_at is None,
        was_open=_may_have_worked(grant),
        cut=grant.cut_at is not None,
        overdue=overdue or bool(grant.last_error),
    )


def _may_have_worked(grant: Grant) -> bool:
    """It did, or an attempt to make it has no recorded end, so that nobody can say that it never did."""
    unknown = grant.provisioning_attempt > 0 and grant.attempt_ended_at is None
    return grant.activated_at is not None or unknown
