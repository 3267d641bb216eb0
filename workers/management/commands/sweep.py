"""Ends what is past its end on every target, with nothing but the targets' connection records and the key of the tags."""

from __future__ import annotations

import signal
import threading
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from workers.provisioners.base import ProvisionerError
from workers.sweep import AFTER, Sweeps, rounds
from workers.sweep_journal import LEAST_AFTER


class Command(BaseCommand):
    help = (
        "End what our tags on the targets prove to be past its end. It needs no database of the product's: run it beside "
        "everything else, all the time, so that deadlines hold when the database is away."
    )
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--every", type=float, help="Go on, with a round each so many seconds. Left out: one round."
        )
        parser.add_argument(
            "--after",
            type=float,
            default=AFTER.total_seconds(),
            help="How many seconds past its end something must be (default: 30). The relay ends within a second.",
        )

    def handle(self, *_args: Any, every: float | None, after: float, **_options: Any) -> None:
        if after < LEAST_AFTER.total_seconds() or (every is not None and every <= 0):
            raise CommandError("--after is at least 5 seconds, and --every more than none.")
        sweeps = Sweeps(after=timedelta(seconds=after))
        try:
            if every is None:
                self.stdout.write(f"Ended on all targets: {sweeps.round()}.")
                _complain(sweeps)
            else:
                rounds(sweeps, every=every, is_over=_stopped().wait)
        except ProvisionerError as error:
            raise CommandError(str(error)) from error
        finally:
            sweeps.close()


def _complain(sweeps: Sweeps) -> None:
    """:raises CommandError: a target was not looked at, or not wholly."""
    if failures := sweeps.failures():
        said = " ".join(f"{slug}: {why}" for slug, why in sorted(failures.items()))
        raise CommandError(f"Not swept wholly, so run it again: {said}")


def _stopped() -> threading.Event:
    """Set when we are told to stop."""
    event = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: event.set())
    return event
