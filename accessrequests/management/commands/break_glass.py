"""Break the glass at a command line, for when the web is gone: the same operation, after password and second factor."""

from __future__ import annotations

import getpass
import sys
from time import monotonic, sleep
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from accessrequests.domain.break_glass_terms import USUAL
from accessrequests.domain.events import Via
from accessrequests.domain.lifecycle import AccessRequestState, CredentialState, GrantState
from accessrequests.domain.window import InvalidDuration, read_length
from accessrequests.domain.wording import moment
from accessrequests.management.operators import operator
from accessrequests.models import AccessRequest, Grant, Person
from accessrequests.models.access_requests import AccessKind
from accessrequests.operations import break_glass, credentials, grants, refusals, second_factors
from accessrequests.operations.refusals import IllegalMove, Refused
from accessrequests.queries import break_glass as rules
from accessrequests.queries import broken, clock, people
from accessrequests.queries.asks import Asked, Invalid, NotReadYet

PATIENCE_SECONDS = 60.0
LOOK_EVERY = 0.2


class Command(BaseCommand):
    help = (
        "Break the glass where the policy lets you, for when the web is gone: the same rules, alarms and review. Asks for "
        "your password and your second factor; the relay carries it out, without Redis and without any worker."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
        take = verbs.add_parser("open", help="Break the glass, wait for the access, and print how to connect, once.")
        take.add_argument("person", metavar="PERSON", help="Your user name.")
        take.add_argument("target", metavar="TARGET", help="The slug of the target.")
        take.add_argument("--role", action="append", required=True, metavar="ROLE", help="Like readWrite@shop.")
        take.add_argument("--for", dest="length", default="", metavar="LENGTH", help="Like 30 min (default: 1 hour).")
        take.add_argument("--incident", required=True, metavar="TEXT", help="Like INC-884.")
        take.add_argument(
            "--reason", required=True, metavar="TEXT", help="What is happening, in 20 characters or more."
        )
        take.add_argument(
            "--cluster", action="append", default=[], metavar="NAME", help="Where the target has clusters."
        )
        take.add_argument("--address", action="append", default=[], metavar="CIDR", help="From where you connect.")
        take.add_argument("--drill", action="store_true", help="Nothing is wrong; the way is tried.")
        end = verbs.add_parser("end", help="End a break-glass now.")
        end.add_argument("person", metavar="PERSON", help="Your user name.")
        end.add_argument("number", type=int, metavar="NUMBER", help="The number of its request.")
        verbs.add_parser("list", help="Those that give access now.")

    def handle(self, *_args: Any, verb: str, **options: Any) -> None:
        try:
            {"open": self._open, "end": self._end, "list": self._list}[verb](options)
        except Invalid as error:
            raise CommandError(f"{error} Nothing was given.") from error
        except (NotReadYet, IllegalMove) as error:
            raise CommandError(str(error)) from error

    def _open(self, options: dict[str, Any]) -> None:
        person = _person(options["person"])
        asked = _asked(options)
        confirmed = self._ask(f"Type {asked.target} to confirm: ")
        if confirmed != asked.target:
            raise CommandError("This is not the name of the target. Nothing was given.")
        self._proved(person, asked, options)

    def _proved(self, person: Person, asked: Asked, options: dict[str, Any]) -> None:
        try:
            considered = rules.consider(person=person, asked=asked, incident=options["incident"], at=clock.now())
            refusal = next(iter(considered.considered.verdict.refusals), None)
            if refusal is not None:
                raise Refused(refusal.sentence, rule=refusal.rule)
            proof = second_factors.prove(
                person=person,
                password=self._ask_secret("Password: "),
                code=self._ask_secret("Code of your second factor: "),
                subject=f"target/{asked.target}",
            )
            access_request = break_glass.request(
                person=person,
                asked=asked,
                incident=options["incident"],
                confirm_target=asked.target,
                proof=proof,
                via=Via.COMMAND,
                is_drill=options["drill"],
                os_user=operator().name,
            )
        except Refused as error:
            refusals.record_refusal(refused=error, actor=people.actor_of(person, Via.COMMAND))
            raise CommandError(f"{error} Nothing was given.") from error
        self._follow(access_request, person)

    def _follow(self, access_request: AccessRequest, person: Person) -> None:
        """Until it is live, and then how to connect, once: it is nowhere else, and this terminal may be the only one."""
        if access_request.state == AccessRequestState.PENDING:
            self.stdout.write(
                f"Request {access_request.pk} waits for a second person. {access_request.break_glass.why_second}"
            )
            return
        grant = access_request.grant
        self.stderr.write(
            f"The glass is broken: request {access_request.pk}, grant {grant.pk}. Waiting for the target …"
        )
        until = monotonic() + PATIENCE_SECONDS
        while not _is_ready(grant) and monotonic() < until:
            sleep(LOOK_EVERY)
            grant.refresh_from_db()
        if not _is_ready(grant):
            raise CommandError(
                f"Grant {grant.pk} is {grant.state}: {grant.last_error or 'nobody has taken it yet'}. The relay goes on trying."
            )
        revealed = credentials.reveal(grant_id=grant.pk, person=person, via=Via.COMMAND)
        self.stderr.write(f"Live until {moment(revealed.expires_at)}. This is shown once:")
        self.stdout.write(revealed.connection_string or f"{revealed.username}\n{revealed.password}")

    def _end(self, options: dict[str, Any]) -> None:
        person, found = _person(options["person"]), broken.of_request(options["number"])
        grant: Grant | None = getattr(found.access_request, "grant", None) if found else None
        if grant is None:
            raise CommandError(f"Request {options['number']} is no break-glass that gives access.")
        try:
            second_factors.prove(
                person=person,
                password=self._ask_secret("Password: "),
                code=self._ask_secret("Code of your second factor: "),
                subject=str(grant),
            )
            if grant.holder_id == person.pk:
                grants.release(grant_id=grant.pk, holder=person, via=Via.COMMAND)
            else:
                reason = "Ended at a command line by somebody who was told."
                grants.revoke(grant_id=grant.pk, person=person, via=Via.COMMAND, reason=reason)
        except Refused as error:
            refusals.record_refusal(refused=error, actor=people.actor_of(person, Via.COMMAND))
            raise CommandError(str(error)) from error
        self.stdout.write(f"Grant {grant.pk} is being ended.")

    def _list(self, _options: dict[str, Any]) -> None:
        for one in broken.live(broken.as_shown()):
            grant: Grant | None = getattr(one.access_request, "grant", None)
            until = f"until {moment(grant.expires_at)}" if grant and grant.expires_at else "not live yet"
            self.stdout.write(
                f"{one.access_request_id}  {one.person.username}  {one.target.slug}  {until}  {one.incident}"
            )

    def _ask(self, prompt: str) -> str:
        self.stderr.write(prompt, ending="")
        return sys.stdin.readline().strip()

    def _ask_secret(self, prompt: str) -> str:
        """Never an argument: those are seen by everybody on the machine."""
        return getpass.getpass(prompt) if sys.stdin.isatty() else self._ask(prompt)


def _person(username: str) -> Person:
    person = Person.objects.filter(username=username, is_active=True).first()
    if person is None:
        raise CommandError(f"There is nobody called {username} who may sign in.")
    return person


def _asked(options: dict[str, Any]) -> Asked:
    try:
        length = read_length(options["length"]) if options["length"] else USUAL
    except InvalidDuration as error:
        raise CommandError(f"--for: {error}") from error
    return Asked(
        target=options["target"],
        kind=AccessKind.DATABASE_USER.value,
        roles=tuple(options["role"]),
        duration=length,
        reason=options["reason"],
        clusters=tuple(options["cluster"]),
        source_addresses=tuple(options["address"]),
    )


def _is_ready(grant: Grant) -> bool:
    credential = getattr(grant, "credential", None) if grant.state == GrantState.ACTIVE else None
    return credential is not None and credential.state == CredentialState.READY
