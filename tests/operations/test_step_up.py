"""Approvals for which a rule wants a second factor: it is the approver's own, of just now, and needed for a yes alone."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accessrequests.domain.events import Via
from accessrequests.domain.proofs import APP, Proof
from accessrequests.models import AccessRequest, Grant
from accessrequests.operations import access_requests
from accessrequests.operations.refusals import NeedsSecondFactor
from tests import glass, make
from tests.make import Cast
from tests.traces import Traces, refuses


@pytest.fixture
def asked(cast: Cast) -> AccessRequest:
    make.publish_rules(make.rule("guarded", step_up=True))
    return make.submit(cast.alice)


def approve(asked: AccessRequest, cast: Cast, proof: Proof | None) -> AccessRequest:
    return access_requests.approve(access_request_id=asked.pk, approver=cast.bob, via=Via.WEB, revision=1, proof=proof)


def test_none_somebody_elses_and_yesterdays_do_not_count(cast: Cast, asked: AccessRequest) -> None:
    at = make.now()
    for proof in (None, Proof(cast.carol.pk, APP, at), Proof(cast.bob.pk, APP, at - timedelta(days=1))):
        with refuses(NeedsSecondFactor, match="approved in the portal"):
            approve(asked, cast, proof)


def test_ones_own_of_just_now_approves(cast: Cast, asked: AccessRequest) -> None:
    traces = Traces()

    assert approve(asked, cast, glass.proof_of(cast.bob)).state == "approved"

    assert Grant.objects.get().access_request == asked
    assert [event for event, _, _ in traces.events()] == ["access_request.approval_given", "access_request.approved"]


def test_saying_no_needs_none(cast: Cast, asked: AccessRequest) -> None:
    access_requests.deny(access_request_id=asked.pk, approver=cast.bob, via=Via.API, revision=1, reason="Use staging.")

    assert AccessRequest.objects.get().state == "denied"
