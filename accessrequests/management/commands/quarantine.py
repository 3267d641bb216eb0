"""A database that was restored or copied acts on nothing; this says why, and accepts it."""

from __future__ import annotations

import sys
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accessrequests.management.operators import operator
from accessrequests.operations import quarantine as operations
from accessrequests.operations.refusals import Refused
from accessrequests.queries import quarantine


class Command(BaseCommand):
    help = "Say whether this database is quarantined because it was restored or copied, or accept it as the one from now on."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        verbs.add_parser("show", help="Whether it is quarantined, and why. Exits with 1 when it is.")
        accept = verbs.add_parser(
            "accept", help="Accept it. Every access that is not over ends; tokens and links to Slack are void."
        )
        accept.add_argument(
            "--nothing-lost",
            action="store_true",
            help="It was only moved, with everything stopped: access, tokens and links to Slack stay. Refused unless the anchor file says so.",
        )
        accept.add_argument(
            "--keep-tokens", action="store_true", help="Personal tokens go on: none was revoked since the backup."
        )
        accept.add_argument("--yes", action="store_true", help="Do not ask.")

    def handle(self, *_args: Any, verb: str, **options: Any) -> None:
        if verb == "show":
            self._show()
        else:
            self._accept(is_complete=options["nothing_lost"], keeps_tokens=options["keep_tokens"], yes=options["yes"])

    def _show(self) -> None:
        why = quarantine.why()
        if why:
            raise CommandError(f"This database is quarantined. {why}")
        self.stdout.write("This database is not quarantined.")

    def _accept(self, *, is_complete: bool, keeps_tokens: bool, yes: bool) -> None:
        why = quarantine.why()
        if why and not yes:
            ends = "Nothing ends." if is_complete else "Every access that is not over ends."
            self.stderr.write(f"{why} Is no other database of this installation at work? {ends} Type yes to go on.")
            if sys.stdin.readline().strip() != "yes":
                raise CommandError("Nothing was accepted.")
        try:
            accepted = operations.accept(
                actor=operator(),
                anchored=quarantine.newest_anchor(settings.ACCESS_ANCHOR_FILE),
                is_complete=is_complete,
                keeps_tokens=keeps_tokens,
            )
        except Refused as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(
            f"Accepted as epoch {accepted.epoch}. Ending: {accepted.grants} accesses. Void: {accepted.tokens} tokens, "
            f"{accepted.links} links to Slack and {accepted.messages} messages. The relay goes on within a second, and begins a new anchor file."
        )
