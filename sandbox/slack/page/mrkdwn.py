"""Slack's mrkdwn as HTML: what is between angle brackets means something, everything else is text.

As on Slack's pages "Formatting message text" and "Formatting dates".
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from html import escape, unescape

from django.utils.safestring import SafeString

_SPECIAL = re.compile(r"<([^<>]+)>")
_PRE = re.compile(r"```(.+?)```", re.DOTALL)
_CODE = re.compile(r"`([^`\n]+)`")
_MARKS = (
    (re.compile(r"(?<![\w*])\*(?=\S)([^*\n]+?)(?<=\S)\*(?![\w*])"), "strong"),
    (re.compile(r"(?<![\w_])_(?=\S)([^_\n]+?)(?<=\S)_(?![\w_])"), "em"),
    (re.compile(r"(?<![\w~])~(?=\S)([^~\n]+?)(?<=\S)~(?![\w~])"), "s"),
)
_EMOJI_NAME = re.compile(r":([a-z0-9_+-]+):")
_EMOJI: Mapping[str, str] = {
    "white_check_mark": "✅",
    "heavy_check_mark": "✔️",
    "x": "❌",
    "no_entry": "⛔",
    "no_entry_sign": "🚫",
    "warning": "⚠️",
    "rotating_light": "🚨",
    "hourglass": "⌛",
    "hourglass_flowing_sand": "⏳",
    "lock": "🔒",
    "unlock": "🔓",
    "key": "🔑",
    "bell": "🔔",
    "eyes": "👀",
    "information_source": "ℹ️",  # noqa: RUF001 - the emoji itself
    "large_green_circle": "🟢",
    "large_yellow_circle": "🟡",
    "red_circle": "🔴",
    "white_circle": "⚪",
    "fire": "🔥",
    "link": "🔗",
    "pencil2": "✏️",
    "wave": "👋",
}
_PARTS: Mapping[str, Callable[[datetime], str]] = {
    "date_num": lambda at: f"{at:%Y-%m-%d}",
    "date": lambda at: f"{at:%B} {at.day}, {at:%Y}",
    "date_short": lambda at: f"{at:%b} {at.day}, {at:%Y}",
    "date_long": lambda at: f"{at:%A}, {at:%B} {at.day}, {at:%Y}",
    "time": lambda at: f"{at:%H:%M}",
    "time_secs": lambda at: f"{at:%H:%M:%S}",
}
_SCHEMES = ("http://", "https://", "mailto:")
_KEPT = "\x00{}\x00"

Names = Mapping[str, str]


def html_of(text: str, *, names: Names, now: datetime) -> SafeString:
    """`names`: what people and channels are called, by their ids."""
    return SafeString(_Writer(names, now).write(text.replace("\x00", "")))


def plain(text: str, *, emoji: bool = True) -> SafeString:
    """A `plain_text` object's: no marks mean anything in it."""
    said = escape(text).replace("\n", "<br>")
    return SafeString(_with_emoji(said) if emoji else said)


class _Writer:
    """Takes finished pieces out of the text while the rest is read, and puts them back at the end."""

    def __init__(self, names: Names, now: datetime) -> None:
        self._names = names
        self._now = now
        self._pieces: list[str] = []

    def write(self, text: str) -> str:
        said = _PRE.sub(lambda found: self._keep(f"<pre>{_text(found[1].strip())}</pre>"), text)
        said = _CODE.sub(lambda found: self._keep(f"<code>{_text(found[1])}</code>"), said)
        said = _SPECIAL.sub(lambda found: self._keep(self._special(found[1])), said)
        html = "".join(self._lines(said.split("\n")))
        while "\x00" in html:
            html = re.sub(r"\x00(\d+)\x00", lambda found: self._pieces[int(found[1])], html)
        return html

    def _keep(self, html: str) -> str:
        self._pieces.append(html)
        return _KEPT.format(len(self._pieces) - 1)

    def _lines(self, lines: list[str]) -> list[str]:
        html: list[str] = []
        quoted: list[str] = []
        for line in lines:
            is_quote = line.startswith(("&gt;", ">"))
            if is_quote:
                quoted.append(self._marked(line.removeprefix("&gt;").removeprefix(">").strip()))
                continue
            if quoted:
                html.append(_quote(quoted))
                quoted = []
            elif html:
                html.append("<br>")
            html.append(self._marked(line))
        return [*html, *([_quote(quoted)] if quoted else [])]

    def _marked(self, line: str) -> str:
        said = _with_emoji(_text(line))
        for pattern, tag in _MARKS:
            said = pattern.sub(rf"<{tag}>\1</{tag}>", said)
        return said

    def _special(self, inside: str) -> str:
        target, _, label = inside.partition("|")
        if target.startswith("!date^"):
            return self._date(target, label)
        if target.startswith("!"):
            word = target[1:].partition("^")[0]
            return f'<span class="mention is-loud">@{_text(label or word).removeprefix("@")}</span>'
        if target.startswith(("@", "#")):
            name = label or self._names.get(target[1:], target[1:])
            return f'<span class="mention">{target[0]}{_text(name)}</span>'
        if not unescape(target).startswith(_SCHEMES):
            return _text(f"&lt;{inside}&gt;")
        address = escape(unescape(target))
        return f'<a href="{address}" target="_blank" rel="noopener">{_text(label or target)}</a>'

    def _date(self, target: str, fallback: str) -> str:
        _, seconds, pattern, *link = target.split("^")
        try:
            at = datetime.fromtimestamp(int(seconds), tz=UTC).astimezone()
        except (ValueError, OverflowError, OSError):
            return _text(fallback)
        said = re.sub(r"\{(\w+)\}", lambda found: self._part(found[1], at) or found[0], unescape(pattern))
        html = f'<time datetime="{at.isoformat()}" title="{_text(fallback)}">{escape(said)}</time>'
        if link and link[0].startswith(_SCHEMES):
            return f'<a href="{escape(unescape(link[0]))}" target="_blank" rel="noopener">{html}</a>'
        return html

    def _part(self, name: str, at: datetime) -> str | None:
        if name == "ago":
            minutes = round((self._now - at).total_seconds() / 60)
            return f"{minutes} minutes ago" if minutes >= 0 else f"in {-minutes} minutes"
        base = name.removesuffix("_pretty")
        if base != name:
            days = (at.date() - self._now.astimezone().date()).days
            near = {-1: "yesterday", 0: "today", 1: "tomorrow"}.get(days)
            if near is not None:
                return near
        write = _PARTS.get(base)
        return write(at) if write is not None else None


def _quote(lines: list[str]) -> str:
    return f"<blockquote>{'<br>'.join(lines)}</blockquote>"


def _text(said: str) -> str:
    """Slack's three entities are read, and HTML's are written."""
    return escape(said.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))


def _with_emoji(html: str) -> str:
    return _EMOJI_NAME.sub(lambda found: _EMOJI.get(found[1], found[0]), html)
