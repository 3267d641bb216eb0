"""Check a policy, compare it, replay past requests under it, publish it as the next version, or show its language."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from accessrequests.domain import policy_words
from accessrequests.domain.events import Actor
from accessrequests.domain.language import schema
from accessrequests.domain.policy import Rules
from accessrequests.domain.wording import counted
from accessrequests.management.documents import read_text
from accessrequests.management.operators import operator
from accessrequests.models import Person, PolicyVersion
from accessrequests.operations import policies, policy_drafts
from accessrequests.operations.refusals import Refused
from accessrequests.queries import clock, policy_text, simulation
from accessrequests.queries.policy_text import Checked
from accessrequests.queries.rules import rules_of


class Command(BaseCommand):
    help = "Check a policy, compare it, replay past requests under it, or publish it as the next version."

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        check = verbs.add_parser("check", help="Say what is wrong with it, line by line; nothing is published.")
        publish = verbs.add_parser("publish", help="Publish it as the next version.")
        for verb in (check, publish):
            verb.add_argument("file", type=Path, metavar="FILE")
        publish.add_argument("--by", default="", metavar="NAME", help="The person who answers for it.")
        diff = verbs.add_parser("diff", help="What is different, rule by rule, from the version in force or another.")
        diff.add_argument("file", type=Path, metavar="FILE")
        diff.add_argument(
            "--against", type=int, metavar="VERSION", help="A published version; the one in force if left out."
        )
        replay = verbs.add_parser("simulate", help="What it would have said to the requests of the last days.")
        replay.add_argument("file", type=Path, metavar="FILE")
        replay.add_argument("--days", type=int, default=30, metavar="DAYS", help="How many days back (30).")
        verbs.add_parser("schema", help="The language as a JSON Schema, for editors.")

    def handle(self, *_args: Any, verb: str, **options: Any) -> None:
        if verb == "schema":
            self.stdout.write(json.dumps(schema(), indent=2))
            return
        text, checked, rules = self._checked(options["file"])
        if verb == "check":
            self.stdout.write(_judged(rules, checked))
            return
        if verb == "diff":
            self._diff(rules, options["against"])
        elif verb == "simulate":
            self._simulate(rules, options["days"])
        else:
            self._publish(text, checked, _author(options["by"]))

    def _diff(self, rules: Rules, against: int | None) -> None:
        older = _version(against)
        changes = policy_words.changes(rules_of(older), rules)
        if not changes:
            self.stdout.write(f"It says the same as version {older.version}, rule by rule.")
        for change in changes:
            self.stdout.write(f"{change.name}: {change.kind}")
            for before, after in change.parts:
                self.stdout.write(
                    "".join(f"  {mark} {words}\n" for mark, words in (("-", before), ("+", after)) if words), ending=""
                )

    def _simulate(self, rules: Rules, days: int) -> None:
        if not 1 <= days <= simulation.LONGEST_DAYS:
            raise CommandError(f"Write a number of days from 1 to {simulation.LONGEST_DAYS}.")
        current = _version(None)
        found = simulation.run(
            in_force=rules_of(current),
            draft=rules,
            since=simulation.since_days(days, at=clock.now()),
            progress=lambda so_far: self.stderr.write(f"{so_far.done} of {so_far.total} requests"),
        )
        replayed = f"{counted(found.done, 'request')} of the last {'day' if days == 1 else f'{days} days'}"
        self.stdout.write(f"{replayed}, beside version {current.version} as of now:")
        self.stdout.write(f"  {found.same} the same" + "".join(f", {n} {kind}" for kind, n in found.counted))
        if found.left_out:
            self.stdout.write(f"  {found.left_out_words}")
        for one in found.changed:
            self.stdout.write(
                f"  {one.access_request} of {one.access_request.requester}: {one.before} -> {one.after}. {one.why}"
            )

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


def _judged(rules: Rules, checked: Checked) -> str:
    what = f"The policy {rules.name} ({counted(len(rules.rules), 'rule')})"
    if not checked.doubts:
        return f"{what} makes sense here. Nothing was published."
    those = "the line above names" if len(checked.doubts) == 1 else f"the {len(checked.doubts)} lines above name"
    return f"{what} can be read and published, but may not do here what you mean: look at what {those}. Nothing was published."


def _version(number: int | None) -> PolicyVersion:
    versions = PolicyVersion.objects.order_by("-version")
    found = versions.first() if number is None else versions.filter(version=number).first()
    if found is None:
        raise CommandError(f"There is no version {number}." if number else "No policy has been published yet.")
    return found


def _author(name: str) -> Actor:
    if not name:
        return operator()
    person = Person.objects.filter(username=name, is_active=True).first()
    if person is None:
        raise CommandError(f"There is nobody called {name} who may sign in. Apply people first, or leave --by out.")
    # Who typed it is the operator: a name on a command line proves nothing about the person.
    return replace(operator(), person_id=person.pk)
