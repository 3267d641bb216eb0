"""Check a policy, or publish it as the next version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accessrequests.domain.events import Actor
from accessrequests.domain.policy import InvalidPolicy
from accessrequests.domain.rules import parse
from accessrequests.management.documents import parse_yaml, read_text
from accessrequests.management.operators import operator
from accessrequests.models import Person
from accessrequests.operations import policies


class Command(BaseCommand):
    help = "Check a policy, or publish it as the next version."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        check = verbs.add_parser("check", help="Say what is wrong with it; nothing is published.")
        publish = verbs.add_parser("publish", help="Publish it as the next version.")
        for verb in (check, publish):
            verb.add_argument("file", type=Path, metavar="FILE")
        publish.add_argument("--by", default="", metavar="NAME", help="The person who answers for it.")

    def handle(self, *_args: Any, verb: str, file: Path, **options: Any) -> None:
        text = read_text(file)
        document = parse_yaml(text, path=file)
        try:
            rules = parse(document)
        except InvalidPolicy as error:
            listed = "\n".join(f"  - {sentence}" for sentence in error.sentences)
            raise CommandError(f"{file} is not a policy, and nothing was published:\n{listed}") from error
        if verb == "check":
            self.stdout.write(f"The policy {rules.name} makes sense ({len(rules.rules)} rules). Nothing was published.")
            return
        values = document if isinstance(document, Mapping) else {}
        version = policies.publish(text=text, document=values, actor=_author(options["by"]))
        self.stdout.write(f"The policy {version.name} is published as version {version.version}.")


def _author(name: str) -> Actor:
    if not name:
        return operator()
    person = Person.objects.filter(username=name, is_active=True).first()
    if person is None:
        raise CommandError(f"There is nobody called {name} who may sign in. Apply people first, or leave --by out.")
    # Who typed it is the operator: a name on a command line proves nothing about the person.
    return replace(operator(), person_id=person.pk)
