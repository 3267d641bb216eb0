"""Says whether a set of workers, or the relay, has given a sign of life lately; for health checks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accessrequests.queries import clock, work
from workers.sweep_journal import journal_of_sweep

LATELY = timedelta(minutes=3)
SWEEP = "sweep"


class Command(BaseCommand):
    help = "Exit 0 when relay, worker, worker_urgent or sweep has given a sign of life within three minutes."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("consumer", choices=["relay", "worker", "worker_urgent", SWEEP])

    def handle(self, *_args: Any, consumer: str, **_options: Any) -> None:
        is_alive = _sweeps() if consumer == SWEEP else _carries(consumer)
        if not is_alive:
            raise CommandError(f"No sign of life from {consumer} within three minutes.")
        self.stdout.write(f"{consumer} is alive.")


def _carries(consumer: str) -> bool:
    last = work.last_sign_of_life(consumer)
    return last is not None and last >= clock.now() - LATELY


def _sweeps() -> bool:
    """By the file that it touches after each round: there may be no database to ask."""
    journal = journal_of_sweep()
    beaten_at = journal.beaten_at() if journal is not None else None
    return beaten_at is not None and datetime.fromtimestamp(beaten_at, UTC) >= datetime.now(UTC) - LATELY
