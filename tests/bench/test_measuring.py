"""Guards the bench itself: a revocation that only updates the row must not pass for one, whatever the percentiles say."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from typing import Any

import pytest
from pymongo import MongoClient

from bench.door import Door, Login, refused_after
from bench.ending import calm_row
from bench.rows import NEVER, as_table, quantile
from bench.users import with_power

Root = MongoClient[dict[str, Any]]
PATIENCE = 0.3


@pytest.fixture(scope="module")
def root() -> Iterator[Root]:
    with MongoClient[dict[str, Any]](os.environ["ACCESS_TEST_MONGOD"]) as client:
        yield client


@pytest.fixture(scope="module")
def door(root: Root) -> Iterator[Door]:
    host, port = root.address or ("", 0)
    door = Door(f"{host}:{port}")
    yield door
    door.close()


@pytest.fixture
def login(root: Root) -> Iterator[Login]:
    """A user whose time is over, and whom nobody has ended yet."""
    name, password = f"bench-{secrets.token_hex(6)}", secrets.token_urlsafe(12)
    root.admin.command("createUser", name, pwd=password, roles=[{"role": "read", "db": "shop"}])
    yield Login(name, password, deadline=time.time())
    root.admin.command("dropUser", name)


def test_a_login_that_only_our_rows_call_ended_is_never_refused(root: Root, door: Door, login: Login) -> None:
    lag = refused_after(door, login, every=0.05, patience=PATIENCE)

    assert lag == NEVER
    assert login.username in with_power(root)
    assert not calm_row([0.01] * 999 + [lag]).is_met, "One of a thousand is one too many."


def test_a_login_counts_as_ended_when_the_target_refuses_it(root: Root, door: Door, login: Login) -> None:
    assert door.lets_in(login)
    nobody = [{"clientSource": ["192.0.2.1/32"]}]
    root.admin.command("updateUser", login.username, roles=[], authenticationRestrictions=nobody)

    assert not door.lets_in(login)
    assert refused_after(door, login, every=0.05, patience=PATIENCE) < NEVER
    assert login.username not in with_power(root)


def test_a_wrong_password_is_refused(door: Door, login: Login) -> None:
    assert not door.lets_in(Login(login.username, "another", login.deadline))


def test_an_access_that_ends_early_breaks_the_promise_too() -> None:
    assert calm_row([0.1] * 100).is_met
    assert not calm_row([0.1] * 99 + [-0.01]).is_met


@pytest.mark.parametrize(("percent", "value"), [(50, 2), (75, 3), (99, 4)])
def test_a_percentile_is_a_value_that_was_measured(percent: int, value: float) -> None:
    assert quantile([4, 1, 3, 2], percent) == value


def test_the_table_says_which_promise_was_not_kept() -> None:
    assert "**no**" in as_table([(calm_row([NEVER]), 0.5)])
