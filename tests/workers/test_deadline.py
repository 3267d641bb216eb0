"""Guards the end at a deadline against people who will not let go: all that they run is ended, and nothing is left."""

from __future__ import annotations

from contextlib import ExitStack
from datetime import timedelta

import pytest
from pymongo.errors import OperationFailure

from accessrequests.queries import audit, clock
from tests.workers.conftest import SHOP, Client, Work, drain
from tests.workers.database_clock import DatabaseClock
from tests.workers.provisioners.visitors import (
    Hostile,
    long_find,
    long_find_without_session,
    open_transaction,
    patient_change_stream,
    wait_until_running,
)
from tests.workers.rows import events_of, facts_of, fresh
from workers.expiry import Deadlines


def test_ends_everything_that_the_holder_has_open(work: Work, database_clock: DatabaseClock) -> None:
    grant = work.active(roles=(f"readWrite@{SHOP}",), duration=timedelta(minutes=30), approvers=2)
    address = work.reveal(grant).connection_string
    with ExitStack() as stack:

        def visit() -> Client:
            return stack.enter_context(Client(address, retryReads=False, retryWrites=False))

        working = [
            Hostile(visit(), act)
            for act in (long_find(SHOP), long_find_without_session(SHOP), patient_change_stream(SHOP))
        ]
        idle = visit()
        idle[SHOP].orders.find_one()
        commit = stack.enter_context(open_transaction(visit(), SHOP))
        for one in working:
            one.start()
        wait_until_running(work.owner, grant.username, number=len(working))

        database_clock.advance(timedelta(minutes=30))
        assert Deadlines().end_what_is_due(clock.now()) == 1
        drain()

        assert (fresh(grant).state, fresh(grant).end_reason) == ("revoked", "expiry")
        for one in working:
            assert isinstance(one.ended_with(), int | str)
            assert not str(one.outcome).startswith("came to its own end")
        for late in (commit, idle[SHOP].orders.find_one, lambda: idle[SHOP].orders.insert_one({})):
            with pytest.raises(OperationFailure):
                late()
        work.owner[SHOP].orders.update_one({"_id": 1}, {"$set": {"free": True}})
    assert not work.can_log_in(address)
    assert work.users_named(grant.username) == []
    assert work.roles_of(grant.username) == []
    (cut,) = facts_of(grant, "grant.cut")
    assert cut["evidence"]["operations_ended"] >= 2  # type: ignore[index]
    assert events_of(grant)[-3:] == ["grant.revocation_started", "grant.cut", "grant.revoked"]
    assert audit.verify().ok
