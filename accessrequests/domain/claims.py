"""What a provider of sign-ins says of a person, read as what it is: text of strangers. Plain values in, harmless out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from accessrequests.domain.names import NAME
from accessrequests.domain.plain_text import visible_length
from accessrequests.domain.wording import one_line

LONGEST_NAME = 200
LONGEST_EMAIL = 254
LONGEST_GROUP = 256
MOST_GROUPS = 1000

# Printable ASCII only: look-alikes and turned text have no place in an address that mail is sent to.
_EMAIL = re.compile(r"[!-?A-~]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
_SUBJECT = re.compile(r"[ -~]{1,255}")  # OpenID Connect Core 1.0, section 2


class Unusable(Exception):
    """The provider's answer cannot be used. The sentence says why, and quotes nothing of it."""


@dataclass(frozen=True, slots=True)
class Claims:
    """Who it is at the provider, and what it says of them. `groups` is None where it says nothing of groups."""

    subject: str
    username: str
    name: str
    email: str
    groups: frozenset[str] | None
    is_active: bool


def read(said: Mapping[str, Any], *, groups_claim: str, active_claim: str) -> Claims:
    """:raises Unusable: when there is no subject, or the groups are no list of names of a size that can be true."""
    subject = said.get("sub")
    if not isinstance(subject, str) or not _SUBJECT.fullmatch(subject):
        raise Unusable("The provider's answer names no subject that can be kept.")
    username = _username(said.get("preferred_username"))
    name = one_line(_text(said.get("name")), LONGEST_NAME)
    email = _text(said.get("email"))
    return Claims(
        subject=subject,
        username=username,
        name=name if visible_length(name) else username,
        email=email if len(email) <= LONGEST_EMAIL and _EMAIL.fullmatch(email) else "",
        groups=_groups(said.get(groups_claim)),
        # Anything but a plain yes is a no; a provider that never says it says nothing.
        is_active=said.get(active_claim, True) is True,
    )


def ours(groups: Iterable[str], *, mapping: Mapping[str, str], same_names: Iterable[str]) -> frozenset[str]:
    """Our groups that these of the provider stand for: as the mapping says, or those of the same name without one."""
    found = set(groups)
    if mapping:
        return frozenset(mapping[group] for group in found & set(mapping))
    return frozenset(found & set(same_names))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _username(value: object) -> str:
    """The part before an @, if it can be a user name here as it stands; else nothing, and nothing is made of it."""
    name = _text(value).partition("@")[0]
    return name if NAME.fullmatch(name) else ""


def _groups(value: object) -> frozenset[str] | None:
    if value is None:
        return None
    names = [value] if isinstance(value, str) else value
    if (
        not isinstance(names, list)
        or len(names) > MOST_GROUPS
        or not all(isinstance(name, str) and len(name) <= LONGEST_GROUP for name in names)
    ):
        raise Unusable(f"The provider's answer must list at most {MOST_GROUPS} groups by their names.")
    return frozenset(names)
