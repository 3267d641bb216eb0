"""Guards that a role which a stopped worker adds on Atlas, when all else of its grant has ended, is taken again."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import pytest

from accessrequests.domain.events import Job, Via
from accessrequests.models import Grant, SharedObject, SharedUse
from accessrequests.operations import grants
from tests.make import now
from tests.sandbox.atlas.serving import CONTROL_TOKEN
from tests.workers.atlas.living import Living
from tests.workers.atlas.path import Way
from tests.workers.atlas.test_standing_path import BASELINE, atlas, way
from tests.workers.rows import message
from tests.workers.test_provision import in_thread

__all__ = ["atlas", "way"]

READ_ORDERS = {"databaseName": "shop", "roleName": "read", "collectionName": "orders"}
SAFE_TRIES = 2  # a call that changes nothing is made again at once
READ_CUSTOMERS = READ_ORDERS | {"collectionName": "customers"}


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    return Gate(monkeypatch)


class Gate:
    """Stops one request just before it is sent; as a paused machine would."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._waits_for = ""
        self._has_come = threading.Event()
        self._may_go = threading.Event()
        send = httpx2.Client.send

        def stopped(client: httpx2.Client, request: httpx2.Request, **said: Any) -> httpx2.Response:
            self._wait(f"{request.method} {request.url.path}")
            return send(client, request, **said)

        monkeypatch.setattr(httpx2.Client, "send", stopped)

    @contextmanager
    def stopping(self, grant: Grant, call: str, *, job: Job = Job.PROVISION) -> Iterator[None]:
        """Inside, the worker that has its message stands still before `call`, and has lost its lease. Then it goes on."""
        self._waits_for = call
        late = in_thread(message(job, grant).pk)
        try:
            assert self._has_come.wait(10)
            SharedObject.objects.update(lease_until=now())
            yield
        finally:
            self._may_go.set()
            late.join(30)

    def _wait(self, call: str) -> None:
        if self._waits_for and call.endswith(self._waits_for):
            self._waits_for = ""
            self._has_come.set()
            self._may_go.wait(30)


def user_grant(way: Way, role: str = "read@shop.orders") -> Grant:
    return way.approved(kind="role_grant", database_user="alice@admin", source_addresses=(), roles=(role,))


def member_grant(way: Way) -> Grant:
    return way.approved(kind="project_role", clusters=(), source_addresses=(), roles=("GROUP_READ_ONLY",))


def end(way: Way, grant: Grant, atlas: Living) -> None:
    grants.release(grant_id=grant.pk, holder=way.cast.alice, via=Via.API)
    assert way.revoke(grant, look=atlas.settle).state == "revoked"


def roles_of(atlas: Living) -> list[dict[str, str]]:
    return sorted(atlas.users["alice"]["roles"], key=str)


def order(atlas: Living, fault: str, **said: Any) -> None:
    url, headers = f"{atlas.server.origin}/control/faults", {"Authorization": f"Bearer {CONTROL_TOKEN}"}
    assert httpx2.post(url, json={"fault": fault, **said}, headers=headers).status_code == 201


def patch(atlas: Living) -> str:
    return f"PATCH /api/atlas/v2/groups/{atlas.project.id}/databaseUsers/admin/alice"


def joins(atlas: Living, *roles: str) -> None:
    """Alice, whom others made a member."""
    (alice,) = atlas.organisation.people
    with atlas.organisation.changing():
        atlas.project.members[alice] = list(roles)


def test_a_database_user_loses_it(way: Way, atlas: Living, gate: Gate) -> None:
    grant = user_grant(way)

    with gate.stopping(grant, patch(atlas)):
        end(way, grant, atlas)
        assert not SharedObject.objects.exists()

    assert roles_of(atlas) == BASELINE
    assert not SharedObject.objects.exists()


def test_a_database_user_keeps_what_another_grant_needs(way: Way, atlas: Living, gate: Gate) -> None:
    grant = user_grant(way)

    with gate.stopping(grant, patch(atlas)):
        end(way, grant, atlas)
        other = user_grant(way)
        assert way.provision(other, look=atlas.settle).state == "active"

    assert READ_ORDERS in roles_of(atlas)
    end(way, other, atlas)
    assert roles_of(atlas) == BASELINE


