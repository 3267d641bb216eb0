"""Looks at this installation as an operator would, and says what is to be put right."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from workers.connections import close_connections
from workers.doctor import findings

_MARKS = {True: "ok  ", False: "BAD ", None: "?   "}


class Command(BaseCommand):
    help = "Look at settings, keys, database, clocks, signs of life, anchors and targets. Changes nothing; exits with 1 when something is to be put right."
    requires_system_checks: list[str] = []  # they are part of what is looked at

    def handle(self, *_args: Any, **_options: Any) -> None:
        bad = 0
        try:
            for finding in findings():
                self.stdout.write(f"{_MARKS[finding.is_well]}{finding.sentence}")
                bad += finding.is_well is False
        finally:
            close_connections()
        if bad:
            raise CommandError(f"To be put right: {bad}. docs/operating.md, Runbooks, says how.")
        self.stdout.write("Nothing is to be put right.")
