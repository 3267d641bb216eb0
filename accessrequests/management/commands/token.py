"""Personal tokens by command: make one, end one."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accessrequests.management.operators import operator
from accessrequests.models import Person, PersonalToken
from accessrequests.operations import people
from accessrequests.operations.refusals import IllegalMove
from accessrequests.queries import clock
from accessrequests.queries.asks import Invalid

LONGEST_NAME = 100
LONGEST_DAYS = 366


class Command(BaseCommand):
    help = "Make a personal token (its secret alone goes to standard output, once), or revoke one."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        create = verbs.add_parser("create", help="Make a token and print its secret once.")
        create.add_argument("person", metavar="PERSON")
        create.add_argument("--scopes", required=True, help="Comma list, like read,request.")
        create.add_argument("--name", required=True, help="What it is for.")
        create.add_argument("--days", type=int, default=None, help="Days until it stops by itself (default: never).")
        revoke = verbs.add_parser("revoke", help="End a token at once.")
        revoke.add_argument("id", type=int, metavar="ID")

    def handle(self, *_args: Any, verb: str, **options: Any) -> None:
        if verb == "create":
            self._create(options["person"], options["scopes"], options["name"], options["days"])
        else:
            self._revoke(options["id"])

    def _create(self, username: str, scopes: str, name: str, days: int | None) -> None:
        person = Person.objects.filter(username=username, is_active=True).first()
        if person is None:
            raise CommandError(f"There is nobody called {username} who may sign in.")
        if not 0 < len(name.strip()) <= LONGEST_NAME or not name.isprintable():
            raise CommandError(f"Give the token a name of 1 to {LONGEST_NAME} characters.")
        if days is not None and not 1 <= days <= LONGEST_DAYS:
            raise CommandError(f"--days is a number from 1 to {LONGEST_DAYS}.")
        wanted = [scope.strip() for scope in scopes.split(",") if scope.strip()]
        expires_at = clock.now() + timedelta(days=days) if days else None
        try:
            token, secret = people.create_token(
                person=person, name=name.strip(), scopes=wanted, actor=operator(), expires_at=expires_at
            )
        except Invalid as error:
            raise CommandError(str(error)) from error
        self.stderr.write(f"Token {token.pk} of {username}. Its secret is shown this once:")
        self.stdout.write(secret)

    def _revoke(self, token_id: int) -> None:
        try:
            token = people.revoke_token(token_id=token_id, person=None, actor=operator())
        except PersonalToken.DoesNotExist as error:
            raise CommandError(f"There is no token {token_id}.") from error
        except IllegalMove as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Token {token.pk} ({token.name}) is refused from now on.")
