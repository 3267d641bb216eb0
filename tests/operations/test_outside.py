"""Guards what is known of others on a target: listed with what tells their age, news once, and looks on demand in turn."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accessrequests.domain.events import Via
from accessrequests.domain.outside import Change, Kind, Thing
from accessrequests.models import Grant, Look, Other, OutboxMessage, OutsideChange
from accessrequests.operations import outside, pruning
from accessrequests.operations.refusals import Refused
from accessrequests.queries import outside as queries
from tests import make
from tests.fixtures import MovableClock
from tests.make import Cast
from tests.workers.rows import events_of, facts_of

SLUG = "shop-prod"
TARGET = f"target/{SLUG}"
OPS = "ops@example.com"
MINUTE = timedelta(minutes=1)


def change(number: int, event: str = "MONGODB_USER_ADDED", name: str = "billing", **changes: object) -> Change:
    said = {"event_id": f"e{number}", "event": event, "kind": Kind.USER, "name": name, "actor": OPS, "at": make.now()}
    return Change(**{**said, **changes})  # type: ignore[arg-type]


def others() -> dict[str, Other]:
    return {other.name: other for other in Other.objects.all()}


class TestOthers:
    def test_come_and_go_with_what_is_there(self, active: Grant, clock: MovableClock) -> None:
        user, entry = Thing(Kind.USER, "billing@admin", "read@shop"), Thing(Kind.ENTRY, "198.51.100.0/24", "office")
        ours = Thing(Kind.USER, f"{active.username}@admin", "its tag was damaged")
        outside.record_others(slug=SLUG, found=[user, entry, ours])
        first = others()["billing@admin"].first_seen_at
        clock.advance(MINUTE)
        outside.record_others(slug=SLUG, found=[Thing(Kind.USER, "billing@admin", "readWrite@shop")])

        assert list(others()) == ["billing@admin"]
        billing = others()["billing@admin"]
        assert (billing.detail, billing.first_seen_at, billing.made_at) == ("readWrite@shop", first, None)

    def test_are_as_old_as_an_event_tells_whichever_is_read_first(self, cast: Cast) -> None:
        made = make.now() - timedelta(days=3)
        outside.record_others(slug=SLUG, found=[Thing(Kind.USER, "billing@admin")])
        late = change(2, "NETWORK_PERMISSION_ENTRY_ADDED", "10.0.0.1/32", kind=Kind.ENTRY)
        outside.record_changes(slug=SLUG, changes=[change(1, at=made), late], until=make.now())
        assert (others()["billing@admin"].made_at, others()["billing@admin"].made_by) == (made, OPS)

        outside.record_others(slug=SLUG, found=[Thing(Kind.ENTRY, "10.0.0.1/32")])
        assert others()["10.0.0.1/32"].made_by == OPS

    def test_were_last_let_in_when_the_target_says(self, cast: Cast) -> None:
        outside.record_others(slug=SLUG, found=[Thing(Kind.USER, "billing@admin"), Thing(Kind.USER, "old@admin")])
        now = make.now()
        for at in (now - MINUTE, now, now - MINUTE):
            logins = {"billing@admin": at, "nobody@admin": at}
            outside.record_last_logins(slug=SLUG, logins=logins, until=now)

        assert (others()["billing@admin"].last_login_at, others()["old@admin"].last_login_at) == (now, None)
        assert queries.read_from(SLUG, at=now + MINUTE).logins == now


class TestChanges:
    def test_before_the_first_look_are_no_news_and_later_ones_are_facts_once(self, active: Grant) -> None:
        now = make.now()
        assert outside.record_changes(slug=SLUG, changes=[change(1)], until=now) == 1
        before = events_of(TARGET)
        mine = change(9, is_ours=True)
        new = [change(1), change(2, "MONGODB_USER_UPDATED", active.username), change(3), mine]
        for expected in (2, 0):
            assert outside.record_changes(slug=SLUG, changes=new, until=now + MINUTE) == expected

        assert events_of(TARGET)[len(before) :] == ["target.changed_outside"] * 2 + ["target.ours_changed"]
        told = facts_of(TARGET, "target.changed_outside")
        assert [(fact["event_id"], fact["ours"], fact["by"]) for fact in told] == [
            ("e2", True, OPS),
            ("e3", False, OPS),
        ]
        assert told[0]["why"] == f"{OPS} changed the database user {active.username}"
        assert queries.last_told(SLUG) == told[0]["why"]
        assert OutboxMessage.objects.filter(job="notify", event="target.ours_changed").count() == 1
        assert OutsideChange.objects.count() == 3
        assert queries.read_from(SLUG, at=now + MINUTE).changes == now + MINUTE - queries.LATE

    def test_to_others_alone_are_facts_that_nobody_is_sent(self, cast: Cast) -> None:
        outside.record_changes(slug=SLUG, changes=[], until=make.now())
        before = OutboxMessage.objects.count()
        outside.record_changes(slug=SLUG, changes=[change(1)], until=make.now())

        assert events_of(TARGET)[-1] == "target.changed_outside"
        assert OutboxMessage.objects.count() == before

    def test_many_to_ours_are_one_message(self, active: Grant) -> None:
        outside.record_changes(slug=SLUG, changes=[], until=make.now())
        many = [change(number, "MONGODB_USER_UPDATED", active.username) for number in range(5)]
        outside.record_changes(slug=SLUG, changes=many, until=make.now())

        assert queries.last_told(SLUG).endswith("; and 2 more")

    def test_are_forgotten_after_a_while_and_stay_in_the_trail(self, cast: Cast, clock: MovableClock) -> None:
        outside.record_changes(slug=SLUG, changes=[change(1)], until=make.now())
        pruning.prune()
        assert OutsideChange.objects.exists()
        clock.advance(timedelta(days=91))
        pruning.prune()
        assert not OutsideChange.objects.exists()


class TestLookNow:
    def test_is_for_administrators_and_begins_every_look(self, cast: Cast) -> None:
        OutboxMessage.objects.all().delete()
        with pytest.raises(Refused):
            outside.look_now(slug=SLUG, person=cast.bob, via=Via.WEB)

        _, is_new = outside.look_now(slug=SLUG, person=cast.erin, via=Via.WEB)

        assert is_new
        waiting = OutboxMessage.objects.filter(done_at=None)
        assert set(waiting.values_list("job", "target")) == {
            ("reconcile", SLUG),
            ("read_inventory", SLUG),
            ("read_changes", SLUG),
        }

    def test_is_done_once_a_minute_and_hurries_what_waits(self, cast: Cast, clock: MovableClock) -> None:
        outside.look_now(slug=SLUG, person=cast.erin, via=Via.API)
        later = make.now() + timedelta(hours=1)
        OutboxMessage.objects.filter(job="reconcile").update(ready_at=later)
        assert not outside.look_now(slug=SLUG, person=cast.erin, via=Via.API)[1]
        assert OutboxMessage.objects.get(job="reconcile").ready_at == later

        clock.advance(2 * MINUTE)
        assert outside.look_now(slug=SLUG, person=cast.erin, via=Via.API)[1]
        assert OutboxMessage.objects.get(job="reconcile", done_at=None).ready_at < later
        assert events_of(TARGET).count("target.look_asked") == 2
        clock.advance(timedelta(hours=-2))
        assert outside.look_now(slug=SLUG, person=cast.erin, via=Via.API)[1], "the clock went back"
        assert Look.objects.get().phase == "check"
