"""`Idempotency-Key`: a POST that is sent again does nothing again and is answered with the object as it is now."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass

from django.db import IntegrityError
from rest_framework.request import Request

from accessrequests.api.endpoint import person_of
from accessrequests.operations import refusals
from accessrequests.operations.idempotency import Idempotency
from accessrequests.queries import idempotency as idempotency_queries
from accessrequests.queries.asks import Invalid

HEADER = "Idempotency-Key"
LONGEST = 255
# How a call can lose against its own twin: by the unique key, or because the twin has already moved or made the object.
_LOST = (
    *(IntegrityError, refusals.IllegalMove, refusals.NotReady, refusals.Gone, refusals.StaleRevision),
    refusals.Refused,
)


@dataclass(frozen=True, slots=True)
class Done:
    """The object that a POST made or moved, and whether an earlier call had done it."""

    object_id: int
    repeated: bool


def once(request: Request, carry_out: Callable[[Idempotency | None], int]) -> Done:
    """Carry a POST out unless its key says that it was.

    :raises Invalid: when the key is no key, or was used for another path or body.
    """
    key = _key_of(request)
    if key is None:
        return Done(carry_out(None), repeated=False)
    earlier = _earlier(key)
    if earlier is not None:
        return earlier
    try:
        return Done(carry_out(key), repeated=False)
    except _LOST:
        earlier = _earlier(key)
        if earlier is None:
            raise
        return earlier


def _key_of(request: Request) -> Idempotency | None:
    text = request.headers.get(HEADER)
    if text is None:
        return None
    if not 0 < len(text) <= LONGEST or not text.isascii() or not text.isprintable():
        raise Invalid({HEADER: [f"Use 1 to {LONGEST} printable ASCII characters, for example a new UUID."]})
    body = json.dumps(request.data, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(body.encode()).hexdigest()
    return Idempotency(person_id=person_of(request).pk, key=text, path=request.path, body_hash=digest)


def _earlier(key: Idempotency) -> Done | None:
    used = idempotency_queries.first_use(person_id=key.person_id, key=key.key)
    if used is None:
        return None
    if (used.path, used.body_hash) != (key.path, key.body_hash):
        raise Invalid(
            {HEADER: ["This key was used for another call. Use a new one for each thing that you want done."]}
        )
    return Done(used.object_id, repeated=True)
