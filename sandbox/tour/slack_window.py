"""Somebody's window in Slack: reads the page of the stand-in as it is drawn, and presses what a person would press."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import httpx2

from sandbox.tour.narrator import Unexpected, expect

_CARD = "Access request {}"


@dataclass(slots=True)
class Form:
    """One message, modal or question, with what can be pressed in it: label -> (name, value)."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: dict[str, tuple[str, str]] = field(default_factory=dict)
    text: str = ""


class SlackWindow:
    """Of one person."""

    def __init__(self, name: str, *, state: Mapping[str, Any]) -> None:
        slack = state["slack"]
        self.name = name
        self._channel = slack["channels"]["data-access"]
        self._pages = httpx2.Client(base_url=slack["url"], timeout=15, follow_redirects=True, trust_env=False)
        self._record = (slack["record_url"], {"Authorization": f"Bearer {slack['control_token']}"})

    def close(self) -> None:
        self._pages.close()

    def card(self, number: int, *, is_own: bool = False) -> Form | None:
        """The newest card of this request: in the channel where people are asked, or in one's own messages."""
        answer = self._pages.get(self._own_page() if is_own else self._page())
        expect(holds=answer.status_code == httpx2.codes.OK, found=f"the channel answered {answer.status_code}")
        pattern = re.compile(rf"\b{re.escape(_CARD.format(number))}\b")
        found = [form for form in _read(answer.text) if pattern.search(form.text)]
        return found[-1] if found else None

    def press(self, form: Form, label: str, **typed: str) -> list[Form]:
        """What stands on the page afterwards.

        :raises Unexpected: there is no such button.
        """
        if label not in form.buttons:
            raise Unexpected(f"there is no button {label}, only {', '.join(form.buttons) or 'none'}")
        name, value = form.buttons[label]
        answer = self._pages.post(form.action, data={**form.fields, name: value, **typed})
        expect(holds=answer.status_code == httpx2.codes.OK, found=f"{label} answered {answer.status_code}")
        return _read(answer.text)

    def whispers(self) -> str:
        """What only this person sees in the channel, and everything else."""
        return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", self._pages.get(self._page()).text))

    def everything_sent(self) -> str:
        """Every call that the product has made of Slack."""
        url, headers = self._record
        return self._pages.get(url, headers=headers).text

    def _page(self) -> str:
        return f"/as/{self.name}/c/{self._channel}"

    def _own_page(self) -> str:
        """:raises Unexpected: the page leads nowhere like that."""
        found = re.search(rf'href="(/as/{self.name}/c/D[^"]+)"', self._pages.get(self._page()).text)
        if found is None:
            raise Unexpected("the page does not lead to the app's messages")
        return found[1]


class _Forms(HTMLParser):
    """The forms of a page, with the text in them."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._open: Form | None = None
        self._button: tuple[str, str] | None = None
        self._label = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._open = Form(action=given["action"])
            self.forms.append(self._open)
        elif tag == "button":
            self._button, self._label = (given.get("name", ""), given.get("value", "")), ""
        elif tag == "input" and given.get("type") == "hidden" and self._open is not None:
            self._open.fields[given["name"]] = given.get("value", "")

    def handle_data(self, data: str) -> None:
        if self._button is not None:
            self._label += data
        elif self._open is not None:
            self._open.text += data

    def handle_endtag(self, tag: str) -> None:
        if tag == "button" and self._button is not None and self._open is not None:
            self._open.buttons[self._label.strip()] = self._button
            self._button = None
        elif tag == "form":
            self._open = None


def _read(html: str) -> list[Form]:
    reader = _Forms()
    reader.feed(html)
    return reader.forms
