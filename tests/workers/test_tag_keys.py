"""Guards the rotation of the tag key with access alive: what the old key tagged is proved and ended like all else."""

from __future__ import annotations

import base64
from dataclasses import replace
from datetime import timedelta

import pytest
from pytest_django import Settings

from accessrequests.domain.events import Via
from accessrequests.models import Grant
from accessrequests.operations import grants
from tests.workers.conftest import Work, drain
from tests.workers.database_clock import DatabaseClock
from tests.workers.rows import compare, events_of, fresh
from workers.connections import close_connections, provisioner_for, tagger_of
from workers.provision import spec_of
from workers.provisioners.mongodb.accounts import principal_of

OLD, NEW = (base64.urlsafe_b64encode(name * 32).decode() for name in (b"o", b"n"))


@pytest.fixture
def tagged_with_the_old(work: Work, settings: Settings) -> Grant:
    restarted(settings, OLD)
    return work.active()


def restarted(settings: Settings, keys: str) -> None:
    """Relay and workers, with these keys."""
    settings.ACCESS_TAG_KEY = keys
    close_connections()


def proved_by(work: Work, grant: Grant, settings: Settings) -> set[str]:
    """By which key alone the user's tag on the target is proved."""
    (user,) = work.owner.admin["system.users"].find({"user": grant.username})
    known, found = settings.ACCESS_TAG_KEY, set()
    for name, key in (("old", OLD), ("new", NEW)):
        settings.ACCESS_TAG_KEY = key
        tag = tagger_of("shop-prod").verify(
            user["customData"]["accessRequests"], principal=principal_of(grant.username)
        )
        found |= {name} if tag is not None and tag.grant_id == grant.pk else set()
    settings.ACCESS_TAG_KEY = known
    return found


def look_twice(clock: DatabaseClock) -> None:
    for _ in range(2):
        assert compare("shop-prod").done_at is not None
        clock.advance(timedelta(seconds=7))


def released(work: Work, grant: Grant) -> tuple[str, str]:
    grants.release(grant_id=grant.pk, holder=work.cast.alice, via=Via.API)
    drain()
    found = fresh(grant)
    assert work.users_named(grant.username) == []
    return found.state, found.end_reason


def test_what_the_old_key_tagged_is_proved_and_ended_while_the_new_one_tags(
    work: Work, tagged_with_the_old: Grant, settings: Settings, database_clock: DatabaseClock
) -> None:
    for keys in (f"{OLD},{NEW}", f"{NEW},{OLD}"):
        restarted(settings, keys)
        look_twice(database_clock)
        assert fresh(tagged_with_the_old).state == "active"
    younger = work.active()
    assert proved_by(work, tagged_with_the_old, settings) == {"old"}
    assert proved_by(work, younger, settings) == {"new"}

    assert released(work, tagged_with_the_old) == ("revoked", "released")

    restarted(settings, NEW)
    look_twice(database_clock)
    assert fresh(younger).state == "active"
    assert released(work, younger) == ("revoked", "released")
    assert "target.orphan_ended" not in events_of("target/shop-prod")


def test_of_a_key_taken_away_too_early_access_ends_and_what_belongs_to_nobody_stays(
    work: Work, tagged_with_the_old: Grant, settings: Settings, database_clock: DatabaseClock
) -> None:
    """Nobody could say whose it is: a live grant fails closed, and what has none is not proved ours."""
    nobodys = tagged_with_the_old.username.rpartition("-")[0] + "-999"
    stray = replace(spec_of(fresh(tagged_with_the_old), password=24 * "x"), grant_id=999, username=nobodys)
    provisioner_for("shop-prod").prepare(stray)

    restarted(settings, NEW)
    look_twice(database_clock)
    drain()

    ended = fresh(tagged_with_the_old)
    assert (ended.state, ended.end_reason) == ("revoked", "drift")
    assert ended.note.endswith("It differs in: tag.")
    assert work.users_named(tagged_with_the_old.username) == []
    assert len(work.users_named(nobodys)) == 1
    restarted(settings, f"{NEW},{OLD}")
    look_twice(database_clock)
    assert work.users_named(nobodys) == [], "With the key back it is proved, and ended."
