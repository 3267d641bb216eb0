"""Checks blocks and views against Block Kit, as Slack does before it takes a message or a view.

What is found is said in Slack's manner: what is wrong, and the JSON pointer to where.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import deepcopy
from typing import Any

from sandbox.slack import limits
from sandbox.slack.elements import interactive
from sandbox.slack.wire import Document

_BLOCKS = frozenset({"header", "section", "divider", "actions", "context", "input", "image"})
_STYLES = frozenset({"primary", "danger"})
_TEXT_TYPES = frozenset({"plain_text", "mrkdwn"})


class _Check:
    """Collects what is wrong with one payload."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def say(self, problem: str, path: str) -> None:
        self.found.append(f"{problem} [json-pointer:{path}]")

    def need(self, thing: Any, path: str) -> bool:
        """Whether it is an object; everything else is refused here."""
        if not isinstance(thing, dict):
            self.say("must provide an object", path)
            return False
        return True

    def blocks(self, blocks: Any, *, path: str, most: int, allow_inputs: bool) -> None:
        if not isinstance(blocks, list):
            self.say("must provide an array of blocks", path)
            return
        if len(blocks) > most:
            self.say(f"no more than {most} items allowed", path)
        seen: set[str] = set()
        for number, block in enumerate(blocks):
            place = f"{path}/{number}"
            if self.need(block, place):
                self._block(block, place, allow_inputs=allow_inputs)
                self._once(block.get("block_id"), seen, f"{place}/block_id")

    def _once(self, identifier: Any, seen: set[str], path: str) -> None:
        if identifier is None:
            return
        if not isinstance(identifier, str) or len(identifier) > limits.IDENTIFIER:
            self.say(f"must be less than {limits.IDENTIFIER + 1} characters", path)
        elif identifier in seen:
            self.say(f"`{identifier}` is used more than once", path)
        else:
            seen.add(identifier)

    def _block(self, block: Document, path: str, *, allow_inputs: bool) -> None:
        kind = block.get("type")
        if kind not in _BLOCKS:
            self.say(f"unsupported type: {kind}", f"{path}/type")
            return
        self.fields(str(kind), block, path)
        match kind:
            case "section":
                self._section(block, path)
            case "actions":
                self._elements(block.get("elements"), f"{path}/elements")
            case "context":
                self._context(block.get("elements"), f"{path}/elements")
            case "input":
                if not allow_inputs:
                    self.say("unsupported type: input", f"{path}/type")
                self._element(block.get("element"), f"{path}/element", allowed=limits.INPUTS)
            case "image" if not isinstance(block.get("alt_text"), str):
                self.say("missing required field: alt_text", path)

    def _section(self, block: Document, path: str) -> None:
        fields = block.get("fields")
        if fields is not None:
            if not isinstance(fields, list) or not fields:
                self.say("must provide at least one field", f"{path}/fields")
                fields = []
            if len(fields) > 10:  # noqa: PLR2004 - the limit of fields in a section
                self.say("no more than 10 items allowed", f"{path}/fields")
            for number, each in enumerate(fields):
                self.text(each, f"{path}/fields/{number}", kind=limits.ANY, longest=2000)
        elif "text" not in block:
            self.say("missing required field: text", path)
        if "accessory" in block:
            accessory = block["accessory"]
            if not (isinstance(accessory, dict) and accessory.get("type") == "image"):
                self._element(accessory, f"{path}/accessory", allowed=limits.BUTTONS_AND_CHOICES)

    def _elements(self, elements: Any, path: str) -> None:
        if not isinstance(elements, list) or not elements:
            self.say("must provide at least one element", path)
            return
        if len(elements) > 25:  # noqa: PLR2004 - the limit of elements of an actions block
            self.say("no more than 25 items allowed", path)
        seen: set[str] = set()
        for number, element in enumerate(elements):
            self._element(element, f"{path}/{number}", allowed=limits.BUTTONS_AND_CHOICES)
            if isinstance(element, dict):
                self._once(element.get("action_id"), seen, f"{path}/{number}/action_id")

    def _context(self, elements: Any, path: str) -> None:
        if not isinstance(elements, list) or not elements:
            self.say("must provide at least one element", path)
            return
        if len(elements) > 10:  # noqa: PLR2004 - the limit of elements of a context block
            self.say("no more than 10 items allowed", path)
        for number, element in enumerate(elements):
            if not (isinstance(element, dict) and element.get("type") == "image"):
                self.text(element, f"{path}/{number}", kind=limits.ANY, longest=3000)

    def _element(self, element: Any, path: str, *, allowed: frozenset[str]) -> None:
        if not self.need(element, path):
            return
        kind = element.get("type")
        if kind not in allowed:
            self.say(f"unsupported type: {kind}", f"{path}/type")
            return
        self._once(element.get("action_id"), set(), f"{path}/action_id")
        self.fields(kind, element, path)
        if kind in limits.WITH_OPTIONS:
            self.options(element, path, most=limits.OPTION_COUNTS.get(kind, limits.OPTIONS))
        if "placeholder" in element and kind in limits.WITH_PLACEHOLDER:
            self.text(element["placeholder"], f"{path}/placeholder", kind=limits.PLAIN, longest=150)
        if "confirm" in element and self.need(element["confirm"], f"{path}/confirm"):
            self.fields("confirm", element["confirm"], f"{path}/confirm")
        if "style" in element and element["style"] not in _STYLES:
            self.say("must be primary or danger", f"{path}/style")

    def options(self, element: Document, path: str, *, most: int) -> None:
        groups = element.get("option_groups")
        if groups is None:
            self._option_list(element.get("options"), f"{path}/options", most=most)
            return
        if not isinstance(groups, list) or not 0 < len(groups) <= limits.OPTIONS:
            self.say(f"must provide 1 to {limits.OPTIONS} groups", f"{path}/option_groups")
            return
        for number, group in enumerate(groups):
            place = f"{path}/option_groups/{number}"
            if self.need(group, place):
                self.fields("option_group", group, place)
                self._option_list(group.get("options"), f"{place}/options", most=most)

    def _option_list(self, options: Any, path: str, *, most: int) -> None:
        if not isinstance(options, list) or not options:
            self.say("must provide at least one option", path)
            return
        if len(options) > most:
            self.say(f"no more than {most} items allowed", path)
        for number, option in enumerate(options):
            if self.need(option, f"{path}/{number}"):
                self.fields("option", option, f"{path}/{number}")

    def fields(self, kind: str, thing: Document, path: str) -> None:
        """Every text and string of a thing of this kind."""
        for (owner, name), (text, longest, is_needed) in limits.TEXTS.items():
            if owner != kind:
                continue
            if name in thing:
                self.text(thing[name], f"{path}/{name}", kind=text, longest=longest)
            elif is_needed:
                self.say(f"missing required field: {name}", path)
        for (owner, name), longest in limits.STRINGS.items():
            value = thing.get(name)
            if owner == kind and value is not None and (not isinstance(value, str) or len(value) > longest):
                self.say(f"must be less than {longest + 1} characters", f"{path}/{name}")

    def text(self, thing: Any, path: str, *, kind: str, longest: int) -> None:
        if not self.need(thing, path):
            return
        allowed = _TEXT_TYPES if kind == limits.ANY else {kind}
        if thing.get("type") not in allowed:
            self.say(f"must be one of {', '.join(sorted(allowed))}", f"{path}/type")
        said = thing.get("text")
        if not isinstance(said, str) or not said:
            self.say("must be more than 0 characters", f"{path}/text")
        elif len(said) > longest:
            self.say(f"must be less than {longest + 1} characters", f"{path}/text")


