"""Guards the second place of a deadline on Atlas: with the whole product stopped, Atlas itself ends the access."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import httpx2
import pytest

from sandbox.tour.atlas import AtlasOwner
from tests.journeys.people import Login
from tests.journeys.world import World

PRODUCT = ("web", "relay", "worker", "worker_urgent")
ADDRESS = "127.0.0.75"
PURGE_SECONDS = 1.0


@contextmanager
def set_at_atlas(world: World, **settings: float) -> Iterator[None]:
    atlas: dict[str, Any] = world.state()["atlas"]
    desk = httpx2.Client(
        base_url=atlas["control_url"], headers={"Authorization": f"Bearer {atlas['control_token']}"}, trust_env=False
    )
    with desk:
        before = desk.get("settings").json()
        assert desk.patch("settings", json=settings).is_success
        try:
            yield
        finally:
            desk.patch("settings", json={name: before[name] for name in settings})


def is_up(world: World) -> bool:
    try:
        return httpx2.get(f"{world.state()['web']}/readyz", trust_env=False).is_success
    except httpx2.TransportError:
        return False


@pytest.mark.slow
def test_atlas_ends_what_we_cannot(world: World) -> None:
    owner = AtlasOwner(state=world.state())
    cluster = min(owner.clusters())
    with set_at_atlas(world, purge_lag_seconds=PURGE_SECONDS, apply_seconds=0.5, active_seconds=0.5):
        asked = world.alice.ask(
            target="ecommerce-prod", duration="PT15S", clusters=[cluster], source_addresses=[ADDRESS]
        )
        access = world.use(world.follow(world.bob.approve(asked), world.alice))
        with world.without(*PRODUCT):
            assert access.login() is Login.WORKS
            time.sleep(max(0.0, (access.expires_at - datetime.now(UTC)).total_seconds()))
            world.wait_for(lambda: access.login() is Login.REFUSED, what="Atlas refuses the login", seconds=15)
            assert owner.get("databaseUsers", "admin", access.username) == {}
            world.wait_for(lambda: not owner.get("accessList", f"{ADDRESS}/32"), what="the entry is gone", seconds=15)

        world.wait_for(lambda: is_up(world), what="the web answers again", seconds=30)
        ended = world.await_grant(access, "revoked", seconds=30)

    assert ended["reason"] == "expiry"
    assert {gate["state"] for gate in ended["gates"]} == {"clean"}
    owner.close()
