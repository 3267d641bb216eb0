"""Windows of a browser on a world's portal: whose they are, how large, and whatever went wrong in them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, StorageState, expect

from tests.journeys.world import World

NARROWEST, PHONE, DESK = 320, 390, 1280
HEIGHTS: Mapping[int, int] = {NARROWEST: 640, PHONE: 844, DESK: 900}
PATIENCE = 45_000.0  # milliseconds, after which what has not come is a failure; the machine may be busy with much else

expect.set_options(timeout=PATIENCE)


@dataclass(frozen=True, slots=True)
class Look:
    """What somebody looks at the portal with."""

    width: int = DESK
    scheme: Literal["light", "dark"] = "light"
    touch: bool = False
    javascript: bool = True


DESKTOP = Look()
ON_A_PHONE = Look(width=PHONE, touch=True)
WITHOUT_JAVASCRIPT = Look(javascript=False)


class Windows:
    """Everybody signs in once, by the real form; their windows share that session."""

    def __init__(self, browser: Browser, world: World) -> None:
        self._browser = browser
        self._world = world
        state = world.state()
        self._passwords = state["passwords"]
        self._with_second_factor = frozenset(state["totp"])
        self.origin = str(state["web"])
        self.slack: Mapping[str, Any] = state["slack"]
        self._sessions: dict[str, StorageState] = {}
        self._contexts: list[BrowserContext] = []
        self._kept: dict[str, Page] = {}
        self.troubles: list[str] = []
        self.expected: set[int] = set()  # statuses that parts of the pages may be answered with, until they are closed
        self.status = 0  # of the page that was opened last

    def open(self, name: str | None, path: str = "/", *, look: Look = DESKTOP) -> Page:
        """A new window of that person's, or of somebody who has not signed in."""
        return self._show(self._new(name, look=look), path)

    def go(self, name: str, path: str) -> Page:
        """The page in a window of that person's that is kept from test to test: a new one takes four times as long."""
        if name not in self._kept:
            page = self._new(name, look=DESKTOP) if name in self._sessions else self._watched(self._signed_in(name))
            self._contexts.remove(page.context)
            self._kept[name] = page
        # What was there may be about to draw itself anew, and would break off the way to the next.
        self._kept[name].goto("about:blank")
        return self._show(self._kept[name], path)

    def sign_in(self, name: str, page: Page) -> Page:
        if not page.url.startswith(f"{self.origin}/accounts/login/"):
            page.goto("/accounts/login/")
        page.locator("[name=login]").fill(name)
        password = page.locator("[name=password]")
        password.fill(self._passwords[name])
        password.press("Enter")
        page.wait_for_url(lambda address: "/accounts/login/" not in address)
        if name in self._with_second_factor:
            page.locator("[name=code]").fill(self._world.code_of(name))
            page.locator("[name=code]").press("Enter")
            page.wait_for_url(lambda address: "/accounts/" not in address)
        return page

    def password_of(self, name: str) -> str:
        return str(self._passwords[name])

    def close(self) -> None:
        """:raises AssertionError: a page said that something went wrong in it."""
        for context in self._contexts:
            context.close()
        self._contexts.clear()
        troubles, self.troubles = self.troubles, []
        self.expected.clear()
        assert not troubles, "\n".join(troubles)

    def put_away(self) -> None:
        """Close the windows that are kept, whose pages go on asking for what is new."""
        for page in self._kept.values():
            page.context.close()
        self._kept.clear()

    def _show(self, page: Page, path: str) -> Page:
        answer = page.goto(path)
        self.status = answer.status if answer is not None else 0
        return page

    def _new(self, name: str | None, *, look: Look) -> Page:
        if name is not None and name not in self._sessions:
            self._signed_in(name)
        return self._watched(self._context(name, look=look).new_page())

    def _signed_in(self, name: str) -> Page:
        page = self.sign_in(name, self._context(None, look=DESKTOP).new_page())
        self._sessions[name] = page.context.storage_state()
        return page

    def _context(self, name: str | None, *, look: Look) -> BrowserContext:
        context = self._browser.new_context(
            base_url=self.origin,
            viewport={"width": look.width, "height": HEIGHTS[look.width]},
            color_scheme=look.scheme,
            has_touch=look.touch,
            is_mobile=look.touch,
            java_script_enabled=look.javascript,
            reduced_motion="reduce",
            locale="en-GB",
            timezone_id="Europe/Berlin",
            storage_state=self._sessions[name] if name is not None else None,
        )
        context.set_default_timeout(PATIENCE)
        self._contexts.append(context)
        return context

    def _watched(self, page: Page) -> Page:
        page.on("console", lambda message: self._heard(page, message))
        page.on("pageerror", lambda error: self.troubles.append(f"{page.url}: {error}"))
        page.on("request", self._asked)
        return page

    def _heard(self, page: Page, message: ConsoleMessage) -> None:
        """What the browser reports, a refusal by the content security policy included, but not a page's own status."""
        address = message.location["url"]
        is_status = message.text.startswith("Failed to load resource") and "/static/" not in address
        past_sign_in = 401
        refused = {f"Response Status Error Code {status}" for status in {past_sign_in, *self.expected}}
        is_status |= message.text.startswith(tuple(refused))  # a part of a page
        is_left_behind = message.text.startswith(("htmx:sendAbort", "htmx:afterRequest"))  # by going to another page
        if message.type == "error" and not is_status and not is_left_behind:
            self.troubles.append(f"{page.url}: {message.text}")

    def _asked(self, request: Request) -> None:
        if not request.url.startswith((f"{self.origin}/", "data:")):
            self.troubles.append(f"A page asked for something elsewhere: {request.url}")
