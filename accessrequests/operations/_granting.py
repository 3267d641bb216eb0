"""The one way in which a grant is born, or lasts longer: with the approval of its request, in the same breath."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings

from accessrequests.domain import naming
from accessrequests.domain.events import Event
from accessrequests.domain.lifecycle import AccessRequestState, GateName, GateState, GrantState
from accessrequests.domain.window import format_duration, format_moment
from accessrequests.models import AccessRequest, Gate, Grant
from accessrequests.operations import _extending
from accessrequests.operations._breaking import begin
from accessrequests.operations._deciding import decide, on_call_facts
from accessrequests.operations._record import Fact

ACTIVATION_WINDOW = timedelta(hours=1)


def approved(access_request: AccessRequest, *, decided_by: str, at: datetime) -> Fact:
    """Move to approved and make the grant, or send the later end of a live one on its way, in one breath.

    A break-glass is activated, which approves nothing.
    """
    if access_request.extends_id is not None:
        return _extending.begin(access_request, decided_by=decided_by, at=at)
    decide(access_request, AccessRequestState.APPROVED, decided_by, at)
    access_request.save()
    not_before = max(at, access_request.starts_at or at)
    grant = Grant.objects.create(
        access_request=access_request,
        target=access_request.target,
        holder=access_request.beneficiary,
        username=f"new-{access_request.pk}",
        length=access_request.approved_duration or access_request.duration,
        state=GrantState.PENDING.value,
        created_at=at,
        not_before=not_before,
        activate_by=not_before + ACTIVATION_WINDOW,
    )
    grant.username = naming.username_for(
        installation=settings.ACCESS_INSTALLATION, grant_id=grant.pk, person=grant.holder.username
    )
    grant.save(update_fields=["username"])
    gates = [GateName.USER, GateName.ROLES] if access_request.makes_a_user else [GateName.ROLES]
    if access_request.source_addresses:
        gates.insert(0, GateName.NETWORK)
    Gate.objects.bulk_create(Gate(grant=grant, gate=gate.value, state=GateState.CLOSED.value) for gate in gates)
    facts = {"grant": grant.pk, "username": grant.login, "length": format_duration(grant.length), "by": decided_by}
    if access_request.is_break_glass:
        facts["review_due_at"] = format_moment(begin(access_request, at))
        return Fact(Event.BREAKGLASS_ACTIVATED, str(access_request), facts, grant=grant)
    facts |= on_call_facts(access_request, decided_by)
    return Fact(Event.ACCESS_REQUEST_APPROVED, str(access_request), facts, grant=grant)
