"""The stand-in over HTTP, for whoever asks it something."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.sandbox.atlas.api import Api, served


@pytest.fixture
def api() -> Iterator[Api]:
    with served() as api:
        yield api
