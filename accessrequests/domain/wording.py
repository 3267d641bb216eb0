"""The words that every sentence to people is made of: names made harmless, moments, places, and the title of a request."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from accessrequests.domain.actions import SERVER_DATABASES
from accessrequests.domain.approvals import Step
from accessrequests.domain.lifecycle import EndReason
from accessrequests.domain.privileges import Level, RoleRef, is_role
from accessrequests.domain.project_roles import is_project_role
from accessrequests.domain.window import spell_duration

LONGEST_LINE = 200
LONGEST_NAME = 60
MOST_PLACES = 2
NO_ACCESS = "No access was created"
MAY_WORK = "This access may still work. We keep trying to end it until the target confirms that it is gone."

_VERBS = {
    Level.READ: "read",
    Level.WRITE: "change",
    Level.ADMIN: "administer",
    Level.DELEGATING: "give or change access to",
}

_ENDINGS = {
    EndReason.EXPIRY: "its time is over",
    EndReason.RELEASED: "{by} gave it back",
    EndReason.REVOKED: "{by} revoked it",
    EndReason.PROVISIONING_FAILED: "it could not be set up",
    EndReason.DRIFT: "it was changed on the target",
    EndReason.PERSON_DISABLED: "the person's account is off",
    EndReason.ELIGIBILITY_LOST: "the policy no longer allows it",
    EndReason.TARGET_RETIRED: "the target is retired",
}

# Control characters, direction and other invisible marks, lone surrogates.
_HIDDEN = frozenset({"Cc", "Cf", "Cs"})


def counted(number: int, thing: str, things: str = "") -> str:
    """1 request, 2 requests; `things` where the plural does not end in s."""
    return f"{number} {thing if number == 1 else things or f'{thing}s'}"


def one_line(text: str, longest: int = LONGEST_LINE) -> str:
    """A person's text as one harmless line: no control or direction marks, no line breaks, not too long."""
    line = " ".join("".join(mark for mark in text if mark.isspace() or not _is_hidden(mark)).split())
    return line if len(line) <= longest else f"{line[: longest - 1].rstrip()}…"


def paragraphs(text: str) -> str:
    """A person's text as it may stand in a body: its lines stay, control and direction marks go."""
    return "\n".join(one_line(line, longest=len(line)) for line in text.splitlines()).strip()


def name(text: str) -> str:
    """A person's name in the middle of a sentence."""
    return one_line(text, LONGEST_NAME) or "Somebody"


def because(text: str) -> str:
    """The reason as the tail of a sentence, or nothing at all."""
    line = _tail(text)
    return f": {line}" if line else ""


def _tail(text: str) -> str:
    """A person's text before the full stop of a sentence of ours; where it is shortened, that is said before it, too."""
    line = one_line(text)
    bare = line.rstrip(".… ")
    return f"{bare} […]" if line.endswith("…") and len(line) >= LONGEST_LINE - 1 else bare


def piece(template: str, text: str) -> str:
    """A part of a sentence that is there only when there is something to put into it."""
    return template.format(text) if text else ""


def moment(at: datetime) -> str:
    """A moment for people, always in UTC and saying so: 22 Nov 2026 12:39:03 UTC, whole minutes without seconds."""
    there = at.astimezone(UTC)
    return f"{there.day} {there:%b %Y %H:%M:%S}".removesuffix(":00") + " UTC"


def people_needed(steps: Sequence[Step]) -> str:
    """Who is waited for: 1 person of data-owners and 2 people of security."""
    counted = (f"{step.needed} {'person' if step.needed == 1 else 'people'} of {step.group}" for step in steps)
    return " and ".join(counted) or "an answer"


def ending(reason: EndReason | None, *, by: str = "", note: str = "") -> str:
    """Why a grant ends, as the tail of a sentence."""
    said = _ENDINGS[reason].format(by=name(by)) if reason else "it was ended"
    line = _tail(note)
    return f"{said} ({line})" if line else said


def deed(*, roles: Sequence[str], level: Level, target: str, clusters: Sequence[str] = ()) -> str:
    """What is asked for as a verb with its places: read shop.orders on shop-prod, or on the cluster a of shop-prod."""
    if clusters:
        target = f"the cluster{'s' if len(clusters) > 1 else ''} {_summed_up(clusters)} of {target}"
    if roles and all(map(is_project_role, roles)):
        return f"use {_summed_up(roles)} in {target}"
    if not all(map(is_role, roles)):
        # A row that no form of today would take: told as it is, and as the most that anybody can be given.
        return f"{_VERBS[max(level, Level.ADMIN)]} {target} with {_summed_up(roles)}, whose reach is unknown"
    parsed = [RoleRef.parse(role) for role in roles]
    if any(role.database in SERVER_DATABASES for role in parsed):
        # The server's own database would say nothing about how far such a role reaches; its name does.
        return f"{_VERBS[level]} {target} with {_summed_up([str(role) for role in parsed])}"
    return f"{_VERBS[level]} {_summed_up([role.where for role in parsed])} on {target}"


def title(
    *,
    requester: str,
    roles: Sequence[str],
    level: Level,
    target: str,
    length: timedelta,
    beneficiary: str = "",
    clusters: Sequence[str] = (),
    more: bool = False,
    is_break_glass: bool = False,
    waits: bool = False,
) -> str:
    """The request in one sentence, which is also its subject and so has no full stop. `more`: they hold it already.

    Who breaks the glass does not ask, unless it `waits` for a second person.
    """
    wants = f"wants {name(beneficiary)} to" if beneficiary and beneficiary != requester else "wants to"
    if is_break_glass:
        wants = "wants to break the glass to" if waits else "broke the glass to"
    what = deed(roles=roles, level=level, target=target, clusters=clusters)
    return f"{name(requester)} {wants} {what} for {spell_duration(length)}{' more' if more else ''}"


def own_title(
    *,
    roles: Sequence[str],
    level: Level,
    target: str,
    length: timedelta,
    clusters: Sequence[str] = (),
    more: bool = False,
) -> str:
    """The same to whoever asks for themselves, who need not be told their own name: Read shop.orders on shop-prod for 2 hours."""
    what = deed(roles=roles, level=level, target=target, clusters=clusters)
    return f"{what[:1].upper()}{what[1:]} for {spell_duration(length)}{' more' if more else ''}"


def on_behalf(*, requester: str, beneficiary: str, owner: str = "") -> str:
    """Who asked for whom, and in whose hands it is. `owner`: of a service identity, which has no hands."""
    asked = f"{name(requester)} asks for {name(beneficiary)}"
    if owner:
        return (
            f"{asked}, a service identity. {name(owner)} answers for it: holds what it gets, and decides nothing here."
        )
    return f"{asked}, who alone holds what comes of it. Neither of them decides."


def _summed_up(places: Sequence[str]) -> str:
    """A few places by name; the others are counted, because a subject has little room."""
    different = list(dict.fromkeys(one_line(place) for place in places))
    if len(different) > MOST_PLACES:
        return f"{', '.join(different[:MOST_PLACES])} and {len(different) - MOST_PLACES} more"
    return " and ".join(different) or "nothing"


def _is_hidden(mark: str) -> bool:
    return unicodedata.category(mark) in _HIDDEN
