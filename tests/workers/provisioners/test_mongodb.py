"""Guards the MongoDB provisioner on a real mongod: the contract, scopes, addresses, late calls and secrets."""

from __future__ import annotations

import dataclasses
import logging
import threading
import traceback
from collections.abc import Callable

import pytest

from accessrequests.domain import naming
from accessrequests.domain.lifecycle import GateName
from accessrequests.domain.privileges import Level, level_of
from tests.workers.provisioners.conftest import INSTALLATION, SHOP, Another, MakeSpec, give, stored_user
from tests.workers.provisioners.contract import ProvisionerContract
from tests.workers.provisioners.visitors import Client, Holder, code_of, connect, detour
from workers.provisioners.base import GrantSpec, Proof, ProvisionerError
from workers.provisioners.connection_record import ConnectionRecord
from workers.provisioners.mongodb.provisioner import MongoDBProvisioner

UNAUTHORIZED = 13
AUTHENTICATION_FAILED = 18
CANARY = "canary-of-the-holder-7Q"


def told_by(act: Callable[[GrantSpec], None], spec: GrantSpec) -> str:
    """All that an error reporter could send of the failure, local variables included."""
    with pytest.raises(ProvisionerError) as failure:
        act(spec)
    error = failure.value
    assert error.__context__ is None
    assert error.__traceback__ is not None
    inside = error.__traceback__.tb_next  # without this test's own variables
    told = traceback.TracebackException(type(error), error, inside, capture_locals=True)
    return "\n".join([str(error), repr(error), *told.format()])


class TestMongoDB(ProvisionerContract):
    """The contract, with the worker's account at exactly the rights that `check` names."""


