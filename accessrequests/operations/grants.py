"""Provisioning and its outcomes, and the many reasons that lead into the one revocation."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from accessrequests.domain.events import Actor, Event, Job, Via
from accessrequests.domain.lifecycle import (
    GRANT_MOVES,
    EndReason,
    GateName,
    GateState,
    GrantState,
    check_move,
)
from accessrequests.models import Grant, OutboxMessage, Person
from accessrequests.operations import _breaking, _credential
from accessrequests.operations._ending import (
    ALIVE,
    ended_by_person,
    expired,
    expired_together,
    gave_up,
    locked,
    locked_all,
    move_all_gates,
    move_gates,
    start_revocation,
    update_alike,
)
from accessrequests.operations._record import CLOCKWORK, Fact, record
from accessrequests.operations.idempotency import Idempotency
from accessrequests.operations.refusals import IllegalMove, NotReady, Refused
from accessrequests.queries import clock, people
from accessrequests.queries import grants as grant_queries
from accessrequests.queries.belonging import belonging_of

LONGEST_CALL = timedelta(seconds=11)  # a claim's lease of 6 s, and one bounded call of 5 s
ATTEMPTS_TO_PROVISION = 8


class TooEarly(Exception):
    """The look that would confirm the end came before a call could have ended. `until` says when to look again."""

    def __init__(self, until: datetime) -> None:
        super().__init__(f"A call may still be on its way. Look again after {until:%H:%M:%S} UTC.")
        self.until = until


@dataclass(frozen=True, slots=True)
class Attempt:
    """The right to try once to make a grant true. `password` is the one that was sealed before any call.

    `is_opened`: its two steps are done, and only the target's own word that it is ready is missing.
    """

    grant: Grant
    number: int
    password: str = field(default="", repr=False)
    is_opened: bool = False


@dataclass(frozen=True, slots=True)
class Cut:
    """What the target said of a grant that nobody gets in by any more.

    `swept_at`: so it was already then, when the sweep ended it and the target confirmed that, with our database away.
    """

    grant_id: int
    evidence: Mapping[str, Any]
    swept_at: datetime | None = None


@transaction.atomic(durable=True)
def start_provisioning(*, grant_id: int) -> Attempt | None:
    """Begin one attempt: the end is fixed in the row and the password sealed before the first call to the target.

    None when there is nothing to provision any more. A grant that may no longer be opened is ended instead.
    """
    grant = locked(grant_id)
    at = clock.now()
    if grant.state != GrantState.PENDING or at < grant.not_before:
        return None
    refusal = grant_queries.why_not_begin(grant, at=at)
    if refusal is not None:
        record(*gave_up(grant, refusal, at), actor=CLOCKWORK, at=at)
        return None
    if grant.opened_at is not None:
        return Attempt(grant, grant.attempt, _password_of(grant), is_opened=True)
    if grant.provisioning_attempt and grant.attempt_ended_at is None:
        # The attempt before this one never said that it ended. It is void from now on; a call of it may still be out.
        grant.stray_calls_until = at + LONGEST_CALL
    grant.attempt += 1
    grant.provisioning_attempt = grant.attempt
    grant.attempt_started_at, grant.attempt_ended_at = at, None
    if grant.expires_at is None:
        grant.starts_at, grant.expires_at = at, at + grant.length
    password = _password_of(grant)
    grant.save()
    facts = {"attempt": grant.attempt, "expires_at": _moment(grant.expires_at)}
    record(Fact(Event.GRANT_PROVISIONING_STARTED, str(grant), facts), actor=CLOCKWORK, at=at)
    return Attempt(grant, grant.attempt, password)


def _password_of(grant: Grant) -> str:
    return _credential.sealed_or_new(grant) if grant.access_request.has_password else ""


@transaction.atomic(durable=True)
def may_open(*, grant_id: int, attempt: int) -> bool:
    """The last look before power is given: the attempt is still the newest, and the verdict of today still says yes.

    False: undo. A grant that may no longer be opened is ended on the way.
    """
    grant = locked(grant_id)
    at = clock.now()
    if not _is_newest(grant, attempt):
        return False
    refusal = grant_queries.why_not_open(grant, at=at)
    if refusal is None:
        return True
    record(*gave_up(grant, refusal, at), actor=CLOCKWORK, at=at)
    return False


@transaction.atomic(durable=True)
def note_opened(*, grant_id: int, attempt: int) -> bool:
    """The target has taken everything and is not ready yet; from now on it is only looked at. False: undo.

    No call of the attempt is on its way any more, and a grant that ends meanwhile ends at once.
    """
    grant = locked(grant_id)
    if not _is_newest(grant, attempt):
        return False
    grant.opened_at = grant.opened_at or clock.now()
    grant.attempt_ended_at = grant.opened_at
    grant.save(update_fields=["opened_at", "attempt_ended_at"])
    return True


@transaction.atomic(durable=True)
def mark_active(*, grant_id: int, attempt: int, gates: Mapping[str, Mapping[str, Any]], certificate: str = "") -> bool:
    """Every gate is confirmed open by the target. False: the attempt is void, or the time is over; undo.

    A certificate is sealed here and not before: until everything is open, there is none.
    """
    grant = locked(grant_id)
    at = clock.now()
    if not _is_newest(grant, attempt):
        return False
    grant.attempt_ended_at = at
    if at >= grant_queries.latest_start(grant):
        late = grant_queries.NotOpened(EndReason.PROVISIONING_FAILED, grant_queries.TOO_LATE)
        record(*gave_up(grant, late, at), actor=CLOCKWORK, at=at)
        return False
    check_move(GRANT_MOVES, GrantState(grant.state), GrantState.ACTIVE)
    grant.state = GrantState.ACTIVE.value
    grant.activated_at = at
    grant.failures, grant.last_error, grant.waits_for = 0, "", ""
    grant.save()
    move_gates(grant, GateState.OPEN, gates)
    if certificate:
        ends = [grant.expires_at, _credential.not_after(certificate)]
        # Signed to the second, one of ours ends with the access; one of Atlas's own ends weeks later.
        _credential.keep(grant, certificate, certificate_until=max(filter(None, ends), default=None))
    _credential.make_ready(grant, at)
    facts = {"username": grant.login, "expires_at": _moment(grant.expires_at), "gates": dict(gates)}
    record(Fact(Event.GRANT_ACTIVATED, str(grant), facts, grant=grant), actor=CLOCKWORK, at=at)
    return True


@transaction.atomic(durable=True)
def note_failure(
    *, grant_id: int, attempt: int, sentence: str, permanent: bool, unreachable: bool, outcome_unknown: bool = False
) -> bool:
    """An attempt to provision did not succeed. True: try again. Otherwise the grant was ended, or is not ours.

    An attempt that got no answer, or one that says nothing, has no certain end: its last call may still be carried out.
    """
    grant = locked(grant_id)
    at = clock.now()
    if not _is_newest(grant, attempt):
        return False
    if not unreachable:
        grant.opened_at = None
    # Who only looked has nothing on its way.
    grant.attempt_ended_at = grant.opened_at or (None if unreachable or outcome_unknown else at)
    grant.failures += not unreachable
    grant.last_error = sentence
    failed = Fact(Event.GRANT_ATTEMPT_FAILED, str(grant), {"attempt": attempt, "why": sentence})
    if permanent or at >= grant_queries.latest_start(grant) or grant.failures >= ATTEMPTS_TO_PROVISION:
        failure = grant_queries.NotOpened(EndReason.PROVISIONING_FAILED, sentence)
        record(failed, *gave_up(grant, failure, at), actor=CLOCKWORK, at=at)
        return False
    grant.save()
    record(failed, actor=CLOCKWORK, at=at)
    return True


@transaction.atomic(durable=True)
def note_undone(*, grant_id: int, attempt: int) -> None:
    """An attempt has come to its end, and to nothing: no call of it is on its way any more."""
    grant = locked(grant_id)
    if grant.provisioning_attempt == attempt and grant.attempt_ended_at is None:
        grant.attempt_ended_at = clock.now()
        grant.save(update_fields=["attempt_ended_at"])


@transaction.atomic(durable=True)
def release(*, grant_id: int, holder: Person, via: Via, idempotency: Idempotency | None = None) -> Grant:
    """The holder gives the access back.

    :raises Refused: when somebody else tries.
    :raises IllegalMove: when the grant is ending or ended.
    """
    grant = locked(grant_id)
    at = clock.now()
    if not holder.stands_for(grant.holder):
        raise Refused("Only its holder can release a grant. You may revoke it, if you may decide on its request.")
    actor = people.actor_of(holder, via)
    facts = ended_by_person(grant, EndReason.RELEASED, actor=actor, at=at, note="")
    record(*facts, actor=actor, at=at, idempotency=idempotency, object_id=grant.pk)
    return grant


@transaction.atomic(durable=True)
def revoke(*, grant_id: int, person: Person, via: Via, reason: str, idempotency: Idempotency | None = None) -> Grant:
    """An administrator, or anybody who may decide on the request, ends the access.

    :raises Refused: when the person may not.
    :raises IllegalMove: when the grant is ending or ended.
    """
    grant = locked(grant_id)
    at = clock.now()
    if not belonging_of(person).may_end(grant.access_request):
        sentence = "Only administrators and those who may decide on its request can end it for its holder, who can give it back."
        raise Refused(sentence, event=Event.GRANT_REFUSED, subject=str(grant))
    actor = people.actor_of(person, via)
    facts = ended_by_person(grant, EndReason.REVOKED, actor=actor, at=at, note=reason)
    record(*facts, actor=actor, at=at, idempotency=idempotency, object_id=grant.pk)
    return grant


@transaction.atomic(durable=True)
def hurry(*, grant_id: int, person: Person, via: Via) -> Grant:
    """An administrator does not want to wait for the next try to end an access that is past its end.

    :raises Refused: when the person does not administer.
    :raises NotReady: while its time is not over, so that there is nothing to hurry.
    :raises IllegalMove: when the target has confirmed that it no longer works.
    """
    if not people.may_administer(person):
        # Before anybody looks for it: the answer tells nothing of which numbers there are.
        sentence = "Only administrators can have an access ended again at once. It is tried by itself all the time."
        raise Refused(sentence, event=Event.GRANT_REFUSED, subject=f"grant/{grant_id}")
    grant = locked(grant_id)
    at = clock.now()
    if grant.cut_at is not None:
        sentence = "It no longer works: the target has confirmed it."
        raise IllegalMove(sentence, person=CLOCKWORK.name, what="cut", at=grant.cut_at)
    actor = people.actor_of(person, via)
    hurried = Fact(Event.GRANT_REVOCATION_HURRIED, str(grant))
    if grant.state == GrantState.REVOKING:
        waiting = OutboxMessage.objects.filter(job=Job.REVOKE.value, subject=str(grant), done_at=None)
        waiting.update(ready_at=at, sent_at=None)
        record(hurried, actor=actor, at=at)
    elif grant.expires_at is not None and at >= grant.expires_at:
        record(hurried, *start_revocation(grant, EndReason.EXPIRY, actor=actor, at=at), actor=actor, at=at)
    else:
        raise NotReady("Its time is not over. To end it all the same, revoke it on its own page.")
    return grant


@transaction.atomic(durable=True)
def end(*, grant_id: int, reason: EndReason, note: str, actor: Actor = CLOCKWORK) -> bool:
    """End a grant for a reason that no person's click gave: an operator's command, drift, a leaver."""
    grant = locked(grant_id)
    at = clock.now()
    if grant.state not in ALIVE:
        return False
    facts = start_revocation(grant, reason, actor=actor, at=at, note=note)
    if reason is EndReason.DRIFT:
        facts.insert(0, Fact(Event.GRANT_DRIFT_FOUND, str(grant), {"why": note}))
    record(*facts, actor=actor, at=at)
    return True


@transaction.atomic(durable=True)
def expire(*, grant_id: int, latest: datetime | None = None) -> bool:
    """The deadline has come: for an active grant its end, for a pending one the end of its activation window.

    `latest` is a clock that is known to be right while the database's runs behind. It says whether the time is over;
    rows keep the database's clock, or what follows would lie in the future of whoever reads them.
    """
    grant = locked(grant_id)
    at = clock.now()
    facts = expired(grant, at=at, latest=latest)
    if facts:
        record(*facts, actor=CLOCKWORK, at=at)
    return bool(facts)


@transaction.atomic(durable=True)
def expire_together(*, grant_ids: Collection[int], latest: datetime | None = None) -> set[int]:
    """The same of many at once, but of those whose rows somebody else holds now. Which were looked at."""
    held = locked_all(grant_ids, skip_held=True)
    at = clock.now()
    facts = expired_together(held, at=at, latest=latest)
    if facts:
        record(*facts, actor=CLOCKWORK, at=at)
    return {grant.pk for grant in held}


@transaction.atomic(durable=True)
def mark_cut(*, cuts: Iterable[Cut], skip_held: bool = False) -> set[int]:
    """The target confirms of each: no login, and nothing of it runs. Saying so again changes nothing. Of which it is new."""
    said = {cut.grant_id: cut for cut in cuts}
    held = locked_all(said, skip_held=skip_held)
    at = clock.now()
    held = [grant for grant in held if grant.state == GrantState.REVOKING and grant.cut_at is None]
    if not held:
        return set()
    facts = [fact for grant in held for fact in _cut(grant, said[grant.pk], at)]
    update_alike(held, ["cut_at", "failures", "last_error", "waits_for"])
    move_all_gates({grant.pk: dict.fromkeys(GateName, said[grant.pk].evidence) for grant in held}, GateState.CUT)
    record(*facts, actor=CLOCKWORK, at=at)
    return {grant.pk for grant in held}


def _cut(grant: Grant, cut: Cut, at: datetime) -> list[Fact]:
    """What changes in the row, which is not written yet, and what follows."""
    grant.cut_at = min(at, cut.swept_at or at)
    grant.failures, grant.last_error, grant.waits_for = 0, "", ""
    facts = [Fact(Event.GRANT_CUT, str(grant), {"evidence": dict(cut.evidence)})]
    if cut.swept_at is not None:
        facts.insert(0, Fact(Event.GRANT_SWEPT, str(grant), {"swept_at": _moment(cut.swept_at)}))
    return [*facts, *_breaking.ended(grant, grant.cut_at)]


@transaction.atomic(durable=True)
def mark_revoked(*, grant_id: int, evidence: Mapping[str, Any], looked_at: datetime) -> None:
    """The target no longer has anything of it, by a look taken at `looked_at`.

    :raises TooEarly: when an attempt without a recorded end could still have had a call on its way.
    """
    grant = locked(grant_id)
    at = clock.now()
    if grant.state != GrantState.REVOKING:
        return
    safe_from = grant_queries.safe_look(grant, longest_call=LONGEST_CALL)
    if looked_at < safe_from:
        raise TooEarly(safe_from)
    check_move(GRANT_MOVES, GrantState(grant.state), GrantState.REVOKED)
    grant.state = GrantState.REVOKED.value
    grant.revoked_at = at
    grant.failures, grant.last_error, grant.waits_for = 0, "", ""
    move_gates(grant, GateState.CLEAN, dict.fromkeys(GateName, evidence))
    grant.save()
    facts = {"reason": grant.end_reason, "evidence": dict(evidence)}
    record(Fact(Event.GRANT_REVOKED, str(grant), facts), actor=CLOCKWORK, at=at)


@transaction.atomic(durable=True)
def note_revocation_failure(*, grant_id: int, sentence: str) -> None:
    """A step of the revocation did not succeed; it will be tried until it does."""
    grant = locked(grant_id)
    at = clock.now()
    if grant.state != GrantState.REVOKING:
        return
    grant.failures += 1
    # Moments that lie ahead were taken before the database's clock went back; what waits on them waits anew.
    grant.revocation_started_at = min(grant.revocation_started_at or at, at)
    grant.stray_calls_until = grant.stray_calls_until and min(grant.stray_calls_until, at + LONGEST_CALL)
    # The same trouble with other numbers in it is no news: the trail keeps what happened, not every try.
    is_news = _without_numbers(grant.last_error) != _without_numbers(sentence)
    grant.last_error = sentence
    grant.save()
    if is_news:
        failed = Fact(Event.GRANT_ATTEMPT_FAILED, str(grant), {"attempt": grant.attempt, "why": sentence})
        record(failed, actor=CLOCKWORK, at=at)


def _without_numbers(sentence: str) -> str:
    return re.sub(r"\d+", "", sentence)


def _is_newest(grant: Grant, attempt: int) -> bool:
    return grant.state == GrantState.PENDING and grant.attempt == attempt


def _moment(at: datetime | None) -> str:
    return at.isoformat().replace("+00:00", "Z") if at is not None else ""
