"""The worker's own file of targets: where each one is and how to log in as its administrator."""

from __future__ import annotations

import base64
import binascii
import os
import threading
from collections.abc import Mapping
from pathlib import Path

import yaml
from django.conf import settings

from workers.ledger import PostgresLedger
from workers.provisioners import KINDS
from workers.provisioners.base import ProvisionerError, TargetProvisioner
from workers.provisioners.connection_entry import InvalidConnection, check_private
from workers.provisioners.connection_record import Record, parse_record
from workers.provisioners.tag import Tagger

_Version = tuple[int, int, int]


class UnknownTarget(ProvisionerError):
    """The worker has no connection record of that name."""


# By process, since a driver's connections must not be shared with a forked child.
_provisioners: dict[tuple[int, str], tuple[_Version, TargetProvisioner]] = {}
_lock = threading.Lock()


def provisioner_for(slug: str) -> TargetProvisioner:
    """The provisioner of a target, made once in a process and again when the file has changed.

    :raises UnknownTarget: the worker's file has no record of it.
    :raises InvalidConnection: the file or the key of the tags is not as it must be.
    """
    path = _path()
    check_private(path)
    key, version = (os.getpid(), slug), _version(path)
    with _lock:
        known = _provisioners.get(key)
        if known is not None and known[0] == version:
            return known[1]
        made = _make(slug, path)
        _provisioners[key] = (version, made)
    if known is not None:
        # An operator has corrected the record. Whoever is still at work with the old one fails, and tries again.
        known[1].close()
    return made


def known_slugs() -> frozenset[str]:
    """The targets that this worker can reach.

    :raises InvalidConnection: the file is not as it must be.
    """
    return frozenset(read_connections(_path()))


def read_connections(path: Path) -> Mapping[str, Record]:
    """Every record of the file, checked.

    :raises InvalidConnection: with a sentence that holds no value of the file.
    """
    return {slug: _record(slug, raw, path) for slug, raw in _entries(path).items()}


def read_each_connection(path: Path) -> tuple[dict[str, Record], dict[str, str]]:
    """The records that are as they must be; and what is wrong with each of the others.

    :raises InvalidConnection: the file as a whole is not.
    """
    records, broken = {}, {}
    for slug, raw in _entries(path).items():
        try:
            records[slug] = _record(slug, raw, path)
        except InvalidConnection as error:
            broken[slug] = str(error)
    return records, broken


def _entries(path: Path) -> dict[str, object]:
    check_private(path)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError):
        # The parser's own message quotes the line, which may be the one with the password.
        content = None
    if not isinstance(content, dict) or set(content) != {"targets"} or not isinstance(content["targets"], dict):
        raise InvalidConnection(f"The file {path} must be YAML with one mapping named targets. Correct it.")
    return {str(slug): raw for slug, raw in content["targets"].items()}


def _record(slug: str, raw: object, path: Path) -> Record:
    return parse_record(slug=slug, raw=raw, directory=path.parent, plain_text_allowed=bool(settings.ACCESS_SANDBOX))


def close_connections() -> None:
    """Let go of every connection that this process made."""
    with _lock:
        made = [_provisioners.pop(key) for key in list(_provisioners) if key[0] == os.getpid()]
    for _, provisioner in made:
        provisioner.close()


def _make(slug: str, path: Path) -> TargetProvisioner:
    records = read_connections(path)
    if slug not in records:
        raise UnknownTarget(f"The worker has no connection record of {slug}. Add one to its file of targets.")
    record = records[slug]
    return KINDS[record.kind](record=record, tagger=tagger_of(slug), ledger=PostgresLedger(slug))


def tagger_of(slug: str) -> Tagger:
    """What proves that an object on the target is ours, by the newest key or an older one that still counts.

    :raises InvalidConnection: a key is not as it must be.
    """
    newest, *older = tag_keys()
    return Tagger(installation=settings.ACCESS_INSTALLATION, target=slug, key=newest, older=tuple(older))


def tag_keys() -> list[bytes]:
    """Newest first.

    :raises InvalidConnection: one is not as it must be.
    """
    return [_tag_key(text.strip()) for text in settings.ACCESS_TAG_KEY.split(",")]


def _version(path: Path) -> _Version:
    status = path.stat()
    return status.st_ino, status.st_mtime_ns, status.st_size


def _path() -> Path:
    if not settings.ACCESS_TARGETS_FILE:
        raise InvalidConnection(
            "ACCESS_TARGETS_FILE is not set. Only workers have it; set it to their file of targets."
        )
    return Path(settings.ACCESS_TARGETS_FILE)


def _tag_key(text: str) -> bytes:
    try:
        key = base64.b64decode(text.encode(), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != 32:  # noqa: PLR2004 - said in the sentence
        raise InvalidConnection(
            "ACCESS_TAG_KEY must be 32 bytes in base64url, or several of those with commas between them, newest first. "
            "Make one with `openssl rand -base64 32 | tr '+/' '-_'`."
        )
    return key
