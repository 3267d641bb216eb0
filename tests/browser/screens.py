"""Makes the pictures of docs/screens/ again, from a throw-away world: `make screens`, or `make screens ARGS="access grant"`."""

from __future__ import annotations

import io
import re
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from PIL import Image
from playwright.sync_api import Browser, ViewportSize, sync_playwright

from tests.browser import chromium
from tests.browser.states import Away, States, number
from tests.browser.windows import HEIGHTS, PATIENCE, PHONE, Look, Windows
from tests.journeys.world import ROOT, World

PLACE = ROOT / "docs" / "screens"
LONGEST = 1800  # pixels; what is below is more of the same
COLOURS = 128
SLACK = "slack"
EVERY_LOOK = (
    ("", Look()),
    ("-dark", Look(scheme="dark")),
    ("-390", Look(width=PHONE, touch=True)),
    ("-390-dark", Look(width=PHONE, touch=True, scheme="dark")),
)
LIGHT = EVERY_LOOK[0], EVERY_LOOK[2]


@dataclass(frozen=True, slots=True)
class Shot:
    name: str
    person: str | None
    path: str
    is_main: bool = False  # in the dark too


class Demo:
    """What stands in the pictures: a working day of the sandbox's people."""

    def __init__(self, world: World) -> None:
        self.world = world
        states = States(world)
        self.ended, self.denied = states.ended, states.denied
        self.live = states.live
        self.others = [
            self._ask("frank", "shop-prod", "read@shop.payments", "PT30M", "Two captures failed at noon; which ones?"),
            self._ask("grace", "shop-staging", "readWrite@shop", "PT8H", "Replay the imports of last night."),
        ]
        reason = "Refund totals are off for twelve orders since the release of noon. I need to see their states."
        self.waiting = self._ask("alice", "shop-prod", "read@shop.orders", "PT4H", reason)
        self.away = Away(world, target="shop-staging")

    def _ask(self, by: str, target: str, role: str, duration: str, reason: str) -> int:
        return number(self.world.people[by].ask(target=target, roles=(role,), duration=duration, reason=reason))

    def shots(self) -> tuple[Shot, ...]:
        away = self.away
        return (
            Shot("sign-in", None, "/accounts/login/"),
            Shot("ask", "alice", "/request/?target=shop-prod&role=read@shop.orders", is_main=True),
            Shot("request", "alice", f"/requests/{self.waiting}/"),
            Shot("request-denied", "alice", f"/requests/{self.denied}/"),
            Shot("approvals", "bob", "/approvals/"),
            Shot("approval", "bob", f"/approvals/{self.waiting}/", is_main=True),
            Shot("access", "alice", "/access/", is_main=True),
            Shot("grant", "alice", f"/access/{self.live}/"),
            Shot("grant-ended", "alice", f"/access/{self.ended}/"),
            Shot("grant-setting-up", "alice", f"/access/{away.setting_up}/"),
            Shot("grant-set-up-failed", "alice", f"/access/{away.failed}/"),
            Shot("grant-may-still-work", "alice", f"/access/{away.revoking}/"),
            Shot("history", "alice", "/history/"),
            Shot("audit", "dave", "/audit/", is_main=True),
            Shot("targets", "alice", "/targets/"),
            Shot("target", "alice", "/targets/shop-prod/"),
            Shot("policies", "alice", "/policies/"),
            Shot("health", "erin", "/health/", is_main=True),
            Shot("search", "alice", "/search/?q=orders"),
            Shot("account", "alice", "/account/"),
            Shot("start", "erin", "/start/"),
            Shot("not-found", "alice", "/nothing-here/"),
        )


def save(name: str, picture: bytes) -> int:
    """As few bytes as it can be read with; how many."""
    with Image.open(io.BytesIO(picture)) as image:
        shown = image.convert("RGB").crop((0, 0, image.width, min(image.height, LONGEST)))
        small = shown.quantize(COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
        small.save(PLACE / f"{name}.png", optimize=True)
    return (PLACE / f"{name}.png").stat().st_size


def shoot(windows: Windows, shot: Shot) -> int:
    total = 0
    for suffix, look in EVERY_LOOK if shot.is_main else LIGHT:
        page = windows.open(shot.person, shot.path, look=look)
        page.wait_for_load_state("networkidle")
        # What stays at the bottom of the window would lie across the middle of a picture of the whole page.
        tall = page.evaluate("() => document.documentElement.scrollHeight")
        page.set_viewport_size({"width": look.width, "height": min(tall, LONGEST)})
        total += save(shot.name + suffix, page.screenshot(full_page=True, animations="disabled"))
        windows.close()
    return total


def shoot_slack(browser: Browser, demo: Demo) -> int:
    """The card that waits, and the form to approve for less, as Bob sees them on the page of the stand-in."""
    slack, total = demo.world.state()["slack"], 0
    for suffix, look in EVERY_LOOK:
        size = ViewportSize(width=look.width, height=HEIGHTS[look.width])
        context = browser.new_context(viewport=size, color_scheme=look.scheme, has_touch=look.touch)
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        page.goto(f"{slack['url']}/as/bob/c/{slack['channels']['data-access']}")
        card = page.get_by_role("article").filter(has_text=re.compile(rf"Access request {demo.waiting}\b"))
        card.get_by_role("button", name="Approve").evaluate("button => button.scrollIntoView({block: 'center'})")
        total += save(f"slack{suffix}", page.screenshot(animations="disabled"))
        card.get_by_role("button", name="Shorter…").click()
        page.get_by_role("dialog").wait_for()
        total += save(f"slack-form{suffix}", page.screenshot(animations="disabled"))
        page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
        context.close()
    return total


def main(wanted: list[str]) -> None:
    found = chromium.find()
    with tempfile.TemporaryDirectory() as directory, sync_playwright() as playwright:
        world = World(Path(directory))
        try:
            browser = playwright.chromium.launch(
                executable_path=found.executable, args=chromium.ARGUMENTS, env=dict(found.environment) or None
            )
            windows, demo = Windows(browser, world), Demo(world)
            if not wanted or SLACK in wanted:
                print(f"{SLACK:24} {shoot_slack(browser, demo) // 1024:4} kB", flush=True)
            for shot in demo.shots():
                if not wanted or shot.name in wanted:
                    print(f"{shot.name:24} {shoot(windows, shot) // 1024:4} kB", flush=True)
            browser.close()
        finally:
            world.end()


if __name__ == "__main__":
    main(sys.argv[1:])
