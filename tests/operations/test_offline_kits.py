"""Guards the offline kit: who may hold one, what is kept of it, and that each login with it is an alarm once."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accessrequests.domain.events import Job, Via
from accessrequests.domain.reviews import Finding
from accessrequests.models import KitUse, OfflineKit, OutboxMessage, Person
from accessrequests.operations import offline_kits, outbox
from accessrequests.operations.refusals import IllegalMove, Refused
from accessrequests.queries import offline_kits as queries
from accessrequests.queries import work
from accessrequests.queries.asks import Invalid
from accessrequests.queries.belonging import belonging_of
from tests import kits, make
from tests.fixtures import MovableClock
from tests.kits import SLUG, SUBJECT
from tests.make import Cast
from tests.traces import Traces, refuses
from workers import watch


def concern() -> str:
    (kit,) = queries.everything()
    return queries.concern(kit, at=make.now())


class TestOrder:
    def test_keeps_the_fact_before_the_target_is_asked(self, cast: Cast) -> None:
        kits.declare()
        assert [target.slug for target in queries.lacking()] == [SLUG]
        traces = Traces()
        kit = kits.order()

        assert (kit.username, kit.roles, kit.holders) == ("ar-kit-shop-prod", ["readWrite@shop"], ["frank", "erin"])
        assert traces.events() == [("breakglass.kit_ordered", "os:tests", SUBJECT)]
        assert "never finished" in concern()
        assert queries.to_watch(make.now()) == [SLUG], "from now on, whatever comes"
        assert queries.lacking() == []

    @pytest.mark.parametrize(
        ("roles", "holders", "why"),
        [
            (("readWrite@shop",), ("frank",), "two holders"),
            (("readWrite@shop",), ("frank", "frank"), "two holders"),
            (("readWrite@shop",), ("frank", "mallory"), "mallory may not hold"),
            (("userAdmin@shop",), ("frank", "erin"), "can give access to others"),
            (("read@nowhere",), ("frank", "erin"), "has no role read@nowhere"),
        ],
    )
    def test_refuses_what_a_kit_never_is(
        self, cast: Cast, roles: tuple[str, ...], holders: tuple[str, ...], why: str
    ) -> None:
        kits.declare(*roles)
        with refuses(Refused, match=why):
            kits.order(holders=holders)

    def test_refuses_a_target_without_one_or_that_is_not_there(self, cast: Cast) -> None:
        with refuses(Refused, match="has no offline kit for shop-prod"):
            kits.order()
        with refuses(Refused, match="no target called nowhere"):
            offline_kits.order(slug="nowhere", holders=("frank", "erin"), fingerprint=kits.PRINT, actor=make.OPERATOR)

    def test_refuses_whoever_may_not_sign_in_any_more(self, cast: Cast) -> None:
        kits.declare()
        make.apply("frank", active=False)
        with refuses(Refused, match="nobody called frank"):
            kits.order()

    def test_refuses_a_service_however_the_catalogue_names_it(self, cast: Cast) -> None:
        service = make.make_service().username
        kits.declare(holders=("frank", service))
        with refuses(Refused, match=f"nobody called {service}"):
            kits.order(holders=("frank", service))

    def test_refuses_where_nobody_has_read_what_is_there(self, cast: Cast) -> None:
        make.unread_target()
        kits.declare(slug="shop-new")
        with refuses(Refused, match="have the target read"):
            offline_kits.order(slug="shop-new", holders=("frank", "erin"), fingerprint="b", actor=make.OPERATOR)


class TestMade:
    def test_stands_and_everybody_concerned_is_told(self, cast: Cast) -> None:
        traces = Traces()
        kit = kits.made()

        assert (kit.state, concern()) == ("standing", "")
        assert traces.events()[-1] == ("breakglass.kit_made", "os:tests", SUBJECT)
        assert traces.jobs() == [("notify", SUBJECT)]
        told = {person.username for person in queries.hearers(kit, at=make.now())}
        assert told == {"bob", "grace", "carol", "erin", "frank"}
        assert "password" not in str(traces.facts("breakglass.kit_made"))

    def test_a_login_before_it_is_no_news(self, cast: Cast) -> None:
        kits.made(kits.login("old"))
        assert not kits.note(kits.login("old"))

    def test_is_refused_when_another_was_ordered_meanwhile(self, cast: Cast) -> None:
        kits.declare()
        kits.order()
        kits.order(fingerprint="b" * 32)
        with refuses(IllegalMove):
            offline_kits.mark_made(
                slug=SLUG, holders=("frank", "erin"), fingerprint=kits.PRINT, seen=(), actor=make.OPERATOR
            )

    def test_grows_old_and_is_nothing_that_nobody_watches(self, cast: Cast, clock: MovableClock) -> None:
        kits.made()
        clock.advance(timedelta(minutes=6))
        assert "Nobody has looked for logins" in concern()
        clock.advance(timedelta(days=366))
        kits.note()
        assert "more than a year old" in concern()

    def test_is_nothing_to_rely_on_once_a_holder_left_or_the_catalogue_says_otherwise(self, cast: Cast) -> None:
        kits.made()
        kits.declare(holders=("bob", "erin"))
        assert concern().startswith("Half of it is with frank, who may not")
        kits.declare()
        assert concern() == ""
        make.apply("erin", active=False)
        assert concern().startswith("Half of it is with erin, who may not")

        target = kits.declare()
        del target.declared["offline_kit"]
        target.save()
        assert concern() == "The catalogue has no kit for this target any more: end it."
        offline_kits.mark_ended(slug=SLUG, evidence={"users": 0}, actor=make.OPERATOR)
        assert concern() == ""


class TestUse:
    def test_is_an_alarm_spends_the_kit_and_opens_a_review(self, cast: Cast) -> None:
        kits.made()
        traces = Traces()
        assert kits.note(kits.login(ago=timedelta(seconds=9)), kits.login("conn8", address="10.0.0.8"))

        use = KitUse.objects.get()
        assert (use.logins, use.addresses, use.review_groups) == (2, ["10.0.0.7", "10.0.0.8"], ["security"])
        assert traces.events() == [("breakglass.kit_used", "access-requests", SUBJECT)]
        jobs = set(OutboxMessage.objects.filter(event="breakglass.kit_used").values_list("job", "queue", "target"))
        assert jobs == {("rotate_kit", "break_glass", SLUG), ("notify", "break_glass", "")}
        assert concern() == "The kit is spent: make a new one."

    def test_is_told_once_and_again_only_for_another_login(self, cast: Cast, clock: MovableClock) -> None:
        use = kits.used()
        assert not kits.note(kits.login())
        clock.advance(timedelta(minutes=1))
        assert kits.note(kits.login("conn9"))

        use.refresh_from_db()
        assert (KitUse.objects.count(), use.logins) == (1, 2)
        assert use.last_at > use.began_at
        assert queries.to_watch(make.now()) == [], "it was looked at just now"
        clock.advance(timedelta(seconds=10))
        assert queries.to_watch(make.now()) == [SLUG]

    def test_a_new_kit_begins_anew(self, cast: Cast, clock: MovableClock) -> None:
        kits.used()
        clock.advance(timedelta(minutes=1))
        kits.made(kits.login())
        clock.advance(timedelta(minutes=1))

        assert kits.note(kits.login("conn10"))
        assert KitUse.objects.count() == 2

    def test_while_a_new_kit_is_made_is_one_of_the_old_holders_too(self, cast: Cast) -> None:
        kits.made()
        kits.order(holders=("bob", "frank"))
        assert kits.note(kits.login())

        use = KitUse.objects.get()
        assert use.holders == ["bob", "frank", "erin"]
        with refuses(Refused, match="held no half"):
            offline_kits.review(
                use_id=use.pk, reviewer=cast.erin, via=Via.WEB, finding=Finding.REAL, note="It was me, or not."
            )
        kits.made()
        assert OfflineKit.objects.get().holders == ["frank", "erin"]

    def test_its_password_is_changed_and_whatever_was_made_meanwhile_is_spent(self, cast: Cast) -> None:
        kits.used()
        assert offline_kits.mark_rotated(slug=SLUG)
        assert OfflineKit.objects.get().rotated_at is not None
        kits.made()
        assert offline_kits.mark_rotated(slug=SLUG)
        assert "spent" in concern()


class TestCheck:
    def test_what_is_wrong_is_told_once(self, cast: Cast) -> None:
        kits.made()
        traces = Traces()
        assert offline_kits.note_check(slug=SLUG, trouble="The kit's user is no longer on the target.")
        assert not offline_kits.note_check(slug=SLUG, trouble="The kit's user is no longer on the target.")

        assert traces.events() == [("breakglass.kit_damaged", "access-requests", SUBJECT)]
        assert traces.jobs() == [("notify", SUBJECT)]
        assert "no longer" in concern()
        assert not offline_kits.note_check(slug=SLUG, trouble="")
        assert concern() == ""


class TestEnd:
    def test_leaves_nothing_to_watch(self, cast: Cast) -> None:
        kits.made()
        traces = Traces()
        offline_kits.mark_ended(slug=SLUG, evidence={"users": 0}, actor=make.OPERATOR)

        assert traces.events() == [("breakglass.kit_ended", "os:tests", SUBJECT)]
        assert "was ended" in concern()
        assert queries.to_watch(make.now()) == []
        assert not kits.note(kits.login())
        assert not offline_kits.mark_rotated(slug=SLUG)


class TestReview:
    def review(self, use: KitUse, reviewer: Person, note: str = "The ledger was mended by hand.") -> KitUse:
        return offline_kits.review(use_id=use.pk, reviewer=reviewer, via=Via.WEB, finding=Finding.REAL, note=note)

    def test_is_kept_for_good(self, cast: Cast) -> None:
        use, traces = kits.used(), Traces()
        reviewed = self.review(use, cast.carol)

        assert (reviewed.finding, reviewed.reviewed_by, reviewed.review_note) == (
            "real",
            cast.carol,
            "The ledger was mended by hand.",
        )
        assert traces.events() == [("breakglass.kit_reviewed", "carol", SUBJECT)]
        with refuses(IllegalMove, match="carol has reviewed it already"):
            self.review(use, cast.carol)
        assert [one.use_id for one in queries.standing()] == [None]

    def test_is_not_for_who_held_a_half_nor_for_others(self, cast: Cast) -> None:
        use = kits.used()
        for person in (cast.erin, cast.frank, cast.alice, cast.dave):
            with refuses(Refused, match="security or the administrators"):
                self.review(use, person)

    def test_that_is_overdue_is_told_once_a_day(self, cast: Cast) -> None:
        use = kits.used()
        assert not offline_kits.escalate(use_id=use.pk)
        KitUse.objects.update(noticed_at=make.now() - timedelta(days=4))
        traces = Traces()
        watch.watch_break_glass(None)  # type: ignore[arg-type]
        assert not offline_kits.escalate(use_id=use.pk), "it was told today"

        assert ("breakglass.kit_review_overdue", "access-requests", SUBJECT) in traces.events()
        assert ("notify", SUBJECT) in traces.jobs()
        self.review(use, cast.carol)
        assert queries.unreviewed() == []
        assert not offline_kits.escalate(use_id=use.pk)

    def test_says_something(self, cast: Cast) -> None:
        use = kits.used()
        with refuses(Invalid):
            self.review(use, cast.carol, note=" ")


class TestSeen:
    def test_by_holders_by_who_is_told_and_by_who_watches(self, cast: Cast) -> None:
        kit = kits.made()
        seeing = {person.username for person in vars(cast).values() if queries.may_see(belonging_of(person), kit)}
        assert seeing == {"bob", "grace", "carol", "erin", "frank", "dave"}

    def test_nobody_reviews_where_there_is_no_policy(self, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("accessrequests.queries.broken.newest_policy", lambda: None)
        assert queries.groups_of(make.target()) == (set(), set())


def test_the_relay_looks_itself_where_nobody_takes_it(cast: Cast) -> None:
    kits.made()
    outbox.file_periodic(job=Job.WATCH_KIT, subject=SUBJECT, target=SLUG)
    message = OutboxMessage.objects.get(job="watch_kit", done_at=None)
    assert work.unclaimed_watches(message.ready_at) == []
    later = message.ready_at + work.UNWATCHED_FOR * 2
    assert work.unclaimed_watches(later) == [message.pk]
    OutboxMessage.objects.filter(pk=message.pk).update(claimed_until=later)
    assert work.unclaimed_watches(later) == []
