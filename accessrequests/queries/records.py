"""What is known of a person who asks: how often, with what answers, and how they used what they got."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from accessrequests.domain import privileges
from accessrequests.domain.lifecycle import EndReason, GrantState
from accessrequests.domain.privileges import Privilege
from accessrequests.models import AccessRequest

LOOKED_BACK = timedelta(days=30)
MOST_GRANTS = 50
MOST_ASKED = 500
MOST_ALIVE = 50
LATEST = 5  # so many uses say what is usual
FEWEST = 5  # and fewer say nothing, of a person as of a target
LONGER = 1.5  # times the usual length is worth a word
ROOM = 1.2  # what is suggested leaves so much of the usual length

_ALIVE = {GrantState.PENDING.value, GrantState.ACTIVE.value, GrantState.REVOKING.value}

# One question, because it is asked on a page that has many others. Live grants count however old they are. It reads so
# many rows at most, whoever asks: more than that only programs ask for and hold.
_RECORD = """
WITH asked AS (
    SELECT count(*) AS filed, count(*) FILTER (WHERE state = 'approved') AS approved,
           count(*) FILTER (WHERE state = 'denied') AS denied
      FROM (SELECT filed_at, state FROM accessrequests_accessrequest
             WHERE beneficiary_id = %(person)s AND id <> %(this)s ORDER BY id DESC LIMIT %(most_asked)s) AS newest
     WHERE filed_at >= %(since)s
), alive AS (
    SELECT id FROM accessrequests_grant
     WHERE holder_id = %(person)s AND NOT state = 'revoked' ORDER BY id DESC LIMIT %(most_alive)s
), latest AS (
    SELECT id FROM accessrequests_grant WHERE holder_id = %(person)s ORDER BY id DESC LIMIT %(most)s
), used AS (
    SELECT held.id, held.target_id, held.state, held.end_reason, held.activated_at, held.cut_at, held.expires_at,
           request.roles, request.principal = %(principal)s,
           CASE WHEN held.target_id = %(target)s AND held.state IN ('pending', 'active') THEN request.privileges END
      FROM accessrequests_grant AS held JOIN accessrequests_accessrequest AS request
        ON request.id = held.access_request_id
     WHERE held.id = ANY(ARRAY(SELECT id FROM alive UNION SELECT id FROM latest)) AND request.id <> %(this)s
)
SELECT asked.*, used.* FROM asked LEFT JOIN used ON true ORDER BY used.id DESC
"""


@dataclass(frozen=True, slots=True)
class Use:
    """One grant of the person's, as far as it says how they use what they get."""

    is_here: bool
    state: str
    end_reason: str
    activated_at: datetime | None
    cut_at: datetime | None
    expires_at: datetime | None
    roles: Sequence[str]
    privileges: Sequence[Privilege]

    @property
    def is_alive(self) -> bool:
        return self.state in _ALIVE

    @property
    def length(self) -> timedelta | None:
        """How long it worked; None while it does, or when it never did."""
        return self.cut_at - self.activated_at if self.activated_at and self.cut_at else None


@dataclass(frozen=True, slots=True)
class Record:
    """The requests of the last 30 days, and the last grants, newest first. The request that is looked at is left out.

    Of whoever asks or holds very much, the newest `MOST_ASKED` requests and `MOST_ALIVE` live grants only.
    """

    filed: int
    approved: int
    denied: int
    uses: Sequence[Use]

    @property
    def alive(self) -> list[Use]:
        return [use for use in self.uses if use.is_alive]

    @property
    def is_filed_more(self) -> bool:
        return self.filed >= MOST_ASKED

    @property
    def is_alive_more(self) -> bool:
        return len(self.alive) >= MOST_ALIVE

    @property
    def held_here(self) -> list[Use]:
        return [use for use in self.alive if use.is_here]

    @property
    def usable_here(self) -> list[Use]:
        """What is being taken away is nothing to build on."""
        return [use for use in self.held_here if use.state != GrantState.REVOKING]

    @property
    def ended(self) -> list[Use]:
        return [use for use in self.uses if use.length is not None and not use.is_alive]

    @property
    def given_back(self) -> int:
        return sum(use.end_reason == EndReason.RELEASED for use in self.ended)

    @property
    def ended_here(self) -> list[Use]:
        return [use for use in self.ended if use.is_here]

    @property
    def usual(self) -> timedelta | None:
        """How long the last few grants on this target were used, on average."""
        lengths = [use.length for use in self.ended_here[:LATEST] if use.length is not None]
        return sum(lengths, timedelta()) / len(lengths) if len(lengths) >= FEWEST else None

    def is_longer_than_usual(self, length: timedelta) -> bool:
        return self.usual is not None and length > self.usual * LONGER

    def enough(self, length: timedelta, *, of: Sequence[timedelta]) -> timedelta | None:
        """The shortest of these lengths that would do by what is usual, if that is less than what is asked."""
        if self.usual is None or not self.is_longer_than_usual(length):
            return None
        return min((one for one in of if self.usual * ROOM <= one < length), default=None)


def record_of(access_request: AccessRequest, *, at: datetime) -> Record:
    """The record of whoever would get the access, at the moment of a request."""
    with connection.cursor() as cursor:
        cursor.execute(
            _RECORD,
            {
                "person": access_request.beneficiary_id,
                "this": access_request.pk,
                "target": access_request.target_id,
                "principal": access_request.principal,
                "since": at - LOOKED_BACK,
                "most": MOST_GRANTS,
                "most_asked": MOST_ASKED,
                "most_alive": MOST_ALIVE,
            },
        )
        rows = cursor.fetchall()
    filed, approved, denied = rows[0][:3]
    uses = [_use(row[3:], access_request) for row in rows if row[3] is not None]
    return Record(filed, approved, denied, uses)


def _use(row: Sequence[Any], access_request: AccessRequest) -> Use:
    _, target_id, state, end_reason, activated_at, cut_at, expires_at, roles, is_same_login, held = row
    stored = json.loads(held) if held else {}
    return Use(
        # What another login of the person's may do says nothing about this one.
        is_here=target_id == access_request.target_id and is_same_login,
        state=state,
        end_reason=end_reason,
        activated_at=activated_at,
        cut_at=cut_at,
        expires_at=expires_at,
        roles=json.loads(roles),
        privileges=privileges.union(*(privileges.from_json(one) for one in stored.values())),
    )
