"""Check the audit trail against its anchors, or write it out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accessrequests.models import AuditEvent
from accessrequests.queries import audit


class Command(BaseCommand):
    help = "Verify the audit trail (exit status 1 when it was changed), or export it as JSON Lines."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        verbs.add_parser("verify", help="Check every event, and the anchors outside the database.")
        export = verbs.add_parser("export", help="Write every event as one line of JSON, oldest first.")
        export.add_argument("file", type=Path, nargs="?", metavar="FILE", help="Default: standard output.")

    def handle(self, *_args: Any, verb: str, file: Path | None = None, **_options: Any) -> None:
        if verb == "verify":
            self._verify()
        elif file is None:
            for line in audit.export(AuditEvent.objects.all()):
                self.stdout.write(line, ending="")
        else:
            self._export(file)

    def _verify(self) -> None:
        try:
            report = audit.verify()
        except audit.UntrueAnchor as error:
            raise CommandError(f"BROKEN. {error}") from error
        if report.first_bad is not None:
            raise CommandError(f"BROKEN at event {report.first_bad.sequence}. {report.first_bad.why}")
        if report.anchor is None:
            proof = "order only: there is no anchor to compare with"
        else:
            proof = f"agrees with the anchor at event {report.anchor.sequence}, written {report.anchor.at}"
        self.stdout.write(f"INTACT: {report.checked} events, {proof}. Head {report.head}.")

    def _export(self, path: Path) -> None:
        try:
            # Only its maker may read it, and an older export is never written over.
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        except FileExistsError as error:
            raise CommandError(f"{path} exists already. Choose another name.") from error
        except OSError as error:
            raise CommandError(f"{path} cannot be written: {error.strerror}.") from error
        lines = 0
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            for line in audit.export(AuditEvent.objects.all()):
                file.write(line)
                lines += 1
        self.stdout.write(f"Wrote {lines} events to {path}.")
