"""Reads who is on call, from files and addresses that an operator has named, and from nowhere else."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
import structlog
import yaml
from django.conf import settings

from accessrequests.domain import shifts
from accessrequests.domain.forms import read_name
from accessrequests.domain.shifts import InvalidSchedule, Shift
from accessrequests.domain.window import InvalidDuration, parse_duration
from accessrequests.operations import schedules
from accessrequests.operations.outbox import Claim
from workers.outcomes import Done, Outcome

LARGEST = 256 * 1024
CALL_SECONDS = 5.0
GOOD_FOR = timedelta(minutes=15)
_KEYS = frozenset({"file", "url", "token_file", "good_for"})
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})

log = structlog.get_logger(__name__)


class Misconfigured(Exception):
    """The workers' file of schedules is not one."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where one schedule is read, and how long it counts after that."""

    name: str
    file: str
    url: str
    token_file: str
    good_for: timedelta


def read_schedules(_claim: Claim) -> Outcome:
    """Each on its own: one that cannot be read holds up no other."""
    try:
        sources = configured(Path(settings.ACCESS_SCHEDULES_FILE))
    except (Misconfigured, OSError, yaml.YAMLError) as error:
        # What was read before runs out by itself.
        log.warning("schedules_misconfigured", error=str(error) or type(error).__name__)
        return Done()
    schedules.keep_only(names=[source.name for source in sources])
    for source in sources:
        try:
            found = _read(source)
        except (InvalidSchedule, ValueError, OSError, httpx2.HTTPError) as error:
            # Only what we wrote ourselves is told: an address may hold a secret, and a driver's text the address.
            why = str(error) if isinstance(error, InvalidSchedule) else f"It gave no answer ({type(error).__name__})."
            schedules.note_unreadable(name=source.name, why=why, good_for=source.good_for)
        else:
            schedules.record_shifts(name=source.name, shifts=found, good_for=source.good_for)
    return Done()


def configured(path: Path) -> list[Source]:
    """:raises Misconfigured: with what is wrong in the file."""
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    named = document.get("schedules") if isinstance(document, Mapping) and set(document) == {"schedules"} else None
    if not isinstance(named, Mapping):
        raise Misconfigured("It must say `schedules:` and below it each schedule by its name.")
    return [_source(str(name), said) for name, said in named.items()]


def _source(name: str, said: object) -> Source:
    if read_name(name) is None:
        raise Misconfigured("A schedule needs a name that a policy can call it by, like database-primary.")
    if not isinstance(said, Mapping) or not set(said) <= _KEYS or ("file" in said) == ("url" in said):
        raise Misconfigured(f"{name} must have either file or url, and may have token_file and good_for.")
    try:
        good_for = parse_duration(said["good_for"]) if "good_for" in said else GOOD_FOR
    except InvalidDuration as error:
        raise Misconfigured(f"{name}, good_for: {error}") from error
    url = str(said.get("url", ""))
    if url and not _is_safe(url):
        raise Misconfigured(f"{name}: the url must begin with https://.")
    return Source(name, str(said.get("file", "")), url, str(said.get("token_file", "")), good_for)


def _is_safe(url: str) -> bool:
    """In the sandbox, and in it alone, this machine may be asked in plain text."""
    parts = urlsplit(url)
    is_here = bool(settings.ACCESS_SANDBOX) and parts.hostname in _LOOPBACK
    return bool(parts.hostname) and (parts.scheme == "https" or (is_here and parts.scheme == "http"))


def _read(source: Source) -> tuple[Shift, ...]:
    """:raises InvalidSchedule: too large, or no list of shifts."""
    content = _fetched(source) if source.url else _of_file(Path(source.file))
    if len(content) > LARGEST:
        raise InvalidSchedule(f"It is larger than {LARGEST // 1024} kB.")
    try:
        document = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise InvalidSchedule("It is no JSON.") from error
    return shifts.read(document)


def _of_file(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LARGEST + 1)


def _fetched(source: Source) -> bytes:
    """From the very host that is configured: whatever leads elsewhere is no answer, and no proxy is asked."""
    headers = {"Accept": "application/json"}
    if source.token_file:
        headers["Authorization"] = f"Bearer {Path(source.token_file).read_text(encoding='utf-8').strip()}"
    content = b""
    with (
        _patience() as patience,
        httpx2.Client(timeout=CALL_SECONDS, follow_redirects=False, trust_env=False) as client,
        client.stream("GET", source.url, headers=headers, extensions={"trace": patience.follow}) as answer,
    ):
        if answer.status_code != HTTPStatus.OK:
            raise InvalidSchedule(f"It was answered {answer.status_code}.")
        for piece in answer.iter_bytes():
            content += piece
            if len(content) > LARGEST:
                break
    return content


class _Patience:
    """Hangs up on a source that sends byte after byte: each begins the time-out of a read anew.

    Told of a connection and of its encryption by the trace of the client (httpcore, "Extensions"); what comes before
    (the connection, the handshake) is bounded as a whole by the time-out itself.
    """

    def __init__(self) -> None:
        self._watchdog: threading.Timer | None = None
        self.is_over = threading.Event()

    def follow(self, event: str, info: Mapping[str, Any]) -> None:
        if event in {"connection.connect_tcp.complete", "connection.start_tls.complete"}:
            self.stop()
            connected = info["return_value"].get_extra_info("socket")
            self._watchdog = threading.Timer(CALL_SECONDS, self._hang_up, [connected])
            self._watchdog.start()

    def stop(self) -> None:
        if self._watchdog is not None:
            self._watchdog.cancel()

    def _hang_up(self, connected: socket.socket) -> None:
        self.is_over.set()
        with suppress(OSError):  # it is closed already
            connected.shutdown(socket.SHUT_RDWR)


@contextmanager
def _patience() -> Iterator[_Patience]:
    """:raises InvalidSchedule: when it took too long; what had come by then is half an answer."""
    patience = _Patience()
    try:
        yield patience
    except httpx2.HTTPError:
        if not patience.is_over.is_set():
            raise
    finally:
        patience.stop()
    if patience.is_over.is_set():
        raise InvalidSchedule(f"It took longer than {CALL_SECONDS:g} seconds.")
