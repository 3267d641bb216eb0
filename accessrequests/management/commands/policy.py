"""Check a policy, publish it as the next version, or show its language."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accessrequests.domain.events import Actor
from accessrequests.domain.language import schema
from accessrequests.domain.policy import Rules
from accessrequests.management.documents import read_text
from accessrequests.management.operators import operator
from accessrequests.models import Person
from accessrequests.operations import policies, policy_drafts
from accessrequests.operations.refusals import Refused
from accessrequests.queries import policy_text
from accessrequests.queries.policy_text import Checked


class Command(BaseCommand):
    help = "Check a policy, publish it as the next version, or show its language as a JSON Schema."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        check = verbs.add_parser("check", help="Say what is wrong with it, line by line; nothing is published.")
        publish = verbs.add_parser("publish", help="Publish it as the next version.")
        for verb in (check, publish):
            verb.add_argument("file", type=Path, metavar="FILE")
        publish.add_argument("--by", default="", metavar="NAME", help="The person who answers for it.")
        verbs.add_parser("schema", help="The language as a JSON Schema, for editors.")

    def handle(self, *_args: Any, verb: str, **options: Any) -> None:
        if verb == "schema":
            self.stdout.write(json.dumps(schema(), indent=2))
            return
        text, checked, rules = self._checked(options["file"])
        if verb == "check":
            self.stdout.write(f"The policy {rules.name} makes sense ({len(rules.rules)} rules). Nothing was published.")
            return
        self._publish(text, checked, _author(options["by"]))

    def _publish(self, text: str, checked: Checked, actor: Actor) -> None:
        """Publish it, or leave it as a draft where others must agree: a name typed here proves nothing about anybody."""
        try:
            version = policies.publish(text=text, document=checked.document, actor=actor)
        except Refused as refused:
            held = policy_drafts.draft(text=text, document=checked.document, actor=actor)
            where = f"{settings.ACCESS_BASE_URL}/policies/drafts/{held.pk}/"
            self.stdout.write(f"Nothing was published. {refused}")
            self.stdout.write(f"It is kept as draft {held.pk}: an administrator proposes it at {where}")
            return
        self.stdout.write(f"The policy {version.name} is published as version {version.version}.")

    def _checked(self, file: Path) -> tuple[str, Checked, Rules]:
        """The policy in the file; what is doubtful about it is said, and forbids nothing."""
        text = read_text(file)
        checked = policy_text.check(text)
        if checked.rules is None:
            listed = "\n".join(f"  - {remark}" for remark in checked.wrong)
            raise CommandError(f"{file} is not a policy, and nothing was published:\n{listed}")
        for doubt in checked.doubts:
            self.stderr.write(f"Look again at {doubt}")
        return text, checked, checked.rules


def _author(name: str) -> Actor:
    if not name:
        return operator()
    person = Person.objects.filter(username=name, is_active=True).first()
    if person is None:
        raise CommandError(f"There is nobody called {name} who may sign in. Apply people first, or leave --by out.")
    # Who typed it is the operator: a name on a command line proves nothing about the person.
    return replace(operator(), person_id=person.pk)
