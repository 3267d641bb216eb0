"""Guards the end of a MongoDB grant: whatever its holder left running ends, on every member, and locks are let go."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError
from typing_extensions import override

from sandbox.servers import Mongod, scratch_directory, start_all
from tests.workers.provisioners.conftest import SHOP, MakeSpec, make_worker
from tests.workers.provisioners.visitors import (
    Client,
    Holder,
    Hostile,
    code_of,
    connect,
    long_find,
    long_find_without_session,
    open_transaction,
    patient_change_stream,
    wait_until_running,
)
from workers.provisioners.base import Evidence, GrantSpec, ProvisionerError
from workers.provisioners.connection_record import ConnectionRecord
from workers.provisioners.mongodb.provisioner import MongoDBProvisioner
from workers.provisioners.tag import Tagger

INTERRUPTED, UNAUTHORIZED = 11601, 13
NEWER_CONFIGURATION = 103  # NewReplicaSetConfigurationIncompatible

End = Callable[[MongoDBProvisioner, GrantSpec], Evidence]


def cut(provisioner: MongoDBProvisioner, spec: GrantSpec) -> Evidence:
    return provisioner.cut([spec])[0]


def clean_only(provisioner: MongoDBProvisioner, spec: GrantSpec) -> Evidence:
    """As if the cut had never been: the user is dropped while everything of it still runs."""
    return provisioner.clean(spec)


@pytest.fixture
def spec(provisioner: MongoDBProvisioner, make_spec: MakeSpec) -> GrantSpec:
    spec = make_spec(f"readWrite@{SHOP}")
    provisioner.prepare(spec)
    provisioner.open(spec)
    return spec


@pytest.fixture
def clients(host: str, spec: GrantSpec) -> Iterator[Callable[[], Client]]:
    with contextlib.ExitStack() as stack:
        yield lambda: stack.enter_context(connect(host, spec))


@pytest.mark.parametrize("end", [cut, clean_only])
class TestWhatStillRuns:
    def test_every_kind_of_operation_ends(
        self, provisioner: MongoDBProvisioner, spec: GrantSpec, clients: Callable[[], Client], root: Client, end: End
    ) -> None:
        acts = (long_find(SHOP), long_find_without_session(SHOP), patient_change_stream(SHOP))
        hostile = [Hostile(clients(), act) for act in acts]
        for one in hostile:
            one.start()
        wait_until_running(root, spec.username, number=3)

        evidence = end(provisioner, spec)

        assert evidence.done
        assert evidence.facts["operations"] == 0
        assert evidence.facts["operations_ended"] >= 1
        *finds, stream = [one.ended_with() for one in hostile]
        assert finds == [INTERRUPTED] * 2
        # A driver may take up a stream whose cursor alone was killed, and is refused then (change streams spec, Resume).
        assert stream in {INTERRUPTED, UNAUTHORIZED}

    def test_an_open_transaction_lets_its_lock_go(
        self, provisioner: MongoDBProvisioner, spec: GrantSpec, clients: Callable[[], Client], root: Client, end: End
    ) -> None:
        with open_transaction(clients(), SHOP) as commit:
            blocked = root[SHOP].orders
            assert code_of(lambda: _touch(blocked.database.client, wait_ms=200)) is not None

            evidence = end(provisioner, spec)

            assert evidence.done
            assert evidence.facts["operations_ended"] == 1
            started = time.monotonic()
            assert code_of(lambda: _touch(blocked.database.client, wait_ms=2000)) is None
            assert time.monotonic() - started < 1
            with pytest.raises(PyMongoError):
                commit()

    def test_an_idle_connection_is_refused_its_next_command(
        self, provisioner: MongoDBProvisioner, spec: GrantSpec, clients: Callable[[], Client], end: End
    ) -> None:
        client = clients()
        cursor = client[SHOP].orders.find(batch_size=10)
        next(cursor)

        assert end(provisioner, spec).done

        assert code_of(client[SHOP].orders.find_one) == UNAUTHORIZED
        assert code_of(lambda: list(cursor)) is not None

    def test_other_peoples_work_goes_on(
        self, provisioner: MongoDBProvisioner, spec: GrantSpec, root: Client, end: End
    ) -> None:
        slowly = {"$where": "sleep(3); return true"}
        orders = root[SHOP].orders.count_documents({})  # other tests add to them
        bystander = Hostile(root, lambda them: len(list(them[SHOP].orders.find(slowly))))
        bystander.start()
        wait_until_running(root, "root", number=2)  # with the look itself

        assert end(provisioner, spec).done

        assert bystander.ended_with() == f"came to its own end with {orders}"


class TestBatch:
    def test_ends_the_work_of_each_and_counts_it_apart(
        self, provisioner: MongoDBProvisioner, make_spec: MakeSpec, host: str, root: Client
    ) -> None:
        specs = [make_spec() for _ in range(3)]
        with contextlib.ExitStack() as stack:
            busy = specs[1]
            for spec in specs:
                provisioner.prepare(spec)
                provisioner.open(spec)
            hostile = Hostile(stack.enter_context(connect(host, busy)), long_find_without_session(SHOP))
            hostile.start()
            wait_until_running(root, busy.username, number=1)

            evidences = provisioner.cut(specs)

            assert [evidence.done for evidence in evidences] == [True] * 3
            assert [evidence.facts["operations_ended"] for evidence in evidences] == [0, 1, 0]
            assert hostile.ended_with() == INTERRUPTED

    def test_one_that_is_not_ours_does_not_hold_up_the_others(
        self, provisioner: MongoDBProvisioner, make_spec: MakeSpec, root: Client, visitor: Holder
    ) -> None:
        ours, theirs = make_spec(), make_spec()
        provisioner.prepare(ours)
        provisioner.open(ours)
        root.admin.command("createUser", theirs.username, pwd=theirs.password, roles=[{"role": "read", "db": SHOP}])

        evidences = provisioner.cut([theirs, ours])

        assert [evidence.done for evidence in evidences] == [False, True]
        assert visitor.can_work(theirs)
        assert not visitor.can_log_in(ours)


class Follower(Mongod):
    """Another member: it starts with the first one's key, and data comes by itself."""

    def __init__(self, directory: Path, *, leader: Mongod) -> None:
        super().__init__(directory, directory.name)
        self._leader = leader

    @override
    def _prepare(self) -> None:
        (self.directory / "data").mkdir(mode=0o700)
        shutil.copy(self._leader.directory / "key", self.directory / "key")

    @override
    def _serves(self, port: int) -> bool:
        return True


