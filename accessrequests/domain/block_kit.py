"""Slack's Block Kit in plain values: every piece within its limits, and what a person wrote made harmless.

Limits: docs.slack.dev, reference/block-kit, as the models of slack_sdk check them. Escaping: docs.slack.dev,
messaging/formatting-message-text ("Escaping text").
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from accessrequests.domain.wording import moment, one_line, paragraphs

Block = dict[str, Any]

LONGEST_SECTION = 3_000
LONGEST_FIELD = 2_000
LONGEST_HEADER = 150
LONGEST_BUTTON = 75
LONGEST_OPTION = 75
LONGEST_CONFIRMED = 300
LONGEST_TITLE = 24
LONGEST_LABEL = 2_000
LONGEST_PLACEHOLDER = 150
LONGEST_FALLBACK = 3_500
LONGEST_QUOTE = 500
LONGEST_LINE = 400
MOST_OPTIONS = 100
MOST_FIELDS = 10
MOST_DATED = 10

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
# Slack has no escape for its marks of bold, italics, struck out and code; at the edge of a word they would be such marks.
_MARKS = {"*": "\u2217", "_": "\u02cd", "~": "\u223c", "`": "\u02cb"}
_AT_EDGE = re.compile(r"[*~`]|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])")
# :white_check_mark: would be drawn; the 52 of 18:52:04 is none.
_EMOJI = re.compile(r":(?!\d\d:)(?=[A-Za-z0-9_+'-]+:)")
_HALF = re.compile(r"(?:&[a-z]*|<[^>]*)\Z")
# As `wording.moment` writes it: 22 Nov 2026 12:39:03 UTC. The seconds are left out. Of another century it is none of
# ours, and Slack need not draw it.
_MOMENT = re.compile(r"(?<!\w)([0-3]?\d [A-Z][a-z]{2} 20\d\d [0-2]\d:[0-5]\d)(?::[0-5]\d)? UTC(?!\w)", re.ASCII)


@dataclass(frozen=True, slots=True)
class Message:
    """What is posted. `text` is for notifications and for screen readers."""

    text: str
    blocks: Sequence[Block]


def marked(message: Message, marker: str) -> Message:
    """The same with a mark that nobody sees, by which it is known again: its first block is called so."""
    blocks = [{**block, "block_id": marker} if not place else block for place, block in enumerate(message.blocks)]
    return Message(message.text, blocks)


def cut(text: str, longest: int) -> str:
    """By characters, with a sign that there was more."""
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def fallback(text: str) -> str:
    """For notifications and screen readers. Slack refuses an empty one."""
    return cut_escaped(to_the_minute(text), LONGEST_FALLBACK) or "-"


def escaped(text: str) -> str:
    """Our own words, in which nothing is to be a link or a mention."""
    return "".join(_ENTITIES.get(mark, mark) for mark in text)


def inert(text: str, longest: int = LONGEST_QUOTE) -> str:
    """What a person wrote, as one line in which nothing is live: no mention, link, emphasis, emoji or hidden mark."""
    return _without_marks(one_line(text, longest))


def quoted(text: str, longest: int = LONGEST_QUOTE) -> str:
    """The same with its lines kept, each behind Slack's sign for a quotation: it cannot pass for our own words."""
    lines = cut(paragraphs(text), longest).splitlines() or [""]
    return cut_escaped("\n".join(f"> {_without_marks(line)}" for line in lines), LONGEST_SECTION)


def cut_escaped(text: str, longest: int) -> str:
    """No entity is cut in half, and no link or date of ours: what people wrote has no angle in it any more."""
    if len(text) <= longest:
        return text
    return _HALF.sub("", text[: longest - 1]) + "…"


def _without_marks(line: str) -> str:
    plain = _AT_EDGE.sub(lambda found: _MARKS[found[0]], line)
    return escaped(_EMOJI.sub("\ua789", plain))


def date(at: datetime) -> str:
    """A moment in the reader's own zone; in UTC where Slack cannot. To the minute, like every time in Slack."""
    return f"<!date^{int(at.timestamp()) // 60 * 60}^{{time}} {{date_short_pretty}}|{to_the_minute(moment(at))}>"


def dated(text: str) -> str:
    """The moments of a sentence, made harmless already, each in the reader's own zone. Not inside of a link."""
    return _MOMENT.sub(_date_of, text, count=MOST_DATED)


def to_the_minute(text: str) -> str:
    """The moments of a sentence where Slack takes no dates: as precise as those that it draws."""
    return _MOMENT.sub(lambda found: f"{found[1]} UTC", text)


def _date_of(found: re.Match[str]) -> str:
    try:
        return date(datetime.strptime(found[1], "%d %b %Y %H:%M").replace(tzinfo=UTC))
    except ValueError:  # somebody wrote of a day that no calendar has
        return found[0]


def plain(text: str, longest: int) -> Block:
    """Nothing in it is ever live. Slack refuses an empty one."""
    return {"type": "plain_text", "text": cut(text, longest) or "-", "emoji": False}


