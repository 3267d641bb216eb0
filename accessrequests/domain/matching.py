"""What is asked, as far as a policy looks at it, and which asks a rule is about."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from accessrequests.domain.networks import Network
from accessrequests.domain.privileges import Level, Privilege

# Stands among databases for all that there are, those of tomorrow too.
ANY_DATABASE = ""
EVERY_DATABASE = frozenset({ANY_DATABASE})


@dataclass(frozen=True, slots=True)
class Ask:
    """What is asked, as far as a policy looks at it. What is None was not written yet, so it is not judged.

    `is_unscoped`: the target has clusters, and none of them was named. `person` is the user name of whoever is in the
    `groups`, so that a refusal can name them. `databases`: those that the roles touch. `on_call`: the schedules by which
    the person is on call now. `held`: how long an access that is to be extended lasts as it is.
    """

    target: str
    environment: str
    level: Level
    groups: frozenset[str]
    duration: timedelta
    reason_length: int | None
    person: str = ""
    authentication: str | None = None
    is_unscoped: bool = False
    networks: tuple[Network, ...] | None = None
    kind: str = "database_user"
    databases: frozenset[str] = EVERY_DATABASE
    roles: frozenset[str] = frozenset()
    ticket: str | None = None
    on_call: frozenset[str] = frozenset()
    held: timedelta = timedelta()


@dataclass(frozen=True, slots=True)
class Match:
    """Which asks a rule is about. Empty means any."""

    environments: frozenset[str] = frozenset()
    targets: frozenset[str] = frozenset()
    levels: frozenset[Level] = frozenset()
    kinds: frozenset[str] = frozenset()
    databases: frozenset[str] = frozenset()

    def fits(self, ask: Ask) -> bool:
        return (
            (not self.environments or ask.environment in self.environments)
            and (not self.targets or ask.target in self.targets)
            and (not self.levels or ask.level in self.levels)
            and (not self.kinds or ask.kind in self.kinds)
            and (not self.databases or self._touches(ask.databases))
        )

    def _touches(self, databases: frozenset[str]) -> bool:
        """One database is enough, so that a rule cannot be escaped by asking for more."""
        return ANY_DATABASE in databases or bool(self.databases & databases)


def not_spoken_of(databases: frozenset[str], matches: Sequence[Match]) -> list[str]:
    """The databases that are asked for and that none of the rules that match is about.

    A rule that is about one database says nothing of another that is asked for in the same breath.
    """
    if any(not match.databases for match in matches):
        return []
    return sorted(databases.difference(*(match.databases for match in matches)))


def databases_of(privileges: Iterable[Privilege]) -> frozenset[str]:
    """The databases that they touch. What is about the server itself names no database, and so touches every one."""
    return frozenset(privilege.resource.database for privilege in privileges if privilege.actions)
