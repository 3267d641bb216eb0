"""Guards the ledger of shared objects: one writer, a baseline from before us, and uses that end only when looked at."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accessrequests.domain.lifecycle import EndReason
from accessrequests.domain.sharing import SharedKind
from accessrequests.models import AccessRequest, AuditEvent, Grant, SharedCall, SharedObject, SharedUse
from accessrequests.operations import grants, pruning, shared_objects
from accessrequests.operations.shared_objects import Lease, LeaseLost, NotWanted, TooEarly
from accessrequests.queries import shared_objects as queries
from tests import make
from tests.fixtures import MovableClock
from tests.make import Cast

ENTRY = SharedKind.ACCESS_LIST_ENTRY
ADDRESS = "203.0.113.7/32"
LEASE_IS_OVER = timedelta(seconds=7)
A_MINUTE = timedelta(minutes=1)
NO_CALL_LASTS = timedelta(seconds=12)


def taken(key: str = ADDRESS, kind: SharedKind = ENTRY, owner: str = "one") -> Lease:
    lease = shared_objects.take(slug="shop-prod", kind=kind, key=key, owner=owner)
    assert lease is not None
    return lease


def is_free() -> bool:
    return shared_objects.take(slug="shop-prod", kind=ENTRY, key=ADDRESS, owner="two") is not None


def used(grant: Grant) -> Lease:
    """An object that the grant uses, held."""
    lease = taken()
    shared_objects.capture(lease=lease, baseline={"there": False})
    shared_objects.attempt(lease=lease, grant_id=grant.pk, wants={"until": "ten"})
    return lease


@pytest.fixture
def other(cast: Cast) -> Grant:
    return make.approved_grant(cast.frank, cast.bob)


class TestTake:
    def test_lets_one_write_until_it_puts_the_lease_down(self, active: Grant) -> None:
        lease = used(active)
        assert not is_free()

        shared_objects.put_down(lease=lease, calls_ended=True)

        assert taken(owner="two").number == lease.number + 1
        shared = SharedObject.objects.get()
        assert (shared.key, shared.lease_owner, shared.stray_calls_until) == (ADDRESS, "two", None)

    def test_holds_objects_apart(self, cast: Cast) -> None:
        assert taken() != taken(key="203.0.113.8/32")
        assert taken(kind=SharedKind.CUSTOM_ROLE) != taken(kind=SharedKind.TURN)
        assert shared_objects.take(slug="shop-dev", kind=ENTRY, key=ADDRESS, owner="one") is not None

    def test_follows_a_holder_that_never_came_back(self, active: Grant, clock: MovableClock) -> None:
        first = used(active)
        clock.advance(LEASE_IS_OVER)

        second = taken(owner="two")

        assert second == Lease(first.shared_id, first.number + 1)
        shared = SharedObject.objects.get()
        assert shared.stray_calls_until is not None
        assert shared.stray_calls_until > make.now() + timedelta(seconds=9)
        for verb in (shared_objects.keep, shared_objects.uses_of):
            with pytest.raises(LeaseLost):
                verb(lease=first)
        shared_objects.put_down(lease=first, calls_ended=True)
        assert not is_free()

    def test_survives_a_clock_that_goes_back(self, active: Grant, clock: MovableClock) -> None:
        lease = used(active)
        shared_objects.put_down(lease=lease, calls_ended=False)
        clock.advance(timedelta(hours=-2))

        again = taken()

        shared = SharedObject.objects.get()
        assert shared.stray_calls_until is not None
        assert shared.stray_calls_until < make.now() + NO_CALL_LASTS
        clock.advance(timedelta(hours=-2))
        assert taken().number == again.number + 1


class TestKeep:
    def test_renews_the_lease_for_as_long_as_a_call_may_take(self, active: Grant, clock: MovableClock) -> None:
        lease = used(active)
        for _ in range(3):
            clock.advance(timedelta(seconds=5))
            assert shared_objects.keep(lease=lease) <= make.now()
        assert not is_free()

    def test_fails_once_the_lease_is_over_even_if_nobody_took_it(self, active: Grant, clock: MovableClock) -> None:
        lease = used(active)
        clock.advance(LEASE_IS_OVER)

        with pytest.raises(LeaseLost):
            shared_objects.keep(lease=lease)


class TestAnnounce:
    def test_is_forgotten_once_the_call_was_answered_in_time(self, active: Grant) -> None:
        lease = used(active)
        shared_objects.announce(lease=lease, grant_id=active.pk, says=[("read", "shop")])
        assert SharedCall.objects.get().says == [["read", "shop"]]

        shared_objects.answered(lease=lease)

        assert not SharedCall.objects.exists()

    def test_stays_when_the_lease_was_lost_until_somebody_has_looked(self, active: Grant, clock: MovableClock) -> None:
        lease = used(active)
        shared_objects.announce(lease=lease, grant_id=active.pk, says=[("read", "shop")])
        clock.advance(LEASE_IS_OVER)
        with pytest.raises(LeaseLost):
            shared_objects.answered(lease=lease)

        shared_objects.looked_after(call_id=SharedCall.objects.get().pk)

        assert not SharedCall.objects.exists()

    @pytest.mark.parametrize(("left", "days"), [("", 31), ("Look at alice@example.com.", 62)])
    def test_of_a_project_role_stays_while_its_invitation_can_be_accepted_and_longer_with_something_left(
        self, active: Grant, left: str, days: int, clock: MovableClock
    ) -> None:
        AccessRequest.objects.filter(grant=active).update(kind="project_role")
        shared_objects.announce(lease=used(active), grant_id=active.pk, says=[("GROUP_READ_ONLY",)])
        call = SharedCall.objects.get()

        shared_objects.looked_after(call_id=call.pk, left=left)

        call.refresh_from_db()
        assert (call.looked_at is not None, call.left) == (True, left)
        assert queries.left_by_calls("shop-prod") == ([left] if left else [])
        clock.advance(timedelta(days=days) - A_MINUTE)
        shared_objects.looked_after(call_id=call.pk, left=left)
        assert SharedCall.objects.exists()
        clock.advance(A_MINUTE)
        shared_objects.looked_after(call_id=call.pk, left=left)
        assert not SharedCall.objects.exists()


class TestPutDown:
    def test_leaves_no_row_of_what_nobody_uses(self, cast: Cast) -> None:
        lease = taken()
        shared_objects.capture(lease=lease, baseline={"there": True})

        shared_objects.put_down(lease=lease, calls_ended=True)

        assert not SharedObject.objects.exists()
        shared_objects.put_down(lease=lease, calls_ended=True)

    def test_keeps_the_row_of_what_nobody_uses_while_a_call_may_be_on_its_way(
        self, cast: Cast, clock: MovableClock
    ) -> None:
        shared_objects.put_down(lease=taken(), calls_ended=False)

        pruning.prune()
        shared_objects.put_down(lease=taken(owner="two"), calls_ended=True)

        assert SharedObject.objects.get().stray_calls_until is not None
        clock.advance(NO_CALL_LASTS)
        pruning.prune()
        assert not SharedObject.objects.exists()

    def test_keeps_the_row_of_a_turn(self, cast: Cast) -> None:
        first = taken("access_list", SharedKind.TURN)
        shared_objects.put_down(lease=first, calls_ended=True)
        shared_objects.put_down(lease=first, calls_ended=True)

        assert taken("access_list", SharedKind.TURN).number == first.number + 1

    def test_remembers_a_call_without_an_answer(self, active: Grant) -> None:
        shared_objects.put_down(lease=used(active), calls_ended=False)

        shared = SharedObject.objects.get()
        assert shared.lease_until is None
        assert shared.stray_calls_until is not None
        assert shared.stray_calls_until > make.now()
        assert is_free()


class TestCapture:
    def test_counts_only_while_somebody_uses_it(self, active: Grant) -> None:
        lease = taken()
        shared_objects.capture(lease=lease, baseline={"roles": ["read@shop"]})
        assert shared_objects.uses_of(lease=lease).baseline is None

        shared_objects.attempt(lease=lease, grant_id=active.pk, wants={"roles": ["readWrite@shop"]})

        uses = shared_objects.uses_of(lease=lease)
        assert uses.baseline == {"roles": ["read@shop"]}
        assert (dict(uses.live), dict(uses.ending)) == ({active.pk: {"roles": ["readWrite@shop"]}}, {})

    def test_never_takes_our_own_work_for_what_was_before_us(self, active: Grant, clock: MovableClock) -> None:
        """A worker died between its call and the next commit: what the next one sees may be ours."""
        used(active)
        clock.advance(LEASE_IS_OVER)
        lease = taken()

        with pytest.raises(ValueError, match="captured before"):
            shared_objects.capture(lease=lease, baseline={"there": True})

        assert shared_objects.uses_of(lease=lease).baseline == {"there": False}


class TestAttempt:
    def test_needs_a_baseline(self, active: Grant) -> None:
        with pytest.raises(ValueError, match="Capture its baseline"):
            shared_objects.attempt(lease=taken(), grant_id=active.pk, wants={})

        assert not SharedUse.objects.exists()

    def test_says_anew_what_a_grant_needs(self, active: Grant) -> None:
        lease = used(active)

        shared_objects.attempt(lease=lease, grant_id=active.pk, wants={"until": "twelve"})

        assert SharedUse.objects.get().wants == {"until": "twelve"}

    def test_makes_nothing_for_a_grant_that_ends(self, active: Grant, other: Grant) -> None:
        lease = used(other)
        grants.end(grant_id=active.pk, reason=EndReason.DRIFT, note="")

        with pytest.raises(NotWanted):
            shared_objects.attempt(lease=lease, grant_id=active.pk, wants={})

        assert SharedUse.objects.get().grant == other

    def test_makes_nothing_for_a_use_that_ends(self, active: Grant) -> None:
        lease = used(active)
        assert shared_objects.start_ending(lease=lease, grant_id=active.pk)

        with pytest.raises(NotWanted):
            shared_objects.attempt(lease=lease, grant_id=active.pk, wants={})

    def test_is_of_no_use_without_the_lease(self, active: Grant, clock: MovableClock) -> None:
        lease = taken()
        shared_objects.capture(lease=lease, baseline={})
        clock.advance(LEASE_IS_OVER)

        with pytest.raises(LeaseLost):
            shared_objects.attempt(lease=lease, grant_id=active.pk, wants={})

        assert not SharedUse.objects.exists()


class TestMarkGone:
    def test_takes_the_row_with_the_last_use(self, active: Grant, other: Grant) -> None:
        lease = used(active)
        shared_objects.attempt(lease=lease, grant_id=other.pk, wants={})
        for grant in (active, other):
            assert shared_objects.start_ending(lease=lease, grant_id=grant.pk)
        uses = shared_objects.uses_of(lease=lease)
        assert (dict(uses.live), sorted(uses.ending)) == ({}, [active.pk, other.pk])

        shared_objects.mark_gone(lease=lease, grant_id=active.pk, looked_at=make.now())
        assert SharedUse.objects.get().grant == other
        assert not shared_objects.start_ending(lease=lease, grant_id=active.pk)
        shared_objects.mark_gone(lease=lease, grant_id=other.pk, looked_at=make.now())

        assert not SharedObject.objects.exists()
        with pytest.raises(LeaseLost):
            shared_objects.keep(lease=lease)
        assert not AuditEvent.objects.filter(subject__startswith="shared").exists()

    def test_leaves_a_use_that_nobody_ended(self, active: Grant) -> None:
        lease = used(active)

        shared_objects.mark_gone(lease=lease, grant_id=active.pk, looked_at=make.now())

        assert SharedUse.objects.get().grant == active

    def test_needs_a_look_after_the_longest_call(self, active: Grant, clock: MovableClock) -> None:
        used(active)
        clock.advance(LEASE_IS_OVER)
        lease = taken()
        shared_objects.start_ending(lease=lease, grant_id=active.pk)

        with pytest.raises(TooEarly) as early:
            shared_objects.mark_gone(lease=lease, grant_id=active.pk, looked_at=make.now())
        assert early.value.until > make.now()
        shared_objects.put_down(lease=lease, calls_ended=True)
        clock.advance(NO_CALL_LASTS)
        lease = taken()
        shared_objects.mark_gone(lease=lease, grant_id=active.pk, looked_at=make.now())

        assert not SharedObject.objects.exists()
