"""What is wrong with a page as it is shown: axe's findings, sideways scroll, headings and title; wide and narrow, light and dark."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

from tests.browser.windows import DESK, HEIGHTS, NARROWEST, PHONE

TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
COLOURS = ("color-contrast", "link-in-text-block")  # all that a theme can change
AXE = Axe()


def inspect(page: Page, *, name: str) -> list[str]:
    """Every rule at the widest and the narrowest size in the light, the colours again in the dark."""
    problems = _outline(page)
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for width in (NARROWEST, PHONE, DESK):
            page.set_viewport_size({"width": width, "height": HEIGHTS[width]})
            problems += [f"{width} px: {problem}" for problem in _sideways(page)]
            if width != PHONE:
                problems += [f"{scheme}, {width} px: {problem}" for problem in _axe(page, dark=scheme == "dark")]
    return [f"{name} {problem}" for problem in dict.fromkeys(problems)]


def inspect_forced_colours(page: Page, *, name: str) -> list[str]:
    """Every rule in a window whose colours the system chooses; what is chosen can be told without a background."""
    problems = []
    for width in (NARROWEST, DESK):
        page.set_viewport_size({"width": width, "height": HEIGHTS[width]})
        problems += [f"{width} px: {problem}" for problem in [*_sideways(page), *_unmarked(page), *_axe(page)]]
    return [f"{name}, forced colours, {problem}" for problem in dict.fromkeys(problems)]


def _unmarked(page: Page) -> list[str]:
    """What is chosen, or is where one stands, and has neither border nor outline: backgrounds are not shown."""
    found: list[str] = page.evaluate(
        """() => {
            const marked = "[aria-current], [aria-pressed=true], .opt:has(:checked), .seg label:has(:checked)";
            const lines = style => style.outlineStyle !== "none" || parseFloat(style.borderTopWidth) > 0
                || parseFloat(style.borderBottomWidth) > 0 || style.textDecorationLine !== "none";
            const seen = e => e.getClientRects().length > 0;
            return [...document.querySelectorAll(marked)].filter(e => seen(e) && !lines(getComputedStyle(e)))
                .map(e => "is not marked as chosen: " + e.outerHTML.slice(0, 120));
        }"""
    )
    return found


def _outline(page: Page) -> list[str]:
    headings = page.locator("h1").all_inner_texts()
    title = page.title()
    problems = []
    if len(headings) != 1 or not headings[0].strip():
        problems.append(f"has {len(headings)} main headings: {headings}")
    if title.strip() in {"", "Access Requests", "· Access Requests"} or "  " in title:
        problems.append(f"has a title that does not name it: {title!r}")
    return problems


def _sideways(page: Page) -> list[str]:
    """The elements that stick out, when the page is wider than its window."""
    found: list[str] = page.evaluate(
        """() => {
            const wide = document.documentElement.clientWidth;
            if (document.documentElement.scrollWidth <= wide) return [];
            const out = [...document.body.querySelectorAll("*")].filter(e => e.getBoundingClientRect().right > wide + 1);
            return ["scrolls sideways: " + out.slice(0, 4).map(e => e.outerHTML.slice(0, 90)).join(" … ")];
        }"""
    )
    return found


def _axe(page: Page, *, dark: bool = False) -> list[str]:
    only: dict[str, Any] = {"type": "rule", "values": COLOURS} if dark else {"type": "tag", "values": TAGS}
    found = AXE.run(page, options={"runOnly": only, "resultTypes": ["violations"]})
    return [
        f"{violation['id']}: {violation['help']}: {node['html'][:160]} ({_why(node)})"
        for violation in found.response["violations"]
        for node in violation["nodes"][:4]
    ]


def _why(node: dict[str, Any]) -> str:
    return "; ".join(check["message"] for check in [*node["any"], *node["all"], *node["none"]])[:200]
