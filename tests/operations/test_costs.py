"""Guards how many questions each step on the way from asking to working puts to the database."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any

from django.db import connection
from django.test.utils import CaptureQueriesContext

from accessrequests.domain.events import Via
from accessrequests.models import Grant
from accessrequests.operations import credentials, grants
from tests import make
from tests.fixtures import MovableClock
from tests.make import Cast


def questions(call: Callable[[], object]) -> int:
    with CaptureQueriesContext(connection) as captured:
        call()
    return sum(not query["sql"].startswith(("SAVEPOINT", "RELEASE")) for query in captured.captured_queries)


def test_the_way_from_asking_to_working_is_short(cast: Cast) -> None:
    access_request = make.submit(cast.alice)
    counts = {"approve": questions(partial(make.approve, access_request, cast.bob))}
    one: dict[str, Any] = {"grant_id": Grant.objects.get().pk}

    counts["start_provisioning"] = questions(partial(grants.start_provisioning, **one))
    counts["may_open"] = questions(partial(grants.may_open, **one, attempt=1))
    counts["mark_active"] = questions(partial(grants.mark_active, **one, attempt=1, gates={}))
    counts["reveal"] = questions(partial(credentials.reveal, **one, person=cast.alice, via=Via.API))

    most = {"approve": 16, "start_provisioning": 13, "may_open": 7, "mark_active": 11, "reveal": 7}
    assert {name: count for name, count in counts.items() if count > most[name]} == {}


def test_many_that_end_together_ask_no_more_than_few(cast: Cast, clock: MovableClock) -> None:
    """Two thousand deadlines within fifteen seconds leave no time for a question each."""
    few, many = ([make.active_grant(cast.alice, cast.bob).pk for _ in range(number)] for number in (2, 8))
    clock.advance(timedelta(hours=2))

    def cut(held: list[int]) -> None:
        grants.mark_cut(cuts=[grants.Cut(pk, {"sessions": 0}) for pk in held])

    ended = [questions(partial(grants.expire_together, grant_ids=held)) for held in (few, many)]
    was_cut = [questions(partial(cut, held)) for held in (few, many)]

    assert ended[0] == ended[1] <= 8
    assert was_cut[0] == was_cut[1] <= 9
    assert Grant.objects.filter(state="revoking", cut_at__isnull=False).count() == 10
