"""Whom the sandbox's provider knows: the sandbox's people, and one who is new to the product."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

from sandbox.catalogue import MEMBERS, NAMES

NEWCOMER = "nina"
NEWCOMER_NAME = "Nina Novak"
NEWCOMER_GROUPS = ("engineering", "book-club", "administrators")
CLIENT_ID = "access-requests"
NAME = "Example ID"
_SPACE = uuid.UUID("5f0f2b9c-8f5e-4b7a-9d53-0a5b7a3c1e11")


def subject_of(name: str) -> str:
    """What the provider calls somebody: it says nothing, and stays when the name or the address changes."""
    return str(uuid.uuid5(_SPACE, name))


def seeds(passwords: Mapping[str, str]) -> dict[str, Any]:
    """Everybody with what is said of them."""
    folk = {
        name: {
            "name": full_name,
            "email": f"{name}@example.com",
            "password": passwords[name],
            "groups": [group for group, members in MEMBERS.items() if name in members],
        }
        for name, full_name in NAMES.items()
    }
    folk[NEWCOMER] = {
        "name": NEWCOMER_NAME,
        "email": f"{NEWCOMER}@example.com",
        "password": passwords[NEWCOMER],
        "groups": list(NEWCOMER_GROUPS),
    }
    return folk
