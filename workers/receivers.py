"""The operator's file of webhook receivers: who hears which events, where, and with what secret. Only workers have it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

import yaml
from django.conf import settings

from workers.provisioners.connection_entry import Entry, InvalidConnection, check_private

SHORTEST_SECRET = 32
LONGEST_NAME = 40
_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_FIELDS = ("url", "secret", "secret_file", "types", "is_internal", "ca_file")


@dataclass(frozen=True, slots=True)
class Receiver:
    """One of them. `is_internal`: it may stand at a private or loopback address. No `types`: it hears everything."""

    name: str
    url: SplitResult
    secret: str = field(repr=False)
    types: tuple[str, ...] = ()
    is_internal: bool = False
    ca_file: str = ""


class _Entry(Entry):
    """A receiver's part of the file."""

    def invalid(self, name: str, what: str) -> InvalidConnection:
        return InvalidConnection(f"Receiver {self.slug}: {name} {what}. Correct the file of webhook receivers.")


def receivers() -> Mapping[str, Receiver]:
    """By name, as the file says now; none where the operator has named no file.

    :raises InvalidConnection: with a sentence that holds no value of the file.
    """
    if not settings.ACCESS_WEBHOOKS_FILE:
        return {}
    path = Path(settings.ACCESS_WEBHOOKS_FILE)
    check_private(path)
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError):
        content = None  # the parser's own message would quote the line, which may be the one with the secret
    if not isinstance(content, dict) or set(content) != {"receivers"} or not isinstance(content["receivers"], dict):
        raise InvalidConnection(f"The file {path} must be YAML with one mapping named receivers. Correct it.")
    return {str(name): _receiver(str(name), raw, path.parent) for name, raw in content["receivers"].items()}


def _receiver(name: str, raw: object, directory: Path) -> Receiver:
    if not _NAME.fullmatch(name) or len(name) > LONGEST_NAME or not isinstance(raw, dict):
        what = f"a name of at most {LONGEST_NAME} of a-z, 0-9 and single dashes, and a mapping of fields"
        raise InvalidConnection(f"A webhook receiver needs {what}. Correct the file of webhook receivers.")
    entry = _Entry(name, raw, directory=directory)
    unknown = sorted(str(one) for one in set(raw) - set(_FIELDS))
    if unknown:
        raise entry.invalid(", ".join(unknown), "is not a field of a receiver")
    secret = entry.secret("secret")
    if len(secret) < SHORTEST_SECRET:
        raise entry.invalid("secret", f"must have at least {SHORTEST_SECRET} characters")
    is_internal = entry.raw.get("is_internal", False)
    if not isinstance(is_internal, bool):
        raise entry.invalid("is_internal", "must be true or false")
    types = entry.raw.get("types", [])
    if not isinstance(types, list) or not all(isinstance(one, str) and one for one in types):
        raise entry.invalid("types", "must be a list of events, like breakglass.*")
    return Receiver(
        name, _url(entry), secret, types=tuple(types), is_internal=is_internal, ca_file=entry.certificates()
    )


def _url(entry: Entry) -> SplitResult:
    url, is_sound = urlsplit(""), False
    try:
        url = urlsplit(entry.text("url"))
        is_sound = bool(url.hostname) and url.port != 0 and not (url.username or url.password or url.fragment)
    except ValueError:
        pass  # a port that is none, or half an IPv6 address: not sound
    schemes = {"https", "http"} if settings.ACCESS_SANDBOX else {"https"}
    if not is_sound or url.scheme not in schemes:
        raise entry.invalid("url", "must be an https:// address without a name or password in it")
    return url
