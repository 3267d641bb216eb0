"""The cards that Slack shows of a request, in each of its states: facts in, blocks out."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from accessrequests.domain import block_kit
from accessrequests.domain.block_kit import Block, Message, escaped, inert
from accessrequests.domain.notices import Notice

_VALUE = re.compile(r"v1\.([1-9][0-9]{0,17})\.([1-9][0-9]{0,8})", re.ASCII)

MOST_LISTED = 7

APPROVE = "approve"
APPROVE_SHORTER = "approve_shorter"
DENY = "deny"
END = "end"
EXTEND = "extend"
TAKE_BACK = "take_back"
OPEN = "open"
ASK = "ask"
LINK = "link"


@dataclass(frozen=True, slots=True)
class CardFacts:
    """What a card can tell. `buttons` are the deeds that are open; nobody's right to one is read off them.

    `new_revision`: the request was edited, and the card is of an older reading. `confirm` repeats what a press on Approve
    gives, `named` whose access it is that a press would end. What is at stake (`reach`, `gained` with the gravest first,
    `held`, `unusual`) is for those who are asked alone.
    """

    number: int
    revision: int
    title: str
    url: str
    sentence: str
    reason: str
    target: str
    roles: str
    length: str
    environment: str = ""
    data: str = ""
    reach: str = ""
    whose: str = ""
    gained: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    unusual: str = ""
    ticket: str = ""
    incident: str = ""
    policy: str = ""
    approved_by: tuple[str, ...] = ()
    lapses_at: datetime | None = None
    ends_at: datetime | None = None
    buttons: tuple[str, ...] = ()
    confirm: str = ""
    named: str = ""
    step_up: bool = False
    is_loud: bool = False
    new_revision: bool = False


@dataclass(frozen=True, slots=True)
class OwnAsk:
    """A request of one's own that waits. `can_be_taken_back` until it lapses."""

    number: int
    revision: int
    words: str
    url: str
    named: str
    can_be_taken_back: bool = True


def value_of(number: int, revision: int) -> str:
    """What a button carries. It is neither signed nor trusted: the request is looked up and the revision compared."""
    return f"v1.{number}.{revision}"


def parse_value(value: object) -> tuple[int, int] | None:
    found = _VALUE.fullmatch(value) if isinstance(value, str) else None
    return (int(found[1]), int(found[2])) if found else None


def card(facts: CardFacts) -> Message:
    """The whole card from what is true now. Nothing of an earlier one is patched."""
    if facts.new_revision:
        return _changed(facts)
    title = f"*<{facts.url}|{inert(facts.title, 200)}>*"
    alarm = "<!here> *BREAK-GLASS* " if facts.is_loud else ""
    blocks = [
        block_kit.header(f"{'Break-glass' if facts.is_loud else 'Access request'} {facts.number}"),
        block_kit.section(f"{alarm}{title}"),
        block_kit.fields(_fields(facts)),
        block_kit.section(block_kit.quoted(facts.reason)),
        *at_stake(facts),
        block_kit.section(_said(facts.sentence)),
    ]
    small = _small(facts)
    if small:
        blocks.append(block_kit.context(small))
    return Message(_fallback(facts), [*blocks, *buttons(facts)])


def at_stake(facts: CardFacts) -> list[Block]:
    """What somebody would gain by it, what they hold already, and what is unusual about it."""
    new = block_kit.listed(
        f"New for {inert(facts.whose, 100)}", facts.gained, most=MOST_LISTED, rest=f": <{facts.url}|all of it>"
    )
    held = block_kit.listed("There already", facts.held, most=MOST_LISTED, rest=f": <{facts.url}|all of it>")
    unusual = [block_kit.section(f"*{inert(facts.unusual, 300)}*")] if facts.unusual else []
    return [*new, *held, *unusual]


