"""The limits of Block Kit: how long each text and how many of each thing.

From the pages of Slack's Block Kit reference (blocks, block elements, composition objects, views).
"""

from __future__ import annotations

from collections.abc import Mapping

MESSAGE_BLOCKS, VIEW_BLOCKS = 50, 100
IDENTIFIER = 255
VIEW_BYTES = 250_000
MESSAGE_TEXT = 40_000
STACKED_VIEWS = 3
PRIVATE_METADATA = 3000
VIEW_WORD = 24  # Title, submit and close of a modal.
OPTIONS = 100
OPTION_VALUE = 150

# What can be used in which block.
BUTTONS_AND_CHOICES = frozenset(
    {
        *("button", "static_select", "external_select", "users_select", "multi_static_select"),
        *("multi_external_select", "overflow", "radio_buttons", "checkboxes", "datepicker", "timepicker"),
        "datetimepicker",
    }
)
INPUTS = (BUTTONS_AND_CHOICES - {"button", "overflow"}) | {
    *("plain_text_input", "email_text_input", "url_text_input", "number_input")
}
OPTION_COUNTS: Mapping[str, int] = {"overflow": 5, "radio_buttons": 10, "checkboxes": 10}
WITH_OPTIONS = frozenset({"static_select", "multi_static_select", "overflow", "radio_buttons", "checkboxes"})
WITH_PLACEHOLDER = (BUTTONS_AND_CHOICES | INPUTS) - {"button", "overflow", "radio_buttons", "checkboxes"}

# Texts of blocks and elements: (kind, field) -> (which kind of text, how long, whether it has to be there).
PLAIN, ANY = "plain_text", "any"
TEXTS: Mapping[tuple[str, str], tuple[str, int, bool]] = {
    ("header", "text"): (PLAIN, 150, True),
    ("section", "text"): (ANY, 3000, False),
    ("input", "label"): (PLAIN, 2000, True),
    ("input", "hint"): (PLAIN, 2000, False),
    ("image", "title"): (PLAIN, 2000, False),
    ("button", "text"): (PLAIN, 75, True),
    ("option", "text"): (ANY, 75, True),
    ("option", "description"): (ANY, 75, False),
    ("option_group", "label"): (PLAIN, 75, True),
    ("confirm", "title"): (PLAIN, 100, True),
    ("confirm", "text"): (ANY, 300, True),
    ("confirm", "confirm"): (PLAIN, 30, True),
    ("confirm", "deny"): (PLAIN, 30, True),
    ("modal", "title"): (PLAIN, VIEW_WORD, True),
    ("modal", "submit"): (PLAIN, VIEW_WORD, False),
    ("modal", "close"): (PLAIN, VIEW_WORD, False),
}
# Plain strings: (kind, field) -> how long.
STRINGS: Mapping[tuple[str, str], int] = {
    ("button", "value"): 2000,
    ("button", "url"): 3000,
    ("button", "accessibility_label"): 75,
    ("option", "value"): OPTION_VALUE,
    ("image", "alt_text"): 2000,
    ("image", "image_url"): 3000,
    ("modal", "private_metadata"): PRIVATE_METADATA,
    ("home", "private_metadata"): PRIVATE_METADATA,
    ("modal", "callback_id"): IDENTIFIER,
    ("home", "callback_id"): IDENTIFIER,
    ("modal", "external_id"): IDENTIFIER,
    ("home", "external_id"): IDENTIFIER,
}
