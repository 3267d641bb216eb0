"""Decisions at the same moment: one wins, the others are told who was faster, and nothing is made twice."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

import pytest

from accessrequests.domain.events import Via
from accessrequests.models import AccessRequest, Approval, AuditEvent, Credential, Grant, IdempotencyKey, OutboxMessage
from accessrequests.operations import access_requests, grants
from accessrequests.operations.idempotency import Idempotency
from accessrequests.operations.refusals import IllegalMove, Refused
from accessrequests.queries import audit
from tests import make
from tests.make import Cast
from tests.races.together import at_once, kinds


def _approve(access_request: AccessRequest, cast: Cast, name: str = "bob") -> partial[AccessRequest]:
    return partial(make.approve, access_request, getattr(cast, name))


def _deny(access_request: AccessRequest, cast: Cast) -> partial[AccessRequest]:
    return partial(
        access_requests.deny,
        access_request_id=access_request.pk,
        approver=cast.grace,
        via=Via.API,
        revision=1,
        reason="No, use the replica.",
    )


def _cancel(access_request: AccessRequest, cast: Cast) -> partial[AccessRequest]:
    return partial(access_requests.cancel, access_request_id=access_request.pk, requester=cast.alice, via=Via.API)


def _one_winner(access_request: AccessRequest, outcomes: list[object]) -> None:
    access_request.refresh_from_db()
    losers = [outcome for outcome in outcomes if isinstance(outcome, IllegalMove)]
    assert kinds(outcomes) == {"AccessRequest": 1, "IllegalMove": len(outcomes) - 1}
    assert {(loser.person, loser.what) for loser in losers} == {(access_request.decided_by, access_request.state)}
    assert Grant.objects.count() == (access_request.state == "approved")
    assert audit.verify().ok


def test_of_fifty_approvals_one_makes_the_grant_and_its_credential(committed_cast: Cast) -> None:
    access_request = make.submit(committed_cast.alice)

    names = ["bob", "grace"] * 25
    outcomes = at_once([_approve(access_request, committed_cast, name) for name in names])

    _one_winner(access_request, outcomes)
    assert Approval.objects.count() == 1
    assert OutboxMessage.objects.filter(job="provision").count() == 1
    grant = Grant.objects.get()
    at_once([partial(grants.start_provisioning, grant_id=grant.pk)] * 5)
    assert Credential.objects.count() == 1


@pytest.mark.parametrize("other", [_deny, _cancel])
@pytest.mark.parametrize("_round", range(3))
def test_approve_against_another_answer(committed_cast: Cast, other: type, _round: int) -> None:
    access_request = make.submit(committed_cast.alice)

    outcomes = at_once([_approve(access_request, committed_cast), other(access_request, committed_cast)] * 3)

    _one_winner(access_request, outcomes)


@pytest.mark.parametrize("_round", range(3))
def test_an_answer_never_lands_on_what_was_changed_meanwhile(committed_cast: Cast, _round: int) -> None:
    access_request = make.submit(committed_cast.alice)
    change = partial(
        access_requests.edit,
        access_request_id=access_request.pk,
        requester=committed_cast.alice,
        via=Via.API,
        revision=1,
        changes={"roles": ("read@shop",)},
    )

    outcomes = at_once([_approve(access_request, committed_cast), change])

    access_request.refresh_from_db()
    is_approved = access_request.state == "approved"
    assert kinds(outcomes) == {"AccessRequest": 1, "IllegalMove" if is_approved else "StaleRevision": 1}
    assert access_request.roles == (["read@shop.orders"] if is_approved else ["read@shop"])
    assert Grant.objects.count() == is_approved


def test_approve_against_the_lapse(committed_cast: Cast) -> None:
    make.publish_rules(make.rule("quick", lapses_after="PT1S"))
    access_request = make.submit(committed_cast.alice)

    def lapse() -> object:
        while True:
            try:
                return access_requests.expire(access_request_id=access_request.pk)
            except IllegalMove as error:
                if error.what != "pending":
                    raise

    def answer() -> object:
        while make.now() < access_request.lapses_at - timedelta(milliseconds=20):
            pass
        return make.approve(access_request, committed_cast.bob)

    _one_winner(access_request, at_once([lapse, answer]))


def test_two_people_fill_two_steps_at_once(committed_cast: Cast) -> None:
    access_request = make.submit(committed_cast.alice, roles=("readWrite@shop",))

    outcomes = at_once([_approve(access_request, committed_cast, name) for name in ("bob", "carol")])

    assert kinds(outcomes) == {"AccessRequest": 2}
    assert (Approval.objects.count(), Grant.objects.count()) == (2, 1)
    assert AuditEvent.objects.filter(event="access_request.approved").count() == 1


@pytest.mark.parametrize("_round", range(3))
def test_a_member_removed_while_approving_decides_wholly_or_not_at_all(committed_cast: Cast, _round: int) -> None:
    access_request = make.submit(committed_cast.alice)

    removed, approved = at_once(
        [partial(make.apply, "bob", groups=["engineering"]), _approve(access_request, committed_cast)]
    )

    assert removed is None
    assert isinstance(approved, AccessRequest | Refused)
    events = list(AuditEvent.objects.order_by("sequence").values_list("event", "subject"))
    left = max(at for at, event in enumerate(events) if event == ("person.applied", "person/bob"))
    decided = [at for at, (event, _) in enumerate(events) if event == "access_request.approved"]
    assert all(at < left for at in decided)
    assert Grant.objects.count() == len(decided)


@pytest.mark.parametrize("_round", range(3))
def test_a_requester_disabled_while_approved_ends_up_with_nothing(committed_cast: Cast, _round: int) -> None:
    access_request = make.submit(committed_cast.alice)

    disabled, approved = at_once([partial(make.apply, "alice", active=False), _approve(access_request, committed_cast)])

    assert disabled is None
    assert isinstance(approved, AccessRequest | Refused | IllegalMove)
    assert not Grant.objects.exclude(state="revoking", end_reason="person_disabled").exists()


def test_one_key_files_one_request(committed_cast: Cast) -> None:
    alice = committed_cast.alice
    key = Idempotency(person_id=alice.pk, key="k", path="/p", body_hash="h")
    file = partial(access_requests.submit, requester=alice, asked=make.asked(), via=Via.API, idempotency=key)

    outcomes = at_once([file] * 6)

    assert kinds(outcomes) == {"AccessRequest": 1, "IntegrityError": 5}
    assert (AccessRequest.objects.count(), IdempotencyKey.objects.count()) == (1, 1)
    assert AuditEvent.objects.filter(event="access_request.submitted").count() == 1
    assert audit.verify().ok
