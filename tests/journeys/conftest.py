"""One world for all journeys of a test process, and an outage that lasts while the others go on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.journeys.world import World

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """All of them share one world, so one test process runs all of them."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("world"))


@pytest.fixture(scope="session")
def shared_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    world = World(tmp_path_factory.mktemp("world"))
    try:
        yield world
    finally:
        world.end()


@pytest.fixture
def world(shared_world: World) -> World:
    """The world that all journeys share. What a journey stops, it starts again."""
    shared_world.touched.clear()
    return shared_world
