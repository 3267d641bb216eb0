"""Guards that every page in every state can be used by everybody: no axe violation, no sideways scroll, a title that
names it, nothing reported by the browser; light and dark, at 320, 390 and 1280 pixels, and the main ones in forced colours.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.browser.inspection import inspect, inspect_forced_colours
from tests.browser.pages import MAIN, SCENES, WHILE_AWAY, Scene
from tests.browser.states import Away, States
from tests.browser.windows import Windows
from tests.journeys.world import World


@pytest.fixture(scope="module")
def away(world: World) -> Iterator[Away]:
    try:
        yield Away(world, target="shop-staging")
    finally:
        world.start("mongod:shop-staging")


@pytest.fixture(scope="module", autouse=True)
def kept_windows(shared_windows: Windows) -> Iterator[None]:
    """One window for each person, in which page after page is opened; nobody is left looking at the last."""
    yield
    shared_windows.put_away()


def by_name(scene: Scene) -> str:
    return scene.name


def look_at(scene: Scene, windows: Windows, states: States | Away) -> list[str]:
    path = re.sub(r"\{(\w+)\}", lambda found: str(getattr(states, found[1])), scene.path)
    page = windows.open(None, path) if scene.person is None else windows.go(scene.person, path)
    problems = [f"{scene.name} answered {windows.status}"] if windows.status != scene.status else []
    if scene.act is not None:
        scene.act(page, windows)
    is_main = scene.name in MAIN
    problems += inspect(page, name=scene.name, thoroughly=is_main)
    return problems + (inspect_forced_colours(page, name=scene.name) if is_main else [])


class TestEveryPage:
    @pytest.mark.parametrize("scene", SCENES, ids=by_name)
    def test_can_be_used_by_everybody(self, scene: Scene, windows: Windows, states: States) -> None:
        assert not (problems := look_at(scene, windows, states)), "\n".join(problems)

    def test_is_seen_in_forced_colours_where_it_is_one_of_the_main(self) -> None:
        assert {scene.name for scene in SCENES} >= MAIN


class TestWhileATargetIsAway:
    @pytest.mark.parametrize("scene", WHILE_AWAY, ids=by_name)
    def test_pages_can_be_used_by_everybody(self, scene: Scene, windows: Windows, away: Away) -> None:
        assert not (problems := look_at(scene, windows, away)), "\n".join(problems)
