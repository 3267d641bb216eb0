"""The clock is read after the lock: whoever waited past a deadline is too late, although it was early when it came."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

import psycopg

from accessrequests.domain.events import Via
from accessrequests.models import Grant
from accessrequests.operations import access_requests, credentials, grants
from accessrequests.operations.refusals import Gone, IllegalMove
from tests import make
from tests.make import Cast
from tests.races.together import Waiting

SHORT = timedelta(seconds=2)
PROOF = {"user": {"proof": "login"}}


def _late(
    owner: psycopg.Connection, table: str, pk: int, call: Callable[[], object], *, deadline: datetime | None
) -> object:
    """The outcome of a call that came before the deadline, and got the row after it."""
    assert deadline is not None
    waiting = Waiting(owner, table, pk, call)
    assert make.now() < deadline
    time.sleep((deadline - make.now()).total_seconds() + 0.05)
    return waiting.release()


def test_approve_deny_and_cancel_after_the_lapse(committed_cast: Cast, owner_connection: psycopg.Connection) -> None:
    make.publish_rules(make.rule("quick", lapses_after="PT2S"))
    calls: list[Callable[[int], object]] = [
        lambda pk: access_requests.approve(access_request_id=pk, approver=committed_cast.bob, via=Via.API, revision=1),
        lambda pk: access_requests.deny(
            access_request_id=pk, approver=committed_cast.bob, via=Via.API, revision=1, reason="No."
        ),
        lambda pk: access_requests.cancel(access_request_id=pk, requester=committed_cast.alice, via=Via.API),
    ]
    for call in calls:
        one = make.submit(committed_cast.alice)

        outcome = _late(owner_connection, "accessrequest", one.pk, partial(call, one.pk), deadline=one.lapses_at)

        assert isinstance(outcome, IllegalMove)
        assert outcome.what == "expired"
    assert not Grant.objects.exists()


def test_reveal_and_rotate_after_the_end(committed_cast: Cast, owner_connection: psycopg.Connection) -> None:
    verbs: tuple[Callable[..., object], ...] = (credentials.reveal, credentials.rotate)
    for verb in verbs:
        grant = make.active_grant(committed_cast.alice, committed_cast.bob, duration=SHORT)

        outcome = _late(
            owner_connection,
            "grant",
            grant.pk,
            partial(verb, grant_id=grant.pk, person=committed_cast.alice, via=Via.API),
            deadline=grant.expires_at,
        )

        assert isinstance(outcome, Gone)


def test_opening_after_the_end(committed_cast: Cast, owner_connection: psycopg.Connection) -> None:
    for verb in ("may_open", "mark_active"):
        grant = make.approved_grant(committed_cast.alice, committed_cast.bob, duration=SHORT)
        attempt = grants.start_provisioning(grant_id=grant.pk)
        assert attempt is not None
        number = attempt.number
        calls: dict[str, Callable[[], object]] = {
            "may_open": partial(grants.may_open, grant_id=grant.pk, attempt=number),
            "mark_active": partial(grants.mark_active, grant_id=grant.pk, attempt=number, gates=PROOF),
        }

        outcome = _late(owner_connection, "grant", grant.pk, calls[verb], deadline=attempt.grant.expires_at)

        grant.refresh_from_db()
        assert outcome is False
        assert (grant.state, grant.end_reason) == ("revoking", "provisioning_failed")


def test_what_was_read_before_the_lock_does_not_count(
    committed_cast: Cast, owner_connection: psycopg.Connection
) -> None:
    """While the approval waits for its row, the target is retired: nothing that was joined before may say otherwise."""
    access_request = make.submit(committed_cast.alice)
    waiting = Waiting(
        owner_connection,
        "accessrequest",
        access_request.pk,
        lambda: make.approve(access_request, committed_cast.bob),
    )
    make.make_targets(retired=True)

    outcome = waiting.release()

    assert "retired" in str(outcome)
    assert not Grant.objects.exists()
