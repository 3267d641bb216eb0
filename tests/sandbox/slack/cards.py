"""A card and a modal such as an app would send."""

from __future__ import annotations

from typing import Any

Block = dict[str, Any]


def plain(text: str) -> Block:
    return {"type": "plain_text", "text": text, "emoji": False}


def mrkdwn(text: str) -> Block:
    return {"type": "mrkdwn", "text": text}


def button(label: str, *, action: str, value: str = "v1.7.1", **more: Any) -> Block:
    return {"type": "button", "action_id": action, "text": plain(label), "value": value, **more}


CONFIRM: Block = {
    "title": plain("Approve this?"),
    "text": mrkdwn("*Alice* reads shop until 18:52."),
    "confirm": plain("Yes, approve"),
    "deny": plain("Back"),
}


def card(*, reason: str = "A lost parcel.") -> list[Block]:
    return [
        {"type": "header", "text": plain("Access request 7")},
        {
            "type": "section",
            "text": mrkdwn("*Read shop* for *2 h*"),
            "fields": [mrkdwn("*Target*\nshop-prod"), mrkdwn("*Role*\nread@shop")],
        },
        {"type": "section", "text": mrkdwn(f"&gt; {reason}")},
        {"type": "context", "elements": [mrkdwn("Needs 1 of 2 from data-owners.")]},
        {
            "type": "actions",
            "block_id": "act:7:1",
            "elements": [
                button("Approve 2 h", action="approve", style="primary", confirm=CONFIRM),
                button("Deny…", action="deny", style="danger"),
                button("Open", action="open", url="https://access.example.com/requests/7/"),
            ],
        },
    ]


def modal(*blocks: Block, **more: Any) -> Block:
    """With a select that asks the app and a note, unless other blocks are given."""
    return {
        "type": "modal",
        "callback_id": "deny",
        "title": plain("Deny"),
        "submit": plain("Deny it"),
        "close": plain("Back"),
        "private_metadata": "v1.7.1",
        "blocks": list(blocks) or [REASON, NOTE],
        **more,
    }


REASON: Block = {
    "type": "input",
    "block_id": "reason",
    "label": plain("Why"),
    "dispatch_action": True,
    "element": {
        "type": "external_select",
        "action_id": "choose",
        "min_query_length": 0,
        "placeholder": plain("A reason"),
    },
}
NOTE: Block = {
    "type": "input",
    "block_id": "note",
    "optional": True,
    "label": plain("Note"),
    "element": {"type": "plain_text_input", "action_id": "typed", "multiline": True, "max_length": 500},
}
OPTIONS: Block = {
    "options": [{"text": plain("Too long"), "value": "too_long"}, {"text": plain("Not needed"), "value": "not_needed"}]
}
HOME: Block = {"type": "home", "blocks": [{"type": "header", "text": plain("Your access")}]}
