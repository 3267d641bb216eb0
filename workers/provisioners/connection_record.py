"""How a worker reaches one target as its administrator: one record of the worker's own file, checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from workers.provisioners.base import ProvisionerError

SCRAM = "SCRAM-SHA-256"

_FIELDS = frozenset(
    {"kind", "hosts", "options", "username", "password", "password_file", "ca_file", "tls", "authentication"}
)
# Everything else in a connection string could weaken what this record promises (TLS, the login, the time-outs).
_OPTIONS: Mapping[str, frozenset[str]] = {"mongodb": frozenset({"replicaSet", "directConnection"})}
_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_LONGEST_SLUG = 64
_OTHERS_MAY_TOUCH = 0o077


class InvalidConnection(ProvisionerError):
    """The worker's file is not as it must be. The sentence holds names of fields, never their values."""


@dataclass(frozen=True, slots=True)
class ConnectionRecord:
    """Address, way of login and administrator's secret of one target, always taken together from one place."""

    slug: str
    kind: str
    hosts: tuple[str, ...]
    username: str = field(repr=False)
    password: str = field(repr=False)
    options: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    tls: bool = True
    ca_file: str = ""
    authentication: str = SCRAM


def parse_record(*, slug: str, raw: object, directory: Path, plain_text_allowed: bool) -> ConnectionRecord:
    """Make a record of one entry of the file; paths in it are taken from `directory`.

    :raises InvalidConnection: naming the target and the field.
    """
    entry = _Entry(slug, raw)
    tls = entry.raw.get("tls", True)
    if not isinstance(tls, bool):
        raise entry.invalid("tls", "must be true or false")
    if not tls and not plain_text_allowed:
        raise entry.invalid("tls", "must be true: passwords and data never travel in plain text outside the sandbox")
    if entry.text("authentication", SCRAM) != SCRAM:
        raise entry.invalid("authentication", f"must be {SCRAM}: every other way could hand the secret to the server")
    kind = entry.text("kind")
    if kind not in _OPTIONS:
        raise entry.invalid("kind", f"must be one of {', '.join(sorted(_OPTIONS))}")
    ca_file = entry.text("ca_file", "")
    if ca_file and not (directory / ca_file).is_file():
        raise entry.invalid("ca_file", "names a file that is not there")
    return ConnectionRecord(
        slug=slug,
        kind=kind,
        hosts=_hosts(entry),
        username=entry.text("username"),
        password=_password(entry, directory),
        options=_options(entry, kind),
        tls=tls,
        ca_file=str(directory / ca_file) if ca_file else "",
    )


def check_private(path: Path) -> None:
    """:raises InvalidConnection: when the file is not there, or anyone but its owner may read or change it."""
    try:
        mode = path.stat().st_mode
    except OSError:
        raise InvalidConnection(
            f"The file {path} cannot be read. Check the path and who may enter its folder."
        ) from None
    if mode & _OTHERS_MAY_TOUCH:
        raise InvalidConnection(f"The file {path} holds secrets and is open to others. Run `chmod 600 {path}`.")


class _Entry:
    """One target's part of the file, with sentences for what is wrong in it."""

    def __init__(self, slug: str, raw: object) -> None:
        self.slug = slug
        if not _SLUG.fullmatch(slug) or len(slug) > _LONGEST_SLUG:
            raise InvalidConnection("A target's name in the connection file must be of a-z, 0-9 and single dashes.")
        if not isinstance(raw, dict):
            raise InvalidConnection(f"Target {slug}: the connection record must be a mapping of fields.")
        self.raw: dict[Any, Any] = raw
        unknown = sorted(str(name) for name in set(raw) - _FIELDS)
        if unknown:
            raise self.invalid(", ".join(unknown), "is not a field of a connection record")

    def invalid(self, name: str, what: str) -> InvalidConnection:
        return InvalidConnection(f"Target {self.slug}: {name} {what}. Correct the connection record.")

    def text(self, name: str, default: str | None = None) -> str:
        value = self.raw.get(name, default)
        if not isinstance(value, str) or (value == "" and default is None):
            raise self.invalid(name, "must be a text")
        return value


def _hosts(entry: _Entry) -> tuple[str, ...]:
    hosts = entry.raw.get("hosts")
    if not isinstance(hosts, list) or not hosts:
        raise entry.invalid("hosts", "must be a list of at least one host:port")
    for host in hosts:
        # A connection string in place of a host could carry options and a login of its own.
        if not isinstance(host, str) or not _HOST.fullmatch(host):
            raise entry.invalid("hosts", "must hold host names or addresses, each with its port, and nothing else")
    return tuple(hosts)


def _options(entry: _Entry, kind: str) -> Mapping[str, str]:
    options = entry.raw.get("options") or {}
    if not isinstance(options, dict) or not all(isinstance(value, str | bool) for value in options.values()):
        raise entry.invalid("options", "must be a mapping of names to texts")
    if not set(options) <= _OPTIONS[kind]:
        raise entry.invalid("options", f"may only hold {' and '.join(sorted(_OPTIONS[kind]))}")
    plain = {name: str(value).lower() if isinstance(value, bool) else value for name, value in options.items()}
    return MappingProxyType(plain)


def _password(entry: _Entry, directory: Path) -> str:
    if ("password" in entry.raw) == ("password_file" in entry.raw):
        raise entry.invalid("password", "or password_file must be given, one of the two")
    if "password" in entry.raw:
        return entry.text("password")
    path = directory / entry.text("password_file")
    check_private(path)
    password = path.read_text(encoding="utf-8").rstrip("\r\n")
    if not password:
        raise entry.invalid("password_file", "names an empty file")
    return password