@pytest.fixture(scope="module")
def members() -> Iterator[Sequence[Mongod]]:
    """A primary, a hidden secondary that only the set's configuration names, and an arbiter, which holds no users.

    Without the secondary there is still a primary, but no majority that could confirm anything.
    """
    with scratch_directory() as directory:
        leader = Mongod(directory / "leader")
        followers = [Follower(directory / name, leader=leader) for name in ("secondary", "arbiter")]
        try:
            leader.start()
            start_all(followers)
            _join(leader, *followers)
            yield leader, followers[0]
        finally:
            for server in (*followers, leader):
                server.remove()


@pytest.fixture(scope="module")
def set_provisioner(members: Sequence[Mongod], tagger: Tagger) -> Iterator[MongoDBProvisioner]:
    leader = members[0]
    password = secrets.token_urlsafe(16)
    client: Client = MongoClient(leader.uri())
    with client:
        make_worker(client, name="worker", password=password)
    record = ConnectionRecord(
        slug=SHOP,
        kind="mongodb",
        hosts=(leader.host,),
        username="worker",
        password=password,
        options={"replicaSet": "rs0"},
        tls=False,
    )
    provisioner = MongoDBProvisioner(record=record, tagger=tagger)
    yield provisioner
    provisioner.close()


class TestEveryMember:
    def test_ends_what_runs_on_a_hidden_secondary(
        self, members: Sequence[Mongod], set_provisioner: MongoDBProvisioner
    ) -> None:
        leader, follower = members
        spec = MakeSpec(set_provisioner.read_inventory())()
        set_provisioner.prepare(spec)
        set_provisioner.open(spec)
        _wait_for_login(follower, spec)
        with (
            connect(follower.host, spec) as client,
            connect_as_root(follower.host, leader.password) as there,
        ):
            hostile = Hostile(client, long_find(SHOP))
            hostile.start()
            wait_until_running(there, spec.username, number=1)

            (evidence,) = set_provisioner.cut([spec])

            assert evidence.done
            assert evidence.facts["members"] == sorted([leader.host, follower.host])
            assert evidence.facts["operations_ended"] == 1
            assert hostile.ended_with() == INTERRUPTED
            assert not Holder(follower.host).can_log_in(spec)
        assert set_provisioner.clean(spec).done

    def test_names_a_member_that_does_not_answer_and_ends_what_runs_on_the_others(
        self, members: Sequence[Mongod], set_provisioner: MongoDBProvisioner
    ) -> None:
        leader, follower = members
        spec = MakeSpec(set_provisioner.read_inventory())()
        set_provisioner.prepare(spec)
        set_provisioner.open(spec)
        with connect(leader.host, spec) as client, _stopped(follower):
            hostile = Hostile(client, long_find_without_session(SHOP))
            hostile.start()
            started = time.monotonic()
            (evidence,) = set_provisioner.cut([spec])
            took = time.monotonic() - started
            health = set_provisioner.check()
            assert not Holder(leader.host).can_log_in(spec)

        assert hostile.ended_with() == INTERRUPTED
        assert took < 5.5
        assert not evidence.done
        assert evidence.remains[0].startswith(f"It may still work on {follower.host}.")
        assert evidence.remains[1].startswith("Too few members have confirmed the end")
        assert not health.ok
        assert follower.host in health.warnings[0]
        assert cut(set_provisioner, spec).done
        assert not Holder(follower.host).can_log_in(spec)
        assert set_provisioner.clean(spec).done

    def test_nothing_is_made_that_a_majority_has_not_confirmed(
        self, members: Sequence[Mongod], set_provisioner: MongoDBProvisioner
    ) -> None:
        leader, follower = members
        spec = MakeSpec(set_provisioner.read_inventory())()
        with _stopped(follower):
            with pytest.raises(ProvisionerError, match="Too few members"):
                set_provisioner.prepare(spec)
            with pytest.raises(ProvisionerError) as failure:
                set_provisioner.prepare(spec)
            assert not failure.value.permanent

        set_provisioner.prepare(spec)
        set_provisioner.open(spec)
        assert Holder(leader.host).can_work(spec)
        assert cut(set_provisioner, spec).done
        assert set_provisioner.clean(spec).done


