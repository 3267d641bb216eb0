"""Guards that it is remembered where a grant was made, and that nothing is made in two projects at once."""

from __future__ import annotations

import pytest

from accessrequests.models import Grant, Target
from accessrequests.operations import places
from tests import make
from tests.make import Cast
from tests.workers.rows import events_of, facts_of, fresh

OLD, NEW = 24 * "a", 24 * "b"


def test_a_grant_is_made_in_one_place(grant: Grant, cast: Cast) -> None:
    for _ in range(2):
        places.settle(grant_id=grant.pk, place=OLD)
    assert fresh(grant).made_in == OLD
    other = make.approved_grant(cast.frank, cast.bob)
    for one in (grant, other):
        with pytest.raises(places.Moved, match="shop-prod leads to another project"):
            places.settle(grant_id=one.pk, place=NEW)


def test_a_target_that_moves_is_a_fact_once(cast: Cast) -> None:
    assert [places.note(slug="shop-prod", place=place) for place in ("", OLD, OLD, NEW, NEW)] == [
        False,
        False,
        False,
        True,
        False,
    ]
    assert events_of("target/shop-prod")[-1] == "target.moved"
    assert facts_of("target/shop-prod", "target.moved")[0]["was"] == OLD
    assert Target.objects.get(slug="shop-prod").place == NEW
