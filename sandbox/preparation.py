"""Makes a fresh product database and fills it, in one child process that starts while the servers still do."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import yaml

from sandbox import catalogue
from sandbox.environment import DATABASE, OWNER, Environment, Places, WorldSecrets
from sandbox.identity.people import NEWCOMER, seeds, subject_of
from sandbox.processes import end, spawn
from sandbox.seed import WORKER_USER
from sandbox.servers import Mongod, Postgres, ServerError
from sandbox.supervisor import wait_for
from sandbox.units import ROOT, program_path

_SECONDS = 60.0

PEOPLE, TARGETS, POLICY, RESULT = "people.yaml", "targets.yaml", "policy.yaml", "prepared.json"
IDENTITY, SHIFTS = "identity.yaml", "shifts.json"


@dataclass(frozen=True, slots=True)
class Prepared:
    """What only the making of it could tell: each person's token and password."""

    tokens: Mapping[str, str]
    passwords: Mapping[str, str]
    totp: Mapping[str, str] = field(default_factory=dict)


class Preparation:
    """`manage.py sandbox_prepare` of one world. It waits by itself until the database is there."""

    def __init__(self, *, places: Places, environment: Environment, postgres: Postgres, secrets: WorldSecrets) -> None:
        self._places = places
        self._environment = environment
        self._owner_url = postgres.uri(OWNER, secrets.owner_password, DATABASE)
        self._log = places.logs / "prepare.log"
        self._process: subprocess.Popen[bytes] | None = None

    def begin(self) -> None:
        self._process = spawn(
            [program_path("python"), "manage.py", "sandbox_prepare", self._places.directory],
            log=self._log,
            environment=self._environment.of_operator(owner_url=self._owner_url),
            directory=ROOT,
        )

    def result(self) -> Prepared:
        """Wait until the database is filled. The slow hashing of passwords may go on; `finish` waits for that.

        :raises ServerError: it failed; the message holds the end of what it said.
        """
        path = self._places.directory / RESULT
        if (
            not wait_for(lambda: path.exists() or not self._is_running(), seconds=_SECONDS, pause=0.02)
            or not path.exists()
        ):
            self._fail()
        prepared = json.loads(path.read_text(encoding="utf-8"))
        path.unlink()
        return Prepared(tokens=prepared["tokens"], passwords=prepared["passwords"], totp=prepared["totp"])

    def finish(self) -> None:
        """:raises ServerError: it failed."""
        if not wait_for(lambda: not self._is_running(), seconds=_SECONDS, pause=0.02) or self._status() != 0:
            self._fail()

    def _is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def _status(self) -> int | None:
        return self._process.poll() if self._process is not None else None

    def _fail(self) -> NoReturn:
        said = self._log.read_text(errors="replace")[-3000:] if self._log.exists() else ""
        raise ServerError(f"The product's database could not be prepared. The end of the log says:\n{said}")

    def abandon(self) -> None:
        if self._process is not None:
            end(self._process, stop_signal=signal.SIGKILL, patience=2.0)


def write_files(
    *,
    places: Places,
    secrets: WorldSecrets,
    mongods: Mapping[str, Mongod],
    atlas: Mapping[str, Mapping[str, Any]],
    issuer: str,
) -> None:
    """The files that an operator would write by hand; only the connection records hold secrets."""
    for folder in (places.logs, places.mail, places.static, places.anchor.parent):
        folder.mkdir(mode=0o700)
    hosts = {slug: mongod.host for slug, mongod in mongods.items()}
    connections = catalogue.connections_document(
        hosts, username=WORKER_USER, passwords=secrets.worker_passwords, atlas=atlas
    )
    documents = {
        places.directory / PEOPLE: catalogue.people_document(
            {name: {"issuer": issuer, "subject": subject_of(name)} for name in catalogue.NAMES}
        ),
        places.directory / TARGETS: catalogue.targets_document(hosts, projects=list(atlas)),
        places.directory / POLICY: catalogue.policy_document(),
        places.connections: connections,
        places.schedules: catalogue.schedules_document(places.directory / SHIFTS),
        places.directory / SHIFTS: catalogue.shifts_document(datetime.now(UTC)),
        places.webhooks: {"receivers": {}},
    }
    for path, document in documents.items():
        _write_private(path, document)
    places.authority.touch(mode=0o600, exist_ok=False)
    places.authority.write_text(secrets.authority.pem, encoding="utf-8")


def write_identity_seed(*, environment: Environment, passwords: Mapping[str, str]) -> None:
    """Whom the OpenID provider knows: everybody with their passwords, and one who is new to the product."""
    known = {**passwords, NEWCOMER: environment.secrets.newcomer_password}
    client = {
        "secret": environment.secrets.identity_client_secret,
        "redirect_uri": f"{environment.base_url}/accounts/provider/callback/",
    }
    _write_private(environment.places.directory / IDENTITY, {"people": seeds(known), "client": client})


def _write_private(path: Path, document: Mapping[str, Any]) -> None:
    path.touch(mode=0o600, exist_ok=False)
    is_json = path.suffix == ".json"
    path.write_text(json.dumps(document) if is_json else yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
