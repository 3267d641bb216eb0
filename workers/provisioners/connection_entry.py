"""One target's part of the worker's own file: what is read from it, and the sentences for what is wrong in it."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path
from typing import Any

from workers.provisioners.base import ProvisionerError

_SLUG = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*")
_LONGEST_SLUG = 64
_OTHERS_MAY_TOUCH = 0o077


class InvalidConnection(ProvisionerError):
    """The worker's file is not as it must be. The sentence holds names of fields, never their values."""


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


class Entry:
    """A mapping of fields. Paths in it are taken from `directory`; `within` names the field that it stands in."""

    def __init__(self, slug: str, raw: object, *, directory: Path, within: str = "") -> None:
        self.slug = slug
        self.directory = directory
        self._within = within
        if not _SLUG.fullmatch(slug) or len(slug) > _LONGEST_SLUG:
            raise InvalidConnection("A target's name in the connection file must be of a-z, 0-9 and single dashes.")
        if not isinstance(raw, dict):
            what = f"{within} must" if within else "the connection record must"
            raise InvalidConnection(f"Target {slug}: {what} be a mapping of fields.")
        self.raw: dict[Any, Any] = raw

    def check_fields(self, known: Collection[str]) -> None:
        """:raises InvalidConnection: when there is a field that nobody reads, which may be a typing error."""
        unknown = sorted(str(name) for name in set(self.raw) - set(known))
        if unknown:
            raise self.invalid(", ".join(unknown), "is not a field of a connection record of this kind")

    def invalid(self, name: str, what: str) -> InvalidConnection:
        path = f"{self._within}.{name}" if self._within else name
        return InvalidConnection(f"Target {self.slug}: {path} {what}. Correct the connection record.")

    def text(self, name: str, default: str | None = None) -> str:
        value = self.raw.get(name, default)
        if not isinstance(value, str) or (value == "" and default is None):
            raise self.invalid(name, "must be a text")
        return value

    def secret(self, name: str) -> str:
        """The text itself, or the content of a private file that the field `<name>_file` names: one of the two."""
        file = f"{name}_file"
        if (name in self.raw) == (file in self.raw):
            raise self.invalid(name, f"or {file} must be given, one of the two")
        if name in self.raw:
            return self.text(name)
        path = self.directory / self.text(file)
        check_private(path)
        secret = path.read_text(encoding="utf-8").rstrip("\r\n")
        if not secret:
            raise self.invalid(file, "names an empty file")
        return secret

    def certificates(self) -> str:
        """The path of the file of certificate authorities, or nothing."""
        return self.file("ca_file")

    def file(self, field: str) -> str:
        """The path of a file that is there, or nothing."""
        name = self.text(field, "")
        if name and not (self.directory / name).is_file():
            raise self.invalid(field, "names a file that is not there")
        return str(self.directory / name) if name else ""
