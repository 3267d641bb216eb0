"""Started by `manage.py sandbox`: makes the product's database and puts people, targets and a policy into it."""

from __future__ import annotations

import io
import json
import secrets
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from allauth.mfa.totp.internal.auth import TOTP, generate_totp_secret
from django.conf import settings
from django.contrib.auth.hashers import ScryptPasswordHasher
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError, connections

from accessrequests.domain.events import Event
from accessrequests.domain.proofs import APP
from accessrequests.management.operators import operator
from accessrequests.models import Person
from accessrequests.operations import slack_identities
from accessrequests.operations.people import scopes_of, set_password
from accessrequests.operations.sessions import change_second_factor
from accessrequests.operations.slack_identities import Account
from sandbox.catalogue import MEMBERS, NAMES, WITH_SECOND_FACTOR
from sandbox.preparation import PEOPLE, POLICY, RESULT, TARGETS
from sandbox.workplace import ACCOUNTS

_DATABASE_SECONDS = 45.0
_NO_STRETCHING = 2


class Command(BaseCommand):
    help = "Part of `manage.py sandbox`; of no use by itself."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("directory", type=Path)

    def handle(self, *_args: Any, directory: Path, **_options: Any) -> None:
        if not settings.ACCESS_SANDBOX:
            raise CommandError("This is a part of `manage.py sandbox`. Run that instead.")
        _await_database()
        call_command("bootstrap")
        call_command("people", "apply", str(directory / PEOPLE))
        call_command("targets", "apply", str(directory / TARGETS))
        call_command("policy", "publish", str(directory / POLICY), "--by", MEMBERS["administrators"][0])
        passwords = {name: secrets.token_urlsafe(12) for name in NAMES}
        tokens = {name: _create_token(name) for name in NAMES}
        totp = {name: _add_second_factor(name) for name in WITH_SECOND_FACTOR}
        _link_accounts(json.loads((directory / "slack" / ACCOUNTS).read_text(encoding="utf-8")))
        _write(directory / RESULT, {"tokens": tokens, "passwords": passwords, "totp": totp})
        # Stretching helps a password that could be guessed, and these are random. The first sign-in stretches it anyway.
        ScryptPasswordHasher.work_factor = _NO_STRETCHING
        with ThreadPoolExecutor(max_workers=2) as pool:
            list(pool.map(_set_password, passwords.items()))


def _write(path: Path, result: dict[str, Any]) -> None:
    """Whole or not at all, since somebody waits for it to appear."""
    draft = path.with_suffix(".draft")
    draft.touch(mode=0o600, exist_ok=False)
    draft.write_text(json.dumps(result), encoding="utf-8")
    draft.replace(path)


def _await_database() -> None:
    deadline = time.monotonic() + _DATABASE_SECONDS
    while True:
        try:
            connections["owner"].ensure_connection()
        except OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def _add_second_factor(name: str) -> str:
    """The seed, as an app would have got it from the picture on the account page."""
    person, seed = Person.objects.get(username=name), str(generate_totp_secret())
    change_second_factor(
        person=person,
        event=Event.PERSON_SECOND_FACTOR_ADDED,
        way=APP,
        change=lambda: TOTP.activate(person, seed),
    )
    return seed


def _link_accounts(accounts: dict[str, str]) -> None:
    """As each of them would do it on the page that the app leads to."""
    team, enterprise = settings.ACCESS_SLACK_TEAM_ID, settings.ACCESS_SLACK_ENTERPRISE_ID
    for name, identifier in accounts.items():
        address = slack_identities.address_for(account=Account(enterprise, team, identifier, name))
        slack_identities.link(person=Person.objects.get(username=name), address=address)


def _create_token(name: str) -> str:
    scopes = scopes_of(Person.objects.get(username=name))
    said = io.StringIO()
    call_command("token", "create", name, "--scopes", ",".join(scopes), "--name", "sandbox", stdout=said)
    return said.getvalue().split()[-1]


def _set_password(login: tuple[str, str]) -> None:
    name, password = login
    try:
        set_password(username=name, password=password, actor=operator())
    finally:
        connections.close_all()  # Each thread has its own.
