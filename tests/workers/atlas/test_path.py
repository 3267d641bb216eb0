"""From approved to gone on Atlas, through the worker: what the rows, the trail and the real clusters say on the way."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure
from pytest_django import Settings

from accessrequests.domain.events import Job, Via
from accessrequests.models import Credential, SharedObject, Suspicion, Target
from accessrequests.operations import credentials, grants
from accessrequests.operations.refusals import NotReady
from accessrequests.queries import audit
from tests.make import Cast
from tests.sandbox.atlas.behind import Behind
from tests.traces import refuses
from tests.workers.atlas.living import Living, living
from tests.workers.atlas.path import SLUG, Way, path
from tests.workers.rows import carry, compare, due_now, events_of, fresh, message
from workers.provisioners.atlas.users import whole_seconds


@pytest.fixture
def atlas(behind: Behind) -> Iterator[Living]:
    with living(behind) as found:
        yield found


@pytest.fixture
def way(atlas: Living, committed_cast: Cast, settings: Settings, tmp_path: Path) -> Iterator[Way]:
    record = atlas.record()
    with path(
        cast=committed_cast,
        settings=settings,
        directory=tmp_path,
        url=record.base_url,
        project_id=record.project_id,
        org_id=record.org_id,
    ) as found:
        yield found


def let_it_apply(atlas: Living, *, seconds: float) -> None:
    """How long the clusters take from now on for what Atlas has taken."""
    with atlas.organisation.changing():
        atlas.organisation.settings.apply_seconds = seconds
        atlas.organisation.wakes.notify_all()


class TestRotate:
    def test_offers_a_new_password_once_every_cluster_has_it_and_the_old_one_works_until_then(
        self, way: Way, atlas: Living
    ) -> None:
        grant = way.provision(way.approved())
        old = way.reveal(grant).connection_string
        atlas.settle()
        let_it_apply(atlas, seconds=60.0)
        credentials.rotate(grant_id=grant.pk, person=way.cast.alice, via=Via.API)

        atlas.server.faults.order({"fault": "error_before", "method": "GET", "path": "/status", "times": 9})
        assert carry(Job.ROTATE, grant).failures == 1
        sent_at = Credential.objects.get().sent_at
        assert sent_at is not None, "Atlas had taken it before it failed."
        atlas.server.faults.forget()
        Target.objects.update(unreachable_since=None)
        due_now(Job.ROTATE, grant)
        carry(Job.ROTATE, grant)

        waiting = message(Job.ROTATE, grant)
        assert (waiting.done_at, waiting.failures) == (None, 0)
        assert "has not carried it out yet" in waiting.last_error
        assert Credential.objects.get().sent_at == sent_at, "Told twice, Atlas would begin anew each time."
        with refuses(NotReady):
            way.reveal(grant)
        with MongoClient[dict[str, Any]](old) as client:
            assert client.shop.orders.find_one({"_id": 1}) == {"_id": 1}

        let_it_apply(atlas, seconds=0.0)
        atlas.settle()
        due_now(Job.ROTATE, grant)
        assert carry(Job.ROTATE, grant).done_at is not None

        with MongoClient[dict[str, Any]](way.reveal(grant).connection_string) as client:
            assert client.shop.orders.find_one({"_id": 1}) == {"_id": 1}
        assert events_of(grant)[-2:] == ["credential.rotated", "credential.revealed"]


class TestPath:
    def test_from_approved_to_gone(self, way: Way, atlas: Living) -> None:
        atlas.organisation.settings.apply_seconds = 60.0
        grant = way.approved()
        assert atlas.users == {}

        carry(Job.PROVISION, grant)

        waiting = fresh(grant)
        assert (waiting.state, waiting.opened_at is not None) == ("pending", True)
        assert Credential.objects.get().state == "none"
        let_it_apply(atlas, seconds=0.0)
        atlas.settle()
        live = way.provision(grant)
        assert live.state == "active"
        assert events_of(grant).count("grant.provisioning_started") == 1
        gates = {gate.gate: (gate.state, gate.evidence["open"]["proof"]) for gate in live.gates.all()}
        assert gates == dict.fromkeys(("network", "user", "roles"), ("open", "proved by read-back"))
        assert live.expires_at is not None
        said = datetime.fromisoformat(atlas.users[grant.username]["deleteAfterDate"])
        assert said == whole_seconds(live.expires_at)

        revealed = way.reveal(live)
        with MongoClient[dict[str, Any]](revealed.connection_string) as client:
            assert client.shop.orders.find_one({"_id": 1}) == {"_id": 1}
            with pytest.raises(OperationFailure) as refused:
                client.shop.orders.insert_one({})
            assert refused.value.code == 13

            grants.release(grant_id=grant.pk, holder=way.cast.alice, via=Via.API)
            carry(Job.REVOKE, grant)
            atlas.settle()
            gone = way.revoke(grant)
            with pytest.raises(OperationFailure) as ended:
                client.shop.orders.find_one()
            assert ended.value.code == 13

        assert gone.state == "revoked"
        assert "grant.attempt_failed" not in events_of(grant)
        assert (atlas.users, atlas.entries, atlas.project.custom_roles) == ({}, {}, {})
        assert not SharedObject.objects.exclude(kind="turn").exists()
        assert audit.verify().first_bad is None

    def test_what_somebody_widened_is_ended(self, way: Way, atlas: Living) -> None:
        grant = way.approved()
        way.provision(grant)
        atlas.settle()
        assert way.provision(grant).state == "active"
        with atlas.organisation.changing():
            user = atlas.project.database_users["admin", grant.username]
            user["roles"] = [{"roleName": "readWrite", "databaseName": "shop"}]
            atlas.project.changed()
        atlas.settle()

        reconcile_twice()

        assert fresh(grant).end_reason == "drift"
        carry(Job.REVOKE, grant)
        atlas.settle()
        assert way.revoke(grant).state == "revoked"
        assert (atlas.users, atlas.entries) == ({}, {})


def reconcile_twice() -> None:
    """Two looks, with a lease between them."""
    for _ in range(2):
        assert compare(SLUG).done_at is not None
        Suspicion.objects.update(first_seen_at="2020-01-01T00:00:00Z")
