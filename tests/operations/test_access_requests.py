"""Asking and deciding: rows, audit and outbox after each verb, and nothing at all after a refusal."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.conf import settings

from accessrequests.domain.events import Via
from accessrequests.models import (
    AccessRequest,
    Approval,
    AuditEvent,
    Gate,
    Grant,
    IdempotencyKey,
    OutboxMessage,
    Person,
)
from accessrequests.operations import access_requests
from accessrequests.operations.idempotency import Idempotency
from accessrequests.operations.refusals import IllegalMove, Refused, StaleRevision
from accessrequests.queries.asks import Invalid, NotReadYet
from tests import make
from tests.fixtures import MovableClock
from tests.make import Cast
from tests.traces import Traces, refuses

WRITE = {"roles": ("readWrite@shop",), "duration": timedelta(hours=2)}


def deny(access_request: AccessRequest, approver: Person, *, reason: str = "Use the replica.") -> AccessRequest:
    return access_requests.deny(
        access_request_id=access_request.pk,
        approver=approver,
        via=Via.API,
        revision=access_request.revision,
        reason=reason,
    )


class TestSubmit:
    def test_files_a_pending_request_with_the_verdict_of_the_policy(self, cast: Cast) -> None:
        traces = Traces()
        access_request = make.submit(cast.alice)

        access_request.refresh_from_db()
        assert (access_request.state, access_request.level, access_request.step_groups) == (
            "pending",
            "read",
            ["data-owners"],
        )
        assert access_request.lapses_at == access_request.filed_at + timedelta(hours=8)
        assert traces.events() == [("access_request.submitted", "alice", str(access_request))]
        assert traces.jobs() == [("notify", str(access_request))]
        assert not Grant.objects.exists()

    def test_is_born_approved_where_nobody_is_asked(self, cast: Cast) -> None:
        traces = Traces()
        access_request = make.submit(cast.alice, target="shop-dev")

        grant = Grant.objects.get(access_request=access_request)
        assert (access_request.state, access_request.decided_by, grant.state) == ("approved", "policy", "pending")
        assert traces.events() == [
            ("access_request.submitted", "alice", str(access_request)),
            ("access_request.approved", "access-requests", str(access_request)),
        ]
        assert AuditEvent.objects.get(event="access_request.approved").via == "api"
        assert traces.jobs() == [
            ("notify", str(access_request)),
            ("provision", str(grant)),
            ("notify", str(access_request)),
        ]

    @pytest.mark.parametrize(
        ("changes", "rule"),
        [
            ({"duration": timedelta(hours=9)}, "production-read"),
            ({"reason": "short"}, "production-read"),
            ({"roles": ("userAdmin@shop",)}, "no delegating access"),
            ({"target": "shop-staging", "roles": ("dbAdmin@shop",)}, "no matching rule"),
        ],
    )
    def test_names_the_rule_that_says_no(self, cast: Cast, changes: dict[str, object], rule: str) -> None:
        with refuses(Refused) as caught:
            make.submit(cast.alice, **changes)

        assert caught.value.rule == rule

    def test_refuses_those_in_no_group_and_those_who_left(self, cast: Cast) -> None:
        with refuses(Refused):
            make.submit(cast.mallory)
        make.apply("alice", active=False)

        with refuses(Refused):
            make.submit(cast.alice)

    @pytest.mark.parametrize(
        ("field", "changes"),
        [
            ("target", {"target": "nowhere"}),
            ("kind", {"kind": "project_role"}),
            ("authentication", {"authentication": "x509"}),
            ("clusters", {"clusters": ("one",)}),
            ("reason", {"reason": "  "}),
            ("reason", {"reason": "x" * 2001}),
            ("roles", {"roles": ()}),
            ("roles", {"roles": ("root@admin",)}),
            ("roles", {"roles": ("nonsense",)}),
            ("roles", {"roles": ("read@shop.nothing",)}),
            ("roles", {"roles": ("read@shop", "read@shop")}),
            ("source_addresses", {"source_addresses": ("0.0.0.0/0",)}),
            ("source_addresses", {"source_addresses": ("192.0.2.1/24",)}),
            ("source_addresses", {"source_addresses": tuple(f"192.0.2.{n}" for n in range(21))}),
            ("grantee", {"grantee": "nobody"}),
        ],
    )
    def test_names_the_field_that_is_wrong(self, cast: Cast, field: str, changes: dict[str, object]) -> None:
        with refuses(Invalid) as caught:
            make.submit(cast.alice, **changes)

        assert list(caught.value.errors) == [field]

    def test_takes_a_start_from_now_to_30_days_ahead(self, cast: Cast, clock: MovableClock) -> None:
        now = make.now()
        for starts_at in (now - timedelta(seconds=1), now + timedelta(days=31)):
            with refuses(Invalid) as caught:
                make.submit(cast.alice, starts_at=starts_at)
            assert list(caught.value.errors) == ["starts_at"]

        assert make.submit(cast.alice, starts_at=now + timedelta(days=29)).state == "pending"

    def test_waits_for_the_inventory_and_for_a_policy(self, db: None) -> None:
        alice = make.make_people().alice
        make.make_targets()
        with refuses(NotReadYet, match="shop-prod"):
            make.submit(alice)
        make.read_inventories()

        with refuses(NotReadYet, match="policy"):
            make.submit(alice)

    def test_for_another_asks_that_both_may_have_it(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice, grantee="frank")
        assert (access_request.requester, access_request.beneficiary) == (cast.alice, cast.frank)

        with refuses(Refused):
            make.submit(cast.alice, grantee="carol")

    def test_keeps_the_callers_key_with_the_object(self, cast: Cast) -> None:
        key = Idempotency(person_id=cast.alice.pk, key="k", path="/p", body_hash="h")
        access_request = access_requests.submit(requester=cast.alice, asked=make.asked(), via=Via.API, idempotency=key)

        kept = IdempotencyKey.objects.get()
        assert (kept.person, kept.key, kept.object_id) == (cast.alice, "k", access_request.pk)


class TestApprove:
    def test_makes_one_grant_with_its_gates(self, cast: Cast) -> None:
        asked = make.submit(cast.alice, source_addresses=("192.0.2.7", "192.0.2.0/30"))
        traces = Traces()

        access_request = make.approve(asked, cast.bob)

        grant = Grant.objects.get(access_request=access_request)
        approval = Approval.objects.get()
        assert (access_request.state, access_request.decided_by) == ("approved", "bob")
        assert (grant.state, grant.holder, grant.username) == (
            "pending",
            cast.alice,
            f"jit-{settings.ACCESS_INSTALLATION}-alice-{grant.pk}",
        )
        assert (grant.length, grant.expires_at) == (timedelta(hours=2), None)
        assert grant.activate_by == grant.created_at + timedelta(hours=1)
        assert set(Gate.objects.values_list("gate", "state")) == {
            ("network", "closed"),
            ("user", "closed"),
            ("roles", "closed"),
        }
        assert (approval.person, approval.group, approval.groups) == (cast.bob, "data-owners", ["data-owners"])
        assert traces.events() == [
            ("access_request.approval_given", "bob", str(access_request)),
            ("access_request.approved", "bob", str(access_request)),
        ]
        assert traces.jobs() == [("provision", str(grant)), ("notify", str(access_request))]

    def test_waits_for_every_step(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice, **WRITE)
        traces = Traces()

        assert make.approve(access_request, cast.carol).state == "pending"
        assert traces.events() == [("access_request.approval_given", "carol", str(access_request))]
        assert traces.jobs() == []
        assert not Grant.objects.exists()
        assert make.approve(access_request, cast.bob).state == "approved"

    @pytest.mark.parametrize("name", ["alice", "frank", "carol", "dave", "erin", "mallory"])
    def test_refuses_those_without_a_voice_and_the_refusal_is_worth_keeping(self, cast: Cast, name: str) -> None:
        access_request = make.submit(cast.alice)

        with refuses(Refused) as caught:
            make.approve(access_request, getattr(cast, name))

        assert (caught.value.event, caught.value.subject) == ("access_request.refused", str(access_request))

    def test_refuses_whoever_gains_by_it(self, cast: Cast) -> None:
        for access_request, name in (
            (make.submit(cast.bob), "bob"),
            (make.submit(cast.bob, grantee="grace"), "bob"),
            (make.submit(cast.bob, grantee="grace"), "grace"),
        ):
            with refuses(Refused, match="would get"):
                make.approve(access_request, getattr(cast, name))

    def test_takes_one_yes_of_one_human(self, cast: Cast) -> None:
        make.apply("grace", groups=["engineering", "data-owners", "security"])
        access_request = make.submit(cast.alice, **WRITE)
        make.approve(access_request, cast.grace)

        with refuses(IllegalMove, match="You have approved") as caught:
            make.approve(access_request, cast.grace)

        assert caught.value.person == "grace"
        assert make.approve(access_request, cast.bob).state == "approved"

    def test_says_whose_yes_stands_for_the_group(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice, **WRITE)
        make.approve(access_request, cast.bob)

        with refuses(IllegalMove, match="bob has approved for your group") as caught:
            make.approve(access_request, cast.grace)

        assert (caught.value.person, caught.value.what) == ("bob", "approved")

    def test_says_who_was_faster(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice)
        decided = make.approve(access_request, cast.grace)

        with refuses(IllegalMove, match="grace was faster") as caught:
            make.approve(access_request, cast.bob)

        assert (caught.value.person, caught.value.what, caught.value.at) == ("grace", "approved", decided.decided_at)

    def test_refuses_another_revision(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice)
        access_request.revision = 2

        with refuses(StaleRevision):
            make.approve(access_request, cast.bob)

    def test_of_what_is_not_there_is_nothing(self, cast: Cast) -> None:
        gone = AccessRequest(pk=987_654, revision=1)

        with refuses(AccessRequest.DoesNotExist):
            make.approve(gone, cast.bob)

    def test_comes_too_late_after_the_lapse(self, cast: Cast, clock: MovableClock) -> None:
        access_request = make.submit(cast.alice)
        clock.advance(timedelta(hours=8))

        with refuses(IllegalMove) as caught:
            make.approve(access_request, cast.bob)

        assert (caught.value.what, caught.value.at) == ("expired", access_request.lapses_at)

    def test_may_shorten_and_the_next_one_may_not_lengthen_again(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice, **WRITE)
        traces = Traces()
        make.approve(access_request, cast.bob, duration=timedelta(minutes=30))
        assert traces.facts("access_request.approval_given")["duration"] == "PT30M"

        for duration in (timedelta(minutes=31), timedelta(), timedelta(seconds=-1)):
            with refuses(Invalid) as caught:
                make.approve(access_request, cast.carol, duration=duration)
            assert list(caught.value.errors) == ["duration"]
        make.approve(access_request, cast.carol)

        assert Grant.objects.get().length == timedelta(minutes=30)

    def test_starts_the_activation_window_at_the_later_moment(self, cast: Cast) -> None:
        starts_at = make.now() + timedelta(days=2)
        grant = make.approved_grant(cast.alice, cast.bob, starts_at=starts_at)

        message = OutboxMessage.objects.get(job="provision")
        assert (grant.not_before, grant.activate_by) == (starts_at, starts_at + timedelta(hours=1))
        assert message.ready_at == starts_at


class TestDeny:
    def test_ends_the_request_with_a_reason(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice)
        traces = Traces()

        denied = deny(access_request, cast.bob)

        approval = Approval.objects.get()
        assert (denied.state, denied.decided_by) == ("denied", "bob")
        assert (approval.answer, approval.comment) == ("deny", "Use the replica.")
        assert traces.events() == [("access_request.denied", "bob", str(access_request))]
        assert traces.jobs() == [("notify", str(access_request))]

    def test_stays_possible_where_nothing_may_be_approved(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice)
        make.publish_rules(make.rule("nothing", deny=True))

        assert deny(access_request, cast.bob).state == "denied"

    def test_of_somebody_who_approved_one_step_counts(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice, **WRITE)
        make.approve(access_request, cast.bob)

        assert deny(access_request, cast.bob).state == "denied"

    def test_needs_a_reason(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice)

        with refuses(Invalid):
            deny(access_request, cast.bob, reason=" ")

    def test_refuses_the_requester_and_the_faster_ones(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice)
        with refuses(Refused):
            deny(access_request, cast.alice)
        make.approve(access_request, cast.grace)

        with refuses(IllegalMove, match="grace was faster"):
            deny(access_request, cast.bob)
        with refuses(
            IllegalMove, match=r"^You approved this at .+ UTC\. It cannot be denied any more; its access can be"
        ):
            deny(access_request, cast.grace)
        with refuses(IllegalMove, match=r"^You approved this at .+ UTC already\.$"):
            make.approve(access_request, cast.grace)

    def test_tells_those_who_denied_what_they_did(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice)
        deny(access_request, cast.bob)

        sentence = r"^You denied this at .+ UTC\. It cannot be approved any more; it can be asked again\.$"
        with refuses(IllegalMove, match=sentence) as caught:
            make.approve(access_request, cast.bob)
        assert (caught.value.person, caught.value.what) == ("bob", "denied")

    def test_comes_after_the_policy_and_after_the_end_of_the_time(self, cast: Cast, clock: MovableClock) -> None:
        at_once, lapsed = make.submit(cast.alice, target="shop-dev"), make.submit(cast.alice)
        clock.advance(timedelta(hours=8))
        access_requests.expire(access_request_id=lapsed.pk)

        with refuses(IllegalMove, match=r"^It was approved already, at .+ UTC\.$"):
            access_requests.cancel(access_request_id=at_once.pk, requester=cast.alice, via=Via.WEB)
        with refuses(IllegalMove, match=r"^It had lapsed already, at .+ UTC\.$"):
            deny(lapsed, cast.bob)


class TestCancel:
    def test_takes_the_ask_back(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice)
        traces = Traces()

        cancelled = access_requests.cancel(access_request_id=access_request.pk, requester=cast.alice, via=Via.WEB)

        assert (cancelled.state, cancelled.decided_by) == ("cancelled", "alice")
        assert traces.events() == [("access_request.cancelled", "alice", str(access_request))]
        assert traces.jobs() == [("notify", str(access_request))]

    def test_is_for_the_requester_only_and_only_while_it_is_open(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice)
        with refuses(Refused):
            access_requests.cancel(access_request_id=access_request.pk, requester=cast.bob, via=Via.WEB)
        make.approve(access_request, cast.bob)

        with refuses(IllegalMove, match="bob was faster"):
            access_requests.cancel(access_request_id=access_request.pk, requester=cast.alice, via=Via.WEB)

    def test_happens_once(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice)
        access_requests.cancel(access_request_id=access_request.pk, requester=cast.alice, via=Via.WEB)

        with refuses(IllegalMove, match=r"^You cancelled this at .+ UTC\. It can be asked again\.$"):
            access_requests.cancel(access_request_id=access_request.pk, requester=cast.alice, via=Via.WEB)
