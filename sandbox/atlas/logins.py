"""Reads who tried to log in to a mongod, and how that went, out of its own log."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

# Numbers of messages of MongoDB 6.0 (its sources, authorization_manager_impl.cpp and sasl_commands.cpp, and tried).
_CONNECTED, _HUNG_UP = 22943, 22944
_SCRAM_WENT_WELL, _SCRAM_FAILED = 20250, 20249
_CERTIFICATE_WENT_WELL, _CERTIFICATE_FAILED = 20429, 20428
_FROM_ELSEWHERE = 20240  # Name and secret may be right; the address is not on the access list.
_OF_INTEREST = (
    *(_CONNECTED, _HUNG_UP, _SCRAM_WENT_WELL, _SCRAM_FAILED, _CERTIFICATE_WENT_WELL, _CERTIFICATE_FAILED),
    _FROM_ELSEWHERE,
)
_WHOLE_LINE = b"\n"


@dataclass(frozen=True, slots=True)
class Login:
    """One attempt. `failure` is empty when it went well."""

    username: str
    database: str
    address: str
    at: datetime
    failure: str
    line: str


class LoginLog:
    """The logins that one log tells of; each look reads only what was written since the last one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._position = 0
        self._logins: list[Login] = []
        self._addresses: dict[str, str] = {}
        self._told: set[str] = set()  # Connections whose refusal was told already, with its reason.

    def logins(self) -> list[Login]:
        """Oldest first."""
        with self._lock:
            with self._path.open("rb") as log:
                log.seek(self._position)
                for raw in log:
                    if not raw.endswith(_WHOLE_LINE):
                        break  # It is being written.
                    self._position += len(raw)
                    self._read(raw.decode(errors="replace").rstrip("\n"))
            return list(self._logins)

    def _read(self, line: str) -> None:
        if not any(f'"id":{number},' in line for number in _OF_INTEREST):
            return
        try:
            entry = json.loads(line)
        except ValueError:
            return  # Cut off when the server was killed.
        number, connection, facts = entry["id"], entry["ctx"], entry.get("attr", {})
        if number == _CONNECTED:
            self._addresses[f"conn{facts['connectionId']}"] = _address(facts["remote"])
        elif number == _HUNG_UP:
            self._addresses.pop(connection, None)
            self._told.discard(connection)
        elif number in (_SCRAM_FAILED, _CERTIFICATE_FAILED) and connection in self._told:
            self._told.discard(connection)
        else:
            if number == _FROM_ELSEWHERE:
                self._told.add(connection)
            self._logins.append(self._login(number, connection, facts, line=line, at=entry["t"]["$date"]))

    def _login(self, number: int, connection: str, facts: Mapping[str, Any], *, line: str, at: str) -> Login:
        if number in (_SCRAM_WENT_WELL, _SCRAM_FAILED):
            who, database, remote = facts["principalName"], facts["authenticationDatabase"], facts["remote"]
        elif number == _FROM_ELSEWHERE:
            who, database, remote = facts["user"]["user"], facts["user"]["db"], self._addresses.get(connection, "")
        else:
            who, database, remote = facts["user"], facts["db"], facts["client"]
        return Login(
            username=who,
            database=database,
            address=_address(remote),
            at=datetime.fromisoformat(at).astimezone(UTC),
            failure=_failure(number, facts),
            line=line,
        )


def _failure(number: int, facts: Mapping[str, Any]) -> str:
    if number == _FROM_ELSEWHERE:
        return f"AuthenticationRestrictionUnmet: {facts['reason']}"
    error = facts.get("error", "")
    return f"{error['codeName']}: {error['errmsg']}" if isinstance(error, dict) else str(error)


def _address(remote: str) -> str:
    """Without the port."""
    return remote.rpartition(":")[0].strip("[]") if remote.count(":") == 1 or remote.startswith("[") else remote
