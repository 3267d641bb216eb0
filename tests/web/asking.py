"""How a test asks in the portal: the form filled from a link, sent or looked at while it is typed."""

from __future__ import annotations

from typing import Any

from tests.web.browser import Browser, Forms, text_of

FORM = "/request/?target=shop-prod&role=read@shop.orders"
REASON = "Refund totals are off for twelve orders."


def press(browser: Browser, page: str = FORM, **typed: Any) -> Any:
    return browser.press(page, action="/request/", **{"reason": REASON, **typed})


def live_part(browser: Browser, page: str = FORM, **typed: Any) -> Any:
    """What the page's script asks for while one types."""
    fields = Forms(text_of(browser.get(page))).fields_of("/request/")
    sent = {**fields, "reason": REASON, "act": "preview", **typed}
    return browser.client.post("/request/", sent, headers={"HX-Request": "true", "HX-Target": "rail"})
