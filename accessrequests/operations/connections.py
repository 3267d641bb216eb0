"""What workers remember together of their connections: one of them renews a token, all of them spare a limit."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction

from accessrequests.models import ConnectionBudget, ConnectionToken
from accessrequests.queries import clock
from accessrequests.queries.connections import LONGEST_HOLD, LONGEST_MINT, NO_TIME, token

RENEW_AFTER = 0.8  # of a token's life
# Atlas takes ten mints a minute, which an account whose every token is refused must not use up: two, then a pause.
PAUSE = timedelta(seconds=15)


@transaction.atomic(durable=True)
def start_renewal(*, account: str, after: int) -> int | None:
    """The right to ask for the token that follows the one of round `after`, as a fencing number.

    None: there is a newer one, somebody is asking for it, or it is too early to ask again.
    """
    ConnectionToken.objects.bulk_create([ConnectionToken(account=account)], ignore_conflicts=True)
    row = ConnectionToken.objects.select_for_update().get(account=account)
    held = token(account)
    if held.round != after or held.is_being_renewed or held.wait:
        return None
    row.lease += 1
    row.leased_until = clock.now() + LONGEST_MINT
    row.save(update_fields=["lease", "leased_until"])
    return row.lease


@transaction.atomic(durable=True)
def keep_token(*, account: str, lease: int, sealed: bytes, life: timedelta) -> int | None:
    """Keep a token that was asked for under `lease`: its round. None: somebody else was faster."""
    row = ConnectionToken.objects.select_for_update().get(account=account)
    if row.lease != lease:
        return None
    at = clock.now()
    is_second = row.minted_at is not None and at - PAUSE < row.minted_at <= at
    row.sealed = sealed
    row.round += 1
    row.minted_at, row.renew_at, row.expires_at = at, at + life * RENEW_AFTER, at + life
    row.leased_until, row.not_before = None, at + PAUSE if is_second else None
    row.save()
    return row.round


@transaction.atomic(durable=True)
def give_up_renewal(*, account: str, lease: int, wait: timedelta) -> None:
    """No token came of it. Nobody asks again before `wait` is over; whoever has an old one goes on with it."""
    row = ConnectionToken.objects.select_for_update().get(account=account)
    if row.lease == lease:
        row.leased_until, row.not_before = None, clock.now() + min(wait, LONGEST_HOLD)
        row.save(update_fields=["leased_until", "not_before"])


@transaction.atomic(durable=True)
def note_budget(*, target: str, bucket: str, capacity: int, remaining: int, wait: timedelta = NO_TIME) -> None:
    """What the target said of one of its limits; with `wait`, that it takes no more calls until then.

    While calls wait none goes out, so that a good answer then is one to a call from before: it ends no wait.
    """
    at = clock.now()
    held_until = at + min(wait, LONGEST_HOLD) if wait > NO_TIME else None
    said = {"capacity": capacity, "remaining": remaining, "seen_at": at, "held_until": held_until}
    row = ConnectionBudget(target=target, bucket=bucket, **said)
    if held_until is None:
        known = ConnectionBudget.objects.filter(target=target, bucket=bucket)
        if not known.exclude(held_until__gt=at, held_until__lte=at + LONGEST_HOLD).update(**said):
            ConnectionBudget.objects.bulk_create([row], ignore_conflicts=True)
        return
    ConnectionBudget.objects.bulk_create(
        [row], update_conflicts=True, unique_fields=["target", "bucket"], update_fields=list(said)
    )
