"""Guards extra roles for a standing user on a real mongod: exactly what was added is taken, and nothing else of theirs ends."""

from __future__ import annotations

import dataclasses
import os
import random
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from accessrequests.models import Grant, SharedObject
from tests import make
from tests.make import Cast
from tests.servers import PROCESS
from tests.workers.mortal import MortalLedger, revive, until_done
from tests.workers.provisioners.conftest import INSTALLATION, SHOP, MakeSpec
from tests.workers.provisioners.visitors import Client
from workers.ledger import PostgresLedger
from workers.provisioners.base import GrantSpec, Proof, ProvisionerError
from workers.provisioners.mongodb.extra_roles import ExtraRoles
from workers.provisioners.mongodb.provisioner import MongoDBProvisioner
from workers.provisioners.tag import Tagger

UNAUTHORIZED = 13
INTERRUPTED = 11601
NAME = f"reporting-{PROCESS}"
PRINCIPAL = f"{NAME}@admin"
PASSWORD = secrets.token_urlsafe(12)
OWN = f"own_{PROCESS}"
BASELINE = {("read", OWN)}
ROUNDS = int(os.environ.get("ACCESS_TEST_ROUNDS", "3"))


@pytest.fixture
def user(root: Client) -> Iterator[str]:
    """A user that the product did not make."""
    roles = [{"role": name, "db": database} for name, database in BASELINE]
    root.admin.command("createUser", NAME, pwd=PASSWORD, roles=roles, mechanisms=["SCRAM-SHA-256"])
    root[OWN].numbers.insert_many([{"_id": number} for number in range(50)])
    yield PRINCIPAL
    root.drop_database(OWN)
    for found in root.admin.command("usersInfo", NAME)["users"]:
        root.admin.command("dropUser", found["user"])


@pytest.fixture
def extra(provisioner: MongoDBProvisioner, tagger: Tagger, db: None) -> ExtraRoles:
    return ExtraRoles(servers=provisioner.servers, tagger=tagger, ledger=PostgresLedger("shop-prod"))


MakeExtra = Callable[..., GrantSpec]


@pytest.fixture
def make_extra(cast: Cast, make_spec: MakeSpec, user: str) -> MakeExtra:
    """The grant's row is there for the ledger; its name is of the target of this test."""

    def make_one(*roles: str, **said: Any) -> GrantSpec:
        grant = make.active_grant(cast.alice, cast.bob)
        username = f"jit-{INSTALLATION}-alice-{grant.pk}"
        spec = make_spec(*roles or (f"read@{SHOP}",))
        changes = {"kind": "role_grant", "grant_id": grant.pk, "username": username, "principal": user, "password": ""}
        return dataclasses.replace(spec, **{**changes, "since": make.now(), **said})

    return make_one


def roles_of(root: Client) -> set[tuple[str, str]]:
    (found,) = root.admin.command("usersInfo", NAME)["users"]
    return {(role["role"], role["db"]) for role in found["roles"]}


def give(extra: ExtraRoles, spec: GrantSpec) -> GrantSpec:
    extra.prepare(spec)
    extra.open(spec)
    assert extra.readiness(spec).usable
    return spec


def end(extra: ExtraRoles, spec: GrantSpec) -> None:
    Grant.objects.filter(pk=spec.grant_id).update(
        state="revoking", end_reason="expiry", revocation_started_at=make.now()
    )
    assert extra.cut(spec).done
    assert extra.clean(spec).done


def login(host: str) -> MongoClient[dict[str, Any]]:
    return MongoClient(f"mongodb://{NAME}:{PASSWORD}@{host}/?directConnection=true", serverSelectionTimeoutMS=3000)


