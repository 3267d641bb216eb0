"""What people do on the portal's screens, by the words that they see there; and what a target says to a shown password."""

from __future__ import annotations

import re
from urllib.parse import quote_plus

from playwright.sync_api import Error, Locator, Page, expect
from pymongo.uri_parser import parse_uri

from tests.journeys.people import REASON, Login, log_in
from tests.journeys.world import World

READ_ORDERS = "/request/?target=shop-prod&role=read@shop.orders"
CHANGE_SHOP = "/request/?target=shop-prod&role=readWrite@shop"


def words(text: str) -> re.Pattern[str]:
    return re.compile(text, re.IGNORECASE)


def button(page: Page, text: str) -> Locator:
    return page.get_by_role("button", name=words(text)).locator("visible=true").first


def send_ask(page: Page, *, reason: str = REASON) -> int:
    """Say why, and send what the page has chosen; the number of the request."""
    page.locator("[name=reason]").fill(reason)
    button(page, "^send").click()
    page.wait_for_url("**/requests/*/")
    return number_in(page.url)


def number_in(address: str) -> int:
    return int(address.rstrip("/").rpartition("/")[2])


def approve(page: Page, number: int) -> None:
    """From the inbox, as somebody who was told that something waits."""
    page.goto("/approvals/")
    page.locator(f"a[href^='/approvals/{number}/']").first.click()
    page.wait_for_url(f"**/approvals/{number}/**")
    press(page, "^approve")


def press(page: Page, text: str) -> None:
    """Press the button, and once more where it asks in a dialog whether that is meant."""
    button(page, text).click()
    asked = page.locator("dialog[open]")
    if asked.count():
        asked.get_by_role("button", name=words(text)).click()
    page.wait_for_load_state()


def reads(page: Page, text: str) -> None:
    """What stands in the page, now or in a moment."""
    expect(page.locator("main")).to_contain_text(words(text))


def look_again(page: Page) -> None:
    """Load the page anew; where it begins to do so by itself in that moment, that breaks ours off and is as good."""
    try:
        page.reload()
    except Error as error:
        if "net::ERR_ABORTED" not in error.message:
            raise
        page.wait_for_load_state()


def until_it_reads(page: Page, text: str, *, world: World, seconds: float = 30) -> None:
    """Load the page again and again, as somebody does whose page does not refresh itself."""

    def look() -> bool:
        look_again(page)
        return bool(re.search(text, page.locator("main").inner_text(), re.IGNORECASE))

    world.wait_for(look, what=f"{page.url} reads {text!r}", seconds=seconds, pause=0.3)


def open_grant(page: Page, number: int, *, world: World) -> int:
    """From one's request to the access that came of it, once it is live; its number."""
    page.goto(f"/requests/{number}/")
    found = page.locator("main a[href^='/access/']").first
    found.click()
    page.wait_for_url("**/access/*/")
    grant = number_in(page.url)
    world.wait_for(lambda: world.alice.grant(grant)["state"] == "active", what=f"grant {grant} is live")
    page.goto(f"/access/{grant}/")
    return grant


def reveal(page: Page) -> str:
    """The password, as it stands on the screen."""
    press(page, "reveal")
    return shown_password(page).inner_text().strip()


def shown_password(page: Page) -> Locator:
    return page.locator("#password")


def login_with(world: World, grant: int, password: str) -> Login:
    """What the target itself says to the user's name and the password as they were shown."""
    found = world.dave.grant(grant)
    return try_login(world, target=found["target"], username=found["username"], password=password)


def try_login(world: World, *, target: str, username: str, password: str) -> Login:
    (host, port), *_more = parse_uri(world.state()["targets"][target]["uri"])["nodelist"]
    user = f"{quote_plus(username)}:{quote_plus(password)}"
    return log_in(f"mongodb://{user}@{host}:{port}/?authSource=admin&directConnection=true")


def is_on_target(world: World, grant: int) -> bool:
    """Whether the target has the user of the grant."""
    found = world.dave.grant(grant)
    return any(found["username"] in name for name in world.targets[found["target"]].users())
