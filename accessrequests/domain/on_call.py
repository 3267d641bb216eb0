"""Whoever is on call now needs nobody's yes, for exactly the roles that a rule names, and not for longer than it says."""

from __future__ import annotations

from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import timedelta

from accessrequests.domain.matching import Ask


@dataclass(frozen=True, slots=True)
class OnCall:
    """`schedule` is the name of a list of shifts that a worker reads; `roles` are written as people ask for them."""

    schedule: str
    roles: AbstractSet[str]
    maximum: timedelta

    def waives(self, ask: Ask) -> bool:
        """Whether this ask needs nobody: an ask whose roles are not known is never one. Extensions count with it all."""
        is_named = bool(ask.roles) and ask.roles <= self.roles
        return self.schedule in ask.on_call and is_named and ask.held + ask.duration <= self.maximum
