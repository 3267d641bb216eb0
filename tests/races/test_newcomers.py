"""Guards the file of people that names somebody who is signing in for the first time at that moment."""

from __future__ import annotations

import threading
import time
from typing import Any

import psycopg
import pytest

from accessrequests.models import Identity, Person
from accessrequests.operations import _record, identities, people
from tests import make
from tests.make import Cast
from tests.operations.provider_words import arrive
from tests.races.together import at_once

FILE: dict[str, Any] = {"name": "Nina Novak", "email": "nina@example.com", "groups": [], "active": True}


def test_both_come_through_and_make_one_person(
    committed_cast: Cast, owner_connection: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = threading.Event()

    def slowly(*facts: Any, **options: Any) -> None:
        made.set()
        until_somebody_waits(owner_connection)
        _record.record(*facts, **options)

    def apply() -> None:
        assert made.wait(30)
        people.apply_people(groups={}, entries={"nina": FILE}, actor=make.OPERATOR)

    monkeypatch.setattr(identities, "record", slowly)
    outcomes = at_once([arrive, apply])

    assert [one for one in outcomes if isinstance(one, Exception)] == []
    assert Person.objects.filter(username="nina").count() == Identity.objects.count() == 1


def until_somebody_waits(owner: psycopg.Connection) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        waiting = owner.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        ).fetchone()
        if waiting and waiting[0]:
            return
        time.sleep(0.02)
    raise AssertionError("Nobody waited for the newcomer.")