class TestScope:
    def test_a_whole_database_is_that_database_only(
        self, provisioner: MongoDBProvisioner, make_spec: MakeSpec, visitor: Holder, root: Client
    ) -> None:
        spec = give(provisioner, make_spec())

        assert visitor.find(spec, database=SHOP, collection="orders") is None
        assert visitor.find(spec, database=SHOP, collection="customers") is None
        for look_alike in (SHOP.upper(), f"{SHOP}x", f"{SHOP}\u0455"):
            assert visitor.find(spec, database=look_alike, collection="orders") == UNAUTHORIZED
        assert visitor.find(spec, database="admin", collection="system.users") == UNAUTHORIZED
        with connect(visitor.host, spec) as client:
            assert code_of(lambda: client[SHOP].orders.insert_one({})) == UNAUTHORIZED

    def test_one_collection_is_that_collection_only(
        self, provisioner: MongoDBProvisioner, make_spec: MakeSpec, visitor: Holder
    ) -> None:
        spec = give(provisioner, make_spec(f"readWrite@{SHOP}.orders"))

        with connect(visitor.host, spec) as client:
            assert code_of(client[SHOP].orders.find_one) is None
            assert code_of(lambda: client[SHOP].orders.update_one({"_id": 7}, {"$inc": {"touched": 1}})) is None
            assert code_of(client[SHOP].customers.find_one) == UNAUTHORIZED
            assert code_of(lambda: client[SHOP].command("listCollections")) == UNAUTHORIZED
            assert code_of(lambda: client[SHOP].new.insert_one({})) == UNAUTHORIZED

    def test_single_actions_are_these_and_no_other(
        self, provisioner: MongoDBProvisioner, make_spec: MakeSpec, visitor: Holder
    ) -> None:
        spec = give(provisioner, make_spec(f"find,insert@{SHOP}.orders", f"collStats@{SHOP}"))

        with connect(visitor.host, spec) as client:
            assert code_of(client[SHOP].orders.find_one) is None
            assert code_of(lambda: client[SHOP].orders.insert_one({"_id": spec.username})) is None
            assert code_of(lambda: client[SHOP].orders.update_one({"_id": 7}, {"$set": {"x": 1}})) == UNAUTHORIZED
            assert code_of(lambda: client[SHOP].command("listIndexes", "orders")) == UNAUTHORIZED
            assert code_of(lambda: client[SHOP].command("collStats", "customers")) is None
            assert code_of(client[SHOP].customers.find_one) == UNAUTHORIZED
        assert provisioner.readiness(spec).exact
        provisioner.cut([spec])
        assert provisioner.clean(spec).facts["roles"] == 0

    def test_several_roles_and_collections_stay_apart(
        self, provisioner: MongoDBProvisioner, make_spec: MakeSpec, visitor: Holder, root: Client
    ) -> None:
        spec = give(provisioner, make_spec(f"read@{SHOP}.orders", f"readWrite@{SHOP}.customers"))

        with connect(visitor.host, spec) as client:
            assert code_of(client[SHOP].orders.find_one) is None
            assert code_of(lambda: client[SHOP].orders.update_one({"_id": 7}, {"$inc": {"touched": 1}})) == UNAUTHORIZED
            assert code_of(lambda: client[SHOP].customers.update_one({"_id": 7}, {"$set": {"seen": 1}})) is None
        provisioner.cut([spec])
        assert provisioner.clean(spec).facts["roles"] == 0
        assert root.admin["system.roles"].count_documents({"role": {"$regex": spec.username}}) == 0

    def test_a_role_of_ours_that_was_widened_is_seen_and_narrowed_again(
        self, provisioner: MongoDBProvisioner, make_spec: MakeSpec, visitor: Holder, root: Client
    ) -> None:
        spec = give(provisioner, make_spec(f"read@{SHOP}.orders"))
        role = naming.role_name_for(spec.username, ordinal=1)
        wide = {"resource": {"db": SHOP, "collection": ""}, "actions": ["find"]}
        root[SHOP].command("grantPrivilegesToRole", role, privileges=[wide])
        assert visitor.find(spec, database=SHOP, collection="customers") is None

        readiness = provisioner.readiness(spec)
        assert not readiness.exact
        assert readiness.evidence["differs"] == ["own_roles", "privileges"]

        provisioner.prepare(spec)
        provisioner.open(spec)
        assert provisioner.readiness(spec).exact
        assert visitor.find(spec, database=SHOP, collection="customers") == UNAUTHORIZED

    @pytest.mark.parametrize("more", [[{"role": "readWrite", "db": SHOP}], [{"role": "read", "db": "local"}], []])
    def test_other_roles_than_approved_are_not_exact(
        self, provisioner: MongoDBProvisioner, make_spec: MakeSpec, root: Client, more: list[dict[str, str]]
    ) -> None:
        spec = give(provisioner, make_spec())
        roles = [{"role": "read", "db": SHOP}, *more] if more else []

        root.admin.command("updateUser", spec.username, roles=roles)

        assert not provisioner.readiness(spec).exact

    def test_a_customers_role_that_was_widened_since_the_approval_is_not_exact(
        self, provisioner: MongoDBProvisioner, root: Client
    ) -> None:
        name = f"{INSTALLATION}-reporting"
        narrow = {"resource": {"db": SHOP, "collection": "orders"}, "actions": ["find"]}
        root[SHOP].command("createRole", name, privileges=[narrow], roles=[])
        spec = give(provisioner, MakeSpec(provisioner.read_inventory())(f"{name}@{SHOP}"))

        wide = {"resource": {"db": SHOP, "collection": "customers"}, "actions": ["find"]}
        root[SHOP].command("grantPrivilegesToRole", name, privileges=[wide])

        assert provisioner.readiness(spec).evidence["differs"] == ["privileges"]

    def test_a_role_that_is_gone_gives_nothing(
        self, provisioner: MongoDBProvisioner, make_spec: MakeSpec, visitor: Holder
    ) -> None:
        spec = make_spec()
        gone = dataclasses.replace(spec.roles[0], name="reporting")
        spec = dataclasses.replace(spec, roles=(*spec.roles, gone))
        provisioner.prepare(spec)

        with pytest.raises(ProvisionerError) as failure:
            provisioner.open(spec)

        assert failure.value.permanent
        assert not visitor.can_work(spec)

    def test_power_over_everything_is_never_read_as_less(self, provisioner: MongoDBProvisioner) -> None:
        roles = provisioner.read_inventory().roles

        assert level_of(roles[f"read@{SHOP}"]) is Level.READ
        assert level_of(roles[f"readWrite@{SHOP}"]) is Level.WRITE
        for name in ("root@admin", "__system@admin", f"dbOwner@{SHOP}", f"userAdmin@{SHOP}", "restore@admin"):
            assert level_of(roles[name]) is Level.DELEGATING, name

    def test_knows_the_login_that_it_works_with(
        self, provisioner: MongoDBProvisioner, record: ConnectionRecord
    ) -> None:
        own = [one.name for one in provisioner.read_inventory().others if one.is_own]

        assert own == [f"{record.username}@admin"]


