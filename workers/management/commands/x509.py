"""The certificate authority of this installation: make one, and show what targets must be told to trust."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from workers.provisioners.authority import make_authority, read_authority, write_authority
from workers.provisioners.base import ProvisionerError


class Command(BaseCommand):
    help = "Make the certificate authority that signs for grants, or print the certificate that targets must trust."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        for verb, what in (("init", "Make one in a new file."), ("show", "Print its certificate, never its key.")):
            one = verbs.add_parser(verb, help=what)
            one.add_argument(
                "--file", default=settings.ACCESS_X509_AUTHORITY, help="Where it is (default: ACCESS_X509_AUTHORITY)."
            )

    def handle(self, *_args: Any, verb: str, file: str, **_options: Any) -> None:
        if not file:
            raise CommandError("Set ACCESS_X509_AUTHORITY to the path of its file, or give it as --file.")
        path = Path(file)
        if verb == "init":
            self._init(path)
        self._show(path)

    def _init(self, path: Path) -> None:
        authority = make_authority(installation=settings.ACCESS_INSTALLATION, at=datetime.now(UTC))
        try:
            write_authority(authority, path)
        except FileExistsError:
            raise CommandError(
                f"There is a file {path} already, and it is left alone. Certificates of the old authority work on only "
                "while targets trust it: make the new one beside it, and have both trusted for a while."
            ) from None
        except OSError as error:
            raise CommandError(f"The file {path} cannot be written: {error.strerror}.") from error
        self.stderr.write(f"Made {path}. Only workers may have it; keep a copy where your other keys are.")

    def _show(self, path: Path) -> None:
        try:
            authority = read_authority(path)
        except ProvisionerError as error:
            raise CommandError(str(error)) from error
        self.stderr.write(
            f"It ends at {authority.ends_at:%Y-%m-%d %H:%M} UTC. Paste the certificate below in Atlas under Security, "
            "Advanced, Self-managed X.509 Authentication, after those that are there already. Each change there "
            "restarts the project's clusters one server at a time."
        )
        self.stdout.write(authority.certificate_pem)
