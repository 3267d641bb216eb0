"""The catalogue, and what workers find out about targets: events when it is news, silence when it is not."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from accessrequests.domain.events import Job
from accessrequests.models import Inventory, OutboxMessage, Suspicion, Target
from accessrequests.models.outbox import PERIODIC
from accessrequests.operations import outbox, targets
from tests import make
from tests.fixtures import MovableClock
from tests.make import Cast
from tests.traces import Traces, leaves_nothing


class TestApplyCatalogue:
    def test_files_a_reading_of_each_inventory_once(self, cast: Cast) -> None:
        traces = Traces()

        make.make_targets(name="Shop, live")

        assert traces.events() == [
            ("target.applied", "os:tests", f"target/{slug}") for slug in ("shop-dev", "shop-prod", "shop-staging")
        ]
        assert OutboxMessage.objects.filter(job="read_inventory", done_at=None).count() == 3
        assert Target.objects.get(slug="shop-prod").name == "Shop, live"

    def test_takes_a_retired_target_back(self, cast: Cast) -> None:
        make.make_targets(retired=True)
        retired_at = Target.objects.get(slug="shop-prod").retired_at
        make.make_targets(retired=True)
        assert Target.objects.get(slug="shop-prod").retired_at == retired_at is not None

        make.make_targets()
        assert make.submit(cast.alice).state == "pending"


class TestInventory:
    def test_replaces_the_one_before(self, cast: Cast) -> None:
        targets.record_inventory(
            slug="shop-prod", roles={}, databases={}, clusters={"c0": {"paused": False}}, quotas={}
        )

        found = Inventory.objects.get(target__slug="shop-prod")
        assert (found.roles, found.clusters, found.quotas) == ({}, {"c0": {"paused": False}}, {})


class TestReachable:
    def test_is_news_once_each_way_and_wakes_what_waited(self, cast: Cast) -> None:
        make.approved_grant(cast.alice, cast.bob)
        traces = Traces()
        assert targets.mark_unreachable(slug="shop-prod", why="refused")
        assert not targets.mark_unreachable(slug="shop-prod", why="refused")
        claim = outbox.claim(message_id=OutboxMessage.objects.get(job="provision").pk, owner="a")
        assert claim is not None
        outbox.postpone(claim=claim, delay=timedelta(seconds=1), why="No.", failed=True, unreachable="shop-prod")
        assert OutboxMessage.objects.get(pk=claim.message_id).ready_at > make.now() + timedelta(seconds=20)

        assert targets.mark_reachable(slug="shop-prod")
        assert not targets.mark_reachable(slug="shop-prod")

        assert OutboxMessage.objects.get(pk=claim.message_id).ready_at <= make.now()
        assert [event for event, _, _ in traces.events()] == ["target.unreachable", "target.reachable"]
        assert Target.objects.get(slug="shop-prod").unreachable_since is None


class TestCheck:
    def test_raises_the_alarm_when_the_clock_goes_wrong_and_not_again(self, cast: Cast) -> None:
        traces = Traces()

        for skew in (0.1, -2.5, -2.6, 0.0, 3.0):
            targets.record_check(slug="shop-prod", clock_skew=skew, warnings=())

        assert [event for event, _, _ in traces.events()] == ["target.clock_skewed"] * 2
        assert Target.objects.get(slug="shop-prod").clock_skew == 3.0

    def test_keeps_what_is_to_be_put_right_until_it_is(self, cast: Cast) -> None:
        targets.record_check(slug="shop-prod", clock_skew=0.0, warnings=("It has too many rights.",))
        assert Target.objects.get(slug="shop-prod").warnings == ["It has too many rights."]

        targets.record_check(slug="shop-prod", clock_skew=0.0, warnings=())

        assert Target.objects.get(slug="shop-prod").warnings == []


class TestOrphans:
    def test_are_recorded_when_gone(self, cast: Cast) -> None:
        traces = Traces()

        targets.record_orphan_ended(slug="shop-prod", username="jit-x-y-1", evidence={"users": 0})

        assert traces.events() == [("target.orphan_ended", "access-requests", "target/shop-prod")]

    def test_are_suspected_until_a_second_look(self, cast: Cast, clock: MovableClock) -> None:
        assert targets.suspect(slug="shop-prod", seen={"one": "orphan", "two": "orphan"}) == {}
        with leaves_nothing():
            assert targets.suspect(slug="shop-prod", seen={"one": "orphan", "two": "orphan"}) == {}
        clock.advance(timedelta(seconds=6))

        assert targets.suspect(slug="shop-prod", seen={"one": "orphan", "two": "missing"}) == {"one": "orphan"}
        assert set(Suspicion.objects.values_list("username", "why")) == {("one", "orphan"), ("two", "missing")}

    def test_are_looked_at_anew_when_the_clock_went_back(self, cast: Cast, clock: MovableClock) -> None:
        targets.suspect(slug="shop-prod", seen={"one": "orphan"})
        clock.advance(-timedelta(hours=1))
        assert targets.suspect(slug="shop-prod", seen={"one": "orphan"}) == {}
        clock.advance(timedelta(seconds=6))
        assert targets.suspect(slug="shop-prod", seen={"one": "orphan"}) == {"one": "orphan"}


class TestPeriodicWork:
    def test_waits_once(self, cast: Cast) -> None:
        assert outbox.file_periodic(job=Job.RECONCILE, subject="target/shop-prod", target="shop-prod")
        with leaves_nothing():
            assert not outbox.file_periodic(job=Job.RECONCILE, subject="target/shop-prod", target="shop-prod")

    @pytest.mark.parametrize("job", sorted(PERIODIC))
    def test_waits_once_also_when_two_relays_file_it_at_the_same_moment(self, cast: Cast, job: str) -> None:
        """Neither sees the other's row before it is committed: only the table can refuse the second."""
        outbox.file_periodic(job=Job(job), subject="schedule/all")
        twin = OutboxMessage.objects.get(job=job, subject="schedule/all")
        twin.pk = None
        with pytest.raises(IntegrityError, match="outbox_periodic_once"), transaction.atomic():
            twin.save(force_insert=True)
