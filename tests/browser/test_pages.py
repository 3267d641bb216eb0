"""Guards that every page in every state can be used by everybody: no axe violation, no sideways scroll, a title that
names it, nothing reported by the browser; light and dark, at 320, 390 and 1280 pixels, and the main ones in forced colours.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest

from tests.browser.inspection import inspect, inspect_forced_colours
from tests.browser.pages import MAIN, SCENES, WHILE_AWAY, Scene
from tests.browser.states import Away, States
from tests.browser.windows import DESKTOP, FORCED_COLOURS, Look, Windows
from tests.journeys.world import World


@pytest.fixture(scope="module")
def away(world: World) -> Iterator[Away]:
    try:
        yield Away(world, target="shop-staging")
    finally:
        world.start("mongod:shop-staging")


def by_name(scene: Scene) -> str:
    return scene.name


def look_at(
    scene: Scene,
    windows: Windows,
    states: States | Away,
    *,
    look: Look = DESKTOP,
    inspected: Callable[..., list[str]] = inspect,
) -> list[str]:
    path = re.sub(r"\{(\w+)\}", lambda found: str(getattr(states, found[1])), scene.path)
    page = windows.open(scene.person, path, look=look)
    problems = [f"{scene.name} answered {windows.status}"] if windows.status != scene.status else []
    if scene.act is not None:
        scene.act(page, windows)
    return problems + inspected(page, name=scene.name)


class TestEveryPage:
    @pytest.mark.parametrize("scene", SCENES, ids=by_name)
    def test_can_be_used_by_everybody(self, scene: Scene, windows: Windows, states: States) -> None:
        assert not (problems := look_at(scene, windows, states)), "\n".join(problems)


class TestForcedColours:
    @pytest.mark.parametrize("scene", [scene for scene in SCENES if scene.name in MAIN], ids=by_name)
    def test_hide_nothing(self, scene: Scene, windows: Windows, states: States) -> None:
        problems = look_at(scene, windows, states, look=FORCED_COLOURS, inspected=inspect_forced_colours)
        assert not problems, "\n".join(problems)

    def test_are_tried_on_pages_that_there_are(self) -> None:
        assert {scene.name for scene in SCENES} >= MAIN


class TestWhileATargetIsAway:
    @pytest.mark.parametrize("scene", WHILE_AWAY, ids=by_name)
    def test_pages_can_be_used_by_everybody(self, scene: Scene, windows: Windows, away: Away) -> None:
        assert not (problems := look_at(scene, windows, away)), "\n".join(problems)
