"""Breaking the glass: what it leaves behind, what refuses it, when a second person is needed, and the review."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

import pytest

from accessrequests.domain.events import Via
from accessrequests.domain.proofs import APP, Proof
from accessrequests.domain.reviews import Finding
from accessrequests.models import AccessRequest, AuditEvent, BreakGlass, Grant, OutboxMessage
from accessrequests.operations import access_requests, break_glass, credentials, extensions, grants
from accessrequests.operations.refusals import IllegalMove, NotReady, Refused
from accessrequests.queries import access_requests as request_queries
from accessrequests.queries import clock as real_clock
from accessrequests.queries import extensions as extension_queries
from accessrequests.queries.asks import Invalid
from accessrequests.queries.belonging import belonging_of
from accessrequests.queries.broken import SELF_TEST
from sandbox import catalogue
from tests import glass, make
from tests.fixtures import MovableClock
from tests.make import Cast
from tests.traces import Traces, refuses

WEEK = timedelta(days=7)


class TestRequest:
    def test_gives_at_once_and_tells_before_anybody_waits(self, cast: Cast) -> None:
        traces = Traces()

        access_request = glass.broken(cast.frank)

        grant, broken = Grant.objects.get(), BreakGlass.objects.get()
        assert (access_request.state, access_request.decided_by, grant.state) == ("approved", "break-glass", "pending")
        assert (grant.holder, grant.length) == (cast.frank, timedelta(hours=1))
        assert (broken.incident, broken.proved_by, broken.is_drill) == ("INC-884", APP, False)
        assert broken.began_at is not None
        assert traces.events() == [
            ("breakglass.requested", "frank", str(access_request)),
            ("breakglass.activated", "frank", str(access_request)),
        ]
        assert traces.facts("breakglass.requested")["tells"] == ["data-owners", "security"]
        told = OutboxMessage.objects.exclude(pk__in=traces.message_ids).order_by("pk")
        assert list(told.values_list("job", "queue", "event")) == [
            ("notify", "break_glass", "breakglass.requested"),
            ("provision", "break_glass", "breakglass.activated"),
            ("notify", "break_glass", "breakglass.activated"),
        ]
        assert len(set(told.values_list("lane", flat=True))) == 3, "no alarm waits for another"

    def test_is_seen_and_ended_by_everybody_who_is_told(self, cast: Cast) -> None:
        access_request = glass.broken(cast.frank)
        grant = Grant.objects.get()
        for person in (cast.bob, cast.grace, cast.carol):
            assert access_request in request_queries.visible_to(person)
            assert not request_queries.waiting_for(belonging_of(person)).exists(), "nobody is asked"
        assert access_request not in request_queries.visible_to(cast.alice)

        grants.revoke(grant_id=grant.pk, person=cast.grace, via=Via.WEB, reason="It is not on fire.")

        grant.refresh_from_db()
        assert (grant.state, grant.ended_by) == ("revoking", "grace")

    @pytest.mark.parametrize("name", ["alice", "bob", "carol", "dave", "erin", "mallory"])
    def test_refuses_whom_the_policy_does_not_name(self, cast: Cast, name: str) -> None:
        with refuses(Refused) as caught:
            glass.broken(getattr(cast, name))

        assert (caught.value.event, caught.value.subject) == ("breakglass.refused", "target/shop-prod")

    @pytest.mark.parametrize(
        ("changes", "match"),
        [
            ({"duration": timedelta(hours=5)}, "4 hours"),
            ({"reason": "Too short to say."}, "20 characters"),
            ({"roles": ("userAdmin@shop",)}, "delegating"),
            ({"target": "shop-dev", "confirm_target": "shop-dev"}, "break-glass"),
        ],
    )
    def test_refuses_what_the_policy_does_not_allow(self, cast: Cast, changes: dict[str, object], match: str) -> None:
        with refuses(Refused, match=match):
            glass.broken(cast.frank, **changes)

    @pytest.mark.parametrize(
        ("field", "changes"),
        [
            ("confirm_target", {"confirm_target": "shop-staging"}),
            ("incident", {"incident": " "}),
            ("incident", {"incident": "x" * 201}),
            ("incident", {"incident": "INC\u202e1"}),
            ("kind", {"kind": "role_grant", "database_user": "shop-reports@admin"}),
            ("grantee", {"grantee": "alice"}),
            ("starts_at", {"starts_at": real_clock}),
        ],
    )
    def test_names_the_field_that_is_wrong(self, cast: Cast, field: str, changes: dict[str, object]) -> None:
        if field == "starts_at":
            changes = {"starts_at": make.now() + timedelta(hours=1)}

        with refuses(Invalid) as caught:
            glass.broken(cast.frank, **changes)

        assert list(caught.value.errors) == [field]

    def test_needs_a_second_factor_of_this_person_and_of_just_now(self, cast: Cast) -> None:
        for proof in (
            Proof(cast.frank.pk, APP, make.now() - timedelta(minutes=5)),
            Proof(cast.alice.pk, APP, make.now()),
        ):
            with refuses(Refused, match="second factor"):
                glass.broken(cast.frank, proof=proof)

    def test_uses_the_reserve_that_others_may_not(self, cast: Cast) -> None:
        make.make_atlas(database_users={"limit": 100, "used": 96})
        ask = {"target": "ecommerce-prod", "clusters": ("orders",), "source_addresses": ("192.0.2.7",)}
        with refuses(Refused, match="full"):
            make.submit(cast.alice, **ask)
        given = glass.broken(cast.frank, confirm_target="ecommerce-prod", **ask)
        assert given.state == "approved"
        make.make_atlas(database_users={"limit": 100, "used": 100})

        with refuses(Refused, match="full"):
            glass.broken(cast.frank, confirm_target="ecommerce-prod", **ask)

    def test_gives_no_voice_and_is_not_renewed_or_changed(self, cast: Cast) -> None:
        access_request = glass.broken(cast.frank)
        make.activated(Grant.objects.get())
        others = make.submit(cast.alice)

        with refuses(Refused):
            make.approve(others, cast.frank)
        grant = Grant.objects.get(access_request=access_request)
        assert "second hour" in extension_queries.longer(grant, at=make.now()).why_not, "The page offers no form."
        with refuses(Refused, match="second hour"):
            extensions.ask(
                grant_id=access_request.grant.pk,
                holder=cast.frank,
                via=Via.WEB,
                duration=timedelta(hours=1),
                reason=glass.REASON,
            )

    def test_is_not_opened_once_the_policy_says_no(self, cast: Cast) -> None:
        glass.broken(cast.frank)
        make.apply("frank", groups=["engineering"])

        assert grants.start_provisioning(grant_id=Grant.objects.get().pk) is None
        assert Grant.objects.get().end_reason == "eligibility_lost"

    def test_counts_everything_as_used_once(self, cast: Cast) -> None:
        glass.broken(cast.frank)
        grant = make.activated(Grant.objects.get())
        traces = Traces()
        credentials.reveal(grant_id=grant.pk, person=cast.frank, via=Via.WEB)
        credentials.rotate(grant_id=grant.pk, person=cast.frank, via=Via.WEB)
        renewal = credentials.start_rotation(grant_id=grant.pk)
        assert renewal is not None
        credentials.mark_rotated(grant_id=grant.pk, generation=renewal.generation)
        credentials.reveal(grant_id=grant.pk, person=cast.frank, via=Via.WEB)

        assert [event for event, *_ in traces.events()].count("breakglass.used") == 1
        assert BreakGlass.objects.get().used_at is not None


class TestSecondPerson:
    def test_is_needed_for_a_second_hour_of_the_same(self, cast: Cast) -> None:
        glass.ended(glass.broken(cast.frank))
        traces = Traces()

        again = glass.broken(cast.frank)

        assert (again.state, again.wanted_groups) == ("pending", ["security"])
        assert traces.jobs() == [("notify", str(again))]
        assert not Grant.objects.filter(access_request=again).exists()
        assert list(request_queries.waiting_for(belonging_of(cast.carol))) == [again]
        with refuses(Refused):
            make.approve(again, cast.bob)

        make.approve(again, cast.carol)

        grant = Grant.objects.get(access_request=again)
        assert traces.events()[-2:] == [
            ("access_request.approval_given", "carol", str(again)),
            ("breakglass.activated", "carol", str(again)),
        ]
        assert again.break_glass.why_second.startswith("You had this already")
        assert AccessRequest.objects.get(pk=again.pk).step_groups == ["data-owners", "security"]
        assert grants.start_provisioning(grant_id=grant.pk) is not None

    def test_may_say_no_and_the_asker_may_take_it_back_but_not_change_it(self, cast: Cast) -> None:
        glass.ended(glass.broken(cast.frank))
        again = glass.broken(cast.frank)

        with refuses(Refused, match="not changed"):
            access_requests.edit(
                access_request_id=again.pk, requester=cast.frank, via=Via.WEB, revision=1, changes={"ticket": "OPS-1"}
            )
        access_requests.deny(
            access_request_id=again.pk, approver=cast.carol, via=Via.WEB, revision=1, reason="Call me first."
        )

        assert not Grant.objects.filter(access_request=again).exists()

    def test_is_needed_after_two_within_a_week(self, cast: Cast, clock: MovableClock) -> None:
        for _ in range(2):
            done = glass.broken(cast.frank)
            glass.reviewed(glass.ended(done).access_request, cast.carol)
            clock.advance(timedelta(days=1))

        assert "twice within 7 days" in glass.broken(cast.frank).break_glass.why_second
        clock.advance(WEEK)
        assert glass.broken(cast.frank).state == "approved"

    def test_is_needed_after_five_on_one_target_within_a_day(self, cast: Cast) -> None:
        names = ("alice", "bob", "grace", "dave", "erin")
        for name in names:
            make.apply(name, groups=["on-call"])
            glass.broken(getattr(cast, name))

        assert "5 times within 1 day" in glass.broken(cast.frank).break_glass.why_second

    def test_must_be_there(self, cast: Cast) -> None:
        glass.ended(glass.broken(cast.frank))
        make.apply("carol", active=False)

        with refuses(Refused, match="Nobody else"):
            glass.broken(cast.frank)


class TestReview:
    def test_is_of_another_person_whom_the_policy_names(self, cast: Cast) -> None:
        access_request = glass.broken(cast.frank)
        make.apply("frank", groups=["engineering", "on-call", "security"])
        glass.ended(access_request)

        for person in (cast.frank, cast.bob, cast.alice, cast.erin):
            with refuses(Refused, match="somebody of security, but not by"):
                glass.reviewed(access_request, person)
        traces = Traces()
        glass.reviewed(access_request, cast.carol, Finding.MISUSE)

        broken = BreakGlass.objects.get()
        assert (broken.finding, broken.reviewed_by) == ("misuse", cast.carol)
        assert traces.events() == [("breakglass.reviewed", "carol", str(access_request))]
        assert traces.jobs() == [("notify", str(access_request))]
        with refuses(IllegalMove, match="carol has reviewed"):
            glass.reviewed(access_request, cast.carol)

    def test_comes_after_the_end(self, cast: Cast) -> None:
        access_request = glass.broken(cast.frank)
        with refuses(NotReady):
            glass.reviewed(access_request, cast.carol)

    @pytest.mark.parametrize("note", ["  ", "x" * 2001, "fine\u202e"])
    def test_says_what_was_done(self, cast: Cast, note: str) -> None:
        access_request = glass.broken(cast.frank)
        glass.ended(access_request)
        with refuses(Invalid):
            break_glass.review(
                access_request_id=access_request.pk, reviewer=cast.carol, via=Via.WEB, finding=Finding.REAL, note=note
            )

    def test_that_is_overdue_is_told_daily_and_suspends(self, cast: Cast, clock: MovableClock) -> None:
        access_request = glass.broken(cast.frank)
        glass.ended(access_request)
        assert not break_glass.escalate(access_request_id=access_request.pk)
        clock.advance(timedelta(days=3, hours=1))
        traces = Traces()

        assert break_glass.escalate(access_request_id=access_request.pk)
        assert not break_glass.escalate(access_request_id=access_request.pk)
        clock.advance(timedelta(days=1))
        assert break_glass.escalate(access_request_id=access_request.pk)

        assert [event for event, *_ in traces.events()] == ["breakglass.review_overdue"] * 2
        with refuses(Refused, match="not been reviewed in time") as caught:
            glass.broken(cast.frank)
        assert caught.value.rule == "break-glass suspended"
        glass.reviewed(access_request, cast.carol)
        assert not break_glass.escalate(access_request_id=access_request.pk)
        assert glass.broken(cast.frank).state == "approved"


class TestEnd:
    def test_is_told_once_and_kept_with_the_moment(self, cast: Cast) -> None:
        access_request = glass.broken(cast.frank)
        traces = Traces()

        grant = glass.ended(access_request)

        assert [event for event, *_ in traces.events()].count("breakglass.ended") == 1
        assert BreakGlass.objects.get().ended_at == grant.cut_at


class TestAlerts:
    def test_that_fail_are_a_fact_once_a_channel(self, cast: Cast) -> None:
        access_request = glass.broken(cast.frank)
        traces = Traces()
        failed: Mapping[str, str] = {"event": "breakglass.activated", "subject": str(access_request), "why": "Away."}
        for channel in ("mail", "mail", "pager"):
            break_glass.note_alert_failed(channel=channel, **failed)
        break_glass.note_alert_failed(**{**failed, "event": "grant.revoked"}, channel="mail")

        found = AuditEvent.objects.filter(event="breakglass.alert_failed").order_by("sequence")
        assert [one.facts["channel"] for one in found] == ["mail", "pager"]
        assert len(traces.events()) == 2


class TestDrill:
    def test_that_is_due_is_told_of_each_target_once_a_week(self, cast: Cast, clock: MovableClock) -> None:
        traces = Traces()

        told = [break_glass.remind_of_drill(slug=slug) for slug in ("shop-prod", "shop-prod", "shop-dev")]
        clock.advance(WEEK)

        assert told == [True, False, True]
        assert break_glass.remind_of_drill(slug="shop-prod")
        subjects = ["target/shop-prod", "target/shop-dev", "target/shop-prod"]
        assert traces.events() == [("breakglass.drill_due", "access-requests", subject) for subject in subjects]
        assert traces.jobs() == [("notify", subject) for subject in subjects]


class TestSelfTest:
    def test_is_asked_for_by_administrators_alone(self, cast: Cast) -> None:
        for person in (cast.frank, cast.dave):
            with refuses(Refused, match="Only administrators"):
                break_glass.ask_self_test(person=person, via=Via.WEB)
        traces = Traces()

        break_glass.ask_self_test(person=cast.erin, via=Via.WEB)

        assert traces.events() == [("breakglass.self_test_asked", "erin", SELF_TEST)]
        assert traces.jobs() == [("self_test", SELF_TEST)]

    @pytest.mark.parametrize(
        ("whys", "said", "red"),
        [(("", ""), "all of it", []), (("", "No answer."), "not all of it: chat", ["chat"])],
    )
    def test_keeps_each_part_and_names_what_is_red(
        self, db: None, whys: tuple[str, str], said: str, red: list[str]
    ) -> None:
        traces = Traces()
        parts = [{"part": part, "why": why} for part, why in zip(("mail", "chat"), whys, strict=True)]

        break_glass.note_self_test(parts=parts)

        assert traces.events() == [("breakglass.self_tested", "access-requests", SELF_TEST)]
        assert traces.facts("breakglass.self_tested") == {"why": said, "red": red, "parts": parts}
        assert traces.jobs() == [("notify", SELF_TEST)]


def test_the_sandbox_names_nobody_but_who_is_on_call() -> None:
    assert catalogue.BREAK_GLASS["eligible"] == ["on-call"]
    assert catalogue.MEMBERS["on-call"] == ("frank",)
