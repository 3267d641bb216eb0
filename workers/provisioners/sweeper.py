"""What a sweep needs of a kind of target: to find what our tag proves to be past its end, and to end it. No database of ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from accessrequests.models.access_requests import AccessKind
from workers.provisioners.base import Evidence, GrantSpec, Owned, ProvisionerError

_LEFT: Mapping[str, Any] = {"left_alone": 1}
_NOT_TOUCHED = "The user {} is not one that our tag proves to be past its end any more. We did not touch it."


class Sweeper(Protocol):
    """One target, by its connection record and the key of the tags alone. Every step is bounded in time."""

    @property
    def pace(self) -> int:
        """Each how many rounds it is looked at: a target that counts its calls less often."""

    @property
    def cut_leaves_it(self) -> bool:
        """Whether what is cut stands there without power until it is cleaned up; else it is gone."""

    def behind(self) -> float:
        """By how many seconds the target's clock is behind ours; less than nothing, when it is ahead."""

    def overdue(self, *, before: datetime) -> Sequence[Owned]:
        """What our tag proves to be ours and to have ended before that moment. Looks, and changes nothing."""

    def cut(self, owned: Sequence[Owned]) -> list[Evidence]:
        """Login off and nothing of it runs, of exactly what the tag proves. Gone already is success.

        Each is looked at again first: what our tag does not prove to have ended then any more is `left_alone`.
        """

    def clean(self, owned: Owned) -> Evidence:
        """Take away what can be taken without knowing which grants share it."""

    def close(self) -> None:
        """Let go of connections."""


def left_alone(owned: Owned) -> Evidence:
    """Somebody at work may have given it a later end meanwhile."""
    return Evidence(done=False, facts=_LEFT, remains=(_NOT_TOUCHED.format(owned.principal or owned.username),))


def is_left_alone(cut: Evidence) -> bool:
    return cut.facts == _LEFT


def spec_of_owned(owned: Owned) -> GrantSpec:
    """As much of a grant as is needed to end it.

    :raises ProvisionerError: it is not proven to be ours.
    """
    if not owned.proven or owned.grant_id is None or owned.expires_at is None:
        raise ProvisionerError("Our tag does not prove that it is ours.", permanent=True)
    return GrantSpec(
        grant_id=owned.grant_id,
        kind=AccessKind.DATABASE_USER.value,
        username=owned.username,
        clusters=(),
        roles=(),
        source_addresses=(),
        authentication=owned.authentication,
        principal=owned.principal,
        expires_at=owned.expires_at,
    )