def test_a_database_user_keeps_what_others_gave_meanwhile(way: Way, atlas: Living, gate: Gate) -> None:
    grant = user_grant(way)

    with gate.stopping(grant, patch(atlas)):
        end(way, grant, atlas)
        with atlas.organisation.changing():
            atlas.project.database_users["admin", "alice"]["roles"].append(READ_ORDERS)
        other = user_grant(way, "read@shop.customers")
        assert way.provision(other, look=atlas.settle).state == "active"

    assert READ_ORDERS in roles_of(atlas)
    end(way, other, atlas)
    assert roles_of(atlas) == sorted([*BASELINE, READ_ORDERS], key=str)


def test_a_late_call_brings_nothing_back_that_ended_meanwhile(way: Way, atlas: Living, gate: Gate) -> None:
    """It says all the roles, those too that another grant had when it was begun."""
    other = user_grant(way, "read@shop.customers")
    assert way.provision(other, look=atlas.settle).state == "active"
    grant = user_grant(way)

    with gate.stopping(grant, patch(atlas)):
        end(way, other, atlas)
        assert READ_CUSTOMERS not in roles_of(atlas)

    assert READ_CUSTOMERS not in roles_of(atlas)
    assert way.provision(grant, look=atlas.settle).state == "active"
    end(way, grant, atlas)
    assert roles_of(atlas) == BASELINE


def test_nor_does_a_late_end(way: Way, atlas: Living, gate: Gate) -> None:
    other = user_grant(way, "read@shop.customers")
    assert way.provision(other, look=atlas.settle).state == "active"
    grant = user_grant(way)
    assert way.provision(grant, look=atlas.settle).state == "active"
    grants.release(grant_id=grant.pk, holder=way.cast.alice, via=Via.API)

    with gate.stopping(grant, patch(atlas), job=Job.REVOKE):
        end(way, other, atlas)
        assert roles_of(atlas) == BASELINE

    assert READ_CUSTOMERS not in roles_of(atlas)
    assert way.revoke(grant, look=atlas.settle).state == "revoked"
    assert roles_of(atlas) == BASELINE
    assert not SharedObject.objects.exists()


def test_a_database_user_loses_it_when_neither_call_nor_look_was_answered(way: Way, atlas: Living, gate: Gate) -> None:
    grant = user_grant(way)

    with gate.stopping(grant, patch(atlas)):
        end(way, grant, atlas)
        order(atlas, "drop_after_commit", method="PATCH", path="databaseUsers")
        order(atlas, "drop_before", method="GET", path="databaseUsers", times=SAFE_TRIES)

    assert roles_of(atlas) == BASELINE
    assert not SharedUse.objects.exists()


def test_a_member_loses_it(way: Way, atlas: Living, gate: Gate) -> None:
    joins(atlas, "GROUP_CLUSTER_MANAGER")
    grant = member_grant(way)

    with gate.stopping(grant, ":addRole"):
        end(way, grant, atlas)

    assert list(atlas.project.members.values()) == [["GROUP_CLUSTER_MANAGER"]]
    assert not SharedObject.objects.exists()


def test_who_was_not_in_the_project_leaves_it_again(way: Way, atlas: Living, gate: Gate) -> None:
    grant = member_grant(way)

    with gate.stopping(grant, f"POST /api/atlas/v2/groups/{atlas.project.id}/users"):
        end(way, grant, atlas)

    assert atlas.project.members == {}
    assert not SharedObject.objects.exists()


def test_who_was_not_in_the_project_stays_for_another_grant(way: Way, atlas: Living, gate: Gate) -> None:
    grant = member_grant(way)

    with gate.stopping(grant, f"POST /api/atlas/v2/groups/{atlas.project.id}/users"):
        end(way, grant, atlas)
        other = member_grant(way)
        assert way.provision(other, look=atlas.settle).state == "active"

    assert list(atlas.project.members.values()) == [["GROUP_READ_ONLY"]]
    end(way, other, atlas)
    assert atlas.project.members == {}
