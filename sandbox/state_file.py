"""The state file: how tests and other tools find a running world. It holds secrets and belongs to exactly one world."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any


class StateFileExists(RuntimeError):
    """Something is at the path already: another world's state, or a trap."""


class StateFile:
    """Appears whole, is replaced whole, and goes only if it is still ours."""

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        # Held open: while it is, nobody else's file can come to have the same number.
        self._ours: int | None = None
        self._lock = threading.Lock()  # A change that comes while it is removed must not bring it back.

    def check_free(self) -> None:
        """:raises StateFileExists: something is there, a dangling link included."""
        if os.path.lexists(self.path):
            raise StateFileExists(
                f"{self.path} exists already. End the world it belongs to, or remove it, and try again."
            )

    def create(self, state: Mapping[str, Any]) -> None:
        """Write it for the first time.

        :raises StateFileExists: something is there, a dangling link included.
        """
        draft, descriptor = self._draft(state)
        try:
            # A hard link is made only where nothing is, follows no link, and shows the content whole from the start.
            os.link(draft, self.path, follow_symlinks=False)
        except OSError as error:
            os.close(descriptor)
            self.check_free()
            raise StateFileExists(f"{self.path} could not be made: {error.strerror}. Choose another place.") from error
        else:
            self._ours = descriptor
        finally:
            draft.unlink()

    def replace(self, state: Mapping[str, Any]) -> None:
        """Write it anew, if it is still ours."""
        with self._lock:
            if self._is_ours():
                draft, descriptor = self._draft(state)
                draft.replace(self.path)
                self._forget()
                self._ours = descriptor

    def remove(self) -> None:
        with self._lock:
            if self._is_ours():
                self.path.unlink()
            self._forget()

    def _forget(self) -> None:
        if self._ours is not None:
            os.close(self._ours)
            self._ours = None

    def _is_ours(self) -> bool:
        with contextlib.suppress(FileNotFoundError):
            return self._ours is not None and os.path.samestat(self.path.lstat(), os.fstat(self._ours))
        return False

    def _draft(self, state: Mapping[str, Any]) -> tuple[Path, int]:
        """A private file beside the path with the whole state, and its open descriptor."""
        draft = self.path.with_name(f".{self.path.name}.{secrets.token_hex(6)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", closefd=False) as file:
            json.dump(state, file, indent=2)
            file.write("\n")
        return draft, descriptor
