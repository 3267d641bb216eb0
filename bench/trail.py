"""The audit trail: what an event costs the transaction that it is part of, and how fast the whole is checked."""

from __future__ import annotations

import psycopg

from bench import inside
from bench.rows import Row, ratio_of, spread
from bench.sizes import Sizes
from bench.world import World

EVENTS_A_SECOND = 40_000


def append(running: World, sizes: Sizes) -> Row:
    taken = inside.asked(running, "relay", "appends", str(sizes.appends))
    ours, floor = spread(taken["sealed"], 50, 99), spread(taken["plain"], 50, 99)
    return Row(
        name="audit append",
        means="An operation that does nothing but seal one event onto the chain. Floor: a transaction that changes one row.",
        n=sizes.appends,
        at_a_time=1,
        ours=ours,
        floor=floor,
        ratio=ratio_of(ours, floor, "p50 ms"),
        goal="in the same transaction",
        is_met=True,
    )


def verify(running: World, _sizes: Sizes) -> Row:
    """From the shown columns; then one row in the middle is changed by the tables' owner, and has to be named."""
    whole = inside.asked(running, "relay", "check")
    middle = whole["checked"] // 2
    before = _tamper(running, middle, "somebody-else")
    named = inside.asked(running, "relay", "check")["first_bad"]
    _tamper(running, middle, before)
    speed = whole["checked"] / whole["seconds"]
    return Row(
        name="audit verify",
        means="The whole trail from its shown columns, against every anchor; then a row in the middle is changed by the "
        "owner of the tables, and has to be named.",
        n=whole["checked"],
        at_a_time=1,
        ours={"events /s": speed, "rows named": float(named == middle)},
        goal=f"≥ {EVENTS_A_SECOND:,} events/s; the row named",
        is_met=speed >= EVENTS_A_SECOND and named == middle and whole["first_bad"] is None,
    )


def _tamper(running: World, sequence: int, actor: str) -> str:
    """Change who did it, past the triggers; answers who it was before."""
    with psycopg.connect(running.state["postgres"]) as connection, connection.cursor() as cursor:
        cursor.execute("ALTER TABLE accessrequests_auditevent DISABLE TRIGGER USER")
        cursor.execute("SELECT actor FROM accessrequests_auditevent WHERE sequence = %s", [sequence])
        ((before,),) = cursor.fetchall()
        cursor.execute("UPDATE accessrequests_auditevent SET actor = %s WHERE sequence = %s", [actor, sequence])
        cursor.execute("ALTER TABLE accessrequests_auditevent ENABLE TRIGGER USER")
    return str(before)
