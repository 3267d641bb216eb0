"""What a driver's complaint usually means, where every gate was found open: hints, as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Hint:
    """One thing to look at. `kinds` are the kinds of target that it is about; none: all of them."""

    cause: str
    what_to_do: str
    kinds: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Symptom:
    """What one sees, and what it may come from, likeliest first."""

    seen: str
    hints: Sequence[Hint]


_ATLAS = frozenset({"atlas"})
# The complaints are those of MongoDB's drivers: code 18, or 8000 from Atlas; code 13; no answer in time.
SYMPTOMS: Sequence[Symptom] = (
    Symptom(
        "Authentication failed",
        (
            Hint("Name", "Copy the user name whole: it is not your own, and ends in the number of the grant."),
            Hint("Password", "Only the newest one works. Have a new one made if yours may be older or cut off."),
            Hint("authSource", "Add authSource=admin. Without it, a driver looks for the user in the database named."),
            Hint("Expired or deleted", "Look at the end on this page, and whether the login gate is open."),
            Hint(
                "Mechanism", "Let the driver choose, or say SCRAM-SHA-256. Drivers from before 2018 have no such way."
            ),
            Hint("Escaping", "Percent-encode : / ? # [ ] @ and % of a password inside a connection string."),
        ),
    ),
    Symptom(
        "Not authorized",
        (
            Hint("Role too small", "Compare what you do with “What it lets one do”. A read role refuses every write."),
            Hint("Wrong database or collection", "Name both as they were approved; capitals count."),
        ),
    ),
    Symptom(
        "Timed out",
        (
            Hint("Address not listed", "Compare the address that you come from with those of this access."),
            Hint("Private endpoint", "Inside a peered network the name ends in -pri or -pl; use that string.", _ATLAS),
            Hint("DNS", "A mongodb+srv:// string needs SRV and TXT records: try the long string, or another resolver."),
            Hint("Cluster paused", "A paused cluster answers nobody. Its owner can resume it.", _ATLAS),
            Hint("Firewall", "Your own network may let nothing out to the port. Try from another one."),
        ),
    ),
    Symptom(
        "Works in development and not in production",
        (
            Hint("Another project", "Each project has users, roles and an access list of its own.", _ATLAS),
            Hint("Another user", "Name and password of one target are unknown on every other."),
            Hint("Another network", "Production may take other addresses. Compare both lists."),
            Hint("Another scope", "An access reaches the clusters that it names and no others.", _ATLAS),
            Hint("Another role", "Production may have given you less. Compare “What it lets one do” on both pages."),
        ),
    ),
)


def hints_for(kind: str) -> list[Symptom]:
    """Those that are about this kind of target."""
    return [
        Symptom(one.seen, tuple(hint for hint in one.hints if not hint.kinds or kind in hint.kinds)) for one in SYMPTOMS
    ]
