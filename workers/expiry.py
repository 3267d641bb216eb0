"""Deadlines that have come: many end together, and one bad row never holds up the others."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

import structlog
from django.db import InterfaceError, OperationalError, connection

from accessrequests.operations import access_requests, access_reviews, custom_roles, extensions, grants, reminders
from accessrequests.operations.refusals import IllegalMove
from accessrequests.queries import work

AT_ONCE = 50  # of one turn, in one commit
WARNED_AT_ONCE = 20  # a warning may come a few seconds later; an end may not wait for it
# Rows that others hold are left out, so that this waits for the trail alone, in which everybody has a turn.
TOGETHER_PATIENCE = "3s"
PATIENCE = "500ms"
LONGEST_SECONDS = 1.0  # of one turn, for each kind, once something would not end
TRY_AGAIN_SECONDS = 1.0
CROWD = 10  # ends within a second; where more come together, more may follow
CROWD_SECONDS = 1.0
CROWD_OVER_SECONDS = 2.0

log = structlog.get_logger(__name__)


class Deadlines:
    """Ends what is due, and remembers what would not end: that is tried again after all that was not tried yet."""

    def __init__(self) -> None:
        # When each was tried last. A dict keeps its order, so what was tried longest ago comes first.
        self._grants: dict[int, float] = {}
        self._requests: dict[int, float] = {}
        self._changes: dict[int, float] = {}
        self._unwarned: dict[int, float] = {}
        self._unreminded: dict[int, float] = {}
        self._reviews: dict[int, float] = {}
        self._ended = deque[float](maxlen=CROWD + 1)
        self._crowd_seen = -math.inf

    def end_what_is_due(self, latest: datetime) -> int:
        """Start the revocation of every grant past its end, and lapse whatever waits past its time. How many were due.

        `latest` is the latest clock that is known; the operations look at the database's clock and at this one.
        While as many grants are due as end at once, what waits for an answer lapses later: by the database's clock nobody
        can say yes to it any more.
        """
        ended = self._end_grants(latest)
        return ended if ended >= AT_ONCE else ended + self._lapse(latest)

    def _end_grants(self, latest: datetime) -> int:
        grant_ids = work.ended_grants(latest, limit=AT_ONCE, except_for=self._grants)
        if grant_ids or self._grants:
            with _patience(TOGETHER_PATIENCE):
                left = _end_together(grant_ids, latest)
            with _patience(PATIENCE):
                _end_each(left, self._grants, lambda pk: grants.expire(grant_id=pk, latest=latest), "grant")
        now = time.monotonic()
        self._ended.extend([now] * len(grant_ids))
        if len(self._ended) > CROWD and now - self._ended[0] <= CROWD_SECONDS:
            self._crowd_seen = now
        return len(grant_ids)

    def is_crowd(self) -> bool:
        """Whether many end together, or did a moment ago."""
        return time.monotonic() - self._crowd_seen <= CROWD_OVER_SECONDS

    def _lapse(self, latest: datetime) -> int:
        request_ids = [
            *work.lapsed_requests(latest, limit=AT_ONCE, except_for=self._requests),
            *work.orphaned_extensions(limit=AT_ONCE, except_for=self._requests),
        ]
        change_ids = work.lapsed_changes(latest, limit=AT_ONCE, except_for=self._changes)
        if request_ids or change_ids or self._requests or self._changes:
            with _patience(PATIENCE):
                _end_each(
                    request_ids,
                    self._requests,
                    lambda pk: access_requests.expire(access_request_id=pk, latest=latest),
                    "access_request",
                )
                _end_each(
                    change_ids,
                    self._changes,
                    lambda pk: custom_roles.expire(change_id=pk, latest=latest),
                    "custom_role_change",
                )
        return len(request_ids) + len(change_ids)

    def warn_who_ends_soon(self, now: datetime) -> None:
        """Holders are told that an end comes near, in time to have it moved."""
        due = work.to_warn(now, limit=WARNED_AT_ONCE, except_for=self._unwarned)
        if due or self._unwarned:
            with _patience(PATIENCE):
                _end_each(due, self._unwarned, lambda pk: extensions.warn(grant_id=pk), "grant")

    def remind_who_may_answer(self, now: datetime) -> None:
        """A request that waits is told of again, and to one group more where the policy says so."""
        due = work.to_look_at_again(now, limit=AT_ONCE, except_for=self._unreminded)
        if due or self._unreminded:
            with _patience(PATIENCE):
                _end_each(
                    due, self._unreminded, lambda pk: reminders.look_again(access_request_id=pk), "access_request"
                )

    def remind_who_reviews(self, now: datetime) -> None:
        """Whoever has not answered in a review of access is told again, before it is due and every day after."""
        due = work.reviews_to_remind(now, limit=AT_ONCE, except_for=self._reviews)
        if due or self._reviews:
            with _patience(PATIENCE):
                _end_each(due, self._reviews, lambda pk: access_reviews.remind(campaign_id=pk), "access_review")


@contextmanager
def _patience(longest: str) -> Iterator[None]:
    """A process that is frozen inside a transaction keeps its row; the others must not wait for that."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT set_config('lock_timeout', %s, false)", [longest])
    yield
    with connection.cursor() as cursor:
        cursor.execute("RESET lock_timeout")


def _end_together(grant_ids: Sequence[int], latest: datetime) -> list[int]:
    """Many in one commit: in a storm each would wait for all before it. Which are to be ended each on its own."""
    if len(grant_ids) <= 1:
        return list(grant_ids)
    try:
        ended = grants.expire_together(grant_ids=grant_ids, latest=latest)
    except Exception as error:
        if isinstance(error, OperationalError | InterfaceError) and not connection.is_usable():
            raise  # the database is away
        log.exception("deadlines_not_ended_together", grants=len(grant_ids))
        return list(grant_ids)
    return [pk for pk in grant_ids if pk not in ended]


def _end_each(fresh: Sequence[int], failed: dict[int, float], end: Callable[[int], object], kind: str) -> None:
    """What was not tried yet, then what would not end a while ago, longest ago first."""
    began = time.monotonic()
    rested = [pk for pk, tried_at in failed.items() if began - tried_at >= TRY_AGAIN_SECONDS]
    for pk in [*fresh, *rested]:
        failed.pop(pk, None)
        if not _has_ended(end, pk, kind):
            failed[pk] = time.monotonic()
        if failed and time.monotonic() - began > LONGEST_SECONDS:
            return  # Rows that cost half a second each must not keep the relay from its other work.


def _has_ended(end: Callable[[int], object], pk: int, kind: str) -> bool:
    try:
        end(pk)
    except IllegalMove:
        pass  # somebody was faster, between our look and our lock
    except Exception as error:
        if isinstance(error, OperationalError | InterfaceError) and not connection.is_usable():
            raise  # the database is away, for all rows alike
        # Whatever is wrong with this row must hold up neither the others nor the relay. It is tried again.
        log.exception("deadline_not_ended_yet", subject=f"{kind}/{pk}")
        return False
    return True