def connect_as_root(host: str, password: str) -> Client:
    return MongoClient(host, directConnection=True, username="root", password=password)


def _touch(root: Client, *, wait_ms: int) -> None:
    root[SHOP].command("update", "orders", updates=[{"q": {"_id": 1}, "u": {"$inc": {"seen": 1}}}], maxTimeMS=wait_ms)


def _join(leader: Mongod, secondary: Mongod, arbiter: Mongod) -> None:
    client: Client = MongoClient(leader.uri())
    with client:
        client[SHOP].orders.insert_many([{"_id": number} for number in range(400)])
        # With an arbiter the server wants to be told what a write is worth by default.
        client.admin.command("setDefaultRWConcern", defaultWriteConcern={"w": 1})
        _add(client, {"_id": 1, "host": secondary.host, "priority": 0, "hidden": True}, becomes="SECONDARY")
        _add(client, {"_id": 2, "host": arbiter.host, "arbiterOnly": True}, becomes="ARBITER")


def _add(client: Client, member: dict[str, object], *, becomes: str) -> None:
    deadline = time.monotonic() + 30
    while not _configured(client, member):
        assert time.monotonic() < deadline, "The set's configuration was never left alone."
    while becomes not in [other["stateStr"] for other in client.admin.command("replSetGetStatus")["members"]]:
        assert time.monotonic() < deadline, f"The {becomes} did not join."
        time.sleep(0.05)


def _configured(client: Client, member: dict[str, object]) -> bool:
    """Not when the server, which calls a new member no longer new once it has caught up, was faster."""
    config = client.admin.command("replSetGetConfig")["config"]
    config["version"] += 1
    config["members"].append(member)
    config["settings"]["heartbeatIntervalMillis"] = 100
    try:
        client.admin.command("replSetReconfig", config)
    except OperationFailure as failure:
        if failure.code != NEWER_CONFIGURATION:
            raise
        return False
    return True


@contextlib.contextmanager
def _stopped(server: Mongod) -> Iterator[None]:
    """It neither answers nor goes away, as behind a broken network."""
    assert server.pid is not None
    os.kill(server.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(server.pid, signal.SIGCONT)


def _wait_for_login(follower: Mongod, spec: GrantSpec) -> None:
    """A follower without a vote is not waited for: the user gets there a moment later."""
    deadline = time.monotonic() + 10
    while not Holder(follower.host).can_log_in(spec):
        assert time.monotonic() < deadline, "The user did not get to the second member."
        time.sleep(0.02)
