"""What the sweep ended, line by line in a file that it alone writes: on return, the rows are told by it.

Each line carries a MAC by the key of the tags, which workers and sweep have and nobody else.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings

from accessrequests.domain import external
from accessrequests.models import Grant
from workers.connections import tag_keys
from workers.provisioners.atlas.users import LONGEST_SHOWN

_CONTEXT = "access-requests sweep v1"
_MODE = 0o640
CUT, CLEAN = "cut", "clean"
LEAST_AFTER = timedelta(seconds=5)  # no sweep ends anything sooner past its end


@dataclass(frozen=True, slots=True)
class Swept:
    """One step of an end that the sweep made, and what the target answered."""

    installation: str
    target: str
    username: str
    grant_id: int
    end: datetime
    step: str
    at: datetime
    evidence: Mapping[str, Any]

    def said(self) -> dict[str, Any]:
        return {
            "installation": self.installation,
            "target": self.target,
            "username": self.username,
            "grant": self.grant_id,
            "end": self.end.isoformat(),
            "step": self.step,
            "at": self.at.isoformat(),
            "late_seconds": round((self.at - self.end).total_seconds(), 1),
            "evidence": dict(self.evidence),
        }


@dataclass(frozen=True, slots=True)
class Journal:
    """The file, by the keys that prove its lines, newest first."""

    path: Path
    keys: Sequence[bytes] = field(repr=False)

    def write(self, swept: Swept) -> None:
        """On the disk when this returns. A line that a crash left half written is closed off, and proves nothing."""
        said = swept.said()
        line = json.dumps(said | {"mac": _mac(self.keys[0], said)}, sort_keys=True) + "\n"
        with self._opened() as file:
            broken = file.tell() and os.pread(file.fileno(), 1, file.tell() - 1) != b"\n"
            file.write((b"\n" if broken else b"") + line.encode())
            file.flush()
            os.fsync(file.fileno())

    def beat(self) -> None:
        """A sign of life: when the file was touched last."""
        with self._opened():
            os.utime(self.path)

    def beaten_at(self) -> float | None:
        """In seconds since 1970; None where there never was a sign of life."""
        try:
            return self.path.stat().st_mtime
        except OSError:
            return None

    def cut_of(
        self, *, installation: str, target: str, grant_id: int, usernames: Collection[str], since: datetime
    ) -> Swept | None:
        """When the sweep had the target confirm that nobody gets in by this grant any more; the first time counts.

        A restored database gives out numbers again, so the number alone does not tell whose end it was: the user must
        go by one of the grant's names, and have been ended `since` the grant began.
        """
        wanted = (installation, target, grant_id, CUT)
        found = (one for one in self._of(grant_id) if (one.installation, one.target, one.grant_id, one.step) == wanted)
        return next((one for one in found if one.username in usernames and one.at >= since), None)

    def _opened(self) -> Any:
        descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW, _MODE)
        file = os.fdopen(descriptor, "r+b")
        file.seek(0, os.SEEK_END)
        return file

    def _of(self, grant_id: int) -> list[Swept]:
        """What is proven of one grant. The file is never cut short: lines of others are not even parsed."""
        says = f'"grant": {grant_id},'.encode()
        try:
            with self.path.open("rb") as file:
                lines = [line for line in file if says in line]
        except OSError:
            return []
        return [swept for swept in map(self._understood, lines) if swept is not None]

    def _understood(self, line: bytes) -> Swept | None:
        """None for what none of our keys proves."""
        try:
            said = json.loads(line)
            mac = said.pop("mac").encode()
        except (ValueError, TypeError, KeyError, AttributeError):
            return None
        if not any(hmac.compare_digest(_mac(key, said).encode(), mac) for key in self.keys):
            return None
        return Swept(
            installation=said["installation"],
            target=said["target"],
            username=said["username"],
            grant_id=said["grant"],
            end=datetime.fromisoformat(said["end"]),
            step=said["step"],
            at=datetime.fromisoformat(said["at"]),
            evidence=said["evidence"],
        )


def journal_of_sweep() -> Journal | None:
    """Where the sweep writes what it did; None where nobody said."""
    if not settings.ACCESS_SWEEP_FILE:
        return None
    return Journal(Path(settings.ACCESS_SWEEP_FILE), tag_keys())


def swept_of(grant: Grant) -> Swept | None:
    """What the sweep did of a grant that is being ended, if it was faster."""
    journal = journal_of_sweep()
    if journal is None:
        return None
    principal = grant.access_request.principal
    return journal.cut_of(
        installation=settings.ACCESS_INSTALLATION,
        target=grant.target.slug,
        grant_id=grant.pk,
        usernames={external.name_of(principal)[:LONGEST_SHOWN]} if principal else {grant.username},
        since=grant.starts_at or grant.created_at,
    )


def _mac(key: bytes, said: Mapping[str, Any]) -> str:
    text = json.dumps([_CONTEXT, said], sort_keys=True)
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()
