"""One world and one browser for everything in a real browser, and windows that notice what goes wrong in them."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser import chromium
from tests.browser.states import States
from tests.browser.windows import Windows
from tests.journeys.world import World

logging.getLogger("httpx2").setLevel(logging.WARNING)  # it would tell of every look


@pytest.fixture(scope="package")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Not the journeys' world: in that one a target is away for long, the broker hangs, and relays are killed.

    It ends with the last of these tests: a world that nobody looks at takes a tenth of a processor.
    """
    world = World(tmp_path_factory.mktemp("browser"))
    try:
        yield world
    finally:
        world.end()


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    """Only for this package: where playwright runs, Django's database refuses to be used from the same thread."""
    found = chromium.find()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=found.executable, args=chromium.ARGUMENTS, env=dict(found.environment) or None
        )
        try:
            yield browser
        finally:
            browser.close()


@pytest.fixture(scope="package")
def shared_windows(browser: Browser, world: World) -> Windows:
    return Windows(browser, world)


@pytest.fixture
def windows(shared_windows: Windows) -> Iterator[Windows]:
    """Opens pages as anybody; at the end of the test nothing may have gone wrong in any of them."""
    yield shared_windows
    shared_windows.close()


@pytest.fixture(scope="package")
def states(world: World) -> States:
    return States(world)
