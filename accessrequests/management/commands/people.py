"""People, groups and service identities from a file, a person's first password, and the end of a second factor that is lost."""

from __future__ import annotations

import getpass
import sys
from pathlib import Path
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accessrequests.management import people_file
from accessrequests.management.operators import operator
from accessrequests.models import Person
from accessrequests.operations import people, sessions
from accessrequests.queries.asks import Invalid

SHORTEST_PASSWORD = 12


class Command(BaseCommand):
    help = "Apply people and groups from a file, set a password, or take a lost second factor away."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        apply = verbs.add_parser("apply", help="Make people and groups say what the file says.")
        apply.add_argument("file", type=Path, metavar="FILE")
        set_password = verbs.add_parser("set_password", help="Set a password, read from standard input.")
        set_password.add_argument("name", metavar="NAME")
        forget = verbs.add_parser("forget_second_factor", help="Take away the second factor of somebody who lost it.")
        forget.add_argument("name", metavar="NAME")

    def handle(self, *_args: Any, verb: str, **options: Any) -> None:
        if verb == "apply":
            self._apply(options["file"])
        elif verb == "forget_second_factor":
            self._forget(options["name"])
        else:
            self._set_password(options["name"])

    def _apply(self, path: Path) -> None:
        found = people_file.read(path)
        try:
            people.apply_people(groups=found.groups, entries=found.people, services=found.services, actor=operator())
        except Invalid as error:
            raise CommandError(f"{error} Nothing was changed.") from error
        services = f", {len(found.services)} service identities" if found.services else ""
        self.stdout.write(f"Applied {len(found.people)} people and {len(found.groups)} groups{services}.")

    def _forget(self, name: str) -> None:
        if not Person.objects.filter(username=name).exists():
            raise CommandError(f"There is nobody called {name}.")
        if sessions.forget_second_factor(username=name, actor=operator()):
            self.stdout.write(f"{name} signs in without a second factor now, and has to sign in again.")
        else:
            self.stdout.write(f"{name} has no second factor. Nothing was changed.")

    def _set_password(self, name: str) -> None:
        person = Person.objects.filter(username=name).first()
        if person is None:
            raise CommandError(f"There is nobody called {name}. Apply a people file that names them first.")
        password = getpass.getpass("New password: ") if sys.stdin.isatty() else sys.stdin.readline().rstrip("\r\n")
        if person.is_service:
            raise CommandError(f"{name} is a service identity, which never signs in. Its owner makes it a token.")
        if len(password) < SHORTEST_PASSWORD:
            raise CommandError(f"A password needs at least {SHORTEST_PASSWORD} characters. Nothing was changed.")
        try:
            validate_password(password, person)
        except ValidationError as error:
            raise CommandError(f"{' '.join(error.messages)} Nothing was changed.") from error
        people.set_password(username=name, password=password, actor=operator())
        self.stdout.write(f"{name} can sign in with the new password.")
