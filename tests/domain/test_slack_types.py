"""Guards that Slack's own types take everything that we show there: messages, forms and Home, in every state."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from accessrequests.domain import slack_cards, slack_homes, slack_modals
from tests.slack import typescript
from tests.slack.pieces import HOMES, MESSAGES, MODALS

_PLAIN = {"type": "plain_text", "text": "x"}
# What no type of theirs may take: else the compiler looks at nothing.
BROKEN: dict[str, Any] = {
    "ModalView": {"type": "modal", "blocks": []},
    "HomeView": {"type": "modal", "title": _PLAIN, "blocks": []},
    "KnownBlock[]": [
        {"type": "header"},
        {"type": "actions", "elements": [{"type": "button", "text": _PLAIN, "style": "green"}]},
        {"type": "section", "text": {"type": "markdown", "text": "x"}},
    ],
}


def source() -> Iterator[str]:
    """Each piece as a literal on a line of its own: what is imported from JSON is too wide for the compiler."""
    yield 'import type { HomeView, KnownBlock, ModalView } from "@slack/types";'
    for message in MESSAGES.values():
        yield f"({json.dumps(list(message.blocks))}) satisfies KnownBlock[];"
    for view in MODALS.values():
        yield f"({json.dumps(view)}) satisfies ModalView;"
    for view in HOMES.values():
        yield f"({json.dumps(view)}) satisfies HomeView;"
    for kind, broken in BROKEN.items():
        for one in [[block] for block in broken] if isinstance(broken, list) else [broken]:
            yield "// @ts-expect-error"
            yield f"({json.dumps(one)}) satisfies {kind};"


def test_everything_is_what_slacks_own_types_say(tmp_path: Path) -> None:
    lines = list(source())
    said = typescript.complaints("\n".join(lines), directory=tmp_path)
    assert said == [], [*MESSAGES, *MODALS, *HOMES, *said]


def test_every_form_and_message_is_among_them() -> None:
    for room, shown, made in (
        (slack_modals, MODALS, "Block"),
        (slack_homes, HOMES, "Block"),
        (slack_cards, MESSAGES, "Message"),
    ):
        functions = {
            name
            for name, held in vars(room).items()
            if getattr(held, "__module__", "") == room.__name__
            and not name.startswith("_")
            and getattr(held, "__annotations__", {}).get("return") == made
        }
        assert functions == {name.partition(",")[0] for name in shown}
