"""Deadlines that have come: each is ended on its own, so that one bad row never holds up the others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from functools import partial

import structlog
from django.db import InterfaceError, OperationalError, connection

from accessrequests.operations import access_requests, grants
from accessrequests.operations.refusals import IllegalMove
from accessrequests.queries import work

AT_ONCE = 200

log = structlog.get_logger(__name__)


def end_what_is_due(now: datetime) -> int:
    """Start the revocation of every grant past its end, and lapse every request past its time. How many it tried."""
    grant_ids = work.ended_grants(now, limit=AT_ONCE)
    request_ids = work.lapsed_requests(now, limit=AT_ONCE)
    if grant_ids or request_ids:
        with _impatient():
            for grant_id in grant_ids:
                _try(partial(grants.expire, grant_id=grant_id), f"grant/{grant_id}")
            for request_id in request_ids:
                _try(partial(access_requests.expire, access_request_id=request_id), f"access_request/{request_id}")
    return len(grant_ids) + len(request_ids)


@contextmanager
def _impatient() -> Iterator[None]:
    """A process that is frozen inside a transaction keeps its row; the others must not wait for that."""
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '500ms'")
    yield
    with connection.cursor() as cursor:
        cursor.execute("RESET lock_timeout")


def _try(end: Callable[[], object], subject: str) -> None:
    try:
        end()
    except IllegalMove:
        pass  # somebody was faster, between our look and our lock
    except Exception as error:
        if isinstance(error, OperationalError | InterfaceError) and not connection.is_usable():
            raise  # the database is away, for all rows alike
        # Whatever is wrong with this row must hold up neither the others nor the relay. The next turn tries it again.
        log.exception("deadline_not_ended_yet", subject=subject)