def mrkdwn(text: str, longest: int = LONGEST_SECTION) -> Block:
    return {"type": "mrkdwn", "text": cut_escaped(text, longest) or "-", "verbatim": True}


def header(text: str) -> Block:
    return {"type": "header", "text": plain(text, LONGEST_HEADER)}


def section(text: str) -> Block:
    return {"type": "section", "text": mrkdwn(text)}


def line(block_id: str, text: str, *, pressed: Block) -> Block:
    """A line with one button at its end."""
    return {**section(text), "block_id": block_id, "accessory": pressed}


def fields(named: Iterable[tuple[str, str]]) -> Block:
    """`named`: a name of ours, and what a person may have written."""
    pairs = list(named)[:MOST_FIELDS]
    return {"type": "section", "fields": [mrkdwn(f"*{name}*\n{text}", LONGEST_FIELD) for name, text in pairs]}


def listed(heading: str, lines: Sequence[str], *, most: int, rest: str = "") -> list[Block]:
    """Lines below a heading; of those that are left out, how many, and `rest`: where they are. Nothing where there are none."""
    told = [f"• {dated(inert(line, LONGEST_LINE))}" for line in lines[:most]]
    if len(lines) > most:
        told.append(f"and {len(lines) - most} more{rest}")
    sections = [f"*{heading}*"] if told else []
    for line in told:
        if len(sections[-1]) + len(line) < LONGEST_SECTION:
            sections[-1] += f"\n{line}"
        else:
            sections.append(line)
    return [section(one) for one in sections]


def context(text: str) -> Block:
    return {"type": "context", "elements": [mrkdwn(text)]}


def actions(block_id: str, elements: Sequence[Block]) -> Block:
    return {"type": "actions", "block_id": block_id, "elements": list(elements)}


def button(
    label: str, *, action: str, value: str = "", url: str = "", style: str = "", confirm: Block | None = None
) -> Block:
    pressed: Block = {"type": "button", "text": plain(label, LONGEST_BUTTON), "action_id": action}
    for name, given in (("value", value), ("url", url), ("style", style), ("confirm", confirm)):
        if given:
            pressed[name] = given
    return pressed


def confirm(*, title: str, text: str, yes: str) -> Block:
    """The last look before something is done."""
    return {
        "title": plain(title, 100),
        "text": plain(to_the_minute(text), LONGEST_CONFIRMED),
        "confirm": plain(yes, 30),
        "deny": plain("Back", 30),
    }


def option(label: str, value: str, *, words: str = "") -> Block:
    """`words` stand below it, and say what it is."""
    offered: Block = {"text": plain(label, LONGEST_OPTION), "value": value}
    if words:
        offered["description"] = plain(words, LONGEST_OPTION)
    return offered


def modal(
    *,
    callback: str,
    title: str,
    submit: str,
    blocks: Sequence[Block],
    private: str = "",
    close: str = "Cancel",
    is_last: bool = False,
) -> Block:
    """A form; what was below the `is_last` one is closed with it. docs.slack.dev, surfaces/modals: three at most lie on
    one another, closing the one on top leads back to the one below, and with clear_on_close it closes all.
    """
    view: Block = {
        "type": "modal",
        "callback_id": callback,
        "title": plain(title, LONGEST_TITLE),
        "close": plain(close, LONGEST_TITLE),
        "blocks": list(blocks),
    }
    if submit:
        view["submit"] = plain(submit, LONGEST_TITLE)
    if private:
        view["private_metadata"] = private
    if is_last:
        view["clear_on_close"] = True
    return view


def text_input(name: str, label: str, *, hint: str = "", longest: int = 2_000, optional: bool = False) -> Block:
    """Its block and its action have the same name, which is that of the field."""
    lines = {
        "type": "plain_text_input",
        "action_id": name,
        "multiline": longest > LONGEST_HEADER,
        "max_length": longest,
    }
    return asked(name, label, lines, hint=hint, optional=optional)


def asked(name: str, label: str, element: Mapping[str, Any], *, hint: str = "", optional: bool = False) -> Block:
    block: Block = {
        "type": "input",
        "block_id": name,
        "label": plain(label, LONGEST_LABEL),
        "element": dict(element),
        "optional": optional,
    }
    if hint:
        block["hint"] = plain(hint, LONGEST_LABEL)
    return block


def select(name: str, options: Sequence[Block], *, initial: Block | None = None) -> Block:
    chosen: Block = {"type": "static_select", "action_id": name, "options": list(options)[:MOST_OPTIONS]}
    if initial is not None:
        chosen["initial_option"] = initial
    return chosen


def several(name: str, options: Sequence[Block], *, most: int) -> Block:
    offered = list(options)[:MOST_OPTIONS]
    return {"type": "multi_static_select", "action_id": name, "options": offered, "max_selected_items": most}


def searched(name: str, placeholder: str) -> Block:
    """Its options are asked of us while somebody types."""
    hint = plain(placeholder, LONGEST_PLACEHOLDER)
    return {"type": "external_select", "action_id": name, "placeholder": hint, "min_query_length": 0}
