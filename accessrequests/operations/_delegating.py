"""What the trail keeps of a delegation that begins or ends."""

from __future__ import annotations

from collections.abc import Sequence

from accessrequests.domain.events import Event
from accessrequests.domain.window import format_moment
from accessrequests.models import Delegation
from accessrequests.operations._record import Fact


def delegation_fact(event: Event, delegations: Sequence[Delegation], **more: str) -> Fact:
    """Of one, or of several of the same giver that end together: one notice tells of them all."""
    giver = delegations[0].giver.username
    facts = {
        "delegations": [one.pk for one in delegations],
        "giver": giver,
        "stand_in": " and ".join(one.stand_in.username for one in delegations),
        "starts_at": format_moment(min(one.starts_at for one in delegations)),
        "ends_at": format_moment(max(one.ends_at for one in delegations)),
    }
    return Fact(event, f"person/{giver}", {**facts, **more})
