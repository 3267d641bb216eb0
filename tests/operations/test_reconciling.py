"""Guards that a comparison goes on where it was, and begins anew when it is done or was broken off long ago."""

from __future__ import annotations

from datetime import timedelta

from accessrequests.models import Grant
from accessrequests.operations import reconciling
from accessrequests.operations.reconciling import Phase
from tests.fixtures import MovableClock
from tests.make import Cast
from tests.workers.rows import events_of


def test_goes_on_where_it_was(cast: Cast, clock: MovableClock) -> None:
    look = reconciling.begin(slug="shop-prod")
    look.phase, look.cursor, look.seen = Phase.GRANTS.value, 7, {"jit": "It differs."}
    reconciling.keep(look=look)
    again = reconciling.begin(slug="shop-prod")
    assert (again.phase, again.cursor, again.seen) == ("grants", 7, {"jit": "It differs."})
    assert reconciling.begin(slug="shop-dev").phase == "check"

    clock.advance(timedelta(minutes=16))
    anew = reconciling.begin(slug="shop-prod")
    assert (anew.phase, anew.cursor, anew.seen) == ("check", 0, {})
    clock.advance(timedelta(hours=-2))
    assert reconciling.begin(slug="shop-prod").started_at < anew.started_at, "the clock went back"


def test_begins_anew_when_it_is_done(cast: Cast) -> None:
    look = reconciling.begin(slug="shop-prod")
    look.phase = Phase.ACT.value
    reconciling.finish(look=look)

    assert reconciling.begin(slug="shop-prod").phase == "check"


def test_an_end_that_was_put_back_is_a_fact(active: Grant) -> None:
    reconciling.record_end_put_back(grant_id=active.pk)

    assert events_of(active)[-1] == "grant.end_put_back"
