"""What workers remember together: one renews a token while the others wait, and a limit that is low is low for all."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accessrequests.models import ConnectionBudget, ConnectionToken
from accessrequests.operations import connections as operations
from accessrequests.queries import connections as queries
from tests.fixtures import MovableClock

pytestmark = pytest.mark.django_db

ACCOUNT = "https://cloud.mongodb.com mdb_sa_id_0123"
HOUR = timedelta(hours=1)


def minted(after: int = 0, sealed: bytes = b"sealed") -> int:
    lease = operations.start_renewal(account=ACCOUNT, after=after)
    assert lease is not None
    made = operations.keep_token(account=ACCOUNT, lease=lease, sealed=sealed, life=HOUR)
    assert made is not None
    return made


class TestStartRenewal:
    def test_is_given_to_one(self) -> None:
        assert operations.start_renewal(account=ACCOUNT, after=0) == 1
        assert operations.start_renewal(account=ACCOUNT, after=0) is None
        assert operations.start_renewal(account="another", after=0) == 1
        assert queries.token(ACCOUNT).is_being_renewed

    def test_passes_on_when_whoever_had_it_is_gone(self, clock: MovableClock) -> None:
        operations.start_renewal(account=ACCOUNT, after=0)
        clock.advance(queries.LONGEST_MINT + timedelta(seconds=1))

        assert operations.start_renewal(account=ACCOUNT, after=0) == 2

    def test_does_not_wait_for_a_lease_that_lies_too_far_ahead(self, clock: MovableClock) -> None:
        operations.start_renewal(account=ACCOUNT, after=0)
        clock.advance(-HOUR)  # the database's clock went back

        assert operations.start_renewal(account=ACCOUNT, after=0) == 2

    def test_is_not_given_when_there_is_a_newer_token(self) -> None:
        minted()

        assert operations.start_renewal(account=ACCOUNT, after=0) is None
        assert operations.start_renewal(account=ACCOUNT, after=1) == 2

    def test_pauses_when_a_second_token_is_refused_as_fast_as_the_first(self, clock: MovableClock) -> None:
        minted()
        minted(after=1)

        assert operations.start_renewal(account=ACCOUNT, after=2) is None
        assert timedelta() < queries.token(ACCOUNT).wait <= operations.PAUSE

        clock.advance(operations.PAUSE + timedelta(seconds=1))

        assert operations.start_renewal(account=ACCOUNT, after=2) == 3


class TestKeepToken:
    def test_is_due_at_four_fifths_of_its_life(self, clock: MovableClock) -> None:
        assert queries.token(ACCOUNT) == queries.Held()
        assert minted(sealed=b"first") == 1
        held = queries.token(ACCOUNT)
        assert (held.sealed, held.round, held.is_due, held.is_being_renewed) == (b"first", 1, False, False)

        clock.advance(HOUR * 0.79)
        assert not queries.token(ACCOUNT).is_due
        clock.advance(HOUR * 0.02)
        assert queries.token(ACCOUNT).is_due

    def test_whoever_lost_the_lease_keeps_nothing(self, clock: MovableClock) -> None:
        slow = operations.start_renewal(account=ACCOUNT, after=0)
        assert slow is not None
        clock.advance(queries.LONGEST_MINT + timedelta(seconds=1))
        minted(sealed=b"fast")

        assert operations.keep_token(account=ACCOUNT, lease=slow, sealed=b"slow", life=HOUR) is None
        assert bytes(ConnectionToken.objects.get().sealed or b"") == b"fast"


class TestGiveUpRenewal:
    def test_nobody_asks_again_before_the_wait_is_over(self, clock: MovableClock) -> None:
        lease = operations.start_renewal(account=ACCOUNT, after=0)
        assert lease is not None
        operations.give_up_renewal(account=ACCOUNT, lease=lease, wait=timedelta(seconds=60))

        assert operations.start_renewal(account=ACCOUNT, after=0) is None
        assert not queries.token(ACCOUNT).is_being_renewed
        clock.advance(timedelta(seconds=61))
        assert operations.start_renewal(account=ACCOUNT, after=0) == 2

    def test_says_nothing_for_another_lease(self) -> None:
        lease = operations.start_renewal(account=ACCOUNT, after=0)
        assert lease is not None
        operations.give_up_renewal(account=ACCOUNT, lease=lease - 1, wait=HOUR)

        assert queries.token(ACCOUNT).is_being_renewed
        assert queries.token(ACCOUNT).wait == timedelta()


class TestNoteBudget:
    def test_keeps_the_last_word_for_each_limit(self, clock: MovableClock) -> None:
        assert queries.left("shop-prod") == []
        for remaining in (900, 200):
            operations.note_budget(target="shop-prod", bucket="groups/accessList", capacity=1200, remaining=remaining)
        operations.note_budget(target="shop-dev", bucket="groups/accessList", capacity=1200, remaining=1)
        clock.advance(timedelta(seconds=7))

        (left,) = queries.left("shop-prod")
        assert (left.bucket, left.capacity, left.remaining, left.wait) == ("groups/accessList", 1200, 200, timedelta())
        assert timedelta(seconds=7) <= left.age < timedelta(seconds=8)
        assert ConnectionBudget.objects.count() == 2

    def test_a_good_answer_to_an_earlier_call_ends_no_wait(self, clock: MovableClock) -> None:
        limit = {"target": "shop-prod", "bucket": "groups/users", "capacity": 100}
        operations.note_budget(**limit, remaining=0, wait=timedelta(seconds=55))  # type: ignore[arg-type]
        operations.note_budget(**limit, remaining=50)  # type: ignore[arg-type]

        (left,) = queries.left("shop-prod")
        assert left.wait > timedelta(seconds=50)
        assert left.remaining == 0
        clock.advance(timedelta(seconds=56))
        operations.note_budget(**limit, remaining=50)  # type: ignore[arg-type]
        assert queries.left("shop-prod")[0].remaining == 50

    def test_holds_for_as_long_as_the_target_said_and_never_for_ever(self, clock: MovableClock) -> None:
        budget = {"target": "shop-prod", "bucket": "groups/users", "capacity": 10, "remaining": 0}
        operations.note_budget(**budget, wait=timedelta(seconds=55))  # type: ignore[arg-type]
        assert timedelta(seconds=54) < queries.left("shop-prod")[0].wait <= timedelta(seconds=55)
        clock.advance(timedelta(seconds=56))
        assert queries.left("shop-prod")[0].wait == timedelta()

        operations.note_budget(**budget, wait=timedelta(days=1))  # type: ignore[arg-type]
        assert queries.left("shop-prod")[0].wait <= queries.LONGEST_HOLD
