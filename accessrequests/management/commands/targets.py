"""The catalogue of targets from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from accessrequests.management import targets_file
from accessrequests.management.operators import operator
from accessrequests.operations import targets


class Command(BaseCommand):
    help = "Apply the catalogue of targets from a file."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        apply = verbs.add_parser("apply", help="Make the catalogue say what the file says.")
        apply.add_argument("file", type=Path, metavar="FILE")

    def handle(self, *_args: Any, file: Path, **_options: Any) -> None:
        entries = targets_file.read(file)
        applied = targets.apply_catalogue(entries=entries, actor=operator())
        self.stdout.write(f"Applied {len(applied)} targets. Workers read what they have to offer within a minute.")
