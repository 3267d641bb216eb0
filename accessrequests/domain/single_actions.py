"""Single actions instead of a role: find,insert@shop.orders. Which there are, and where they mean something."""

from __future__ import annotations

from accessrequests.domain.actions import (
    COLLECTION_ACTIONS,
    DELEGATING_ACTIONS,
    SINGLE_ACTIONS,
    VIEW_MAKING_ACTIONS,
)

SEPARATOR = ","
IN_WORDS = {action: words for group in SINGLE_ACTIONS.values() for action, words in group.items()}
# What gives access itself is read as what it is, so that it is refused for that.
_KNOWN = IN_WORDS.keys() | DELEGATING_ACTIONS


def listed_in(text: str) -> frozenset[str]:
    """The actions that the text lists; none where it names a role.

    :raises ValueError: when only some of its words are actions. The message says which are not.
    """
    words = text.split(SEPARATOR)
    unknown = [word for word in words if word not in _KNOWN]
    if len(unknown) == len(words):
        return frozenset()
    if unknown:
        named = ", ".join(word or "nothing" for word in unknown)
        raise ValueError(
            f"{named} cannot be asked for as a single action. There are {', '.join(IN_WORDS)}; "
            "separate several by commas, like find,insert@shop.orders."
        )
    return frozenset(words)


def written(actions: frozenset[str]) -> str:
    """One spelling for the same actions."""
    return SEPARATOR.join(sorted(actions))


def why_not(actions: frozenset[str], *, collection: str) -> str:
    """Why these cannot be given there; empty when they can. What gives access itself is for the policy to refuse."""
    whole = sorted(actions - COLLECTION_ACTIONS - DELEGATING_ACTIONS)
    if collection and whole:
        them = "it" if len(whole) == 1 else "them"
        return f"{', '.join(whole)} means nothing on one collection. Ask for {them} on the whole database."
    making = sorted(actions & VIEW_MAKING_ACTIONS)
    if making and "find" not in actions:
        return (
            f"Whoever holds {' or '.join(making)} without find can make a view of other collections for somebody "
            "else to read. Ask for find with it."
        )
    return ""
