"""Keeps a world's processes alive, tells who they are, and takes orders to stop and start its parts."""

from __future__ import annotations

import contextlib
import hmac
import json
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from sandbox.errands import Errands, OrderRefused, received
from sandbox.servers import ServerError
from sandbox.units import ProcessUnit, Unit, group_members

_TICK_SECONDS = 0.1
_LOOK_AT_PIDS_EVERY = 4
_LONGEST_ORDER = 65_536
_ORDER_SECONDS = 60.0

Pids = dict[str, list[int]]


class Supervisor:
    """A thread that restarts what was killed, and a socket on which `manage.py sandbox stop|start` gives orders."""

    def __init__(
        self,
        units: Mapping[str, Unit],
        *,
        control: Path,
        token: str,
        on_change: Callable[[Pids], None],
        errands: Errands | None = None,
    ) -> None:
        self.units = units
        self._errands = errands
        self._control = control
        self._token = token
        self._on_change = on_change
        self._is_over = threading.Event()
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._threads = [
            threading.Thread(target=self._watch, name="supervisor", daemon=True),
            threading.Thread(target=self._listen, name="control", daemon=True),
        ]
        self._told = threading.Lock()
        self._pids: Pids = {}

    def begin(self) -> None:
        self._listener.bind(str(self._control))
        self._control.chmod(0o600)
        self._listener.listen()
        for thread in self._threads:
            thread.start()

    def end(self) -> None:
        self._is_over.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)  # Wakes accept(), which close() alone does not.
        self._listener.close()
        for thread in self._threads:
            if thread.ident is not None:
                thread.join(timeout=2)

    def pids(self) -> Pids:
        """Every live process, by the name of its part."""
        leaders = {name: unit.pid for name, unit in self.units.items()}
        alive = {name: pid for name, pid in leaders.items() if pid is not None}
        members = group_members({name: pid for name, pid in alive.items() if isinstance(self.units[name], ProcessUnit)})
        return {name: members.get(name) or ([alive[name]] if name in alive else []) for name in self.units}

    def tell(self, *, always: bool = False) -> None:
        """Report the processes if they are not the ones reported last."""
        with self._told:
            pids = self.pids()
            if always or pids != self._pids:
                self._pids = pids
                self._on_change(pids)

    def _watch(self) -> None:
        tick = 0
        while not self._is_over.wait(_TICK_SECONDS):
            tick += 1
            # A list, not a generator inside any(): each part is looked at in every round.
            restarted = [unit.keep_alive() for unit in self.units.values()]
            if any(restarted) or tick % _LOOK_AT_PIDS_EVERY == 0:
                self.tell()

    def _listen(self) -> None:
        while not self._is_over.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), name="order", daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            connection.settimeout(_ORDER_SECONDS)
            with received(connection, longest=_LONGEST_ORDER) as (line, streams):
                try:
                    order = self._authorised(_understood(line))
                    answer: dict[str, Any] = {"ok": True}
                    if order.get("verb") == "run" and self._errands is not None:
                        answer["code"] = self._errands.run(order, streams=streams, asker=connection)
                    else:
                        answer["text"] = self._obey(order)
                except (OrderRefused, ServerError) as refusal:
                    answer = {"ok": False, "text": str(refusal)}
            connection.sendall(json.dumps(answer).encode() + b"\n")

    def _authorised(self, order: Mapping[str, Any]) -> Mapping[str, Any]:
        if not hmac.compare_digest(str(order.get("token")).encode(), self._token.encode()):
            raise OrderRefused("The token is not this world's.")
        return order

    def _obey(self, order: Mapping[str, Any]) -> str:
        unit = self.units.get(str(order.get("name")))
        if unit is None:
            raise OrderRefused(f"There is no part {order.get('name')}. Use one of {', '.join(self.units)}.")
        if order.get("verb") == "stop":
            unit.stop()
        elif order.get("verb") == "start":
            unit.start()
        else:
            raise OrderRefused("An order is stop or start.")
        self.tell()
        return f"{unit.name} is {'stopped' if order['verb'] == 'stop' else 'started'}."


def _understood(line: bytes) -> Mapping[str, Any]:
    with contextlib.suppress(ValueError):
        order = json.loads(line)
        if isinstance(order, dict):
            return order
    raise OrderRefused("An order is one line of JSON.")


def give_order(state: Mapping[str, Any], *, verb: str, name: str) -> str:
    """Have a running world stop or start one of its parts; answers when it is done.

    :raises OrderRefused: with the world's reason, or because it does not answer.
    """
    return str(_asked(state, {"verb": verb, "name": name})["text"])


def run_inside(state: Mapping[str, Any], *, arguments: Sequence[str], streams: Sequence[int]) -> int:
    """Have a running world run `manage.py` with these arguments on our own streams; its exit code.

    :raises OrderRefused: with the world's reason, or because it does not answer.
    """
    order = {"verb": "run", "arguments": list(arguments), "directory": os.fspath(Path.cwd())}
    return int(_asked(state, order, streams=streams)["code"])


def _asked(state: Mapping[str, Any], order: Mapping[str, Any], *, streams: Sequence[int] = ()) -> dict[str, Any]:
    control = state.get("control") or {}
    line = json.dumps({"token": control.get("token"), **order}).encode() + b"\n"
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
            connection.settimeout(None if streams else _ORDER_SECONDS)  # A command takes as long as it takes.
            connection.connect(os.fspath(control.get("socket", "")))
            sent = socket.send_fds(connection, [line], list(streams)) if streams else 0
            if rest := line[sent:]:  # Even nothing cannot be sent to a world that has answered and hung up.
                connection.sendall(rest)
            with connection.makefile("rb") as words:
                answer: dict[str, Any] = json.loads(words.readline())
    except (OSError, ValueError) as error:
        raise OrderRefused("The world of this state file does not answer. It may have ended.") from error
    if not answer["ok"]:
        raise OrderRefused(answer["text"])
    return answer


def wait_for(condition: Callable[[], bool], *, seconds: float, pause: float = 0.1) -> bool:
    """Look again and again until it holds, or the time is over."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(pause)
    return True