class TestAddresses:
    def test_gets_ready_though_the_worker_comes_from_elsewhere(
        self, provisioner: MongoDBProvisioner, make_spec: MakeSpec, visitor: Holder, root: Client
    ) -> None:
        spec = give(provisioner, make_spec(sources=("127.0.0.2/32",)))

        assert provisioner.readiness(spec).gates[GateName.NETWORK] is Proof.READ_BACK
        assert visitor.login(spec) == AUTHENTICATION_FAILED
        with detour(visitor.host, source="127.0.0.2") as way_round:
            assert Holder(way_round).can_work(spec)
        with detour(visitor.host, source="127.0.0.3") as wrong_way:
            assert Holder(wrong_way).login(spec) == AUTHENTICATION_FAILED
        stored = stored_user(root, spec.username)
        assert stored is not None
        assert stored["authenticationRestrictions"] == [{"clientSource": ["127.0.0.2/32"]}]

    def test_before_it_is_open_only_the_worker_may_log_in(
        self, provisioner: MongoDBProvisioner, make_spec: MakeSpec, visitor: Holder
    ) -> None:
        spec = make_spec(sources=("127.0.0.2/32",))
        provisioner.prepare(spec)

        with detour(visitor.host, source="127.0.0.2") as way_round:
            assert Holder(way_round).login(spec) == AUTHENTICATION_FAILED

    def test_another_restriction_than_approved_is_not_ready(
        self, provisioner: MongoDBProvisioner, make_spec: MakeSpec, root: Client
    ) -> None:
        spec = give(provisioner, make_spec(sources=("10.0.0.0/8", "192.168.1.5")))

        for other in ([], [{"clientSource": ["10.0.0.0/7"]}], [{"serverAddress": ["127.0.0.1"]}]):
            root.admin.command("updateUser", spec.username, authenticationRestrictions=other)
            assert provisioner.readiness(spec).gates[GateName.NETWORK] is Proof.NOT_YET

    def test_cut_lets_nobody_in_from_anywhere(
        self, provisioner: MongoDBProvisioner, make_spec: MakeSpec, visitor: Holder
    ) -> None:
        spec = give(provisioner, make_spec())

        provisioner.cut([spec])

        assert visitor.login(spec) == AUTHENTICATION_FAILED


class TestLateCalls:
    def test_a_late_command_of_ours_after_the_drop_gives_nothing_back(
        self, provisioner: MongoDBProvisioner, make_spec: MakeSpec, visitor: Holder
    ) -> None:
        """The command that opens, sent by hand without the look before it: what a stopped worker would send."""
        spec = give(provisioner, make_spec())
        provisioner.cut([spec])
        provisioner.clean(spec)

        roles = [{"role": "read", "db": SHOP}]
        refused = code_of(lambda: provisioner._servers.main.admin.command("updateUser", spec.username, roles=roles))

        assert refused == 11
        assert not visitor.can_log_in(spec)

    def test_two_attempts_at_once_make_one_user(
        self, provisioner: MongoDBProvisioner, make_spec: MakeSpec, visitor: Holder
    ) -> None:
        spec = make_spec(f"read@{SHOP}.orders")
        failures: list[Exception] = []

        def attempt() -> None:
            try:
                provisioner.prepare(spec)
            except ProvisionerError as error:
                failures.append(error)

        attempts = [threading.Thread(target=attempt) for _ in range(4)]
        for thread in attempts:
            thread.start()
        for thread in attempts:
            thread.join()
        provisioner.prepare(spec)
        provisioner.open(spec)

        assert [failure for failure in failures if getattr(failure, "permanent", True)] == []
        assert visitor.can_work(spec)


