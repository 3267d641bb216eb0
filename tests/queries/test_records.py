"""Guards what is told of a person who asks: true counts, honest averages, and nothing from a few uses that say little."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accessrequests.domain.events import Via
from accessrequests.models import AccessRequest, Grant
from accessrequests.operations import access_requests, grants
from accessrequests.queries import records
from accessrequests.queries.records import FEWEST, Record, record_of
from tests import make
from tests.make import Cast

HOUR = timedelta(hours=1)
LENGTHS = [HOUR / 2, HOUR, 2 * HOUR, 4 * HOUR]


def record(access_request: AccessRequest) -> Record:
    return record_of(access_request, at=make.now())


def used(cast: Cast, minutes: int) -> Grant:
    """A grant of alice's on shop-prod, given back after so many minutes."""
    grant = make.active_grant(cast.alice, cast.bob)
    grants.release(grant_id=grant.pk, holder=cast.alice, via=Via.WEB)
    grants.mark_cut(cuts=[grants.Cut(grant.pk, {"users": 0})])
    grants.mark_revoked(grant_id=grant.pk, evidence={"users": 0}, looked_at=make.now())
    grant.refresh_from_db()
    assert grant.cut_at is not None
    Grant.objects.filter(pk=grant.pk).update(activated_at=grant.cut_at - timedelta(minutes=minutes))
    return grant


class TestRecord:
    def test_of_somebody_new_is_empty(self, cast: Cast) -> None:
        found = record(make.submit(cast.alice))

        assert (found.filed, found.approved, found.denied, list(found.uses)) == (0, 0, 0, [])
        assert found.usual is None
        assert found.enough(4 * HOUR, of=LENGTHS) is None

    def test_counts_other_requests_and_their_answers(self, cast: Cast) -> None:
        make.approve(make.submit(cast.alice), cast.bob)
        denied = make.submit(cast.alice)
        access_requests.deny(access_request_id=denied.pk, approver=cast.bob, via=Via.WEB, revision=1, reason="No.")
        old = make.submit(cast.alice)
        AccessRequest.objects.filter(pk=old.pk).update(filed_at=make.now() - timedelta(days=31))
        make.submit(cast.grace)

        found = record(make.submit(cast.alice))

        assert (found.filed, found.approved, found.denied) == (2, 1, 1)

    def test_tells_what_is_held_here_and_elsewhere(self, cast: Cast) -> None:
        make.approved_grant(cast.alice, cast.bob)
        make.submit(cast.alice, target="shop-dev")

        found = record(make.submit(cast.alice))

        assert (len(found.alive), len(found.held_here)) == (2, 1)
        assert found.held_here[0].privileges
        assert not [use for use in found.alive if not use.is_here and use.privileges]

    def test_reads_a_bounded_number_of_whoever_asks_and_holds_very_much(
        self, cast: Cast, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(records, "MOST_ALIVE", 2)
        monkeypatch.setattr(records, "MOST_GRANTS", 2)
        monkeypatch.setattr(records, "MOST_ASKED", 3)
        held = [make.active_grant(cast.alice, cast.bob) for _ in range(3)]
        for _ in range(2):
            make.submit(cast.alice)

        found = record(make.submit(cast.alice))

        assert (found.filed, found.is_filed_more, found.is_alive_more) == (3, True, True)
        assert {use.expires_at for use in found.held_here} == {grant.expires_at for grant in held[1:]}

    def test_counts_what_is_being_ended_as_open_and_builds_nothing_on_it(self, cast: Cast) -> None:
        grant = make.active_grant(cast.alice, cast.bob)
        grants.release(grant_id=grant.pk, holder=cast.alice, via=Via.WEB)

        found = record(make.submit(cast.alice))

        assert (len(found.alive), len(found.held_here), list(found.usable_here)) == (1, 1, [])

    def test_knows_how_long_access_is_used(self, cast: Cast) -> None:
        for minutes in (70, 75, 80, 85, 90):
            used(cast, minutes)

        found = record(make.submit(cast.alice))

        assert found.usual is not None
        assert abs(found.usual - timedelta(minutes=80)) < timedelta(seconds=5)
        assert (found.given_back, len(found.ended), len(found.ended_here)) == (5, 5, 5)
        assert found.is_longer_than_usual(4 * HOUR)
        assert not found.is_longer_than_usual(HOUR)
        assert found.enough(4 * HOUR, of=LENGTHS) == 2 * HOUR

    @pytest.mark.parametrize("length", [HOUR / 2, 2 * HOUR])
    def test_suggests_nothing_that_would_not_do_or_is_no_less(self, cast: Cast, length: timedelta) -> None:
        for minutes in (70, 75, 80, 85, 90):
            used(cast, minutes)

        assert record(make.submit(cast.alice)).enough(length, of=LENGTHS) is None

    def test_takes_four_uses_for_no_habit(self, cast: Cast) -> None:
        for _ in range(FEWEST - 1):
            used(cast, 5)

        assert record(make.submit(cast.alice)).usual is None
