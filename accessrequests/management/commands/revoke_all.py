"""End every grant that is not over, for the day on which that is the right thing to do."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from accessrequests.domain.lifecycle import EndReason
from accessrequests.management.operators import operator
from accessrequests.models import Target
from accessrequests.operations import grants
from accessrequests.queries import live

LONGEST_REASON = 2_000


class Command(BaseCommand):
    help = "Start the revocation of every grant that is not over, on every target or on one."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--target", default="", metavar="SLUG", help="Only the grants of this target.")
        parser.add_argument(
            "--reason", default="An operator ended all access.", metavar="TEXT", help="What its holders are told."
        )
        parser.add_argument("--yes", action="store_true", help="Do not ask.")

    def handle(self, *_args: Any, target: str, reason: str, yes: bool, **_options: Any) -> None:
        if target and not Target.objects.filter(slug=target).exists():
            raise CommandError(f"There is no target called {target}. Nothing was ended.")
        if not 0 < len(reason.strip()) <= LONGEST_REASON:
            raise CommandError(f"Give a reason of 1 to {LONGEST_REASON} characters. Nothing was ended.")
        numbers = live.to_end(target=target)
        where = f"on {target}" if target else "on every target"
        if numbers and not yes:
            self.stderr.write(f"This ends {len(numbers)} grants {where}. Type yes to go on.")
            if sys.stdin.readline().strip() != "yes":
                raise CommandError("Nothing was ended.")
        ended, failed = 0, []
        for number in numbers:
            # One that cannot be ended must not keep the others alive.
            try:
                ended += grants.end(grant_id=number, reason=EndReason.REVOKED, note=reason.strip(), actor=operator())
            except DatabaseError as error:
                failed.append(f"grant/{number}: {error}")
        self.stdout.write(f"Revocation started for {ended} grants {where}. Workers and relay carry it out.")
        if failed:
            raise CommandError("These could not be ended; run the command again:\n" + "\n".join(failed))
