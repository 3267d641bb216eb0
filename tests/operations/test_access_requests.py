"""Asking and deciding: rows, audit and outbox after each verb, and nothing at all after a refusal."""

from __future__ import annotations

import pytest
from django.conf import settings

from accessrequests.domain.events import Via
from accessrequests.models import AuditEvent, Grant, OutboxMessage
from accessrequests.operations import access_requests, grants
from accessrequests.operations.refusals import IllegalMove, Refused
from accessrequests.queries import audit, clock
from tests import make
from tests.make import Cast


class TestSubmit:
    def test_files_a_pending_request_with_the_verdict_of_the_policy(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice)

        assert access_request.state == "pending"
        assert access_request.level == "read"
        assert access_request.step_groups == ["data-owners"]
        assert AuditEvent.objects.filter(subject=str(access_request), event="access_request.submitted").count() == 1
        assert OutboxMessage.objects.filter(subject=str(access_request), job="notify").count() == 1


class TestApprove:
    def test_makes_one_grant(self, cast: Cast) -> None:
        access_request = make.approve(make.submit(cast.alice), cast.bob)

        grant = Grant.objects.get(access_request=access_request)
        assert (access_request.state, grant.state, grant.username) == ("approved", "pending", f"jit-{settings.ACCESS_INSTALLATION}-alice-{grant.pk}")
        assert OutboxMessage.objects.filter(subject=str(grant), job="provision").count() == 1

    def test_refuses_the_requester(self, cast: Cast) -> None:
        access_request = make.submit(cast.bob)

        with pytest.raises(Refused):
            make.approve(access_request, cast.bob)

    def test_says_who_was_faster(self, cast: Cast) -> None:
        access_request = make.submit(cast.alice)
        make.approve(access_request, cast.grace)

        with pytest.raises(IllegalMove) as caught:
            make.approve(access_request, cast.bob)
        assert caught.value.person == "grace"


class TestLife:
    def test_of_a_grant_leaves_a_chain_that_verifies(self, cast: Cast) -> None:
        grant = make.approved_grant(cast.alice, cast.bob)
        attempt = grants.start_provisioning(grant_id=grant.pk)
        assert attempt is not None
        assert grants.may_open(grant_id=grant.pk, attempt=attempt.number)
        assert grants.mark_active(grant_id=grant.pk, attempt=attempt.number, gates={"user": {"proof": "login"}})
        grants.release(grant_id=grant.pk, holder=cast.alice, via=Via.API)
        grants.mark_cut(grant_id=grant.pk, evidence={"users": 0})
        grants.mark_revoked(grant_id=grant.pk, evidence={"users": 0}, looked_at=clock.now())

        grant.refresh_from_db()
        report = audit.verify()
        assert (grant.state, grant.end_reason) == ("revoked", "released")
        assert (report.ok, report.checked) == (True, AuditEvent.objects.count())
