"""Says whether a set of workers, or the relay, has given a sign of life lately; for health checks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accessrequests.queries import clock, work

LATELY = timedelta(minutes=3)


class Command(BaseCommand):
    help = "Exit 0 when relay, worker or worker_urgent has given a sign of life within three minutes."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("consumer", choices=["relay", "worker", "worker_urgent"])

    def handle(self, *_args: Any, consumer: str, **_options: Any) -> None:
        last = work.last_sign_of_life(consumer)
        if last is None or last < clock.now() - LATELY:
            raise CommandError(f"No sign of life from {consumer} within three minutes.")
        self.stdout.write(f"{consumer} is alive.")
