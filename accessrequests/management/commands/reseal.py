"""Seals anew with the newest key what is sealed with an older one, and says which keys are still needed."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accessrequests import sealing
from accessrequests.management.operators import operator
from accessrequests.operations import reseal
from accessrequests.operations.quarantined import Quarantined
from accessrequests.queries import sealed


class Command(BaseCommand):
    help = "Seal anew, with the newest sealing key, what is in the database under an older one. Exits with 1 while an older one is needed."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="Change nothing; only say which keys are still needed."
        )

    def handle(self, *_args: Any, check: bool, **_options: Any) -> None:
        try:
            known = sealing.key_names()
            if not check:
                actor = operator()
                count = sum(work(actor=actor) for work in (reseal.passwords, reseal.tokens, reseal.factors))
                self.stdout.write(f"Sealed anew with {known[0]}: {count}.")
        except (sealing.CannotOpen, Quarantined) as error:
            raise CommandError(str(error)) from error
        self._say(known)

    def _say(self, known: list[str]) -> None:
        found = sealed.by_key()
        older = [name for name in known[1:] if name not in found]
        for name in older:
            self.stdout.write(f"The key {name} is not needed any more. It can be taken out of ACCESS_SEALING_KEYS.")
        left = [
            f"{name}{'' if name in known else ' (not in ACCESS_SEALING_KEYS)'}: "
            + ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items()))
            for name, kinds in sorted(found.items())
            if name != known[0]
        ]
        if left:
            raise CommandError(f"Still sealed with an older key: {'; '.join(left)}.")
        self.stdout.write(f"Nothing is sealed with another key than {known[0]}.")
