"""A later end of a live grant, from its approval on: on its way to the target, and not true before it is there."""

from __future__ import annotations

from datetime import datetime

from accessrequests.domain import extending
from accessrequests.domain.events import PRODUCT, Event
from accessrequests.domain.lifecycle import AccessRequestState, ExtensionState, GrantState
from accessrequests.domain.window import ends_at, format_duration
from accessrequests.domain.wording import moment
from accessrequests.models import AccessRequest, Extension, Grant
from accessrequests.operations._deciding import decide, on_call_facts
from accessrequests.operations._ending import locked
from accessrequests.operations._record import Fact
from accessrequests.operations.refusals import IllegalMove, NotReady, Refused
from accessrequests.queries import clock

TOO_LATE = "Less than a minute of it is left, so it ends as it was to. Ask again if you still need it."


def begin(access_request: AccessRequest, *, decided_by: str, at: datetime) -> Fact:
    """Move to approved and send the later end on its way, in one breath.

    :raises IllegalMove: when the grant is ending or ended, or another later end is on its way.
    :raises NotReady: when it has not begun to live.
    :raises Refused: when too little of its time is left.
    """
    decide(access_request, AccessRequestState.APPROVED, decided_by, at)
    access_request.save()
    grant = locked(access_request.extends_id or 0)
    expires_at = check_may_go_on(grant, at=clock.now())
    length = access_request.approved_duration or access_request.duration
    extension = Extension.objects.create(
        grant=grant,
        access_request=access_request,
        state=ExtensionState.WAITING.value,
        ends_from=expires_at,
        ends_at=ends_at(expires_at, length),
        approved_at=at,
    )
    facts = {
        "grant": grant.pk,
        "length": format_duration(length),
        "expires_at": written(extension.ends_at),
        "by": decided_by,
        **on_call_facts(access_request, decided_by),
    }
    return Fact(Event.ACCESS_REQUEST_EXTENSION_APPROVED, str(access_request), facts, grant=grant)


def check_may_go_on(grant: Grant, *, at: datetime) -> datetime:
    """The end as it is, which may still be moved. Its row is locked.

    :raises IllegalMove: when it is ending or ended, or a later end is on its way.
    :raises NotReady: when it has not begun to live.
    :raises Refused: when too little of its time is left, or it is a break-glass.
    """
    if grant.access_request.is_break_glass:
        raise Refused(extending.NO_RENEWAL)
    if grant.state == GrantState.PENDING:
        raise NotReady("It is not live yet, and its time is not over before it is. Extend it once it is live.")
    if grant.state != GrantState.ACTIVE or grant.expires_at is None or at >= grant.expires_at:
        since = grant.revocation_started_at or grant.expires_at or at
        sentence = f"It has ended already, at {moment(since)}, so it cannot be extended. Ask again."
        raise IllegalMove(sentence, person=grant.ended_by or PRODUCT, what=grant.end_reason or "expiry", at=since)
    waiting = grant.extensions.filter(state=ExtensionState.WAITING.value).first()
    if waiting is not None:
        sentence = f"A later end, {moment(waiting.ends_at)}, is on its way to {grant.target.slug} already. Wait for it."
        raise IllegalMove(sentence, person=grant.holder.username, what="extended", at=waiting.approved_at)
    if extending.is_too_late(expires_at=grant.expires_at, at=at):
        raise Refused(TOO_LATE)
    return grant.expires_at


def written(at: datetime) -> str:
    return at.isoformat().replace("+00:00", "Z")
