"""Prepares servers and settings before anything of the product is imported. Fixtures stand in fixtures.py."""

from __future__ import annotations

import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests import servers

servers.prepare()


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.import_plugin("tests.fixtures")


class _JourneysTogether(LoadScopeScheduling):
    """One test process runs all journeys, which share one world, and one all browser tests, which share another.

    Every other test goes where there is time for it.
    """

    def _split_scope(self, nodeid: str) -> str:
        room = nodeid.split("/")[1]
        return room if room in {"journeys", "browser"} else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    return _JourneysTogether(config, log)
