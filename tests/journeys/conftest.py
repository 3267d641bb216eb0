"""One world for all journeys, which ends with the last of them, and an outage that lasts while the others go on."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.outage import Outage
from tests.journeys.world import World

logging.getLogger("httpx2").setLevel(logging.WARNING)  # it would tell of every look


HERE = Path(__file__).parent


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """What waits for an outage is the last of the journeys, whatever the order of the others."""
    yield
    places = [place for place, item in enumerate(items) if item.path.parent == HERE]
    journeys = sorted((items[place] for place in places), key=_needs_an_outage)
    for place, item in zip(places, journeys, strict=True):
        items[place] = item


def _needs_an_outage(item: pytest.Item) -> bool:
    return "outage" in getattr(item, "fixturenames", ())


@pytest.fixture(scope="package")
def shared_world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("world"))
    try:
        if any(map(_needs_an_outage, request.session.items)):
            request.getfixturevalue("outage_stash").append(Outage(world))
        yield world
    finally:
        world.end()


@pytest.fixture(scope="package")
def outage_stash() -> list[Outage]:
    """Where the outage waits that began together with the world."""
    return []


@pytest.fixture
def outage(world: World, outage_stash: list[Outage]) -> Outage:
    """One target is away since the world began, so that this takes no more time than it must."""
    return outage_stash[0]


@pytest.fixture
def world(shared_world: World) -> World:
    """The world that all journeys share. What a journey stops, it starts again."""
    shared_world.touched.clear()
    return shared_world
