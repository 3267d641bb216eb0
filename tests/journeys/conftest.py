"""One world for all journeys, which ends with the last of them, and what lasts while the others go on."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.journeys.outage import Outage
from tests.journeys.steady import Steady
from tests.journeys.world import World

logging.getLogger("httpx2").setLevel(logging.WARNING)  # it would tell of every look


HERE = Path(__file__).parent
LASTING = frozenset({"outage", "steady"})


@dataclass(slots=True)
class Stash:
    """What began together with the world, where a journey wants it."""

    outage: Outage | None = None
    steady: Steady | None = None


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """What began with the world is looked at last, whatever the order of the other journeys."""
    yield
    places = [place for place, item in enumerate(items) if item.path.parent == HERE]
    journeys = sorted((items[place] for place in places), key=_began_with_the_world)
    for place, item in zip(places, journeys, strict=True):
        items[place] = item


def _began_with_the_world(item: pytest.Item) -> bool:
    return bool(LASTING & {*getattr(item, "fixturenames", ())})


def _is_needed(request: pytest.FixtureRequest, name: str) -> bool:
    return any(name in getattr(item, "fixturenames", ()) for item in request.session.items)


@pytest.fixture(scope="package")
def shared_world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    # All that it can say: in that, too, no secret may be found.
    world = World(tmp_path_factory.mktemp("world"), log_level="DEBUG")
    try:
        stash: Stash = request.getfixturevalue("stash")
        if _is_needed(request, "steady"):
            stash.steady = Steady(world)
        if _is_needed(request, "outage"):
            stash.outage = Outage(world)
        yield world
    finally:
        world.end()


@pytest.fixture(scope="package")
def stash() -> Stash:
    return Stash()


@pytest.fixture
def outage(world: World, stash: Stash) -> Outage:
    """One target is away since the world began, so that this takes no more time than it must."""
    assert stash.outage is not None
    return stash.outage


@pytest.fixture
def steady(world: World, stash: Stash) -> Steady:
    """A client is at work since the world began, likewise."""
    assert stash.steady is not None
    return stash.steady


@pytest.fixture
def world(shared_world: World) -> World:
    """The world that all journeys share. What a journey stops, it starts again."""
    shared_world.touched.clear()
    return shared_world
