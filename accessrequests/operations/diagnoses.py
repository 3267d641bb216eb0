"""Somebody asks why an access does not work, and the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import transaction

from accessrequests.domain.diagnosis import summary
from accessrequests.domain.events import Event, Via
from accessrequests.models import Diagnosis, Grant, Person
from accessrequests.operations._record import CLOCKWORK, Fact, record
from accessrequests.operations.idempotency import Idempotency
from accessrequests.operations.refusals import Refused
from accessrequests.queries import clock, diagnoses, people
from accessrequests.queries.belonging import belonging_of

_NOT_THEIRS = "Only its holder, those who may end it and auditors can have an access looked at."


@transaction.atomic(durable=True)
def ask(
    *, grant_id: int, person: Person, via: Via, address: str = "", idempotency: Idempotency | None = None
) -> Diagnosis:
    """Have the gates of an access looked at. While that is under way, whoever asks again waits for the same answer.

    `address` is where the person comes from; it is the holder's that counts.

    :raises Refused: when the person may not.
    """
    Grant.objects.select_for_update(no_key=True).only("pk").get(pk=grant_id)
    grant = Grant.objects.select_related("target", "holder", "access_request").get(pk=grant_id)
    at = clock.now()
    if not diagnoses.may_ask(belonging_of(person), grant):
        raise Refused(_NOT_THEIRS)
    actor = people.actor_of(person, via)
    under_way = diagnoses.unanswered(grant_id)
    if under_way is not None:
        record(actor=actor, at=at, idempotency=idempotency, object_id=grant_id)
        return under_way
    said = {
        "asked_by": person,
        "asked_from": address if person.stands_for(grant.holder) else "",
        "asked_at": at,
        "finished_at": None,
        "findings": [],
    }
    asked, _ = Diagnosis.objects.update_or_create(grant=grant, defaults=said)
    fact = Fact(Event.GRANT_DIAGNOSIS_ASKED, str(grant), grant=grant)
    record(fact, actor=actor, at=at, idempotency=idempotency, object_id=grant_id)
    return asked


@transaction.atomic(durable=True)
def answer(*, grant_id: int, findings: Sequence[Mapping[str, Any]]) -> None:
    """What was found, gate by gate. A second answer to the same question changes nothing."""
    asked = Diagnosis.objects.select_for_update(no_key=True).get(grant_id=grant_id)
    if asked.finished_at is not None:
        return
    asked.finished_at, asked.asked_from = clock.now(), ""
    asked.findings = [dict(finding) for finding in findings]
    asked.save()
    states = {finding["gate"]: finding["state"] for finding in findings}
    fact = Fact(Event.GRANT_DIAGNOSED, f"grant/{grant_id}", {"gates": states, "why": summary(findings)})
    record(fact, actor=CLOCKWORK, at=asked.finished_at)
