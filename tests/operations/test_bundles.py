"""Asking for several targets at once: all or nothing when filing, each by itself or all with one press when deciding."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from accessrequests.domain.events import Via
from accessrequests.models import AccessRequest, Approval, Grant, Person
from accessrequests.operations import bundles
from accessrequests.operations.refusals import IllegalMove, Refused, StaleRevision
from accessrequests.queries.asks import Invalid
from tests import make
from tests.make import Cast
from tests.traces import Traces, refuses

WRITE = {"roles": ("readWrite@shop",), "duration": timedelta(hours=2)}


def submit(requester: Person, *targets: str, **changes: Any) -> list[AccessRequest]:
    asked = [make.asked(target=target, **changes) for target in targets]
    return bundles.submit(requester=requester, asked=asked, via=Via.API)


def approve(together: list[AccessRequest], approver: Person) -> list[AccessRequest]:
    revisions = {one.pk: one.revision for one in together}
    bundle = together[0].bundle or 0
    return bundles.approve(bundle=bundle, approver=approver, via=Via.API, revisions=revisions, comment="Both.")


def deny(together: list[AccessRequest], approver: Person, *, reason: str = "Use dev.") -> list[AccessRequest]:
    revisions = {one.pk: one.revision for one in together}
    bundle = together[0].bundle or 0
    return bundles.deny(bundle=bundle, approver=approver, via=Via.API, revisions=revisions, reason=reason)


class TestSubmit:
    def test_files_a_request_for_each_and_joins_them(self, cast: Cast) -> None:
        traces = Traces()

        dev, prod = submit(cast.alice, "shop-dev", "shop-prod")

        assert [dev.bundle, prod.bundle] == [dev.pk, dev.pk]
        assert [one.state for one in AccessRequest.objects.order_by("pk")] == ["approved", "pending"]
        assert traces.events() == [
            ("access_request.submitted", "alice", str(dev)),
            ("access_request.approved", "access-requests", str(dev)),
            ("access_request.submitted", "alice", str(prod)),
        ]
        assert Grant.objects.get().access_request == dev

    def test_files_nothing_when_one_cannot_be_filed(self, cast: Cast) -> None:
        with refuses(Refused, match="^shop-staging: No rule"):
            submit(cast.alice, "shop-dev", "shop-staging", roles=("dbAdmin@shop",))
        with refuses(Invalid) as caught:
            submit(cast.alice, "shop-dev", "nowhere")
        assert list(caught.value.errors) == ["asks.1.target"]

    @pytest.mark.parametrize("targets", [(), ("shop-dev",), ("shop-dev", "shop-dev"), ("shop-dev",) * 11])
    def test_is_for_several_and_not_too_many(self, cast: Cast, targets: tuple[str, ...]) -> None:
        with refuses(Invalid):
            submit(cast.alice, *targets)


class TestApprove:
    def test_says_yes_to_all_of_them_with_one_press(self, cast: Cast) -> None:
        together = submit(cast.alice, "shop-staging", "shop-prod", **WRITE)
        traces = Traces()

        approve(together, cast.bob)

        assert [one.state for one in AccessRequest.objects.order_by("pk")] == ["approved", "pending"]
        assert Approval.objects.filter(person=cast.bob, comment="Both.").count() == 2
        assert [event for event, _, _ in traces.events()] == [
            "access_request.approval_given",
            "access_request.approved",
            "access_request.approval_given",
        ]

    def test_decides_nothing_when_it_may_not_decide_on_one(self, cast: Cast) -> None:
        together = submit(cast.alice, "shop-staging", "shop-prod", **WRITE)

        with refuses(Refused, match="^shop-staging: This request is decided by data-owners.* None of them was decided"):
            approve(together, cast.carol)
        make.approve(together[0], cast.bob)
        with refuses(IllegalMove, match="^shop-staging: bob was faster"):
            approve(together, cast.grace)

    def test_counts_only_what_was_read(self, cast: Cast) -> None:
        together = submit(cast.alice, "shop-staging", "shop-prod", **WRITE)
        AccessRequest.objects.filter(pk=together[1].pk).update(revision=2)

        with refuses(StaleRevision, match="^shop-prod: The request was edited"):
            approve(together, cast.bob)

    def test_is_about_what_was_asked_together(self, cast: Cast) -> None:
        together = submit(cast.alice, "shop-staging", "shop-prod", **WRITE)
        alone = make.submit(cast.alice)

        with refuses(Invalid, match=f"Not asked together with the others: {alone.pk}"):
            approve([*together, alone], cast.bob)
        with refuses(Invalid, match="Name at least one"):
            bundles.approve(bundle=together[0].pk, approver=cast.bob, via=Via.API, revisions={})


class TestDeny:
    def test_ends_all_of_them(self, cast: Cast) -> None:
        together = submit(cast.alice, "shop-staging", "shop-prod", **WRITE)
        traces = Traces()

        deny(together, cast.bob)

        assert {one.state for one in AccessRequest.objects.all()} == {"denied"}
        assert [event for event, _, _ in traces.events()] == ["access_request.denied"] * 2

    def test_needs_a_reason(self, cast: Cast) -> None:
        together = submit(cast.alice, "shop-staging", "shop-prod", **WRITE)

        with refuses(Invalid):
            deny(together, cast.bob, reason=" ")
