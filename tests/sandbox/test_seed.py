"""Guards the demo data: a shop that fits together, the same every time, and a worker's user with no right too many."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
import yaml
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from accessrequests.domain.rules import parse
from sandbox import catalogue
from sandbox.bare_mongo import BareClient, BareError
from sandbox.seed import SIZES, WORKER_USER, seed_shop, seed_target
from sandbox.servers import Mongod, scratch_directory
from sandbox.stand_in import StandIn
from workers.provisioners.connection_record import AtlasRecord, ConnectionRecord, parse_record
from workers.provisioners.mongodb.provisioner import MongoDBProvisioner
from workers.provisioners.tag import Tagger

Document = dict[str, Any]


@pytest.fixture(scope="module")
def mongod() -> Iterator[Mongod]:
    with scratch_directory() as directory:
        mongod = Mongod(directory / "mongod")
        mongod.start()
        seed_target(root_uri=mongod.uri(), slug="shop-dev", worker_password="worker's", app_password="shop's")
        yield mongod
        mongod.remove()


@pytest.fixture
def root(mongod: Mongod) -> Iterator[MongoClient[Document]]:
    with MongoClient[Document](mongod.uri()) as client:
        yield client


class TestShop:
    def test_fits_together(self, root: MongoClient[Document]) -> None:
        shop = root.shop
        assert shop.orders.count_documents({}) == SIZES["shop-dev"].orders
        customers = set(shop.customers.distinct("_id"))
        totals = {order["_id"]: order["total_cents"] for order in shop.orders.find()}
        assert {order["customer_id"] for order in shop.orders.find()} <= customers
        assert 0 < shop.payments.count_documents({}) < len(totals)
        assert all(payment["amount_cents"] == totals[payment["order_id"]] for payment in shop.payments.find())
        assert all("@" in customer["email"] for customer in shop.customers.find())

    def test_is_the_same_every_time(self, root: MongoClient[Document]) -> None:
        again = root.get_database("again")
        seed_shop(again, size=SIZES["shop-dev"], chance=Random("shop of shop-dev"))
        for name in ("products", "customers", "orders", "payments"):
            assert list(again[name].find().sort("_id")) == list(root.shop[name].find().sort("_id"))
        root.drop_database("again")

    def test_has_tens_of_thousands_of_documents_in_production(self) -> None:
        size = SIZES["shop-prod"]
        assert size.products + size.customers + size.orders > 20_000


class TestWorkerUser:
    @pytest.fixture
    def worker(self, mongod: Mongod) -> Iterator[MongoClient[Document]]:
        with MongoClient[Document](mongod.uri(WORKER_USER, "worker's")) as client:
            yield client

    @pytest.mark.parametrize("collection", ["orders", "customers", "payments"])
    def test_reads_and_writes_no_data(self, worker: MongoClient[Document], collection: str) -> None:
        for attempt in (
            worker.shop[collection].find_one,
            lambda: worker.shop[collection].insert_one({}),
            worker.shop[collection].drop,
        ):
            with pytest.raises(OperationFailure) as refusal:
                attempt()
            assert refusal.value.code == 13

    def test_has_no_right_too_few_and_none_too_many(self, mongod: Mongod) -> None:
        record = ConnectionRecord(
            slug="shop-dev",
            kind="mongodb",
            hosts=(mongod.host,),
            username=WORKER_USER,
            password="worker's",
            options={"replicaSet": "rs0"},
            tls=False,
        )
        tagger = Tagger(installation="tests", target="shop-dev", key=bytes(32))
        provisioner = MongoDBProvisioner(record=record, tagger=tagger)
        assert provisioner.check().warnings == ()
        provisioner.close()

    def test_makes_and_ends_users(self, worker: MongoClient[Document], mongod: Mongod) -> None:
        admin = worker.admin
        admin.command("createUser", "made", pwd="made", roles=[], mechanisms=["SCRAM-SHA-256"], customData={"a": 1})
        admin.command("grantRolesToUser", "made", roles=[{"role": "read", "db": "shop"}])
        with MongoClient[Document](mongod.uri("made", "made")) as made:
            assert made.shop.orders.find_one() is not None
            admin.command("updateUser", "made", roles=[])
            admin.command("killAllSessions", [{"user": "made", "db": "admin"}])
            admin.command("dropUser", "made")
            with pytest.raises(OperationFailure):
                made.shop.orders.find_one()

    def test_looks_at_what_the_inventory_needs(self, worker: MongoClient[Document]) -> None:
        assert "shop" in worker.list_database_names()
        assert {entry["name"] for entry in worker.shop.list_collections()} >= {"orders", "payments"}
        assert worker.shop.command("collStats", "orders")["count"] == SIZES["shop-dev"].orders
        roles = worker.shop.command("rolesInfo", 1, showPrivileges=True, showBuiltinRoles=True)["roles"]
        assert {"read", "readWrite", "supportDesk"} <= {role["role"] for role in roles}
        assert worker.admin.command("replSetGetConfig")["config"]["members"]


class TestBareClient:
    def test_sends_no_session(self, mongod: Mongod, root: MongoClient[Document]) -> None:
        client = BareClient(host=mongod.host, username="shop-app", password="shop's")
        answer = client.command("shop", {"find": "orders", "filter": {}, "limit": 2})
        assert len(answer["cursor"]["firstBatch"]) == 2
        with pytest.raises(BareError) as refusal:
            client.command("admin", {"usersInfo": 1})
        assert refusal.value.code == 13
        sessions = list(
            root.admin.aggregate([{"$listLocalSessions": {"users": [{"user": "shop-app", "db": "admin"}]}}])
        )
        assert sessions == []
        client.close()

    def test_is_refused_with_a_wrong_password(self, mongod: Mongod) -> None:
        with pytest.raises(BareError):
            BareClient(host=mongod.host, username="shop-app", password="wrong")


class TestFiles:
    HOSTS = dict.fromkeys(catalogue.TARGETS, "127.0.0.1:27017")

    def test_the_policy_is_one(self) -> None:
        rules = parse(yaml.safe_load(yaml.safe_dump(catalogue.policy_document())))
        assert {rule.name for rule in rules.rules} >= {"development", "production-read"}

    def test_the_connection_records_are_what_workers_take(self, tmp_path: Any) -> None:
        passwords = dict.fromkeys(catalogue.TARGETS, "secret")
        document = catalogue.connections_document(self.HOSTS, username="u", passwords=passwords)
        for slug, raw in document["targets"].items():
            record = parse_record(slug=slug, raw=raw, directory=tmp_path, plain_text_allowed=True)
            assert isinstance(record, ConnectionRecord)
            assert record.password == "secret"

    def test_the_projects_of_atlas_are_what_workers_take(self, tmp_path: Any) -> None:
        atlas = StandIn(tmp_path).connections()
        passwords = dict.fromkeys(catalogue.TARGETS, "secret")
        document = catalogue.connections_document(self.HOSTS, username="u", passwords=passwords, atlas=atlas)
        owned, projects = set(), set()
        for slug in catalogue.ATLAS_TARGETS:
            raw = document["targets"][slug]
            record = parse_record(slug=slug, raw=raw, directory=tmp_path, plain_text_allowed=True)
            assert isinstance(record, AtlasRecord)
            projects.add(record.project_id)
            owned |= {slug} if record.owner else set()
        assert owned == {"ecommerce-dev"}
        assert len(projects) == len(catalogue.ATLAS_TARGETS)

    def test_everybody_is_where_the_contract_puts_them(self) -> None:
        people = catalogue.people_document()["people"]
        assert people["mallory"]["groups"] == []
        assert people["frank"]["groups"] == ["engineering", "on-call"]
        assert people["grace"]["groups"] == ["engineering", "data-owners"]
        assert {entry["email"] for entry in people.values()} == {f"{name}@example.com" for name in catalogue.NAMES}