def problems_of_message(blocks: Any) -> list[str]:
    """Nothing, if Slack would take them. Inputs in messages are taken, too."""
    check = _Check()
    check.blocks(blocks, path="/blocks", most=limits.MESSAGE_BLOCKS, allow_inputs=True)
    return check.found


def problems_of_view(view: Any, *, kinds: frozenset[str]) -> list[str]:
    """Nothing, if Slack would take it as a view of one of these kinds."""
    check = _Check()
    if not check.need(view, "/view"):
        return check.found
    kind = view.get("type")
    if kind not in kinds:
        check.say(f"unsupported type: {kind}", "/view/type")
        return check.found
    check.fields(kind, view, "/view")
    check.blocks(view.get("blocks"), path="/view/blocks", most=limits.VIEW_BLOCKS, allow_inputs=True)
    if not check.found and kind == "modal" and "submit" not in view and any(_inputs(view["blocks"])):
        check.say("missing required field: submit", "/view")
    return check.found


def _inputs(blocks: list[Document]) -> Iterator[Document]:
    return (block for block in blocks if block["type"] == "input")


def problems_of_options(body: Any) -> list[str]:
    """What is wrong with an app's answer to block_suggestion. No option at all is an answer, too."""
    check = _Check()
    if not check.need(body, ""):
        return check.found
    if body.get("options") != [] and body.get("option_groups") != []:
        check.options(body, "", most=limits.OPTIONS)
    return check.found


def completed(blocks: list[Document]) -> list[Document]:
    """The blocks as they are kept: with the ids that Slack makes up where there are none."""
    made = deepcopy(blocks)
    for number, block in enumerate(made):
        block.setdefault("block_id", f"b{number}")
    for number, (_, element) in enumerate(interactive(made)):
        element.setdefault("action_id", f"a{number}")
    return made
