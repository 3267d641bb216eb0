"""How a worker reaches one target as its administrator: one record of the worker's own file, checked by its kind."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from urllib.parse import urlsplit

from accessrequests.domain.networks import read_network
from accessrequests.domain.privileges import is_role
from workers.provisioners.connection_entry import Entry

SCRAM = "SCRAM-SHA-256"
ATLAS = "https://cloud.mongodb.com"

_SERVER_FIELDS = frozenset(
    {"kind", "hosts", "options", "username", "password", "password_file", "ca_file", "tls", "authentication"}
)
# Everything else in a connection string could weaken what this record promises (TLS, the login, the time-outs).
_SERVER_OPTIONS = frozenset({"replicaSet", "directConnection"})
_HOST = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")

_SERVICE_ACCOUNT = frozenset({"client_id", "client_secret", "client_secret_file"})
_API_KEY = frozenset({"public_key", "private_key", "private_key_file"})
_ATLAS_FIELDS = frozenset(
    {"kind", "base_url", "project_id", "org_id", "databases", "ca_file", "authority_file", "owner", "workers_at"}
)
# Atlas, and Atlas for Government. A secret in a record must not be sent to whatever address stands beside it.
_ATLAS_HOSTS = frozenset({"cloud.mongodb.com", "cloud.mongodbgov.com"})
_ID = re.compile(r"[0-9a-f]{24}")
_ACCOUNT = re.compile(r"[A-Za-z0-9_.-]{1,120}")


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


@dataclass(frozen=True, slots=True)
class AtlasLogin:
    """A service account (its client id), or an API key (its public half), with the secret that belongs to it."""

    account: str
    secret: str = field(repr=False)
    is_api_key: bool = False


@dataclass(frozen=True, slots=True)
class AtlasRecord:
    """One Atlas project. `owner` is a login of its own, enabled apart, for what only a Project Owner may do.

    `databases`: what may be asked for, each with its collections, since Atlas does not tell what its clusters hold.
    `authority_file`: where our own certificate authority for this project is, if not where the installation's is.
    `workers_at`: the addresses at which its clusters see the workers. Where they are let in anyway, logins are tried.
    """

    slug: str
    project_id: str
    org_id: str
    login: AtlasLogin
    databases: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: MappingProxyType({}))
    owner: AtlasLogin | None = None
    base_url: str = ATLAS
    ca_file: str = ""
    authority_file: str = ""
    workers_at: tuple[str, ...] = ()
    kind: str = "atlas"


Record = ConnectionRecord | AtlasRecord


def parse_record(*, slug: str, raw: object, directory: Path, plain_text_allowed: bool) -> Record:
    """Make a record of one entry of the file; paths in it are taken from `directory`.

    :raises InvalidConnection: naming the target and the field.
    """
    entry = Entry(slug, raw, directory=directory)
    parse = _KINDS.get(entry.text("kind"))
    if parse is None:
        raise entry.invalid("kind", f"must be one of {', '.join(sorted(_KINDS))}")
    return parse(entry, plain_text_allowed)


def _server(entry: Entry, plain_text_allowed: bool) -> ConnectionRecord:  # noqa: FBT001 - one of a table of functions
    entry.check_fields(_SERVER_FIELDS)
    tls = entry.raw.get("tls", True)
    if not isinstance(tls, bool):
        raise entry.invalid("tls", "must be true or false")
    if not tls and not plain_text_allowed:
        raise entry.invalid("tls", "must be true: passwords and data never travel in plain text outside the sandbox")
    if entry.text("authentication", SCRAM) != SCRAM:
        raise entry.invalid("authentication", f"must be {SCRAM}: every other way could hand the secret to the server")
    return ConnectionRecord(
        slug=entry.slug,
        kind=entry.text("kind"),
        hosts=_hosts(entry),
        username=entry.text("username"),
        password=entry.secret("password"),
        options=_options(entry),
        tls=tls,
        ca_file=entry.certificates(),
    )


def _hosts(entry: Entry) -> tuple[str, ...]:
    hosts = entry.raw.get("hosts")
    if not isinstance(hosts, list) or not hosts:
        raise entry.invalid("hosts", "must be a list of at least one host:port")
    for host in hosts:
        # A connection string in place of a host could carry options and a login of its own.
        if not isinstance(host, str) or not _HOST.fullmatch(host):
            raise entry.invalid("hosts", "must hold host names or addresses, each with its port, and nothing else")
    return tuple(hosts)


def _options(entry: Entry) -> Mapping[str, str]:
    options = entry.raw.get("options") or {}
    if not isinstance(options, dict) or not all(isinstance(value, str | bool) for value in options.values()):
        raise entry.invalid("options", "must be a mapping of names to texts")
    if not set(options) <= _SERVER_OPTIONS:
        raise entry.invalid("options", f"may only hold {' and '.join(sorted(_SERVER_OPTIONS))}")
    plain = {name: str(value).lower() if isinstance(value, bool) else value for name, value in options.items()}
    return MappingProxyType(plain)


def _atlas(entry: Entry, plain_text_allowed: bool) -> AtlasRecord:  # noqa: FBT001 - one of a table of functions
    entry.check_fields(_ATLAS_FIELDS | _SERVICE_ACCOUNT | _API_KEY)
    owner = None
    if "owner" in entry.raw:
        apart = Entry(entry.slug, entry.raw["owner"], directory=entry.directory, within="owner")
        apart.check_fields(_SERVICE_ACCOUNT | _API_KEY)
        owner = _atlas_login(apart)
    return AtlasRecord(
        slug=entry.slug,
        project_id=_id(entry, "project_id"),
        org_id=_id(entry, "org_id"),
        login=_atlas_login(entry),
        databases=_databases(entry),
        owner=owner,
        base_url=_base_url(entry, plain_text_allowed=plain_text_allowed),
        ca_file=entry.certificates(),
        authority_file=entry.file("authority_file"),
        workers_at=_workers_at(entry),
    )


def _workers_at(entry: Entry) -> tuple[str, ...]:
    addresses = entry.raw.get("workers_at") or []
    if not isinstance(addresses, list) or not all(isinstance(one, str) and read_network(one) for one in addresses):
        raise entry.invalid("workers_at", "must be a list of addresses, as in [198.51.100.7]")
    return tuple(addresses)


def _databases(entry: Entry) -> Mapping[str, tuple[str, ...]]:
    databases = entry.raw.get("databases") or {}
    wanted = "must name each database with a list of its collections, as in `shop: [orders, customers]`"
    if not isinstance(databases, dict):
        raise entry.invalid("databases", wanted)
    for name, collections in databases.items():
        if not isinstance(name, str) or not isinstance(collections, list):
            raise entry.invalid("databases", wanted)
        if not all(isinstance(collection, str) and is_role(f"read@{name}.{collection}") for collection in collections):
            raise entry.invalid("databases", wanted)
    return MappingProxyType({name: tuple(collections) for name, collections in databases.items()})


def _id(entry: Entry, name: str) -> str:
    text = entry.text(name)
    if not _ID.fullmatch(text):
        raise entry.invalid(name, "must be the 24 hexadecimal digits that Atlas shows for it")
    return text


def _atlas_login(entry: Entry) -> AtlasLogin:
    given = set(entry.raw)
    if bool(given & _SERVICE_ACCOUNT) == bool(given & _API_KEY):
        raise entry.invalid("client_id", "with client_secret, or public_key with private_key, must be given, not both")
    is_api_key = bool(given & _API_KEY)
    name, secret = ("public_key", "private_key") if is_api_key else ("client_id", "client_secret")
    account = entry.text(name)
    if not _ACCOUNT.fullmatch(account):
        raise entry.invalid(name, "must be the name that Atlas gave it, and nothing else")
    return AtlasLogin(account=account, secret=entry.secret(secret), is_api_key=is_api_key)


def _base_url(entry: Entry, *, plain_text_allowed: bool) -> str:
    """An origin. The secret goes there with every call for a token, so only Atlas itself is such a place."""
    text = entry.text("base_url", ATLAS)
    try:
        parts = urlsplit(text)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise entry.invalid("base_url", "is no address") from None
    if text.rstrip("/") != f"{parts.scheme}://{parts.netloc}" or "@" in parts.netloc:
        raise entry.invalid("base_url", "must be scheme and host, and nothing else")
    if parts.scheme == "https" and host in _ATLAS_HOSTS and port is None:
        return text.rstrip("/")
    if plain_text_allowed and parts.scheme in {"http", "https"} and _is_loopback(host):
        return text.rstrip("/")
    raise entry.invalid("base_url", f"must be https:// and one of {', '.join(sorted(_ATLAS_HOSTS))}")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


_KINDS: Mapping[str, Callable[[Entry, bool], Record]] = {"mongodb": _server, "atlas": _atlas}
