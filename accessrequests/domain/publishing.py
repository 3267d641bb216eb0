"""How a policy becomes the next version: what a draft may become, and what a change of the policy comes to, rule by rule."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class DraftState(StrEnum):
    """Where a draft stands."""

    DRAFT = "draft"
    PROPOSED = "proposed"
    REJECTED = "rejected"
    PUBLISHED = "published"


DRAFT_MOVES: Mapping[DraftState, frozenset[DraftState]] = {
    DraftState.DRAFT: frozenset({DraftState.PROPOSED, DraftState.PUBLISHED, DraftState.REJECTED}),
    # What was proposed against a version that is no longer in force may be proposed again.
    DraftState.PROPOSED: frozenset({DraftState.PROPOSED, DraftState.PUBLISHED, DraftState.REJECTED}),
    DraftState.REJECTED: frozenset(),
    DraftState.PUBLISHED: frozenset(),
}
