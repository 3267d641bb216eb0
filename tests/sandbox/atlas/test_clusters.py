"""What the stand-in shows of clusters, and PENDING before APPLIED, on a real mongod too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from sandbox.atlas.mongods import Deployer
from sandbox.servers import Mongod
from tests.sandbox.atlas.api import USER, Api, Json, check_refused
from tests.sandbox.atlas.behind import Behind, eventually

ORDERS = "/clusters/orders"


class TestStatus:
    def test_is_pending_from_a_change_until_the_clusters_have_it(self, api: Api) -> None:
        api.settle()
        applied = api.get(f"{ORDERS}/status")
        link = f"{api.server.origin}/api/atlas/v2/groups/{api.project.id}{ORDERS}/status"
        assert applied == {"changeStatus": "APPLIED", "links": [{"href": link, "rel": "self"}]}
        api.add_user()
        assert api.get(f"{ORDERS}/status")["changeStatus"] == "PENDING"
        api.settle()
        api.delete("/databaseUsers/admin/jdoe")
        assert api.get(f"{ORDERS}/status")["changeStatus"] == "PENDING"

    def test_a_stream_of_changes_puts_none_of_them_off(self, api: Api) -> None:
        """The deployer waits from the first change that the clusters do not have."""
        api.settle()
        api.later(seconds=10)
        first = api.now.timestamp()
        api.add_user()
        api.later(seconds=1)
        api.add_user(username="second")
        assert api.project.changed_at == first
        api.settle()
        api.later(seconds=1)
        api.add_user(username="third")
        assert api.project.changed_at == api.now.timestamp()

    def test_of_an_unknown_cluster_is_not_found(self, api: Api) -> None:
        for path in ("/clusters/none", "/clusters/none/status"):
            check_refused(api.call("GET", path), 404, "CLUSTER_NOT_FOUND", "none", api.project.id)


class TestShow:
    def test_shows_how_to_reach_it(self, api: Api) -> None:
        cluster = api.get(ORDERS)
        assert cluster["connectionStrings"] == {
            "standard": "mongodb://127.0.0.1:27017/?replicaSet=rs0&authSource=admin"
        }
        assert cluster.items() >= {"name": "orders", "paused": False, "stateName": "IDLE"}.items()
        assert "numShards" not in cluster["replicationSpecs"][0]

    def test_shows_no_way_to_one_that_is_paused(self, api: Api) -> None:
        assert api.get("/clusters/reports").items() >= {"paused": True, "connectionStrings": {}}.items()
        assert [each["id"] for each in api.get("/processes")["results"]] == ["127.0.0.1:27017"]

    def test_never_shows_how_the_stand_in_gets_in(self, api: Api) -> None:
        api.project.clusters["orders"].admin_uri = "mongodb://root:secret@127.0.0.1"
        assert "secret" not in api.call("GET", "/clusters").text

    @pytest.mark.parametrize(
        ("accept", "version", "older"),
        [("2023-01-01", "2023-01-01", True), ("2024-05-30", "2023-02-01", True), ("2025-03-12", "2024-08-05", False)],
    )
    def test_shows_it_as_the_asked_version_does(self, api: Api, accept: str, version: str, older: bool) -> None:
        api.accept = f"application/vnd.atlas.{accept}+json"
        answer = api.call("GET", "/clusters")
        assert answer.headers["Content-Type"] == f"application/vnd.atlas.{version}+json;charset=utf-8"
        assert ("diskSizeGB" in answer.json()["results"][0]) is older
        assert ("Deprecation" in answer.headers) is older


@pytest.fixture
def real(api: Api, behind: Behind) -> Iterator[Mongod]:
    """The cluster `orders` is a mongod, and the clock is the machine's."""
    mongod = behind.mongods["main"]
    with api.organisation.lock:
        api.project.clusters["orders"].hosts = [mongod.host]
        api.project.clusters["orders"].admin_uri = mongod.uri()
        del api.project.clusters["reports"]
        api.organisation.clock = partial(datetime.now, UTC)
    api.organisation.settings.change({"apply_seconds": 0.5, "active_seconds": 0.5})
    deployer = Deployer(organisation=api.organisation, project=api.project)
    deployer.start()
    yield mongod
    deployer.end()
    deployer.join()


def test_on_a_real_mongod_nothing_works_while_pending_and_all_once_applied_and_active(api: Api, real: Mongod) -> None:
    def can_read() -> bool:
        with MongoClient[Json](real.uri("jdoe", str(USER["password"]))) as client, suppress(OperationFailure):
            return client.shop.orders.find_one() is not None
        return False

    api.post("/accessList", [{"ipAddress": "127.0.0.1"}])
    api.add_user()
    assert api.get(f"{ORDERS}/status")["changeStatus"] == "PENDING"
    assert api.get("/accessList/127.0.0.1/status") == {"STATUS": "PENDING"}
    assert not can_read()
    assert eventually(lambda: api.get(f"{ORDERS}/status")["changeStatus"] == "APPLIED")
    assert eventually(lambda: api.get("/accessList/127.0.0.1/status") == {"STATUS": "ACTIVE"})
    assert can_read()
    assert api.delete("/databaseUsers/admin/jdoe").status_code == 204
    assert api.get(f"{ORDERS}/status")["changeStatus"] == "PENDING"
    assert eventually(lambda: api.get(f"{ORDERS}/status")["changeStatus"] == "APPLIED")
    assert not can_read()