class TestOneGrant:
    def test_the_person_goes_on_with_their_own_login_and_loses_what_was_added(
        self, extra: ExtraRoles, make_extra: MakeExtra, root: Client, host: str
    ) -> None:
        with login(host) as client:
            with pytest.raises(OperationFailure) as refused:
                client[SHOP].orders.find_one()
            assert refused.value.code == UNAUTHORIZED

            spec = give(extra, make_extra())
            assert client[SHOP].orders.find_one() is not None

            end(extra, spec)
            with pytest.raises(OperationFailure) as refused:
                client[SHOP].orders.find_one()
            assert refused.value.code == UNAUTHORIZED
            assert client[OWN].numbers.count_documents({}) == 50
        assert roles_of(root) == BASELINE
        assert not SharedObject.objects.exists()

    def test_gives_nothing_before_it_is_opened(self, extra: ExtraRoles, make_extra: MakeExtra, root: Client) -> None:
        spec = make_extra()

        extra.prepare(spec)

        assert roles_of(root) == BASELINE
        assert SharedObject.objects.get().baseline == {"roles": [["read", OWN]]}
        assert not extra.readiness(spec).usable

    def test_a_collection_is_a_role_of_our_own_that_goes(
        self, extra: ExtraRoles, make_extra: MakeExtra, root: Client, host: str
    ) -> None:
        spec = give(extra, make_extra(f"read@{SHOP}.orders"))

        with login(host) as client:
            assert client[SHOP].orders.find_one() is not None
            with pytest.raises(OperationFailure) as refused:
                client[SHOP].customers.find_one()
        assert refused.value.code == UNAUTHORIZED

        end(extra, spec)
        assert roles_of(root) == BASELINE
        assert root.admin["system.roles"].count_documents({"role": {"$regex": f"^{spec.username}-r"}}) == 0

    def test_a_role_that_the_user_had_stays(self, extra: ExtraRoles, make_extra: MakeExtra, root: Client) -> None:
        spec = give(extra, make_extra(f"read@{SHOP}"))
        root.admin.command("grantRolesToUser", NAME, roles=[{"role": "dbAdmin", "db": SHOP}])
        end(extra, spec)
        assert roles_of(root) == BASELINE | {("dbAdmin", SHOP)}

        end(extra, give(extra, make_extra(f"dbAdmin@{SHOP}")))
        assert roles_of(root) == BASELINE | {("dbAdmin", SHOP)}

    def test_fails_for_good_when_the_user_is_gone_and_makes_none(
        self, extra: ExtraRoles, make_extra: MakeExtra, root: Client
    ) -> None:
        spec = make_extra()
        extra.prepare(spec)
        root.admin.command("dropUser", NAME)

        with pytest.raises(ProvisionerError) as failure:
            extra.open(spec)

        assert failure.value.permanent
        assert root.admin.command("usersInfo", NAME)["users"] == []
        end(extra, spec)

    def test_is_not_for_temporary_users_of_ours(
        self, extra: ExtraRoles, make_extra: MakeExtra, provisioner: MongoDBProvisioner, make_spec: MakeSpec
    ) -> None:
        temporary = make_spec()
        provisioner.prepare(temporary)

        with pytest.raises(ProvisionerError, match="temporary one of ours") as failure:
            extra.prepare(make_extra(principal=f"{temporary.username}@admin"))

        assert failure.value.permanent
        provisioner.clean(temporary)

    def test_says_what_somebody_has_taken_away(self, extra: ExtraRoles, make_extra: MakeExtra, root: Client) -> None:
        spec = give(extra, make_extra())
        root.admin.command("revokeRolesFromUser", NAME, roles=[{"role": "read", "db": SHOP}])

        readiness = extra.readiness(spec)

        assert not readiness.exact
        assert Proof.NOT_YET in readiness.gates.values()
        assert readiness.evidence["differs"] == ["roles"]


class TestWhatRuns:
    def _slow(self, host: str, database: str, collection: str, outcomes: dict[str, object]) -> threading.Thread:
        def look() -> None:
            with login(host) as client:
                try:
                    client[database][collection].find_one({"$where": "sleep(200) || false"})
                    outcomes[database] = None
                except OperationFailure as error:
                    outcomes[database] = error.code

        thread = threading.Thread(target=look)
        thread.start()
        return thread

    @pytest.mark.parametrize("ends_running", [True, False])
    def test_ends_what_needs_the_role_and_nothing_else_of_the_user(
        self, extra: ExtraRoles, make_extra: MakeExtra, root: Client, host: str, ends_running: bool
    ) -> None:
        spec = give(extra, make_extra(ends_running=ends_running))
        outcomes: dict[str, object] = {}
        threads = [self._slow(host, SHOP, "orders", outcomes), self._slow(host, OWN, "numbers", outcomes)]
        mine = {"effectiveUsers.user": NAME, "op": "query"}
        deadline = time.monotonic() + 5
        while len(list(root.admin.aggregate([{"$currentOp": {"allUsers": True}}, {"$match": mine}]))) < 2:
            assert time.monotonic() < deadline
            time.sleep(0.01)

        end(extra, spec)
        still = [
            one["ns"]
            for one in root.admin.aggregate([{"$currentOp": {"allUsers": True}}, {"$match": mine}])
            if not one.get("killPending")
        ]

        assert f"{OWN}.numbers" in still
        assert (f"{SHOP}.orders" in still) is not ends_running
        for operation in root.admin.aggregate([{"$currentOp": {"allUsers": True}}, {"$match": mine}]):
            root.admin.command("killOp", op=operation["opid"])
        for thread in threads:
            thread.join(20)
        assert outcomes[SHOP] == INTERRUPTED

    def test_what_a_transaction_wrote_with_the_role_can_no_more_be_committed(
        self, extra: ExtraRoles, make_extra: MakeExtra, root: Client, host: str
    ) -> None:
        spec = give(extra, make_extra(f"readWrite@{SHOP}"))
        with login(host) as client, client.start_session() as session:
            session.start_transaction()
            client[SHOP].orders.insert_one({"_id": "late"}, session=session)

            end(extra, spec)

            with pytest.raises(OperationFailure):
                session.commit_transaction()
        assert root[SHOP].orders.find_one({"_id": "late"}) is None


class TestOverlaps:
    def test_the_last_end_leaves_what_was_there_whoever_dies_on_the_way(
        self, extra: ExtraRoles, make_extra: MakeExtra, root: Client
    ) -> None:
        seed = random.randrange(10**9)
        chance = random.Random(seed)
        on_offer = (f"read@{SHOP}", f"readWrite@{SHOP}", f"read@{SHOP}.orders", f"dbAdmin@{SHOP}")
        specs = [make_extra(*chance.sample(on_offer, chance.randint(1, 2))) for _ in range(3)]
        for number in range(ROUNDS):
            revive([spec.grant_id for spec in specs])
            mortal = dataclasses.replace(extra, ledger=MortalLedger(PostgresLedger("shop-prod"), chance))
            lives = chance.sample([*specs, *specs], 6)
            begun: set[int] = set()
            for spec in lives:
                step = end if spec.grant_id in begun else give
                begun.add(spec.grant_id)
                until_done(partial(step, mortal, spec))

            assert roles_of(root) == BASELINE, f"round {number} of seed {seed}"
            assert not SharedObject.objects.exists(), f"round {number} of seed {seed}"
