"""Two grants share an address and a role while Atlas fails at any call: nothing is left over, nothing lasts too long."""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial

from accessrequests.domain.lifecycle import EndReason
from accessrequests.models import Grant, SharedObject
from accessrequests.operations import grants
from tests import make
from tests.make import Cast
from tests.races.together import at_once, kinds
from tests.workers.atlas.gates import Gates, can, gates, longest_call_is_over, spec
from workers.provisioners.base import Evidence, GrantSpec, ProvisionerError

ROUNDS = int(os.environ.get("ACCESS_TEST_ROUNDS", "4"))
ADDRESS = "203.0.113.7"
FIND = can("find", on="reporting.daily_sales")
FAULTS = ("drop_before", "drop_after_commit", "error_before", "error_after_commit")
MOST_TRIES = 60


def until_it_works(step: Callable[[], Evidence | None]) -> None:
    """As the handlers do: try again whatever was no refusal for good, and look again where the evidence says so."""
    failure: ProvisionerError | None = None
    for _ in range(MOST_TRIES):
        try:
            evidence = step()
        except ProvisionerError as error:
            if error.permanent:
                raise
            failure = error
        else:
            if evidence is None or evidence.done:
                return
            assert not evidence.remains, evidence
            longest_call_is_over()
    raise AssertionError(f"It never worked: {failure}")


def live(atlas: Gates, one: GrantSpec) -> None:
    """Opened, there while it lives, and ended."""
    until_it_works(partial(atlas.network.prepare, one))
    until_it_works(lambda: _nothing(atlas.roles.ensure(one)))
    until_it_works(partial(atlas.network.arm, one))
    until_it_works(lambda: _is_there(atlas, one))
    grants.end(grant_id=one.grant_id, reason=EndReason.DRIFT, note="")
    until_it_works(partial(atlas.network.close, one))
    until_it_works(partial(atlas.roles.release, one))


def _nothing(_names: object) -> None:
    return None


def _is_there(atlas: Gates, one: GrantSpec) -> None:
    assert atlas.network.look(one).exact
    assert atlas.roles.changed(one) == []


def order_faults(atlas: Gates, chance: random.Random) -> None:
    for _ in range(3):
        atlas.served.order(
            chance.choice(FAULTS),
            method=chance.choice(("GET", "POST", "DELETE")),
            path=chance.choice(("accessList", "customDBRoles")),
            skip=chance.randrange(4),
            times=chance.randint(1, 3),
        )


def test_nothing_is_left_over_and_nothing_lasts_too_long(committed_cast: Cast) -> None:
    cast = committed_cast
    held = [make.active_grant(person, cast.bob) for person in (cast.alice, cast.frank)]
    seed = random.randrange(10**9)
    chance = random.Random(seed)
    for number in range(ROUNDS):
        Grant.objects.update(state="active", end_reason="", revocation_started_at=None)
        lasts = [timedelta(hours=chance.randint(1, 5)) for _ in held]
        specs = [spec(grant, ADDRESS, roles=[FIND], lasts=length) for grant, length in zip(held, lasts, strict=True)]
        with gates() as atlas:
            order_faults(atlas, chance)

            outcomes = at_once([partial(live, atlas, one) for one in specs])

            told = f"round {number} of seed {seed}: {outcomes}"
            assert kinds(outcomes) == {"NoneType": len(held)}, told
            assert (atlas.entries, atlas.role_names) == ({}, []), told
            assert not SharedObject.objects.exclude(kind="turn").exists(), told
            assert _latest_date(atlas) <= max(one.expires_at for one in specs) + timedelta(seconds=1), told


def _latest_date(atlas: Gates) -> datetime:
    """Of all dates that were sent for an entry, by calls that were not dropped before they were read."""
    calls = atlas.served.control("GET", "calls").json()
    listed = calls["results"] if isinstance(calls, dict) else calls
    bodies = [call["body"] for call in listed if call["method"] == "POST" and "accessList" in call["target"]]
    return max(datetime.fromisoformat(entry["deleteAfterDate"]) for body in bodies for entry in body or [])
