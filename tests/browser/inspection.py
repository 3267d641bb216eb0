"""What is wrong with a page as it is shown: axe's findings, sideways scroll, headings and title; wide and narrow, light and dark."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.base import AXE_SCRIPT
from playwright.sync_api import Error, Page

from tests.browser.windows import DESK, HEIGHTS, NARROWEST, PHONE

MOST_LOADS = 5
TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
COLOUR_RULES = ("color-contrast", "link-in-text-block")  # all that a theme can change
# All that a size can change: what is left of a name where words are hidden, what can still be hit, reached and read.
SIZE_RULES = (
    *("target-size", "scrollable-region-focusable", "aria-hidden-focus", "meta-viewport", "css-orientation-lock"),
    *("button-name", "link-name", "label", "select-name", "input-button-name", "image-alt", "svg-img-alt"),
    *("heading-order", "page-has-heading-one", "landmark-one-main", "region", "skip-link", "bypass"),
)
EVERYTHING = {"runOnly": {"type": "tag", "values": TAGS}}
COLOURS = {"runOnly": {"type": "rule", "values": COLOUR_RULES}}
COLOURS_AND_SIZES = {"runOnly": {"type": "rule", "values": (*COLOUR_RULES, *SIZE_RULES)}}


def inspect(page: Page, *, name: str, thoroughly: bool = False) -> list[str]:
    """What is wrong with the page. One that loads itself anew, because what it tells of went on, is looked at again."""
    for _ in range(MOST_LOADS):
        try:
            return _inspect(page, name=name, thoroughly=thoroughly)
        except Error as error:
            if "Execution context was destroyed" not in error.message:
                raise
            page.wait_for_load_state()
    return _inspect(page, name=name, thoroughly=thoroughly)


def _inspect(page: Page, *, name: str, thoroughly: bool) -> list[str]:
    """Every rule in the light where there is room, and in the dark where there is little what those two can change.

    A phone shows what the narrowest window does. A theme changes colours, a size what is shown of the page. What is
    looked at thoroughly is held to every rule in both, and its colours are in all four pairs.
    """
    problems = _outline(page)
    for width in (PHONE, DESK):
        _resize(page, width)
        problems += [f"{width} px: {problem}" for problem in _sideways(page)]
    problems += [f"light, {DESK} px: {problem}" for problem in _axe(page, EVERYTHING)]
    page.emulate_media(color_scheme="dark")
    if thoroughly:
        problems += [f"dark, {DESK} px: {problem}" for problem in _axe(page, COLOURS)]
    _resize(page, NARROWEST)
    problems += [f"{NARROWEST} px: {problem}" for problem in _sideways(page)]
    narrow = EVERYTHING if thoroughly else COLOURS_AND_SIZES
    problems += [f"dark, {NARROWEST} px: {problem}" for problem in _axe(page, narrow)]
    if thoroughly:
        page.emulate_media(color_scheme="light")
        problems += [f"light, {NARROWEST} px: {problem}" for problem in _axe(page, COLOURS)]
    _as_it_was(page)
    return [f"{name} {problem}" for problem in dict.fromkeys(problems)]


def inspect_forced_colours(page: Page, *, name: str) -> list[str]:
    """The colours once more where the system chooses them; what is chosen can be told without a background."""
    problems = []
    page.emulate_media(color_scheme="light", forced_colors="active")
    for width in (DESK, NARROWEST):
        _resize(page, width)
        found = [*_sideways(page), *_unmarked(page), *_axe(page, COLOURS)]
        problems += [f"{width} px: {problem}" for problem in found]
    _as_it_was(page)
    return [f"{name}, forced colours, {problem}" for problem in dict.fromkeys(problems)]


def _resize(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": HEIGHTS[width]})


def _as_it_was(page: Page) -> None:
    page.emulate_media(color_scheme="light", forced_colors="none")
    _resize(page, DESK)


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


def _axe(page: Page, rules: dict[str, Any]) -> list[str]:
    if not page.evaluate("() => 'axe' in window"):  # reading it takes as long as a look with it
        page.evaluate(AXE_SCRIPT)
    options = {**rules, "resultTypes": ["violations"]}
    violations = page.evaluate("async options => (await axe.run(options)).violations", options)
    return [
        f"{violation['id']}: {violation['help']}: {node['html'][:160]} ({_why(node)})"
        for violation in violations
        for node in violation["nodes"][:4]
    ]


def _why(node: dict[str, Any]) -> str:
    return "; ".join(check["message"] for check in [*node["any"], *node["all"], *node["none"]])[:200]
