"""Several grants on one object, with workers that die at any step: it ends as it was, and is never too little."""

from __future__ import annotations

import os
import random
import threading
from collections.abc import Callable
from functools import partial

import pytest

from accessrequests.domain.lifecycle import EndReason
from accessrequests.domain.sharing import SharedKind
from accessrequests.models import Grant, SharedObject, SharedUse
from accessrequests.operations import grants
from tests import make
from tests.make import Cast
from tests.races.shared_user import SharedUser, Worker
from tests.races.together import at_once, kinds
from workers import ledger
from workers.ledger import PostgresLedger
from workers.provisioners.base import Busy, ProvisionerError

ROUNDS = int(os.environ.get("ACCESS_TEST_ROUNDS", "12"))
ROLES = ("read@shop", "readWrite@shop", "dbAdmin@shop", "read@crm")
RISK = 0.08
LEDGER = PostgresLedger("shop-prod")
TURN = "access_list"


@pytest.fixture
def three(committed_cast: Cast, monkeypatch: pytest.MonkeyPatch) -> list[Grant]:
    monkeypatch.setattr(ledger, "_PAUSE_SECONDS", 0.002)
    cast = committed_cast
    return [make.active_grant(person, cast.bob) for person in (cast.alice, cast.frank, cast.grace)]


def _live_again(grant: Grant) -> None:
    Grant.objects.filter(pk=grant.pk).update(state="active", end_reason="", revocation_started_at=None)


def _life(worker: Worker, pause: threading.Event) -> None:
    worker.give()
    pause.wait(worker.chance.random() * 0.02)
    assert grants.end(grant_id=worker.grant_id, reason=EndReason.DRIFT, note="")
    worker.take()


def _round(three: list[Grant], chance: random.Random, *, late_calls: bool) -> SharedUser:
    user = SharedUser(baseline=frozenset(chance.sample(ROLES, chance.randint(1, 2))))
    lives: list[Callable[[], object]] = []
    for grant in three:
        _live_again(grant)
        wants = frozenset(chance.sample(ROLES, chance.randint(1, 3)))
        worker = Worker(user, LEDGER, grant.pk, wants, random.Random(chance.random()), RISK, late_calls)
        lives.append(partial(_life, worker, threading.Event()))
    assert kinds(at_once(lives)) == {"NoneType": 3}
    return user


def _is_as_before(user: SharedUser) -> bool:
    # What a call may still be on its way to keeps its row for a while; pruning takes it then.
    SharedObject.objects.filter(uses=None, stray_calls_until__isnull=False).delete()
    left = SharedObject.objects.exists() or SharedUse.objects.exists() or user.on_their_way
    return user.read() == user.baseline and not left


@pytest.mark.parametrize("late_calls", [False, True])
def test_every_round_ends_as_it_began(three: list[Grant], late_calls: bool) -> None:
    seed = random.randrange(10**9)
    chance = random.Random(seed)
    for number in range(ROUNDS):
        user = _round(three, chance, late_calls=late_calls)

        assert _is_as_before(user), f"round {number} of seed {seed}: {user}"
        # A whole write that arrives late can take something for a moment; nothing else ever does.
        assert late_calls or not user.too_little, f"round {number} of seed {seed}: {user}"


def test_one_at_a_time(three: list[Grant]) -> None:
    inside: list[int] = []
    together: list[int] = []

    def write(number: int) -> None:
        with LEDGER.alone(TURN) as turn:
            inside.append(number)
            turn.fence()
            together.append(len(inside))
            inside.remove(number)

    outcomes = at_once([partial(write, number) for number in range(8)])

    assert kinds(outcomes) == {"NoneType": 8}
    assert together == [1] * 8
    assert SharedObject.objects.get().lease_number == 8


def test_whoever_waits_too_long_is_told_to_come_again(three: list[Grant], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "_PATIENCE_SECONDS", 0.05)

    with LEDGER.alone(TURN), LEDGER.hold(SharedKind.DATABASE_USER, "x@admin"):
        (turn, held) = at_once([_enter_turn, _enter_hold])

    for outcome in (turn, held):
        assert isinstance(outcome, Busy)
        assert not outcome.permanent
    assert "database user" in str(held)


def _use(key: str, grant_id: int, *, error: Exception | None = None) -> None:
    with LEDGER.hold(SharedKind.DATABASE_USER, key) as held:
        held.capture({"roles": []})
        held.attempt(grant_id=grant_id, wants={"roles": []})
        if error is not None:
            raise error


def _enter_turn() -> None:
    with LEDGER.alone(TURN):
        pass


def _enter_hold() -> None:
    with LEDGER.hold(SharedKind.DATABASE_USER, "x@admin"):
        pass


def test_a_holder_that_was_overtaken_may_not_write(three: list[Grant]) -> None:
    overtaken: list[object] = []
    with LEDGER.hold(SharedKind.DATABASE_USER, "x@admin") as held:
        held.capture({"roles": []})
        held.attempt(grant_id=three[0].pk, wants={"roles": []})
        SharedObject.objects.update(lease_until=make.now())
        (other,) = at_once([_enter_hold])
        assert other is None
        for step in (held.fence, lambda: held.end(grant_id=three[0].pk), lambda: held.capture({})):
            with pytest.raises(Busy) as refused:
                step()
            overtaken.append(refused.value)

    assert len(overtaken) == 3
    shared = SharedObject.objects.get()
    assert (shared.lease_until, shared.lease_number) == (None, 2)


@pytest.mark.parametrize(
    ("error", "may_be_on_its_way"),
    [
        (ProvisionerError("The target refused.", permanent=True), False),
        (ProvisionerError("The target does not answer.", unreachable=True), True),
        (KeyError("unforeseen"), True),
    ],
)
def test_a_call_without_an_answer_may_be_on_its_way(
    three: list[Grant], error: Exception, may_be_on_its_way: bool
) -> None:
    key, grant_id = "x@admin", three[0].pk
    with pytest.raises(type(error)):
        _use(key, grant_id, error=error)

    with LEDGER.hold(SharedKind.DATABASE_USER, key) as held:
        assert held.end(grant_id=grant_id)
        assert list(held.ending) == [grant_id]
        until = held.gone(grant_id=grant_id, looked_at=held.fence())

    assert (until is not None) is may_be_on_its_way
    assert SharedObject.objects.exists() is may_be_on_its_way


def test_nothing_is_made_for_a_grant_that_ends(three: list[Grant]) -> None:
    grants.end(grant_id=three[0].pk, reason=EndReason.DRIFT, note="")

    with pytest.raises(ProvisionerError) as refused:
        _use("x@admin", three[0].pk)

    assert refused.value.permanent
    assert not SharedObject.objects.exists()
