"""Guards one grant on Atlas against every fault of the stand-in at any call of its life: nothing doubled, wider or left.

By turns its user is one that we name, and one whose name AWS IAM gives, which is a shared object.
"""

from __future__ import annotations

import itertools
import os
import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pytest_django import Settings

from accessrequests.domain.events import Job, Via
from accessrequests.models import Grant, SharedObject
from accessrequests.operations import grants
from accessrequests.queries import clock
from sandbox.atlas.faults import AFTER, BEFORE
from tests import make
from tests.make import Cast
from tests.web.browser import signed_in, text_of
from tests.workers.atlas.path import SLUG, Way, path
from tests.workers.atlas.stand_in import StandIn, standing_in
from tests.workers.rows import events_of, fresh, message
from workers.provisioners.atlas.users import POWERLESS_DATABASE, whole_seconds

# More of them by hand: ATLAS_FAULT_ROUNDS=200 make test T=tests/faults/test_atlas.py
ROUNDS = int(os.environ.get("ATLAS_FAULT_ROUNDS", "16"))
FAULTS = sorted({*BEFORE, *AFTER})
CALLS = 21  # as many as either half of a life makes, and one to spare
Faulty = tuple[str, int]  # a fault, and how many calls go well before it
CUT_WITHIN = timedelta(seconds=5)
APPROVED = {("read", "shop", "orders"), ("read", POWERLESS_DATABASE, "")}
HERE = "127.0.0.1/32"
ROLE = "arn:aws:iam::123456789012:role/nightly-export"
METHODS: dict[str, dict[str, str]] = {"scram": {}, "aws_iam": {"authentication": "aws_iam", "principal": ROLE}}


@dataclass(frozen=True)
class Atlas(StandIn):
    """The stand-in's side, and what must hold there at any time."""

    def check_nothing_is_more_than_approved(self, grant: Grant) -> None:
        end = fresh(grant).expires_at
        with self.served.server.organisation.lock:
            users = list(self.project.database_users.values())
            entries = dict(self.project.access_list)
        assert [user["username"] for user in users] in ([], [grant.access_request.named_by_others or grant.username])
        assert set(entries) <= {HERE}
        for user in users:
            assert user["scopes"] == [{"name": "main", "type": "CLUSTER"}]
            assert {_role(role) for role in user["roles"]} <= APPROVED
        dated = [user for user in users if user["awsIAMType"] == "NONE"]
        for held in (*dated, *entries.values()):
            assert end is not None
            assert datetime.fromisoformat(held["deleteAfterDate"]) <= whole_seconds(end)

    def go_wrong(self, faulty: Faulty | None) -> None:
        if faulty is not None:
            fault, before = faulty
            self.fail_one_call(fault, skip=before)

    def calls(self) -> int:
        """How many there were since this was last asked, those for a token included."""
        made = self.served.server.control.calls
        number = len(made.as_list())
        made.forget()
        return number


def _role(role: dict[str, Any]) -> tuple[str, str, str]:
    return role["roleName"], role["databaseName"], role.get("collectionName") or ""


@pytest.fixture
def atlas() -> Iterator[Atlas]:
    with standing_in() as found:
        yield Atlas(found.served)


@pytest.fixture
def way(atlas: Atlas, committed_cast: Cast, settings: Settings, tmp_path: Path) -> Iterator[Way]:
    with path(
        cast=committed_cast,
        settings=settings,
        directory=tmp_path,
        url=atlas.served.server.origin,
        project_id=atlas.project.id,
        org_id=atlas.served.server.organisation.id,
    ) as found:
        principals = {ROLE: {"method": "aws_iam", "service": "nightly-export", "owners": ["alice"]}}
        make.apply_atlas(SLUG, authentication=tuple(METHODS), principals=principals)
        make.publish_rules(make.rule("all", authentication=list(METHODS)))
        yield found


@pytest.mark.timeout(900)
def test_a_life_ends_as_it_should_whatever_fails_on_the_way(way: Way, atlas: Atlas) -> None:
    """Each fault at each call once, in either half, by the time that there are as many rounds as that takes."""
    seed = random.SystemRandom().getrandbits(32)
    chances = [random.Random(seed + half) for half in range(2)]
    plans = {method: [shuffled(chance) for chance in chances] for method in METHODS}
    for number, method in zip(range(ROUNDS), itertools.cycle(METHODS), strict=False):
        setting_up, ending = (plan[number // len(METHODS) % len(plan)] for plan in plans[method])
        try:
            live_through(way, atlas, method, setting_up=setting_up, ending=ending)
        except AssertionError as error:
            told = f"Round {number} of seed {seed}, {method}, {setting_up} and then {ending}: {error}"
            raise AssertionError(told) from error


def shuffled(chance: random.Random) -> list[Faulty]:
    plan = list(itertools.product(FAULTS, range(CALLS)))
    chance.shuffle(plan)
    return plan


@pytest.mark.parametrize("method", METHODS)
def test_there_is_a_slot_for_every_call_that_can_fail(way: Way, atlas: Atlas, method: str) -> None:
    calls = live_through(way, atlas, method)

    assert all(0 < number <= CALLS for number in calls), f"{calls} calls, and a fault at the first {CALLS} of them"


def live_through(
    way: Way, atlas: Atlas, method: str, *, setting_up: Faulty | None = None, ending: Faulty | None = None
) -> tuple[int, int]:
    """How many calls either half has made."""
    grant = way.approved(**METHODS[method])

    def look() -> None:
        atlas.check_nothing_is_more_than_approved(grant)
        atlas.carry_out()

    def look_after_the_end() -> None:
        look()
        check_it_is_told_when_late(way, grant)

    atlas.go_wrong(setting_up)
    atlas.calls()
    made = way.provision(grant, look=look)
    assert made.state == "active", f"{made.state}: {message(Job.PROVISION, grant).last_error}"
    setting_it_up = atlas.calls()
    atlas.go_wrong(ending)
    grants.release(grant_id=grant.pk, holder=way.cast.alice, via=Via.API)
    gone = way.revoke(grant, look=look_after_the_end)

    assert gone.state == "revoked", f"{gone.state}: {message(Job.REVOKE, grant).last_error}"
    assert (atlas.project.database_users, atlas.project.access_list) == ({}, {})
    assert not SharedObject.objects.exclude(kind="turn").exists()
    told = events_of(grant)
    assert [told.count(f"grant.{fact}") for fact in ("activated", "cut", "revoked")] == [1, 1, 1]
    return setting_it_up, atlas.calls()


def check_it_is_told_when_late(way: Way, grant: Grant) -> None:
    """An administrator sees what may still work when its time to end is over."""
    late = fresh(grant)
    if late.cut_at is None and late.revocation_started_at and clock.now() - late.revocation_started_at > CUT_WITHIN:
        text = text_of(signed_in(way.cast.erin).get("/health/"))
        assert "Past their end, and may still work" in text
        assert (grant.access_request.named_by_others or grant.username) in text
