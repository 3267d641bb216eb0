"""A person's browser, as far as a measure needs one: signed in, and asked for the first byte of a page."""

from __future__ import annotations

import time

import httpx2

from bench.world import World


def signed_in(running: World, name: str) -> httpx2.Client:
    browser = httpx2.Client(base_url=running.state["web"], trust_env=False, timeout=60, follow_redirects=True)
    browser.get("/accounts/login/")
    typed = {"login": name, "password": running.state["passwords"][name]}
    token = {"csrfmiddlewaretoken": browser.cookies["csrftoken"]}
    browser.post("/accounts/login/", data={**typed, **token}).raise_for_status()
    return browser


def first_byte(browser: httpx2.Client, path: str) -> float:
    """Seconds.

    :raises RuntimeError: when there is no such page, which would be quick.
    """
    started = time.perf_counter()
    with browser.stream("GET", path) as answer:
        next(answer.iter_raw())
        taken = time.perf_counter() - started
    if answer.status_code != httpx2.codes.OK or answer.history:
        raise RuntimeError(f"{path} answers {answer.status_code}, so there is nothing to measure.")
    return taken
