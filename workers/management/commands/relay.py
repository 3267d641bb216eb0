"""Runs the relay until it is told to stop."""

from __future__ import annotations

import signal
from typing import Any

from django.core.management.base import BaseCommand

from workers.relay import Relay


class Command(BaseCommand):
    help = "Carry outbox messages to the workers, and end what is due."
    requires_system_checks: list[str] = []

    def handle(self, *_args: Any, **_options: Any) -> None:
        relay = Relay()
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: relay.stop())
        relay.run()
