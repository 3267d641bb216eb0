"""What people do with the audit trail itself: check it, and take copies of it away."""

from __future__ import annotations

from collections.abc import Mapping

from django.db import transaction

from accessrequests.domain import chain
from accessrequests.domain.events import Event, Via
from accessrequests.models import Person
from accessrequests.operations._record import Fact, record
from accessrequests.operations.refusals import Refused
from accessrequests.queries import audit, clock, people

SUBJECT = "audit/trail"


@transaction.atomic(durable=True)
def note_check(*, report: chain.Report, person: Person, via: Via) -> None:
    """Keep what a check of the whole trail found, with its time, so that pages can show it without checking again.

    :raises Refused: when the person does not watch over the trail.
    """
    if not people.may_audit(person):
        raise Refused("Only auditors and administrators can check the audit trail. Ask one of them.")
    bad = report.first_bad
    facts = {
        "ok": report.ok,
        "checked": report.checked,
        "head": report.head,
        "anchored": report.anchor.sequence if report.anchor else None,
        "broken_at": bad.sequence if bad else None,
        "why": f"broken at event {bad.sequence}: {bad.why}" if bad else f"intact up to event {report.checked}",
    }
    record(Fact(Event.AUDIT_VERIFIED, SUBJECT, facts), actor=people.actor_of(person, via), at=clock.now())


@transaction.atomic(durable=True)
def note_export(*, written: str, narrowed: Mapping[str, str], person: Person, via: Via) -> int:
    """Keep that somebody takes a copy away, and of what. Gives the last event that the copy may hold."""
    last = audit.head_sequence()
    said = ", ".join(f"{name} {value}" for name, value in narrowed.items())
    facts = {"written": written, "narrowed": dict(narrowed), "up_to": last, "why": said or "everything they may see"}
    record(Fact(Event.AUDIT_EXPORTED, SUBJECT, facts), actor=people.actor_of(person, via), at=clock.now())
    return last
