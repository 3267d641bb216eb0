"""The same world as the workers' tests have: the cast, and shop-prod on a real server."""

from __future__ import annotations

from tests.workers.conftest import database_clock, owner_of_target, work

__all__ = ["database_clock", "owner_of_target", "work"]