def hash_of(message: Message) -> str:
    whole = json.dumps([message.text, message.blocks], sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(whole.encode()).hexdigest()


def told(
    notice: Notice,
    *,
    number: int,
    revision: int,
    deeds: tuple[str, ...] = (),
    named: str = "",
    is_quoted: bool = False,
) -> Message:
    """What is said once to one person, in the words of the mail; with what somebody wrote, where they know it not yet."""
    pressed = [_DEEDS[deed](value_of(number, revision), named) for deed in deeds]
    pressed.append(block_kit.button(notice.button, action=OPEN, url=notice.url))
    also = "\n".join(
        f"• <{url}|{block_kit.to_the_minute(inert(words, 250))}>" for words, url in notice.also[:MOST_LISTED]
    )
    blocks = [
        block_kit.section(f"*{_said(notice.subject, 300)}*"),
        *([block_kit.section(block_kit.quoted(notice.quoted))] if is_quoted and notice.quoted else []),
        block_kit.section(_said(notice.sentence, 1_500)),
        *([block_kit.section(also)] if is_quoted and also else []),
        block_kit.actions(f"act:{number}:{revision}", pressed),
    ]
    return Message(block_kit.fallback(f"{inert(notice.subject, 300)}. {inert(notice.sentence, 1_500)}"), blocks)


def is_about_the_end(blocks: Sequence[Block]) -> bool:
    """Whether what was said once has buttons about the end of an access, which may have moved or come since."""
    return any(one.get("action_id") in {END, EXTEND} for block in blocks for one in block.get("elements", ()))


def overtaken(message: Message, sentence: str) -> Message:
    """What was said once with such buttons, without them: of what it said only the subject is left."""
    blocks = [*message.blocks[:1], block_kit.section(_said(sentence))]
    for block in message.blocks:
        if block["type"] == "actions":
            left = [one for one in block["elements"] if one["action_id"] == OPEN]
            blocks.append({**block, "elements": left})
    return Message(block_kit.fallback(inert(sentence, 600)), blocks)


def reply(sentence: str) -> Message:
    """One line of what happened, in the thread of a card."""
    return Message(block_kit.fallback(inert(sentence, 600)), [block_kit.section(_said(sentence))])


def whisper(sentence: str, *, label: str = "", url: str = "") -> Message:
    """What one person alone is told, with one way on."""
    blocks = [block_kit.section(_said(sentence, 1_500))]
    if url:
        blocks.append(block_kit.actions("act:whisper", [block_kit.button(label, action=OPEN, url=url)]))
    return Message(block_kit.fallback(inert(sentence, 1_500)), blocks)


def taken_away(number: int, *, url: str, is_own: bool = False) -> Message:
    """What is left of a card, or of a line below it, where others have begun to read along; of one's own, where none is."""
    why = (
        "This Slack account is linked to nobody whose access it is, so nothing of it is shown here."
        if is_own
        else "Others read along in this channel now, so nobody is asked here."
    )
    text = f"Access request {number} goes on in the portal. {why}"
    return Message(text, [block_kit.section(f"{escaped(text)} <{url}|Open the request>")])


def listed(heading: str, lines: Sequence[tuple[int, str, str]], *, url: str) -> Message:
    """A few requests: the number of each, what is said of it, its page. And where all of them are."""
    shown = [_line(number, words, page) for number, words, page in lines[:MOST_LISTED]]
    rest = f"<{url}|{'Open them in the portal' if lines else 'Open the portal'}>"
    text = "\n".join([f"*{inert(heading, 150)}*", *shown, rest])
    return Message(block_kit.fallback(inert(heading, 150)), [block_kit.section(text)])


def _said(sentence: str, longest: int = 600) -> str:
    """A sentence of ours, with what people wrote in it made harmless and its moments in the reader's zone."""
    return block_kit.dated(inert(sentence, longest))


def _line(number: int, words: str, page: str) -> str:
    return f"• <{page}|Request {number}>: {_said(words, 250)}"


def own_ask(ask: OwnAsk) -> Block:
    """One's own request that waits, in a line, with the way to take it back."""
    text = _line(ask.number, ask.words, ask.url)
    if not ask.can_be_taken_back:
        return block_kit.section(text)
    pressed = _take_back(value_of(ask.number, ask.revision), ask.named)
    return block_kit.line(f"act:{ask.number}:{ask.revision}", text, pressed=pressed)


def ending(named: str) -> str:
    """What is asked before an access is ended."""
    return f"{named} It ends now, and whatever runs is stopped. It cannot be taken back."


def _changed(facts: CardFacts) -> Message:
    text = f"Access request {facts.number} was changed by its requester. What stood here no longer counts: see the new card."
    return Message(text, [block_kit.section(f"{escaped(text)} <{facts.url}|Open the request>")])


def _fields(facts: CardFacts) -> list[tuple[str, str]]:
    named = [
        ("Target", inert(", ".join(filter(None, (facts.target, facts.environment))), 200)),
        ("Data", inert(facts.data, 200)),
        ("Reach", inert(facts.reach, 300)),
        ("Roles", inert(facts.roles, 600)),
        ("For", inert(facts.length, 100)),
        ("Incident", inert(facts.incident, 200)),
        ("Ticket", inert(facts.ticket, 200)),
        ("Ends", block_kit.date(facts.ends_at) if facts.ends_at else ""),
        ("Lapses", block_kit.date(facts.lapses_at) if facts.lapses_at else ""),
    ]
    return [(name, text) for name, text in named if text]


def _small(facts: CardFacts) -> str:
    said = [f"Approved so far by {inert(', '.join(facts.approved_by), 300)}."] if facts.approved_by else []
    if facts.step_up:
        said.append("The policy wants this to be approved in the portal, with a second factor.")
    if facts.policy:
        said.append(f"Policy {inert(facts.policy, 100)}.")
    return " ".join(said)


def _fallback(facts: CardFacts) -> str:
    return block_kit.fallback(f"{inert(facts.title, 200)}. {inert(facts.sentence, 600)}")


def buttons(facts: CardFacts) -> list[Block]:
    """The row of them; none where nothing is left to do."""
    value = value_of(facts.number, facts.revision)
    pressed = [_DEEDS[deed](value, facts.confirm if deed == APPROVE else facts.named) for deed in facts.buttons]
    is_open = APPROVE not in facts.buttons and DENY in facts.buttons and facts.step_up
    label = "Open to approve" if is_open else "Open in portal"
    if facts.buttons or facts.ends_at:
        pressed.append(block_kit.button(label, action=OPEN, url=facts.url))
    return [block_kit.actions(f"act:{facts.number}:{facts.revision}", pressed)] if pressed else []


def _approve(value: str, sentence: str) -> Block:
    sure = block_kit.confirm(title="Approve this access?", text=sentence, yes="Approve")
    return block_kit.button("Approve", action=APPROVE, value=value, style="primary", confirm=sure)


def _end(value: str, named: str) -> Block:
    sure = block_kit.confirm(title="End this access?", text=ending(named), yes="End now")
    return block_kit.button("End now", action=END, value=value, style="danger", confirm=sure)


def _take_back(value: str, named: str) -> Block:
    text = f"{named} Nobody has to decide any more, and what was approved so far counts no more."
    sure = block_kit.confirm(title="Take this request back?", text=text, yes="Take back")
    return block_kit.button("Take back", action=TAKE_BACK, value=value, confirm=sure)


_DEEDS: Mapping[str, Callable[[str, str], Block]] = {
    APPROVE: _approve,
    APPROVE_SHORTER: lambda value, _: block_kit.button("Shorter…", action=APPROVE_SHORTER, value=value),
    DENY: lambda value, _: block_kit.button("Deny…", action=DENY, value=value, style="danger"),
    END: _end,
    TAKE_BACK: _take_back,
    EXTEND: lambda value, _: block_kit.button("Extend…", action=EXTEND, value=value),
}
