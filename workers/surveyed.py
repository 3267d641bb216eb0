"""The ledger of shared objects as one look at the rows showed it: for comparing, and never for writing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from accessrequests.domain.sharing import SharedKind
from accessrequests.queries.shared_objects import Uses
from workers.provisioners.base import Held, Ledger, ProvisionerError, Turn

_ONLY_A_LOOK = "This is only a look, and nothing is changed by it."


@dataclass(frozen=True, slots=True)
class SurveyedLedger:
    """What one look at the rows showed."""

    uses: Mapping[tuple[str, str], Uses]
    seen_at: datetime

    @contextmanager
    def hold(self, kind: SharedKind, key: str) -> Iterator[Held]:
        yield _Seen(self.uses.get((kind.value, key), Uses(None)), self.seen_at)

    def alone(self, what: str) -> AbstractContextManager[Turn]:
        raise ProvisionerError(f"{_ONLY_A_LOOK} It was {what}.", permanent=True)

    def survey(self) -> Ledger:
        return self

    def is_used(self, kind: SharedKind, name: str) -> bool:
        """A custom role may have come to be called otherwise than its row."""
        if (kind.value, name) in self.uses:
            return True
        wants = (each for (of, _), uses in self.uses.items() if of == kind for each in _all_wants(uses))
        return any(name in each.get("names", ()) for each in wants)


def _all_wants(uses: Uses) -> list[Mapping[str, Any]]:
    return [*uses.live.values(), *uses.ending.values()]


@dataclass(frozen=True, slots=True)
class _Seen:
    """One object, only to be read."""

    uses: Uses
    seen_at: datetime

    @property
    def baseline(self) -> Mapping[str, Any] | None:
        return self.uses.baseline

    @property
    def live(self) -> Mapping[int, Mapping[str, Any]]:
        return self.uses.live

    @property
    def ending(self) -> Mapping[int, Mapping[str, Any]]:
        return self.uses.ending

    def fence(self) -> datetime:
        return self.seen_at

    def announce(self, *, grant_id: int, says: Iterable[tuple[str, ...]]) -> datetime:
        raise ProvisionerError(_ONLY_A_LOOK, permanent=True)

    def capture(self, baseline: Mapping[str, Any]) -> None:
        raise ProvisionerError(_ONLY_A_LOOK, permanent=True)

    def attempt(self, *, grant_id: int, wants: Mapping[str, Any]) -> None:
        raise ProvisionerError(_ONLY_A_LOOK, permanent=True)

    def end(self, *, grant_id: int) -> bool:
        raise ProvisionerError(_ONLY_A_LOOK, permanent=True)

    def gone(self, *, grant_id: int, looked_at: datetime) -> datetime | None:
        raise ProvisionerError(_ONLY_A_LOOK, permanent=True)