class TestSecrets:
    @pytest.mark.parametrize("password", ["p@:/%#?&=+ \\'\"$", "пароль-密码-ü", "x" * 128, "%2F..{}[]<>|`^~"])
    def test_takes_any_password(
        self, provisioner: MongoDBProvisioner, make_spec: MakeSpec, visitor: Holder, password: str
    ) -> None:
        spec = give(provisioner, make_spec(password=password))

        assert visitor.can_work(spec)

    def test_no_password_in_any_log_of_a_whole_life(
        self, provisioner: MongoDBProvisioner, make_spec: MakeSpec, caplog: pytest.LogCaptureFixture
    ) -> None:
        for logger in ("", "pymongo"):
            caplog.set_level(logging.DEBUG, logger=logger)
        spec = give(provisioner, make_spec(password=CANARY))
        provisioner.rotate(dataclasses.replace(spec, password=f"{CANARY}-again"))
        provisioner.cut([spec])
        provisioner.clean(spec)

        everything = "\n".join([caplog.text, *(repr(vars(line)) for line in caplog.records)])
        assert "updateUser" in everything
        assert CANARY not in everything

    def test_no_password_in_any_error_text_frame_or_log(
        self, provisioner: MongoDBProvisioner, another: Another, make_spec: MakeSpec, caplog: pytest.LogCaptureFixture
    ) -> None:
        for logger in ("", "pymongo"):
            caplog.set_level(logging.DEBUG, logger=logger)
        away, stranger = another(hosts=("127.0.0.1:1",)), another(username="nobody", password=CANARY)
        shown = [repr(away), repr(away._servers._record)]
        for password in (CANARY, f"{CANARY}\ud800", f"{CANARY}\u0007", f"{CANARY}\x00"):
            spec = make_spec(password=password)
            shown += [repr(spec), told_by(provisioner.open, spec), told_by(provisioner.rotate, spec)]
            shown.append(told_by(provisioner.prepare, spec) if password != CANARY else "")
        taken = make_spec(password=CANARY)
        stored = dataclasses.replace(taken, password="theirs")
        provisioner.prepare(stored)
        provisioner._servers.main.admin.command("updateUser", taken.username, customData={})
        shown += [
            told_by(act, taken) for act in (provisioner.prepare, provisioner.open, stranger.prepare, away.prepare)
        ]

        everything = "\n".join([*shown, caplog.text, *(repr(vars(line)) for line in caplog.records)])
        assert "createUser" in everything
        assert CANARY not in everything


class TestFailures:
    def test_a_target_that_does_not_answer_is_unreachable_and_soon_so(
        self, another: Another, make_spec: MakeSpec
    ) -> None:
        with pytest.raises(ProvisionerError) as failure:
            another(hosts=("127.0.0.1:1",)).cut([make_spec()])

        assert failure.value.unreachable
        assert not failure.value.permanent

    def test_a_login_that_is_refused_says_where_to_look(self, another: Another, make_spec: MakeSpec) -> None:
        with pytest.raises(ProvisionerError, match="Check the account in the worker's connection record"):
            another(password="wrong").prepare(make_spec())

    @pytest.mark.parametrize("change", ["username", "password", "roles", "authentication"])
    def test_refuses_what_it_cannot_make(
        self, provisioner: MongoDBProvisioner, make_spec: MakeSpec, root: Client, change: str
    ) -> None:
        values = {"username": "root", "password": "", "roles": (), "authentication": "x509"}
        spec = dataclasses.replace(make_spec(), **{change: values[change]})  # type: ignore[arg-type]
        before = stored_user(root, "root"), stored_user(root, spec.username)

        with pytest.raises(ProvisionerError) as failure:
            provisioner.prepare(spec)

        assert failure.value.permanent
        assert (stored_user(root, "root"), stored_user(root, spec.username)) == before


class TestCheck:
    def test_warns_of_too_many_rights(self, another: Another, root: Client) -> None:
        name = f"{INSTALLATION}-mighty"
        root.admin.command("createUser", name, pwd="mighty", roles=["root"], mechanisms=["SCRAM-SHA-256"])

        health = another(username=name, password="mighty").check()

        assert health.ok
        assert "more than it needs" in health.warnings[0]

    def test_names_missing_rights(self, another: Another, root: Client) -> None:
        name = f"{INSTALLATION}-weak"
        root.admin.command("createUser", name, pwd="weak", roles=["clusterMonitor"], mechanisms=["SCRAM-SHA-256"])

        health = another(username=name, password="weak").check()

        assert not health.ok
        assert "createUser" in health.warnings[0]
        assert "killAnySession" in health.warnings[0]

    def test_measures_the_clock_against_ours(self, another: Another) -> None:
        health = another(wall_clock=lambda: 0.0).check()

        assert health.clock_skew > 1_000_000
        assert "clock" in health.warnings[0]
