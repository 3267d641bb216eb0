"""A house that has been lived in: up to a million requests, with grants and events, made from a few real ones."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from accessrequests.domain import chain

REQUESTS = 10_000
LIVE = 1_000
FIRST_ID = 1_000_000
ASKING = ("alice", "bob", "grace", "frank")
MOST_WAITING = 1_000
AT_ONCE = 100_000  # more rows in one statement would fill the disk with what is only written down on the way

_WHO = (
    "(SELECT id FROM accessrequests_person WHERE username ="
    " (ARRAY['alice', 'bob', 'grace', 'frank'])[1 + (n / 10) % 4])"
)
_NUMBERED = "lpad(n::text, 7, '0')"  # so that none is the beginning of another, however many there are
_AGO = "clock_timestamp() - n * interval '1 minute'"


class Cursor(Protocol):
    """What psycopg's cursors and Django's have in common."""

    def execute(self, query: Any, params: Any = None, /) -> Any: ...

    def fetchall(self) -> list[Any]: ...

    def copy(self, statement: Any, /) -> Any: ...


@dataclass(frozen=True, slots=True)
class Crowd:
    """Which of the requests up to number `last` wait, live, were denied; the others have ended."""

    last: int
    live: int

    @property
    def waits(self) -> str:
        return f"n % {max(10, self.last // MOST_WAITING)} = 0"

    @property
    def lives(self) -> str:
        return f"n % {self.last // self.live} = 1"

    @property
    def was_denied(self) -> str:
        return "n % 10 = 2"

    def parts(self) -> Iterator[str]:
        """Ranges of numbers, each for one statement."""
        for start in range(1, self.last + 1, AT_ONCE):
            yield f"generate_series({start}, {min(start + AT_ONCE - 1, self.last)}) AS n"


def fill(cursor: Cursor, *, pending_id: int, grant_id: int, requests: int = REQUESTS, live: int = LIVE) -> None:
    """Copy the pending request and the live grant with all that hangs on them; ids begin at `FIRST_ID`."""
    crowd = Crowd(requests, live)
    cursor.execute("SELECT access_request_id FROM accessrequests_grant WHERE id = %s", [grant_id])
    approved_id = cursor.fetchall()[0][0]
    for numbers in crowd.parts():
        _copy_requests(cursor, crowd, numbers, pending_id=pending_id, approved_id=approved_id)
        _copy_grants(cursor, grant_id, numbers, given=f"NOT ({crowd.waits} OR {crowd.was_denied})", lives=crowd.lives)
    _write_events(cursor, crowd)
    cursor.execute("ANALYZE")


def _copy_requests(cursor: Cursor, crowd: Crowd, numbers: str, *, pending_id: int, approved_id: int) -> None:
    person = {"requester_id": _WHO, "beneficiary_id": _WHO, "id": f"{FIRST_ID} + n", "filed_at": _AGO}
    reason = f"reason || ' Number ' || {_NUMBERED} || '.'"
    _copy(cursor, "accessrequest", f"id = {pending_id} AND {crowd.waits}", numbers, {**person, "reason": reason})
    decided = {
        **person,
        "reason": reason,
        "state": f"CASE WHEN {crowd.was_denied} THEN 'denied' ELSE 'approved' END",
        "decided_at": f"{_AGO} + interval '1 second'",
    }
    _copy(cursor, "accessrequest", f"id = {approved_id} AND NOT ({crowd.waits})", numbers, decided)
    answered = {
        "id": f"{FIRST_ID} + n",
        "access_request_id": f"{FIRST_ID} + n",
        "answer": f"CASE WHEN {crowd.was_denied} THEN 'deny' ELSE 'approve' END",
        "at": f"{_AGO} + interval '1 second'",
    }
    _copy(cursor, "approval", f"access_request_id = {approved_id} AND NOT ({crowd.waits})", numbers, answered)


def _copy_grants(cursor: Cursor, grant_id: int, numbers: str, *, given: str, lives: str) -> None:
    over = f"CASE WHEN {lives} THEN NULL ELSE {_AGO} + interval '2 hours' END"
    grant = {
        "id": f"{FIRST_ID} + n",
        "access_request_id": f"{FIRST_ID} + n",
        "holder_id": _WHO,
        "username": f"'jit-crowd-' || {_NUMBERED}",
        "created_at": _AGO,
        "state": f"CASE WHEN {lives} THEN 'active' ELSE 'revoked' END",
        "expires_at": f"CASE WHEN {lives} THEN clock_timestamp() + interval '1 hour' + n * interval '1 second' "
        f"ELSE {_AGO} + interval '2 hours' END",
        "revocation_started_at": over,
        "cut_at": over,
        "revoked_at": over,
        "end_reason": f"CASE WHEN {lives} THEN '' ELSE 'expiry' END",
    }
    _copy(cursor, "grant", f"id = {grant_id} AND {given}", numbers, grant)
    credential = {
        "id": f"{FIRST_ID} + n",
        "grant_id": f"{FIRST_ID} + n",
        "state": f"CASE WHEN {lives} THEN state ELSE 'erased' END",
        "sealed": f"CASE WHEN {lives} THEN sealed END",
    }
    _copy(cursor, "credential", f"grant_id = {grant_id} AND {given}", numbers, credential)
    gate = {
        "id": f"{FIRST_ID} + 10 * n + row_number() OVER (PARTITION BY n)",
        "grant_id": f"{FIRST_ID} + n",
        "state": f"CASE WHEN {lives} THEN state ELSE 'clean' END",
    }
    _copy(cursor, "gate", f"grant_id = {grant_id} AND {given}", numbers, gate)


def _copy(cursor: Cursor, table: str, where: str, numbers: str, changed: Mapping[str, str]) -> None:
    """Copy the rows that `where` names, once for each number, with some columns worked out from it."""
    cursor.execute(
        "SELECT quote_ident(column_name) FROM information_schema.columns "
        "WHERE table_schema = current_schema() AND table_name = %s ORDER BY 1",
        [f"accessrequests_{table}"],
    )
    columns = [name for (name,) in cursor.fetchall()]
    values = [changed.get(name.strip('"'), name) for name in columns]
    cursor.execute(
        f"INSERT INTO accessrequests_{table} ({', '.join(columns)}) SELECT {', '.join(values)}"
        f" FROM accessrequests_{table}, {numbers} WHERE {where}"
    )


def _write_events(cursor: Cursor, crowd: Crowd) -> None:
    """Three events for each request, sealed onto the chain like any other."""
    cursor.execute("LOCK TABLE accessrequests_auditevent IN EXCLUSIVE MODE")
    cursor.execute("SELECT sequence, hash FROM accessrequests_auditevent ORDER BY sequence DESC LIMIT 1")
    ((sequence, head),) = cursor.fetchall()
    columns = ", ".join((*chain.COLUMNS, "hash"))
    with cursor.copy(f"COPY accessrequests_auditevent ({columns}) FROM STDIN") as copy:
        for event in _events(crowd, sequence, head):
            copy.write_row([*(event[name] for name in chain.COLUMNS[:6]), json.dumps(event["facts"]), *_seals(event)])


def _seals(event: Mapping[str, Any]) -> tuple[str, str]:
    return event["previous"], event["hash"]


def _events(crowd: Crowd, sequence: int, previous: str) -> Iterator[dict[str, Any]]:
    facts = {"roles": ["read@shop.orders"], "level": "read", "target": "shop-prod", "duration": "PT2H"}
    for number in range(1, crowd.last + 1):
        asks = ASKING[(number // 10) % 4]
        for event, actor in (
            ("access_request.submitted", asks),
            ("access_request.approval_given", "carol"),
            ("access_request.approved", "carol"),
        ):
            sequence += 1
            shown = {
                "sequence": sequence,
                "at": "2026-01-01T00:00:00.000000Z",
                "event": event,
                "actor": actor,
                "via": "api",
                "subject": f"access_request/{FIRST_ID + number}",
                "facts": facts,
                "previous": previous,
            }
            previous = chain.seal_event(shown)
            yield {**shown, "hash": previous}
