"""The client of the Atlas Administration API: one bounded call at a time, and no retry that could do something twice."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

from workers.provisioners.atlas.budget import Urgency
from workers.provisioners.connection_record import AtlasLogin, AtlasRecord

_Query = Mapping[str, str | Sequence[str]]


class Method(StrEnum):
    GET = "GET"
    POST = "POST"
    PATCH = "PATCH"
    DELETE = "DELETE"


class AtlasClient:
    """Threads may share one. `login` is the record's own unless another is named."""

    def __init__(self, *, record: AtlasRecord, login: AtlasLogin | None = None) -> None:
        raise NotImplementedError

    def call(
        self,
        method: Method,
        segments: Sequence[str],
        *,
        version: str,
        urgency: Urgency,
        verb: str = "",
        query: _Query | None = None,
        body: Any = None,
    ) -> Any:
        """What Atlas answers: decoded JSON, text where it answers with a PEM file, None where there is nothing.

        `verb` is what follows the last segment after a colon, as in users/{id}:addRole.

        :raises AtlasFailure: it was not done, or nobody knows.
        """
        raise NotImplementedError

    def pages(
        self, segments: Sequence[str], *, version: str, urgency: Urgency, query: _Query | None = None
    ) -> Iterator[dict[str, Any]]:
        """Every row of a list, page by page."""
        raise NotImplementedError

    def clock_skew(self) -> float:
        """Atlas's clock minus ours in seconds, by its last answer, which tells whole seconds."""
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError
