"""The plain fields of an ask, each judged by itself. What is wrong is noted by field, in sentences."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from accessrequests.domain.networks import Network, are_everybody, read_network
from accessrequests.domain.plain_text import visible_length, why_unreadable

LATEST_START = timedelta(days=30)
REASON_MAXIMUM = 2_000
MOST_ADDRESSES = 20

Errors = dict[str, list[str]]


def check_words(*, reason: str, ticket: str, errors: Errors, is_draft: bool) -> None:
    for name, text in (("reason", reason), ("ticket", ticket)):
        unreadable = why_unreadable(text)
        if unreadable:
            errors[name] = [unreadable]
    if not visible_length(reason) and not is_draft:
        errors["reason"] = ["Say why you need it."]
    elif len(reason) > REASON_MAXIMUM:
        errors["reason"] = [f"Keep the reason within {REASON_MAXIMUM} characters."]


def check_start(starts_at: datetime | None, *, at: datetime, errors: Errors) -> None:
    if starts_at is not None and starts_at < at:
        errors["starts_at"] = ["The start has passed. Leave starts_at out to start at once."]
    elif starts_at is not None and starts_at > at + LATEST_START:
        errors["starts_at"] = ["The start is more than 30 days ahead. Ask nearer to the day."]


def read_addresses(texts: Sequence[str], errors: Errors) -> tuple[Network, ...]:
    """The blocks that the texts name, each once."""
    networks: list[Network] = []
    for text in texts:
        network = read_network(text)
        if network is None:
            errors.setdefault("source_addresses", []).append(
                f"{text[:60]} is not an address that one connects from, or a CIDR block of such, like 192.0.2.7 or "
                "192.0.2.0/24."
            )
        else:
            networks.append(network)
    if are_everybody(networks):
        errors["source_addresses"] = ["Together these are every address there is. Name your own."]
    return tuple(dict.fromkeys(networks))
