"""Shared objects: the lease of one worker, the baseline before the first call, and uses from attempt to gone.

Nothing of this is a fact of its own: what it leads to is recorded with the grant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from accessrequests.domain.lifecycle import GrantState
from accessrequests.domain.sharing import SharedKind
from accessrequests.models import Grant, SharedCall, SharedObject, SharedUse, Target
from accessrequests.models.access_requests import AccessKind
from accessrequests.queries import clock
from accessrequests.queries.shared_objects import Uses, of_one

LEASE = timedelta(seconds=6)
LONGEST_CALL = timedelta(seconds=11)  # a lease of 6 s, and one bounded call of 5 s
INVITATION = timedelta(days=31)  # Atlas keeps one open for 30 days (Administration API, project users)
_ALIVE = {GrantState.PENDING.value, GrantState.ACTIVE.value}


class LeaseLost(Exception):
    """Somebody else may write to the object now, or it has gone with its last use."""


class NotWanted(Exception):
    """The grant is ending or ended, so nothing may be made for it any more."""


class TooEarly(Exception):
    """The look that would confirm the end came before a call could have ended. `until` says when to look again."""

    def __init__(self, until: datetime) -> None:
        super().__init__(f"A call may still be on its way. Look again after {until:%H:%M:%S} UTC.")
        self.until = until


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to write to one object for as long as it is kept. `number` is its fencing number."""

    shared_id: int
    number: int


@transaction.atomic(durable=True)
def take(*, slug: str, kind: SharedKind, key: str, owner: str) -> Lease | None:
    """Become the one that may write to the object, or None: somebody is. Its row is made when there is none."""
    target = Target.objects.get(slug=slug)
    row = SharedObject(target=target, kind=kind.value, key=key)
    SharedObject.objects.bulk_create([row], ignore_conflicts=True)
    shared = SharedObject.objects.select_for_update(no_key=True).filter(target=target, kind=kind.value, key=key).first()
    at = clock.now()
    if shared is None or _is_held(shared, at):
        return None
    latest = at + LONGEST_CALL
    if shared.lease_until is not None:
        # Whoever had it never put it down: a call of theirs may still be carried out.
        shared.stray_calls_until = latest
    elif shared.stray_calls_until is not None:
        shared.stray_calls_until = min(shared.stray_calls_until, latest)  # the database's clock may have gone back
    shared.lease_number += 1
    shared.lease_owner, shared.lease_until = owner, at + LEASE
    shared.save()
    return Lease(shared.pk, shared.lease_number)


@transaction.atomic(durable=True)
def keep(*, lease: Lease) -> datetime:
    """Just before each call: the lease is still ours, and is from now on for as long as a call may take. The time.

    :raises LeaseLost: when it is not.
    """
    shared, at = _ours(lease)
    shared.lease_until = at + LEASE
    shared.save(update_fields=["lease_until"])
    return at


@transaction.atomic(durable=True)
def announce(*, lease: Lease, grant_id: int, says: Sequence[Sequence[str]]) -> datetime:
    """Like `keep`, before a call that adds what it says: whoever dies in it leaves that for others to take back.

    :raises LeaseLost: when it is not ours.
    """
    shared, at = _ours(lease)
    shared.lease_until = at + LEASE
    shared.save(update_fields=["lease_until"])
    said = {"says": [list(one) for one in says], "began_at": at}
    of = {"lease_of": lease.shared_id, "lease_number": lease.number}
    SharedCall.objects.create(target_id=shared.target_id, grant_id=grant_id, **of, **said)
    return at


@transaction.atomic(durable=True)
def answered(*, lease: Lease) -> datetime:
    """Like `keep`, after such a call: it came while the lease was ours, so nobody need look for it.

    :raises LeaseLost: when it is not ours any more, and what the call says stays announced.
    """
    shared, at = _ours(lease)
    shared.lease_until = at + LEASE
    shared.save(update_fields=["lease_until"])
    SharedCall.objects.filter(lease_of=lease.shared_id, lease_number=lease.number).delete()
    return at


@transaction.atomic(durable=True)
def looked_after(*, call_id: int, left: str = "") -> None:
    """What an announced call may have added has been taken back, or is answered for; or a person must look at what is left.

    An invitation that it may have sent can be accepted for weeks, so that the call is kept until then, and twice as long
    with something left to look at.
    """
    call = SharedCall.objects.select_for_update(of=("self",)).select_related("grant__access_request").get(pk=call_id)
    at = clock.now()
    lasts = INVITATION * 2 if left else INVITATION
    if call.grant.access_request.kind != AccessKind.PROJECT_ROLE or at >= call.began_at + lasts:
        call.delete()
        return
    call.looked_at, call.left = at, left
    call.save(update_fields=["looked_at", "left"])


