"""Breaking the glass: access first, in one transaction with everything that follows from it; review after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction

from accessrequests.domain import reviews
from accessrequests.domain.events import ALARMS, Event, Via
from accessrequests.domain.lifecycle import GrantState
from accessrequests.domain.proofs import Proof
from accessrequests.domain.reviews import Finding
from accessrequests.domain.window import format_moment
from accessrequests.models import AccessRequest, AuditEvent, BreakGlass, Person, Target
from accessrequests.operations import _asking
from accessrequests.operations._asked import put_to
from accessrequests.operations._breaking import check_note
from accessrequests.operations._granting import approved
from accessrequests.operations._holding import hold_policy
from accessrequests.operations._record import CLOCKWORK, Fact, record
from accessrequests.operations.idempotency import Idempotency
from accessrequests.operations.refusals import IllegalMove, NotReady, Refused
from accessrequests.queries import break_glass as rules
from accessrequests.queries import broken as uses
from accessrequests.queries import clock, people
from accessrequests.queries.asks import Asked, Invalid
from accessrequests.queries.belonging import belonging_of
from accessrequests.queries.break_glass import Breaking

NOT_PROVED = "Give your second factor again: it counts for five minutes."


@transaction.atomic(durable=True)
def request(
    *,
    person: Person,
    asked: Asked,
    incident: str,
    confirm_target: str,
    proof: Proof,
    via: Via,
    is_drill: bool = False,
    os_user: str = "",
    idempotency: Idempotency | None = None,
) -> AccessRequest:
    """Break the glass: the grant is born at once, unless a second person has to agree first.

    The person and the target are held alone: two at once would each count as the only one.
    :raises Invalid: when a field is missing or wrong, the typed name of the target among them.
    :raises NotReadyet: when there is no policy yet, or nobody has read what the target has to offer.
    :raises Refused: when the policy says no, or the second factor was not given just now.
    """
    hold_policy(alone=False)
    Person.objects.select_for_update(no_key=True).get(pk=person.pk)
    Target.objects.select_for_update(no_key=True).filter(slug=asked.target).first()
    at = clock.now()
    if confirm_target != asked.target:
        raise Invalid({"confirm_target": [f"Type the name of the target as it is: {asked.target}."]})
    breaking = rules.consider(person=person, asked=asked, incident=incident, at=at)
    verdict = breaking.considered.verdict
    if not verdict.allowed:
        first = verdict.refusals[0]
        raise _refused(first.sentence, breaking, rule=first.rule)
    if not proof.is_fresh(person.pk, at):
        raise _refused(NOT_PROVED, breaking)
    access_request, broken = _filed(person, breaking, incident, proof, at)
    broken.is_drill, broken.os_user = is_drill, os_user
    broken.save()
    facts = [Fact(Event.BREAKGLASS_REQUESTED, str(access_request), _facts_of(access_request, broken))]
    if verdict.automatic:
        facts.append(approved(access_request, decided_by="break-glass", at=at))
    actor = people.actor_of(person, via)
    record(*facts, actor=actor, at=at, idempotency=idempotency, object_id=access_request.pk)
    return access_request


@transaction.atomic(durable=True)
def review(
    *,
    access_request_id: int,
    reviewer: Person,
    via: Via,
    finding: Finding,
    note: str,
    idempotency: Idempotency | None = None,
) -> AccessRequest:
    """Somebody else looks at what was done, says what it was, and that is kept.

    :raises Refused: when the reviewer is not among those who review it, or is the one who did it.
    :raises NotReady: while the access lives.
    :raises IllegalMove: when it was reviewed already.
    :raises Invalid: when there is nothing to read.
    """
    access_request = _locked(access_request_id)
    broken, at = access_request.break_glass, clock.now()
    if not belonging_of(reviewer).may_review(access_request):
        asked = " or ".join(sorted(broken.review_groups)) or "nobody"
        sentence = f"This break-glass is reviewed by somebody of {asked}, but not by whoever did it."
        raise Refused(sentence, event=Event.ACCESS_REQUEST_REFUSED, subject=str(access_request))
    if broken.reviewed_at is not None:
        by = broken.reviewed_by.username if broken.reviewed_by else ""
        raise IllegalMove(f"{by} has reviewed it already.", person=by, what="reviewed", at=broken.reviewed_at)
    if broken.began_at is None or access_request.grant.state not in {GrantState.REVOKED, GrantState.REVOKING}:
        raise NotReady("The access still lives. End it first, or wait for its end, and then review what was done.")
    check_note(note)
    broken.reviewed_at, broken.reviewed_by = at, reviewer
    broken.finding, broken.review_note = finding.value, note.strip()
    broken.save()
    facts = {"finding": finding.value, "comment": note.strip(), "seconds": int((at - broken.began_at).total_seconds())}
    actor = people.actor_of(reviewer, via)
    reviewed = Fact(Event.BREAKGLASS_REVIEWED, str(access_request), facts)
    record(reviewed, actor=actor, at=at, idempotency=idempotency, object_id=access_request.pk)
    return access_request


@transaction.atomic(durable=True)
def escalate(*, access_request_id: int) -> bool:
    """Nobody has reviewed it in time: that is told once a day. False: it is not due, or was told today."""
    access_request = _locked(access_request_id)
    broken, at = access_request.break_glass, clock.now()
    if broken.reviewed_at is not None or broken.review_due_at is None or at < broken.review_due_at:
        return False
    if broken.escalated_at is not None and at < broken.escalated_at + reviews.EVERY_DAY:
        return False
    broken.escalated_at = at
    broken.save(update_fields=["escalated_at"])
    facts = {"due_at": format_moment(broken.review_due_at), "person": broken.person.username}
    record(Fact(Event.BREAKGLASS_REVIEW_OVERDUE, str(access_request), facts), actor=CLOCKWORK, at=at)
    return True


@transaction.atomic(durable=True)
def remind_of_drill(*, slug: str) -> bool:
    """Nobody has tried the way there for long: that is told once a week. False: it was told lately."""
    Target.objects.select_for_update(no_key=True).get(slug=slug)
    at, due = clock.now(), Fact(Event.BREAKGLASS_DRILL_DUE, f"target/{slug}")
    lately = AuditEvent.objects.filter(event=due.event.value, subject=due.subject, at__gt=at - uses.TEST_EVERY)
    if lately.exists():
        return False
    record(due, actor=CLOCKWORK, at=at)
    return True


@transaction.atomic(durable=True)
def ask_self_test(*, person: Person, via: Via) -> None:
    """An administrator does not want to wait for the weekly test.

    :raises Refused: when the person does not administer.
    """
    if not people.may_administer(person):
        raise Refused("Only administrators have break-glass tested. It is tested by itself every week.")
    asked = Fact(Event.BREAKGLASS_SELF_TEST_ASKED, uses.SELF_TEST)
    record(asked, actor=people.actor_of(person, via), at=clock.now())


@transaction.atomic(durable=True)
def note_self_test(*, parts: Sequence[Mapping[str, str]]) -> None:
    """What came of a test, part by part; one that is red says why, and is told."""
    red = [part["part"] for part in parts if part["why"]]
    why = f"not all of it: {', '.join(red)}" if red else "all of it"
    facts = {"why": why, "red": red, "parts": [dict(part) for part in parts]}
    record(Fact(Event.BREAKGLASS_SELF_TESTED, uses.SELF_TEST, facts), actor=CLOCKWORK, at=clock.now())


@transaction.atomic(durable=True)
def note_alert_failed(*, event: str, subject: str, channel: str, why: str) -> None:
    """An alarm did not get through on one channel: kept once, however often that is tried again."""
    failed = Fact(Event.BREAKGLASS_ALERT_FAILED, subject, {"channel": channel, "of": event, "why": why})
    told = AuditEvent.objects.filter(event=failed.event.value, subject=subject)
    if event in ALARMS and not told.filter(facts__channel=channel, facts__of=event).exists():
        record(failed, actor=CLOCKWORK, at=clock.now())


def _locked(access_request_id: int) -> AccessRequest:
    """The request of a break-glass, its row locked, and all that it stands on, read after the lock."""
    AccessRequest.objects.select_for_update(no_key=True).only("pk").get(pk=access_request_id, is_break_glass=True)
    found = AccessRequest.objects.select_related("target", "requester", "beneficiary", "grant")
    return found.select_related("break_glass__person", "break_glass__reviewed_by").get(pk=access_request_id)


def _filed(
    person: Person, breaking: Breaking, incident: str, proof: Proof, at: datetime
) -> tuple[AccessRequest, BreakGlass]:
    access_request = _asking.row_of(person, breaking.considered, at)
    access_request.is_break_glass = True
    access_request.step_groups = breaking.told_groups
    put_to(access_request, breaking.considered.verdict)
    access_request.save()
    terms = breaking.terms
    broken = BreakGlass(
        access_request=access_request,
        person=person,
        target=access_request.target,
        incident=incident.strip(),
        proved_by=proof.way,
        why_second=breaking.why_second,
        review_groups=sorted(terms.review_by) if terms else [],
        review_within=terms.review_within if terms else reviews.EVERY_DAY,
    )
    access_request.break_glass = broken
    return access_request, broken


def _facts_of(access_request: AccessRequest, broken: BreakGlass) -> dict[str, Any]:
    return {
        **_asking.facts_of(access_request),
        "incident": broken.incident,
        "is_drill": broken.is_drill,
        "proved_by": broken.proved_by,
        "tells": access_request.step_groups,
        **({"os_user": broken.os_user} if broken.os_user else {}),
        **({"waits": broken.why_second} if broken.why_second else {}),
    }


def _refused(sentence: str, breaking: Breaking, *, rule: str = "") -> Refused:
    subject = f"target/{breaking.considered.target.slug}"
    return Refused(sentence, rule=rule, event=Event.BREAKGLASS_REFUSED, subject=subject)
