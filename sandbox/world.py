"""A whole world on one machine: starts every part at once, waits until it works, and leaves nothing when it ends."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from sandbox.commands import COMMANDS, NICENESS, RELAY, SLACK_SOCKET, SWEEP, WEB, WORKER, WORKER_URGENT
from sandbox.environment import APPLICATION, DATABASE, OWNER, Environment, Places, WorldSecrets
from sandbox.errands import Errands
from sandbox.identity.people import NEWCOMER
from sandbox.preparation import Preparation, Prepared, write_files, write_identity_seed
from sandbox.processes import PortReservation
from sandbox.readiness import Readiness
from sandbox.seed import SIZES, seed_target
from sandbox.servers import Mongod, Postgres, Server, ServerError, Valkey
from sandbox.stand_in import StandIn
from sandbox.state_file import StateFile
from sandbox.supervisor import Pids, Supervisor, wait_for
from sandbox.units import ProcessUnit, ServerUnit, Unit
from sandbox.workplace import SlackStandIn

_READY_SECONDS = 60.0
_PRODUCTION = "shop-prod"
_MONGOD = "mongod:"
_IDENTITY = "identity"
_ATLAS, _SLACK = "atlas", "slack"


class World:
    """Everything of one sandbox: `start` it once, use what `state` says, `end` it once."""

    def __init__(
        self,
        directory: Path,
        *,
        port: int | None = None,
        state_file: StateFile | None = None,
        slack_by_socket: bool = False,
    ) -> None:
        self.secrets = WorldSecrets()
        self.places = Places(directory)
        self.postgres = Postgres(directory / "postgres")
        self.redis = Valkey(directory / "redis", password=self.secrets.redis_password)
        self.mongods = {slug: Mongod(directory / f"mongod-{slug}", slug) for slug in SIZES}
        self.stand_in = StandIn(directory)
        self.slack = SlackStandIn(directory, by_socket=slack_by_socket)
        self._web_port = _reserve(port)
        self._identity_port = _reserve(None)
        self._state_file = state_file
        self.environment = Environment(
            secrets=self.secrets,
            places=self.places,
            base_url=f"http://127.0.0.1:{self._web_port.port}",
            database_url=self.postgres.uri(APPLICATION, self.secrets.app_password, DATABASE),
            redis_url=self.redis.uri(),
            identity_url=f"http://127.0.0.1:{self._identity_port.port}",
            slack=self.slack.of_product(),
            slack_app_token=self.slack.keys.app_token,
        )
        self.units = self._make_units()
        owner_url = self.postgres.uri(OWNER, self.secrets.owner_password, DATABASE)
        self.supervisor = Supervisor(
            self.units,
            control=self.places.control,
            token=self.secrets.control_token,
            on_change=self._tell_pids,
            errands=Errands(
                self.environment.of_operator(owner_url=owner_url), of_workers=self.environment.of("worker")
            ),
        )
        self._preparation = Preparation(
            places=self.places, environment=self.environment, postgres=self.postgres, secrets=self.secrets
        )
        self._prepared = Prepared(tokens={}, passwords={})

    def _make_units(self) -> dict[str, Unit]:
        units: dict[str, Unit] = {
            name: ProcessUnit(
                name,
                command=command,
                environment=self.environment.of(name),
                log=self.places.logs / f"{name}.log",
                niceness=NICENESS.get(name, 0),
            )
            for name, command in COMMANDS.items()
            if name != SLACK_SOCKET or self.slack.by_socket
        }
        units[_IDENTITY] = ProcessUnit(
            _IDENTITY,
            command=("python", "-m", "sandbox.identity"),
            environment=self.environment.of_identity(),
            log=self.places.logs / f"{_IDENTITY}.log",
        )
        token = self.secrets.control_token
        stand_ins = {
            _ATLAS: self.stand_in.environment(control_token=token),
            _SLACK: self.slack.environment(control_token=token, app=self.environment.base_url),
        }
        for name, told in stand_ins.items():
            units[name] = ProcessUnit(
                name,
                command=("python", "-m", f"sandbox.{name}"),
                environment=self.environment.of_stand_in(told),
                log=self.places.logs / f"{name}.log",
            )
        servers = {"redis": self.redis, "postgres": self.postgres}
        mongods = self.mongods | self.stand_in.mongods
        servers |= {f"{_MONGOD}{name}": mongod for name, mongod in mongods.items()}
        return units | {name: ServerUnit(name, server) for name, server in servers.items()}

    def start(self) -> None:
        """Start everything, in parallel as far as it goes, and wait until it works.

        :raises ServerError: a part did not start; the message says which, and why.
        """
        write_files(
            places=self.places,
            secrets=self.secrets,
            mongods=self.mongods,
            atlas=self.stand_in.connections(),
            issuer=self.environment.identity_url,
        )
        self.stand_in.write_files(
            shop_password=self.secrets.shop_password, authority=self.secrets.authority.certificate_pem
        )
        self.slack.write_files()
        rest = [Background(partial(self._start_target, slug)) for slug in self.mongods]
        rest += [Background(partial(self._start_cluster, name)) for name in self.stand_in.mongods]
        rest.append(Background(partial(self._start_server, "redis", self.redis)))
        database = Background(self._start_database)
        self._preparation.begin()
        self.supervisor.begin()
        self.units[_ATLAS].start()
        self.units[WEB].start()  # It loads meanwhile, and answers "not ready" until there is a database.
        database.result()
        self._prepared = self._preparation.result()
        for name in (RELAY, WORKER, WORKER_URGENT, _SLACK, SLACK_SOCKET):
            if name in self.units:
                self.units[name].start()
        for started in rest:
            started.result()
        self._preparation.finish()
        self._await_ready()
        # Nobody waits for provider and sweep: they are there a second or two after the product is.
        write_identity_seed(environment=self.environment, passwords=self._prepared.passwords)
        self.units[_IDENTITY].start()
        self.units[SWEEP].start()
        if self._state_file is not None:
            self._state_file.create(self.state())
            self.supervisor.tell(always=True)  # What changed while the file was made.

    def end(self) -> None:
        """End every process and give back every port. The directory is for its maker to remove."""
        if self._state_file is not None:
            self._state_file.remove()
        self._preparation.abandon()
        for kind in (ProcessUnit, ServerUnit):  # The product first, while what it talks to is still there.
            with ThreadPoolExecutor(max_workers=len(self.units)) as pool:
                list(
                    pool.map(
                        lambda unit: unit.finish(), (unit for unit in self.units.values() if isinstance(unit, kind))
                    )
                )
        self.supervisor.end()
        self._web_port.release()
        self.stand_in.release()
        self.slack.release()
        self._identity_port.release()

    def state(self) -> dict[str, Any]:
        """Everything that a tool needs to use this world."""
        targets = {slug: {"uri": mongod.uri()} for slug, mongod in self.mongods.items()}
        return {
            "web": self.environment.base_url,
            "tokens": dict(self._prepared.tokens),
            "passwords": dict(self._prepared.passwords),
            "totp": dict(self._prepared.totp),
            "postgres": self.postgres.uri(OWNER, self.secrets.owner_password, DATABASE),
            "postgres_app": self.environment.database_url,
            "redis": self.environment.redis_url,
            "mongodb": targets[_PRODUCTION],
            "targets": targets,
            "pids": _arranged(self.supervisor.pids()),
            "audit_anchor": str(self.places.anchor),
            "mail": str(self.places.mail),
            "logs": str(self.places.logs),
            "identity": {
                "url": self.environment.identity_url,
                "passwords": {**self._prepared.passwords, NEWCOMER: self.secrets.newcomer_password},
                "control_url": f"{self.environment.identity_url}/control/people/",
                "control_token": self.secrets.control_token,
            },
            "atlas": self.stand_in.state(control_token=self.secrets.control_token),
            "slack": self.slack.state(control_token=self.secrets.control_token),
            "control": {"socket": str(self.places.control), "token": self.secrets.control_token},
        }

    def _tell_pids(self, _pids: Pids) -> None:
        if self._state_file is not None:
            self._state_file.replace(self.state())

    def _start_server(self, name: str, server: Server) -> None:
        planned = server.port
        self.units[name].start()
        if server.port != planned:
            raise ServerError(f"Another program took port {planned} from {name} at this moment. Start again.")

    def _start_database(self) -> None:
        self._start_server("postgres", self.postgres)
        self.postgres.create_database(name=DATABASE, owner=OWNER, password=self.secrets.owner_password)

    def _start_target(self, slug: str) -> None:
        mongod = self.mongods[slug]
        self._start_server(f"{_MONGOD}{slug}", mongod)
        seed_target(
            root_uri=mongod.uri(),
            slug=slug,
            worker_password=self.secrets.worker_passwords[slug],
            app_password=self.secrets.shop_password,
        )

    def _start_cluster(self, name: str) -> None:
        self._start_server(f"{_MONGOD}{name}", self.stand_in.mongods[name])
        self.stand_in.fill(name)

    def _await_ready(self) -> None:
        token = self._prepared.tokens["alice"]
        address = self.environment.base_url
        with Readiness(base_url=address, database_url=self.environment.database_url, token=token) as readiness:
            if not wait_for(readiness.is_complete, seconds=_READY_SECONDS, pause=0.05):
                raise ServerError(f"The sandbox is not ready after a minute: {readiness.missing}.\n{self.last_words()}")
        control_token = self.secrets.control_token
        if not wait_for(lambda: self.slack.is_heard(control_token=control_token), seconds=_READY_SECONDS, pause=0.05):
            raise ServerError(f"Nobody hears what is pressed in Slack.\n{self.last_words()}")

    def last_words(self) -> str:
        """The end of every log; with the world the logs go too."""
        parts = []
        for log in sorted(self.places.logs.glob("*.log")):
            with contextlib.suppress(OSError):
                parts.append(f"-- the end of {log.name}\n{log.read_text(errors='replace')[-1500:]}")
        return "\n".join(parts)


def _reserve(port: int | None) -> PortReservation:
    """:raises ServerError: the port that was asked for is taken."""
    try:
        return PortReservation(port)
    except OSError as error:
        raise ServerError(
            f"The web cannot listen on port {port}: {error.strerror}. Choose another with --port."
        ) from error


class Background:
    """A call in a thread that nobody waits for at the end: what it waits for itself may have been killed by then."""

    def __init__(self, call: Callable[[], None]) -> None:
        self._call = call
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._call()
        except BaseException as error:  # noqa: BLE001 - raised again where the result is asked for
            self._error = error

    def result(self) -> None:
        """Wait for it, and raise what it raised."""
        self._thread.join()
        if self._error is not None:
            raise self._error


def _arranged(pids: Pids) -> dict[str, Any]:
    """As the state file has them: every mongod under its slug."""
    plain: dict[str, Any] = {name: found for name, found in pids.items() if not name.startswith(_MONGOD)}
    plain["mongod"] = {name.removeprefix(_MONGOD): found for name, found in pids.items() if name.startswith(_MONGOD)}
    return plain