@transaction.atomic(durable=True)
def put_down(*, lease: Lease, calls_ended: bool) -> None:
    """Let others write. `calls_ended`: every call of ours was answered.

    An object that nobody uses has no row, unless a call may still be on its way: whoever comes next must know of it.
    """
    shared = SharedObject.objects.select_for_update().filter(pk=lease.shared_id, lease_number=lease.number).first()
    at = clock.now()
    if shared is None or shared.lease_until is None:
        return
    if not calls_ended:
        shared.stray_calls_until = at + LONGEST_CALL
    is_quiet = shared.stray_calls_until is None or shared.stray_calls_until <= at
    if shared.kind != SharedKind.TURN and is_quiet and not shared.uses.exists():
        shared.delete()
        return
    shared.lease_owner, shared.lease_until = "", None
    shared.save()


@transaction.atomic(durable=True)
def uses_of(*, lease: Lease) -> Uses:
    """:raises LeaseLost: when what is read may change at once."""
    shared, _at = _ours(lease)
    return of_one(shared.baseline, shared.uses.order_by("grant_id"))


@transaction.atomic(durable=True)
def capture(*, lease: Lease, baseline: Mapping[str, Any]) -> None:
    """Remember how the object is, before the first call and only while no grant of ours uses it.

    :raises LeaseLost: when somebody else may write to it.
    :raises ValueError: when a grant uses it, so that what is seen may be our own work.
    """
    shared, at = _ours(lease)
    if shared.uses.exists():
        raise ValueError("A grant uses it. Its baseline was captured before that.")
    shared.baseline, shared.baseline_at = dict(baseline), at
    shared.save(update_fields=["baseline", "baseline_at"])


@transaction.atomic(durable=True)
def attempt(*, lease: Lease, grant_id: int, wants: Mapping[str, Any]) -> None:
    """A grant is about to use the object, or to use more or less of it. Committed before the call that makes it real.

    The grant's row is locked first: whoever ends it has either ended it before this, or finds the use.

    :raises NotWanted: when the grant is ending, so that a late attempt makes nothing.
    :raises LeaseLost: when somebody else may write to it.
    :raises ValueError: when no baseline was captured.
    """
    grant = Grant.objects.select_for_update(no_key=True, of=("self",)).get(pk=grant_id)
    shared, at = _ours(lease)
    use = SharedUse.objects.filter(shared=shared, grant=grant).first() or SharedUse(shared=shared, grant=grant)
    if grant.state not in _ALIVE or use.ending_at is not None:
        raise NotWanted("The grant is ending, so nothing is made for it any more.")
    if shared.baseline is None:
        raise ValueError("Nobody knows how it was before us. Capture its baseline first.")
    use.wants, use.attempted_at = dict(wants), at
    use.save()


@transaction.atomic(durable=True)
def start_ending(*, lease: Lease, grant_id: int) -> bool:
    """From now on nothing is written for the grant. False: it does not use the object, or is confirmed gone.

    :raises LeaseLost: when somebody else may write to it.
    """
    shared, at = _ours(lease)
    shared.uses.filter(grant=grant_id, ending_at=None).update(ending_at=at)
    return shared.uses.filter(grant=grant_id).exists()


@transaction.atomic(durable=True)
def mark_gone(*, lease: Lease, grant_id: int, looked_at: datetime) -> None:
    """The target no longer has what the grant used, by a look taken at `looked_at`. The row goes with its last use.

    :raises TooEarly: when a call of somebody who never put the lease down could still have been on its way.
    :raises LeaseLost: when somebody else may write to it.
    """
    shared, _at = _ours(lease)
    if shared.stray_calls_until is not None and looked_at < shared.stray_calls_until:
        raise TooEarly(shared.stray_calls_until)
    shared.uses.filter(grant=grant_id, ending_at__isnull=False).delete()
    if not shared.uses.exists():
        shared.delete()


def _is_held(shared: SharedObject, at: datetime) -> bool:
    """A lease that lies further ahead than any can is of a time before the database's clock went back."""
    return shared.lease_until is not None and at < shared.lease_until <= at + LEASE


def _ours(lease: Lease) -> tuple[SharedObject, datetime]:
    shared = SharedObject.objects.select_for_update().filter(pk=lease.shared_id, lease_number=lease.number).first()
    at = clock.now()
    if shared is None or not _is_held(shared, at):
        raise LeaseLost("Somebody else may write to it now.")
    return shared, at
