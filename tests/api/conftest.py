"""The world that most tests of the API begin in."""

from __future__ import annotations

import pytest
from pytest_django import DjangoDbBlocker

from tests.api.world import World, make_world, world_of
from tests.kept import Copy, Kept


@pytest.fixture(scope="session")
def kept_world(kept_cast: Kept, django_db_blocker: DjangoDbBlocker) -> Copy[None]:
    with django_db_blocker.unblock():
        return kept_cast.keep("world", lambda: make_world(kept_cast.cast.give()))


@pytest.fixture
def world(kept_world: Copy[None], db: None) -> World:
    return world_of(kept_world.give())
