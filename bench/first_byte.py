"""How long a person waits for a page's first byte, over HTTP, in a house that has been lived in."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from contextlib import closing

import httpx2
import psycopg

from bench import crowd, world
from bench.world import World

EACH = 30
WARM = 3
PEOPLE = ("bob", "erin")
# Not pages: they stream, or walk the whole chain because that is what they are asked for.
LEFT_OUT = re.compile(r"^/(static|api|admin|accounts|audit/(export|verify))")


def fill(running: World) -> None:
    """10,000 requests and 1,000 live grants, with nobody at work who would look for them on a target."""
    alice, bob = running.client("alice"), running.client("bob")
    waiting = world.ask(alice, target="shop-prod", role="read@shop.orders", duration="PT2H")
    asked = world.ask(alice, target="shop-prod", role="read@shop.orders", duration="PT2H")
    grant_id = world.approve(bob, asked)["grant"]["id"]
    world.wait_for(alice, grant_id, state="active")
    for name in ("relay", "worker", "worker_urgent"):
        running.stop(name)
    with psycopg.connect(running.state["postgres"]) as connection, connection.cursor() as cursor:
        crowd.fill(cursor, pending_id=waiting["id"], grant_id=grant_id)


def measure(running: World) -> dict[str, list[float]]:
    """Seconds to the first byte by page. Pages are found as a person finds them: by the links of other pages."""
    found: dict[str, list[float]] = {}
    for name in PEOPLE:
        with closing(signed_in(running, name)) as browser:
            for path in pages(browser):
                times = [first_byte(browser, path) for _ in range(WARM + EACH)]
                found[f"{name} {shape_of(path)}"] = times[WARM:]
    return found


def signed_in(running: World, name: str) -> httpx2.Client:
    browser = httpx2.Client(base_url=running.state["web"], trust_env=False, timeout=20, follow_redirects=True)
    browser.get("/accounts/login/")
    typed = {"login": name, "password": running.state["passwords"][name]}
    token = {"csrfmiddlewaretoken": browser.cookies["csrftoken"]}
    browser.post("/accounts/login/", data={**typed, **token}).raise_for_status()
    return browser


def pages(browser: httpx2.Client) -> list[str]:
    """One address of each shape, two links deep from the start page."""
    seen = {shape_of(path): path for path in ("/access/", "/approvals/", "/request/")}
    for _ in range(2):
        for path in list(seen.values()):
            answer = browser.get(path)
            for link in re.findall(r'href="(/[^"#?]*)"', answer.text):
                if not LEFT_OUT.match(link):
                    seen.setdefault(shape_of(link), link)
    return [path for path in sorted(seen.values()) if _is_page(browser.get(path))]


def _is_page(answer: httpx2.Response) -> bool:
    return answer.status_code == httpx2.codes.OK and not answer.history


def shape_of(path: str) -> str:
    return re.sub(r"\d+", "N", path)


def first_byte(browser: httpx2.Client, path: str) -> float:
    started = time.perf_counter()
    with browser.stream("GET", path) as answer:
        next(answer.iter_raw())
        return time.perf_counter() - started


def row(found: dict[str, list[float]], ms: Callable[[list[float], int], str]) -> str:
    """The row, the slowest page first, and each page under it."""
    slowest = sorted(found, key=lambda page: sorted(found[page])[len(found[page]) // 2], reverse=True)
    every = [second for times in found.values() for second in times]
    head = (
        f"first byte of a page at {crowd.REQUESTS} requests and {crowd.LIVE} live grants (N={EACH} a page, "
        f"{len(found)} pages, one at a time, gunicorn): p50 {ms(every, 50)} p95 {ms(every, 95)}; goal p95 <= 150 ms"
    )
    return "\n".join([head, *(f"  {page}: p50 {ms(found[page], 50)} p95 {ms(found[page], 95)}" for page in slowest)])
