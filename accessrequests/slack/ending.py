"""Ending an access from Slack: one button, where the portal has one for its holder and one for others."""

from __future__ import annotations

from accessrequests.domain.events import Via
from accessrequests.models import Grant, Person
from accessrequests.operations import grants


def end(grant: Grant, person: Person) -> None:
    """Its holder gives it back, others revoke it."""
    if person.stands_for(grant.holder):
        grants.release(grant_id=grant.pk, holder=person, via=Via.SLACK)
    else:
        grants.revoke(grant_id=grant.pk, person=person, via=Via.SLACK, reason="Ended in Slack.")
