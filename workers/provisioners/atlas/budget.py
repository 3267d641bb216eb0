"""Who may use what is left of Atlas's rate limits: ending access comes before everything else."""

from __future__ import annotations

from enum import StrEnum


class Urgency(StrEnum):
    """What a call is for, most urgent first."""

    REVOKE = "revoke"
    BREAK_GLASS = "break_glass"
    GRANT = "grant"
    RECONCILE = "reconcile"
