"""The world that most tests of the API begin in."""

from __future__ import annotations

import pytest

from tests.api.world import World, make_world
from tests.make import Cast


@pytest.fixture
def world(cast: Cast) -> World:
    return make_world(cast)
