"""A grant pulled at from several sides: one secret, one outcome, and no step after the end."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from accessrequests.domain.events import Event, Via
from accessrequests.domain.lifecycle import EndReason
from accessrequests.models import Credential, Grant, OutboxMessage
from accessrequests.operations import credentials, grants, outbox
from accessrequests.operations._record import CLOCKWORK, Fact, record
from accessrequests.operations.grants import Attempt
from accessrequests.queries import audit
from tests import make
from tests.make import Cast
from tests.races.together import at_once, kinds

PROOF = {"user": {"proof": "login"}}


def test_of_twenty_reveals_one_shows_the_secret(committed_cast: Cast) -> None:
    grant = make.active_grant(committed_cast.alice, committed_cast.bob)
    reveal = partial(credentials.reveal, grant_id=grant.pk, person=committed_cast.alice, via=Via.API)

    assert kinds(at_once([reveal] * 20)) == {"Spent": 19, "Revealed": 1}


def test_of_several_rotations_one_starts(committed_cast: Cast) -> None:
    grant = make.active_grant(committed_cast.alice, committed_cast.bob)
    rotate = partial(credentials.rotate, grant_id=grant.pk, person=committed_cast.alice, via=Via.API)

    assert kinds(at_once([rotate] * 5)) == {"Grant": 1, "NotReady": 4}
    assert Credential.objects.get().generation == 2


@pytest.mark.parametrize("_round", range(3))
def test_revoke_against_mark_active_always_ends(committed_cast: Cast, _round: int) -> None:
    grant = make.approved_grant(committed_cast.alice, committed_cast.bob)
    attempt = grants.start_provisioning(grant_id=grant.pk)
    assert attempt is not None
    mark = partial(grants.mark_active, grant_id=grant.pk, attempt=attempt.number, gates=PROOF)
    revoke = partial(grants.revoke, grant_id=grant.pk, person=committed_cast.erin, via=Via.API, reason="Enough.")

    was_active, revoked = at_once([mark, revoke])

    grant.refresh_from_db()
    assert isinstance(revoked, Grant)
    assert was_active is (grant.activated_at is not None)
    assert (grant.state, Credential.objects.get().state) == ("revoking", "erased")


def test_several_starts_make_several_attempts_of_which_the_last_counts(committed_cast: Cast) -> None:
    grant = make.approved_grant(committed_cast.alice, committed_cast.bob)

    outcomes = at_once([partial(grants.start_provisioning, grant_id=grant.pk)] * 4)

    attempts = [outcome for outcome in outcomes if isinstance(outcome, Attempt)]
    assert sorted(attempt.number for attempt in attempts) == [1, 2, 3, 4]
    assert len({attempt.password for attempt in attempts}) == 1
    assert len({attempt.grant.expires_at for attempt in attempts}) == 1
    may = [grants.may_open(grant_id=grant.pk, attempt=number) for number in (1, 2, 3, 4)]
    assert may == [False, False, False, True]


@pytest.mark.parametrize("_round", range(3))
def test_a_holder_disabled_while_it_is_made_gets_nothing(committed_cast: Cast, _round: int) -> None:
    grant = make.approved_grant(committed_cast.alice, committed_cast.bob)

    def make_it_true() -> bool:
        attempt = grants.start_provisioning(grant_id=grant.pk)
        return (
            attempt is not None
            and grants.may_open(grant_id=grant.pk, attempt=attempt.number)
            and grants.mark_active(grant_id=grant.pk, attempt=attempt.number, gates=PROOF)
        )

    at_once([make_it_true, partial(make.apply, "alice", active=False)])

    grant.refresh_from_db()
    assert (grant.state, grant.end_reason) == ("revoking", "person_disabled")
    assert not Credential.objects.exclude(sealed=None).exists()


def test_several_ends_are_one(committed_cast: Cast) -> None:
    cast = committed_cast
    grant = make.active_grant(cast.alice, cast.bob)
    ends = [
        partial(grants.release, grant_id=grant.pk, holder=cast.alice, via=Via.API),
        *(
            partial(grants.revoke, grant_id=grant.pk, person=person, via=Via.API, reason="Enough.")
            for person in (cast.bob, cast.grace, cast.erin)
        ),
    ]

    outcomes = at_once(ends)

    assert kinds(outcomes) == {"Grant": 1, "IllegalMove": 3}
    assert OutboxMessage.objects.filter(job="revoke").count() == 1


def test_disabling_retiring_and_releasing_at_once_do_not_stand_in_each_others_way(committed_cast: Cast) -> None:
    cast = committed_cast
    held = [make.active_grant(person, cast.bob) for person in (cast.alice, cast.frank, cast.alice, cast.frank)]
    calls: list[Callable[[], object]] = [
        partial(make.apply, "frank", active=False),
        partial(make.apply, "alice", active=False),
        partial(make.make_targets, retired=True),
        *(partial(grants.end, grant_id=one.pk, reason=EndReason.DRIFT, note="") for one in held),
    ]

    outcomes = at_once(calls)

    assert set(kinds(outcomes)) <= {"NoneType", "bool"}
    assert set(Grant.objects.values_list("state", flat=True)) == {"revoking"}
    assert audit.verify().ok


def test_of_several_claims_one_holds(committed_cast: Cast) -> None:
    make.approved_grant(committed_cast.alice, committed_cast.bob)
    message = OutboxMessage.objects.get(job="provision")

    outcomes = at_once([partial(outbox.claim, message_id=message.pk, owner=f"w{n}") for n in range(8)])

    assert kinds(outcomes) == {"Claim": 1, "NoneType": 7}


def test_a_lane_never_overtakes_itself(committed_cast: Cast) -> None:
    access_request = make.submit(committed_cast.alice)
    for _ in range(3):
        record(Fact(Event.ACCESS_REQUEST_CANCELLED, str(access_request)), actor=CLOCKWORK, at=make.now())
    lane = OutboxMessage.objects.filter(subject=str(access_request)).order_by("pk")
    carried: list[int] = []

    def carry() -> None:
        while lane.filter(done_at=None).exists():
            for message in lane.filter(done_at=None):
                claim = outbox.claim(message_id=message.pk, owner="w")
                if claim is not None:
                    carried.append(claim.message_id)
                    outbox.finish(claim=claim)

    assert kinds(at_once([carry] * 4)) == {"NoneType": 4}
    assert carried == [message.pk for message in lane]


def test_the_trail_has_no_gap_under_eight_writers(committed_cast: Cast) -> None:
    before = audit.head_sequence()

    def write() -> None:
        for _ in range(10):
            make.submit(committed_cast.alice, target="shop-dev")

    assert kinds(at_once([write] * 8)) == {"NoneType": 8}
    report = audit.verify()
    assert (report.ok, report.checked) == (True, before + 160)
