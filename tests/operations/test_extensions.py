"""A live access that lasts longer: asked by its holder alone, judged like a new ask, and never true before the target has it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accessrequests.domain.events import Via
from accessrequests.domain.lifecycle import EndReason
from accessrequests.models import AccessRequest, Extension, Grant, Person
from accessrequests.operations import access_requests, extensions, grants
from accessrequests.operations.refusals import IllegalMove, NotReady, Refused
from accessrequests.queries import extensions as extension_queries
from accessrequests.queries import work
from accessrequests.queries.asks import Invalid
from tests import make
from tests.fixtures import MovableClock
from tests.make import Cast
from tests.traces import Traces, refuses

HOUR = timedelta(hours=1)
WHY = "The batch is larger than we thought."


@pytest.fixture
def automatic(cast: Cast) -> Grant:
    """Two hours on a target where nobody is asked."""
    return make.activated(Grant.objects.get(access_request=make.submit(cast.alice, target="shop-dev")))


def ask(grant: Grant, holder: Person, *, duration: timedelta = HOUR, reason: str = WHY) -> Grant:
    return extensions.ask(grant_id=grant.pk, holder=holder, via=Via.API, duration=duration, reason=reason)


def asked() -> AccessRequest:
    return AccessRequest.objects.exclude(extends=None).select_related("extends").latest("pk")


def extended(grant: Grant, holder: Person, *, duration: timedelta = HOUR) -> Grant:
    """Asked where nobody has to answer, and confirmed, without a target."""
    ask(grant, holder, duration=duration)
    started = extensions.start(grant_id=grant.pk)
    assert started is not None
    assert extensions.mark_extended(extension_id=started.pk)
    grant.refresh_from_db()
    return grant


class TestAsking:
    def test_where_nobody_is_asked_it_is_on_its_way_and_the_old_end_holds(self, cast: Cast, automatic: Grant) -> None:
        was, traces = automatic.expires_at, Traces()
        assert was is not None

        ask(automatic, cast.alice)

        request = asked()
        automatic.refresh_from_db()
        extension = Extension.objects.get()
        assert automatic.expires_at == was
        assert (extension.state, extension.ends_from, extension.ends_at) == ("waiting", was, was + HOUR)
        assert (request.state, request.reason, request.extends) == ("approved", WHY, automatic)
        assert traces.events() == [
            ("access_request.submitted", "alice", str(request)),
            ("access_request.extension_approved", "access-requests", str(request)),
        ]
        assert traces.jobs() == [("notify", str(request)), ("extend", str(automatic))]
        assert extension_queries.other_ends(automatic) == (was + HOUR,)

    def test_where_somebody_approved_somebody_approves_again(self, cast: Cast, active: Grant) -> None:
        ask(active, cast.alice)
        request = asked()
        assert (request.state, request.step_groups) == ("pending", ["data-owners"])
        assert not Extension.objects.exists()

        make.approve(request, cast.grace)

        assert Extension.objects.get().access_request == request
        assert Grant.objects.count() == 1

    def test_an_approver_may_shorten_it(self, cast: Cast, active: Grant) -> None:
        ask(active, cast.alice, duration=2 * HOUR)
        make.approve(asked(), cast.bob, duration=HOUR)

        extension = Extension.objects.get()
        assert extension.ends_at - extension.ends_from == HOUR

    def test_it_is_not_changed_into_something_else(self, cast: Cast, active: Grant) -> None:
        ask(active, cast.alice)
        with refuses(Refused, match="more time is not changed"):
            access_requests.edit(
                access_request_id=asked().pk,
                requester=cast.alice,
                via=Via.API,
                revision=1,
                changes={"roles": ("readWrite@shop",)},
            )

    def test_nobody_extends_for_somebody_else(self, cast: Cast, active: Grant) -> None:
        for other in (cast.bob, cast.erin, cast.mallory):
            with refuses(Refused, match="Only the person who holds"):
                ask(active, other)

    def test_nothing_that_is_not_live_is_extended(self, cast: Cast, grant: Grant) -> None:
        with refuses(NotReady, match="once it is live"):
            ask(grant, cast.alice)
        grants.release(grant_id=grant.pk, holder=cast.alice, via=Via.API)
        with refuses(IllegalMove, match="ended already"):
            ask(grant, cast.alice)

    def test_the_deadline_that_has_come_is_never_moved(self, cast: Cast, automatic: Grant, clock: MovableClock) -> None:
        clock.advance(2 * HOUR)
        with refuses(IllegalMove, match="ended already"):
            ask(automatic, cast.alice)

    @pytest.mark.parametrize(("seconds", "is_refused"), [(61, False), (59, True)])
    def test_under_a_minute_it_is_refused(
        self, cast: Cast, automatic: Grant, clock: MovableClock, seconds: int, is_refused: bool
    ) -> None:
        clock.advance(2 * HOUR - timedelta(seconds=seconds))
        if not is_refused:
            ask(automatic, cast.alice)
            return
        with refuses(Refused, match="Less than a minute"):
            ask(automatic, cast.alice)

    def test_a_reason_is_needed_as_the_rule_wants_it(self, cast: Cast, automatic: Grant) -> None:
        with refuses(Invalid):
            ask(automatic, cast.alice, reason=" ")
        with refuses(Refused, match="reason of at least"):
            ask(automatic, cast.alice, reason="short")

    def test_one_at_a_time(self, cast: Cast, active: Grant, automatic: Grant) -> None:
        ask(active, cast.alice)
        with refuses(IllegalMove, match="asks for an extension already"):
            ask(active, cast.alice)
        ask(automatic, cast.alice)
        with refuses(IllegalMove, match="is on its way"):
            ask(automatic, cast.alice)

    def test_a_repeat_of_the_same_call_is_not_another_one(self, cast: Cast, automatic: Grant) -> None:
        extended(automatic, cast.alice)
        assert AccessRequest.objects.filter(extends=automatic).count() == 1


class TestTotal:
    def test_the_cap_refuses_what_would_go_beyond_it(self, cast: Cast, automatic: Grant) -> None:
        """24 hours in all: 2, then 10, 10 and 2 more."""
        for hours in (10, 10, 2):
            extended(automatic, cast.alice, duration=hours * HOUR)
        assert automatic.starts_at is not None
        assert automatic.expires_at == automatic.starts_at + 24 * HOUR

        with refuses(Refused, match="may last 1 day.*Nothing can be added") as refused:
            ask(automatic, cast.alice, duration=timedelta(seconds=1))
        assert refused.value.rule

    def test_the_stricter_policy_of_today_counts(self, cast: Cast, active: Grant) -> None:
        make.publish_rules(make.rule("tighter", maximum="PT2H"))

        with refuses(Refused, match="may last 2 hours"):
            ask(active, cast.alice)

    def test_and_so_does_the_one_that_it_was_given_under(self, cast: Cast, active: Grant) -> None:
        make.publish_rules(make.rule("laxer", approvals=[], maximum="P7D"))

        ask(active, cast.alice)

        assert asked().state == "pending"
        with refuses(IllegalMove):
            ask(active, cast.alice, duration=7 * HOUR)

    def test_the_cap_is_asked_for_again_at_the_click(self, cast: Cast, active: Grant) -> None:
        ask(active, cast.alice)
        make.publish_rules(make.rule("tighter", maximum="PT2H"))

        with refuses(Refused, match="may last 2 hours"):
            make.approve(asked(), cast.bob)


class TestDeciding:
    def test_too_late_is_too_late_for_an_approver_too(self, cast: Cast, active: Grant, clock: MovableClock) -> None:
        ask(active, cast.alice)
        clock.advance(2 * HOUR - timedelta(seconds=59))

        with refuses(IllegalMove, match="lapsed"):
            make.approve(asked(), cast.bob)

    def test_an_access_that_has_ended_is_not_extended(self, cast: Cast, active: Grant) -> None:
        ask(active, cast.alice)
        grants.release(grant_id=active.pk, holder=cast.alice, via=Via.API)

        with refuses(IllegalMove, match="ended already"):
            make.approve(asked(), cast.bob)

    def test_what_would_extend_an_ended_access_is_taken_back_by_itself(self, cast: Cast, active: Grant) -> None:
        ask(active, cast.alice)
        assert work.orphaned_extensions(limit=5) == []
        grants.release(grant_id=active.pk, holder=cast.alice, via=Via.API)
        request, traces = asked(), Traces()
        assert work.orphaned_extensions(limit=5) == [request.pk]

        access_requests.expire(access_request_id=request.pk)

        assert asked().state == "cancelled"
        assert traces.events() == [("access_request.cancelled", "access-requests", str(request))]
        assert work.orphaned_extensions(limit=5) == []


class TestOnItsWay:
    def test_it_counts_once_the_target_has_it(self, cast: Cast, automatic: Grant, clock: MovableClock) -> None:
        clock.advance(HOUR + timedelta(minutes=50))
        assert extensions.warn(grant_id=automatic.pk)
        was = automatic.expires_at
        gate = automatic.gates.get(gate="user")
        gate.evidence["open"]["deleted_by_atlas_at"] = "the old end"
        gate.save()
        ask(automatic, cast.alice)
        extension = extensions.start(grant_id=automatic.pk)
        assert was is not None
        assert extension is not None
        traces = Traces()

        said = {"deleted_by_atlas_at": "the new end"}
        assert extensions.mark_extended(extension_id=extension.pk, evidence=said)

        automatic.refresh_from_db()
        opened = {gate.gate: gate.evidence["open"] for gate in automatic.gates.all()}
        assert opened == {"user": {"proof": "login", **said}, "roles": said}
        assert (automatic.expires_at, automatic.state, automatic.warned_at) == (was + HOUR, "active", None)
        assert traces.events() == [("grant.extended", "access-requests", str(automatic))]
        assert traces.facts("grant.extended")["reason"] == WHY
        assert Extension.objects.get().state == "done"
        assert extension_queries.other_ends(automatic) == ()
        assert not extensions.mark_extended(extension_id=extension.pk), "a repeat of the worker changes nothing"
        assert extensions.start(grant_id=automatic.pk) is None

    def test_the_old_end_that_came_first_holds(self, cast: Cast, automatic: Grant, clock: MovableClock) -> None:
        ask(automatic, cast.alice)
        extension = extensions.start(grant_id=automatic.pk)
        assert extension is not None
        clock.advance(2 * HOUR)
        traces = Traces()

        assert not extensions.mark_extended(extension_id=extension.pk)

        assert traces.events() == [("grant.extension_failed", "access-requests", str(automatic))]
        assert grants.expire(grant_id=automatic.pk)
        automatic.refresh_from_db()
        assert automatic.end_reason == "expiry"

    def test_no_try_begins_when_the_old_end_is_too_near(
        self, cast: Cast, automatic: Grant, clock: MovableClock
    ) -> None:
        ask(automatic, cast.alice)
        clock.advance(2 * HOUR - timedelta(seconds=4))

        assert extensions.start(grant_id=automatic.pk) is None

        failed = Extension.objects.get()
        assert (failed.state, failed.why) == ("failed", extensions.OVERTAKEN)
        assert extension_queries.other_ends(automatic) == (failed.ends_at,), "the target may have it all the same"
        assert extension_queries.last_failure(automatic) == extensions.OVERTAKEN

    def test_an_access_that_ends_meanwhile_ends(self, cast: Cast, automatic: Grant) -> None:
        ask(automatic, cast.alice)
        extension = extensions.start(grant_id=automatic.pk)
        assert extension is not None
        grants.release(grant_id=automatic.pk, holder=cast.alice, via=Via.API)

        assert extensions.start(grant_id=automatic.pk) is None
        assert not extensions.mark_extended(extension_id=extension.pk)
        assert not extensions.give_up(extension_id=extension.pk, why="It is settled already.")
        automatic.refresh_from_db()
        assert automatic.state == "revoking"
        assert extension_queries.other_ends(automatic) == ()

    def test_a_target_that_refuses_it_leaves_the_old_end(self, cast: Cast, automatic: Grant) -> None:
        was = automatic.expires_at
        ask(automatic, cast.alice)

        assert extensions.give_up(extension_id=Extension.objects.get().pk, why="The user is no longer there.")

        automatic.refresh_from_db()
        assert automatic.expires_at == was
        assert extension_queries.last_failure(automatic) == "The user is no longer there."

    @pytest.mark.parametrize(
        ("change", "why"), [("rule", "at most 30 minutes"), ("person", "may no longer sign in"), ("target", "retired")]
    )
    def test_it_is_judged_again_before_the_target_is_told(
        self, cast: Cast, automatic: Grant, change: str, why: str
    ) -> None:
        ask(automatic, cast.alice)
        if change == "rule":
            make.publish_rules(make.rule("tight", match={}, approvals=[], maximum="PT30M"))
        elif change == "target":
            automatic.target.retired_at = make.now()
            automatic.target.save()
        else:
            Person.objects.filter(username="alice").update(is_active=False)

        assert extensions.start(grant_id=automatic.pk) is None
        assert why in Extension.objects.get().why


class TestWarning:
    def test_once_before_each_end(self, cast: Cast, automatic: Grant, clock: MovableClock) -> None:
        clock.advance(HOUR + timedelta(minutes=44))
        assert work.to_warn(make.now(), limit=5) == []
        assert not extensions.warn(grant_id=automatic.pk)
        clock.advance(timedelta(minutes=2))
        assert work.to_warn(make.now(), limit=5) == [automatic.pk]
        traces = Traces()

        assert extensions.warn(grant_id=automatic.pk)
        assert not extensions.warn(grant_id=automatic.pk)

        assert traces.events() == [("grant.ending_soon", "access-requests", str(automatic))]
        assert traces.jobs() == [("notify", str(automatic))]
        assert work.to_warn(make.now(), limit=5) == []
        extended(automatic, cast.alice)
        assert work.to_warn(make.now(), limit=5) == []
        clock.advance(HOUR)
        assert work.to_warn(make.now(), limit=5) == [automatic.pk]

    def test_what_is_short_is_told_half_way_and_what_is_shorter_never(self, cast: Cast, clock: MovableClock) -> None:
        for minutes in (9, 20):
            make.activated(
                Grant.objects.get(
                    access_request=make.submit(cast.alice, target="shop-dev", duration=timedelta(minutes=minutes))
                )
            )
        nine, twenty = Grant.objects.order_by("pk")
        clock.advance(timedelta(minutes=8))
        assert work.to_warn(make.now(), limit=5) == []
        assert not extensions.warn(grant_id=nine.pk)
        clock.advance(timedelta(minutes=3))
        assert work.to_warn(make.now(), limit=5) == [twenty.pk]

    def test_what_has_not_begun_or_ends_is_not_told(self, cast: Cast, grant: Grant, active: Grant) -> None:
        assert not extensions.warn(grant_id=grant.pk)
        grants.end(grant_id=active.pk, reason=EndReason.DRIFT, note="")
        assert not extensions.warn(grant_id=active.pk)


class TestOffer:
    def test_says_how_long_or_what_waits_or_why_not(self, cast: Cast, active: Grant, clock: MovableClock) -> None:
        longer = extension_queries.longer(active, at=make.now())
        assert (longer.longest, longer.why_not) == (6 * HOUR, "")
        ask(active, cast.alice)
        assert extension_queries.longer(active, at=make.now()).waiting == asked()
        make.approve(asked(), cast.bob)
        assert extension_queries.longer(active, at=make.now()).on_its_way == Extension.objects.get()

    def test_says_why_not(self, cast: Cast, grant: Grant, active: Grant, clock: MovableClock) -> None:
        assert "live" in extension_queries.longer(grant, at=make.now()).why_not
        make.publish_rules(make.rule("none", deny=True))
        assert "denies" in extension_queries.longer(active, at=make.now()).why_not
        active.access_request.target.retired_at = make.now()
        assert "retired" in extension_queries.longer(active, at=make.now()).why_not
        late = make.now() + 2 * HOUR - timedelta(seconds=30)
        assert "Less than a minute" in extension_queries.longer(active, at=late).why_not
