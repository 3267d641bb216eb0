"""A restored or copied database acts on nothing until a person accepts it, and all that lived in it ends then."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.contrib.sessions.models import Session
from django.db import transaction

from accessrequests.domain.events import Actor, Event, Job
from accessrequests.domain.lifecycle import ChangeState, EndReason, GrantState
from accessrequests.models import CustomRoleChange, Grant, Installation, OutboxMessage, PersonalToken, SlackIdentity
from accessrequests.operations._ending import ALIVE, locked, start_revocation
from accessrequests.operations._record import CLOCKWORK, Fact, record
from accessrequests.operations._voiding import fail_change
from accessrequests.operations.refusals import Refused
from accessrequests.queries import clock, quarantine
from accessrequests.queries.quarantine import ONLY, Anchored

NOTE = "The product's database was restored, and nobody can know what became of this access meanwhile."
_UNKNOWN = "The product's database was restored, and nobody can know whether this was done. Look at the role in Atlas."
_SUBJECT = "database/product"
_NOT_ON = "This database is not quarantined. There is nothing to accept."
_LOST = "It cannot be taken for complete: {} Accept it without --nothing-lost."
_NO_ANCHOR = "The file of anchors cannot be read here, or says nothing of this database, and nothing else knows."


@dataclass(frozen=True, slots=True)
class Accepted:
    """What was done about it."""

    epoch: int
    grants: int
    tokens: int
    links: int
    messages: int


@transaction.atomic(durable=True)
def look(*, anchored: Anchored | None) -> str:
    """At each start and reconnect of the relay, before anything else. Why it is quarantined; empty: it is ours."""
    row, is_new = Installation.objects.select_for_update().get_or_create(
        pk=ONLY, defaults={"database": quarantine.database(), "epoch": anchored.epoch if anchored else 1}
    )
    if row.quarantined_at is not None:
        return row.why
    at = clock.now()
    moved = quarantine.MOVED if not is_new and row.database != quarantine.database() else ""
    why = moved or quarantine.lost_against(anchored, epoch=row.epoch)
    if not why:
        return ""
    row.quarantined_at, row.why = at, why
    row.save()
    # Whoever was signed in then may have left since; who signs in now is judged anew.
    Session.objects.all().delete()
    record(Fact(Event.DATABASE_QUARANTINED, _SUBJECT, {"why": why}), actor=CLOCKWORK, at=at)
    return why


@transaction.atomic(durable=True)
def accept(*, actor: Actor, anchored: Anchored | None, is_complete: bool, keeps_tokens: bool) -> Accepted:
    """A person says that this is the database from now on.

    Every access that was not over ends, whatever was to be carried is dropped, tokens and links to Slack are void: what
    has become of them since, nobody here can know. `is_complete`: it was only moved, nothing is missing, and all of that stays.

    :raises Refused: it is not quarantined, or is said to be complete and the anchor does not say so.
    """
    row = Installation.objects.select_for_update().filter(pk=ONLY).first()
    if row is None or not quarantine.why():
        raise Refused(_NOT_ON)
    at = clock.now()
    lost = _doubt(row, anchored) if is_complete else ""
    if lost:
        raise Refused(_LOST.format(lost))
    why = row.why or quarantine.MOVED
    row.database, row.quarantined_at, row.why = quarantine.database(), None, ""
    row.epoch = max(row.epoch, anchored.epoch if anchored else 1) + 1
    row.save()
    facts: list[Fact] = []
    tokens = links = messages = grants = 0
    if not is_complete:
        # Nothing files the turning of a kit's password again, and to turn it gives nobody anything.
        waiting = OutboxMessage.objects.filter(done_at=None).exclude(job=Job.ROTATE_KIT.value)
        messages = waiting.update(done_at=at, claimed_until=None)
        Session.objects.all().delete()
        links, _ = SlackIdentity.objects.all().delete()
        if not keeps_tokens:
            tokens = PersonalToken.objects.filter(revoked_at=None).update(revoked_at=at)
        # What was still to be made may have been made since: its end asks the target, too.
        untried = Grant.objects.exclude(state=GrantState.REVOKED.value).filter(provisioning_attempt=0)
        untried.update(provisioning_attempt=1, attempt_ended_at=at)
        for grant_id in Grant.objects.filter(state__in=ALIVE).order_by("pk").values_list("pk", flat=True):
            facts += start_revocation(locked(grant_id), EndReason.REVOKED, actor=actor, at=at, note=NOTE)
            grants += 1
        facts += _give_up_changes(at)
    said = {"why": why, "epoch": row.epoch, "grants": grants, "tokens": tokens, "slack_links": links}
    record(Fact(Event.DATABASE_ACCEPTED, _SUBJECT, said | {"is_complete": is_complete}), *facts, actor=actor, at=at)
    return Accepted(row.epoch, grants, tokens, links, messages)


def _doubt(row: Installation, anchored: Anchored | None) -> str:
    """Why it may not be complete. Only the anchor can say that it is, and only of one that was moved."""
    if anchored is None or anchored.epoch < row.epoch:
        return _NO_ANCHOR
    lost = quarantine.lost_against(anchored, epoch=row.epoch)
    return lost or (row.why if row.why != quarantine.MOVED else "")


def _give_up_changes(at: datetime) -> list[Fact]:
    """Changes of custom roles whose message was dropped: over, so that the role can be changed again."""
    approved = CustomRoleChange.objects.filter(state=ChangeState.APPROVED.value)
    held = approved.select_for_update(of=("self",), no_key=True).select_related("target").order_by("pk")
    return [fail_change(change, _UNKNOWN, at=at) for change in held]
