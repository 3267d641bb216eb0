"""Prepares servers and settings before anything of the product is imported. Fixtures stand in fixtures.py."""

from __future__ import annotations

import gc

import hypothesis
import pytest
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling

from tests import servers

servers.prepare()
# What several rooms import and assert with, before any of them does.
pytest.register_assert_rewrite("tests.workers.provisioners.contract", "tests.workers.provisioners.visitors")
# How long one example takes says something of the machine, and nothing of what is tested.
hypothesis.settings.register_profile("suite", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
hypothesis.settings.load_profile("suite")


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.import_plugin("tests.fixtures")


def pytest_collection_finish() -> None:
    """Thousands of tests stay until the end: nobody need look again and again whether they have become garbage.

    For what each of them leaves, it is soon enough to look every ten thousand objects: at 700 that was a fifteenth of all work.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000, 20, 20)


# The rooms of tests during which coverage is counted; `make test` asks it of the domain and the operations only.
COUNTED = frozenset({"domain", "operations", "races", "slack"})


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> None:
    """What a room promises is tested in its own folder; counting costs every other test more than half its time again."""
    controller = getattr(item.config.pluginmanager.getplugin("_cov"), "cov_controller", None)
    is_counted = _room(item.nodeid) in COUNTED
    if controller is not None and controller.started is not is_counted:
        (controller.resume if is_counted else controller.pause)()


# The rooms whose tests share a world each; it runs for as long as they do.
WORLDS = ("journeys", "browser")
# The rooms whose tests hold something to a deadline. The others can wait for a processor, and share it with the worlds.
TIMED = frozenset({"workers", "faults", "races", "sandbox"})


def _room(nodeid: str) -> str:
    return nodeid.split("/")[1]


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The worlds first, beside them what has time, then what has deadlines; of that the longest first, so that no
    process is left alone with it at the end.
    """

    def place(item: pytest.Item) -> tuple[int, bool, bool]:
        room = _room(item.nodeid)
        return (
            WORLDS.index(room) if room in WORLDS else len(WORLDS),
            room in TIMED,
            item.get_closest_marker("slow") is None,
        )

    items.sort(key=place)


class _OneWorldAtATime(LoadScopeScheduling):
    """One test process runs all journeys, which share one world, and then all browser tests, which share another.

    Each world is a dozen busy processes: two at once would hold each other up until neither keeps a deadline.
    Every other test goes where there is time for it.
    """

    def _split_scope(self, nodeid: str) -> str:
        return "worlds" if _room(nodeid) in WORLDS else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadScopeScheduling:
    return _OneWorldAtATime(config, log)
