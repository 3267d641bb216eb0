"""Guards the stand-in's own end of temporary access: late, with an event, and real on the clusters."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from pymongo.errors import OperationFailure

from sandbox.atlas.access_list import put_entries
from sandbox.atlas.database_users import add
from sandbox.atlas.organisation import SNAPSHOT, Organisation, new_id
from sandbox.atlas.project import Project
from sandbox.atlas.purge import Purge, purge
from tests.sandbox.atlas.behind import PASSWORD, Behind, await_applied, eventually

USER = {
    "databaseName": "admin",
    "username": "temporary",
    "password": PASSWORD,
    "roles": [{"roleName": "read", "databaseName": "shop"}],
}


class Clock:
    """The stand-in's time, as a test wants it."""

    def __init__(self, organisation: Organisation) -> None:
        self.now = organisation.now()
        organisation.clock = lambda: self.now

    def in_seconds(self, seconds: float) -> str:
        return (self.now + timedelta(seconds=seconds)).isoformat()

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def test_what_has_expired_goes_after_the_lag_and_leaves_events(tmp_path: Path) -> None:
    organisation = Organisation(name="Tests", directory=tmp_path)
    project = organisation.add_project(Project(id=new_id(), name="tests", created_at=0.0))
    organisation.settings.purge_lag_seconds = 30
    clock = Clock(organisation)
    add(organisation, project, {**USER, "deleteAfterDate": clock.in_seconds(60)})
    add(organisation, project, {**USER, "username": "permanent"})
    put_entries(organisation, project, [{"ipAddress": "192.0.2.1", "deleteAfterDate": clock.in_seconds(60)}])
    put_entries(organisation, project, [{"cidrBlock": "192.0.2.8/29"}])
    clock.advance(80)
    purge(organisation)
    assert len(project.database_users) == len(project.access_list) == 2
    assert not (tmp_path / SNAPSHOT).exists()
    clock.advance(11)
    purge(organisation)
    assert list(project.database_users) == [("admin", "permanent")]
    assert ("admin", "temporary") not in project.passwords
    assert list(project.access_list) == ["192.0.2.8/29"]
    assert (tmp_path / SNAPSHOT).exists()
    events = [
        (each["eventTypeName"], each.get("dbUserUsername"), each.get("whitelistEntry")) for each in project.events
    ]
    assert events == [
        ("MONGODB_USER_DELETED", "temporary", None),
        ("NETWORK_PERMISSION_ENTRY_REMOVED", None, "192.0.2.1/32"),
    ]
    assert not any("publicKey" in each for each in project.events)


def test_access_really_ends_without_anybody_calling(behind: Behind) -> None:
    with behind.project() as (organisation, project):
        organisation.settings.purge_lag_seconds = 0.0
        with organisation.changing():
            date = (organisation.now() + timedelta(seconds=2)).isoformat()
            add(organisation, project, {**USER, "deleteAfterDate": date})
            project.changed()
        await_applied(organisation, project)
        thread = Purge(organisation)
        thread.start()
        with behind.login("main", "temporary") as client:
            assert client.shop.orders.find_one()
            assert eventually(lambda: not project.database_users)
            await_applied(organisation, project)
            with pytest.raises(OperationFailure) as refused:
                client.shop.orders.find_one()
        thread.end()
        thread.join()
    assert refused.value.code == 13
