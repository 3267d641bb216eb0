"""`manage.py sandbox`: the whole product on one machine, with real servers, for trying it and for tests."""

from __future__ import annotations

import json
import signal
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from sandbox.errands import OrderRefused
from sandbox.invitation import invitation
from sandbox.servers import ServerError, scratch_directory
from sandbox.state_file import StateFile, StateFileExists
from sandbox.supervisor import give_order, run_inside
from sandbox.tour import Tour, TourFailed
from sandbox.tour.break_glass import code_of
from sandbox.world import World

_LOOK_SECONDS = 1.0
_TOUR = (
    "\nThe tour begins, and takes about a minute (--no-tour does without it).",
    "Look around meanwhile, and ask for access of your own when it is over: it watches who is on shop-prod.",
)


class Ended(BaseException):
    """Somebody asked us to end. Not an Exception, so that no handler on the way takes it for a failure."""


class _Signals:
    """Python forgets an exception that a handler raises while it tidies up an object; this it does not forget."""

    came = False


class Command(BaseCommand):
    help = "Start the whole product on this machine with real servers, walk the tour, and serve until Ctrl-C."
    requires_system_checks: list[str] = []
    _inside: Sequence[str] = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "verb",
            nargs="?",
            choices=["stop", "start", "run", "code"],
            help="stop or start one part of a running world, run in it what stands after --, or show a one-time code",
        )
        parser.add_argument(
            "name",
            nargs="?",
            help="redis, worker, worker_urgent, relay, web, slack_socket, postgres, atlas, slack or mongod:<slug>; "
            "of a code, the seed that the world told",
        )
        parser.add_argument("--state-file", type=Path, help="write here how to use this world (or find it here)")
        parser.add_argument("--port", type=int, help="where the web listens (default: any free port)")
        parser.add_argument(
            "--slack-socket",
            action="store_true",
            help="the product hears of Slack by Socket Mode, and has no address for it",
        )
        walk = parser.add_mutually_exclusive_group()
        walk.add_argument("--tour-only", action="store_true", help="end after the tour, with its result")
        walk.add_argument("--no-tour", action="store_true", help="serve at once")

    def run_from_argv(self, argv: list[str]) -> None:
        """What stands after `--` is for another command, whose options are none of ours."""
        if "--" in argv:
            end = argv.index("--")
            argv, self._inside = argv[:end], argv[end + 1 :]
        super().run_from_argv(argv)

    def handle(self, *_args: Any, **options: Any) -> None:
        if options["verb"] == "run":
            self._run_inside(options["state_file"])
        elif options["verb"] == "code":
            self._show_code(options["name"])
        elif options["verb"]:
            self._order(options["verb"], options["name"], options["state_file"])
        else:
            self._run(options)

    def _order(self, verb: str, name: str | None, state_file: Path | None) -> None:
        if not name or state_file is None:
            raise CommandError(f"Say what to {verb} and where: manage.py sandbox {verb} redis --state-file PATH")
        try:
            self.stdout.write(give_order(_state(state_file), verb=verb, name=name))
        except OrderRefused as error:
            raise CommandError(str(error)) from error

    def _show_code(self, seed: str | None) -> None:
        """What an authenticator app would show of that seed: it needs no world, as the app does not."""
        if not seed:
            raise CommandError("Say of which seed: manage.py sandbox code SEED. A world prints it when it is ready.")
        try:
            self.stdout.write(code_of(seed))
        except ValueError as error:
            raise CommandError(
                f"This is no seed of one-time codes: {error}. A world prints it when it is ready."
            ) from error

    def _run_inside(self, state_file: Path | None) -> None:
        if not self._inside or state_file is None:
            raise CommandError(
                "Say what to run and where: manage.py sandbox run --state-file PATH -- people apply FILE"
            )
        streams = [stream.fileno() for stream in (sys.stdin, sys.stdout, sys.stderr)]
        try:
            sys.exit(run_inside(_state(state_file), arguments=self._inside, streams=streams))
        except OrderRefused as error:
            raise CommandError(str(error)) from error

    def _run(self, options: dict[str, Any]) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, _end)
        failure = ""
        try:
            state_file = StateFile(options["state_file"]) if options["state_file"] else None
            if state_file is not None:
                state_file.check_free()
            with scratch_directory() as directory:
                failure = self._live(directory, state_file, options)
        except Ended:
            pass
        except (ServerError, StateFileExists, OSError) as error:
            failure = str(error)
        if failure:
            self.stderr.write(self.style.ERROR(failure))
            sys.exit(1)

    def _live(self, directory: Path, state_file: StateFile | None, options: dict[str, Any]) -> str:
        """One world from beginning to end; returns why it failed, if it did."""
        begun = time.monotonic()
        world = World(directory, port=options["port"], state_file=state_file, slack_by_socket=options["slack_socket"])
        try:
            self._say("Starting PostgreSQL, Valkey, seven mongods, an Atlas, web, relay and workers …")
            world.start()
            self._say(f"Ready after {time.monotonic() - begun:.1f} s at {world.environment.base_url}")
            serves = not options["tour_only"]
            welcome = invitation(world.state()) if serves else []
            self._say_all(welcome)
            if not options["no_tour"]:
                self._say_all(_TOUR if serves else [])
                Tour(world.state(), say=self._say).walk()
                self._say_all(welcome)
            if serves:
                while not _Signals.came:
                    time.sleep(_LOOK_SECONDS)
        except TourFailed as error:
            return f"{error}\n{world.last_words()}\n{error}"
        except Ended:
            self._say("Ending …")
        finally:
            try:
                _ignore_signals()
            finally:
                world.end()
        return ""

    def _say_all(self, lines: Sequence[str]) -> None:
        for line in lines:
            self._say(line)

    def _say(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()


def _state(path: Path) -> dict[str, Any]:
    try:
        state: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CommandError(f"{path} is not the state file of a running world: {error}") from error
    return state


def _end(_number: int, _frame: FrameType | None) -> None:
    _ignore_signals()  # Once is enough: a second one must not interrupt the cleaning up.
    _Signals.came = True
    raise Ended


def _ignore_signals() -> None:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
