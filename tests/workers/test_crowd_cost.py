"""Guards that many at once ask the database no more than few: where thousands live or end, no question for each is left."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accessrequests.domain.events import Job, Queue, Via
from accessrequests.models import OutboxMessage
from accessrequests.operations import grants
from accessrequests.queries import clock
from accessrequests.queries import grants as grant_queries
from accessrequests.queries import work as due
from tests.workers.conftest import Work
from tests.workers.rows import carry, fresh
from workers.provision import spec_of
from workers.reconcile import AT_ONCE


def test_cutting_more_asks_no_more(work: Work) -> None:
    asked = [_questions_to_cut(work, others=others) for others in (1, 4)]

    assert asked[1] == asked[0]


def test_comparing_more_with_the_target_asks_no_more(work: Work) -> None:
    asked = [_questions_to_compare(work, more=more) for more in (1, 4)]

    assert asked[1] == asked[0]


def _questions_to_compare(work: Work, *, more: int) -> int:
    granted = [work.active() for _ in range(more)]
    with CaptureQueriesContext(connection) as asked:
        found = grant_queries.to_compare("shop-prod", made_in=granted[0].made_in, after=granted[0].pk - 1, most=AT_ONCE)
        specs = [spec_of(grant) for grant in found]
    assert [spec.username for spec in specs] == [grant.username for grant in granted]
    return len(asked)


def _questions_to_cut(work: Work, *, others: int) -> int:
    granted = [work.active() for _ in range(1 + others)]
    for grant in granted:
        grants.release(grant_id=grant.pk, holder=work.cast.alice, via=Via.API)
    with CaptureQueriesContext(connection) as asked:
        carry(Job.REVOKE, granted[0])
    assert all(fresh(grant).cut_at is not None for grant in granted)
    return len(asked)


@pytest.mark.usefixtures("planner")  # before `work`, whose transaction must be over when this ends
def test_a_long_backlog_is_not_read_again_at_each_turn(work: Work) -> None:
    """Of what was sent and lies in a queue the relay looks at nothing, until a second has gone by."""
    at = clock.now()
    waiting = [
        OutboxMessage(
            job=Job.NOTIFY,
            queue=Queue.NOTIFY,
            lane=f"notify/{number}",
            subject=f"grant/{number}",
            created_at=at,
            ready_at=at,
            sent_at=at + timedelta(milliseconds=1),
        )
        for number in range(3_000)
    ]
    OutboxMessage.objects.bulk_create(waiting)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE accessrequests_outboxmessage")
        cursor.execute("SELECT reltuples FROM pg_class WHERE oid = 'accessrequests_outboxmessage'::regclass")
        assert cursor.fetchall()[0][0] >= len(waiting), "The planner knows."
    now = clock.now() + timedelta(seconds=1)

    for ask in (partial(due.to_send, now, limit=500, again=False), partial(due.unclaimed_urgent, now, limit=500)):
        assert _read_in_vain(ask) < 100


def _read_in_vain(ask: Callable[[], object]) -> int:
    """How many rows PostgreSQL looked at and left out, as it says itself."""
    with CaptureQueriesContext(connection) as asked:
        ask()
    questions = [one["sql"] for one in asked if "accessrequests_outboxmessage" in one["sql"]]
    assert questions
    with connection.cursor() as cursor:
        found = 0
        for question in questions:
            cursor.execute(f"EXPLAIN (ANALYZE) {question}")
            plan = "\n".join(line for (line,) in cursor.fetchall())
            found += sum(int(removed) for removed in re.findall(r"Rows Removed by Filter: (\d+)", plan))
    return found
