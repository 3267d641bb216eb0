"""What somebody typed in Slack, as plain text: names for ids, addresses for links, and the signs that they typed.

docs.slack.dev, messaging/formatting-message-text ("How to escape", "Parsing formatted text").
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_LIVE = re.compile(r"<([^<>]+)>")
_MENTION = re.compile(r"<@([A-Z0-9]{2,32})(?:\|[^<>]*)?>")


def mentioned(text: str) -> set[str]:
    """The accounts that are called in it."""
    return set(_MENTION.findall(text))


def spoken(text: str, *, names: Mapping[str, str]) -> str:
    """As its writer saw it. `names` are of the accounts that we know."""
    plain = _LIVE.sub(lambda found: _said(found[1], names), text)
    return plain.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&").strip()


def _said(live: str, names: Mapping[str, str]) -> str:
    what, _, label = live.partition("|")
    if what.startswith("@"):
        return f"@{names.get(what[1:]) or label or what[1:]}"
    if what.startswith("#"):
        return f"#{label or what[1:]}"
    if what.startswith("!"):
        return label or f"@{what[1:].partition('^')[0]}"
    return f"{label} ({what})" if label and label != what else what
