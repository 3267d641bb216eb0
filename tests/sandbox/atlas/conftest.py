"""Real clusters that all tests of the stand-in share; they start for whoever asks first."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from sandbox.servers import scratch_directory
from tests.sandbox.atlas.api import Api, served
from tests.sandbox.atlas.behind import Behind


@pytest.fixture(scope="session")
def behind() -> Iterator[Behind]:
    with scratch_directory() as directory:
        made = Behind(directory)
        yield made
        made.remove()


@pytest.fixture
def api() -> Iterator[Api]:
    with served() as api:
        yield api
