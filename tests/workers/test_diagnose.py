"""Guards the doctor on a real mongod: asked by a person, answered by a worker, and the right gate is named."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from pymongo.errors import InvalidURI, OperationFailure, ServerSelectionTimeoutError

from accessrequests.domain.diagnosis import Cause
from accessrequests.domain.events import Job, Via
from accessrequests.domain.symptoms import hints_for
from accessrequests.models import Diagnosis, Grant
from accessrequests.operations import diagnoses, grants
from accessrequests.queries import audit
from tests.workers.conftest import READ_ORDERS, REFUSED_LOGIN, SHOP, Client, Work, drain
from tests.workers.rows import carry, events_of

HERE = "127.0.0.1"
ALL_OPEN = {"network": "open", "user": "open", "roles": "open"}


def looked_at(work: Work, grant: Grant, *, address: str = HERE) -> tuple[dict[str, str], list[str]]:
    """The state of each gate, and the causes that were found."""
    diagnoses.ask(grant_id=grant.pk, person=work.cast.alice, via=Via.WEB, address=address)
    assert carry(Job.DIAGNOSE, grant).done_at is not None
    found = Diagnosis.objects.get(grant=grant).findings
    assert events_of(grant)[-1] == "grant.diagnosed"
    return {one["gate"]: one["state"] for one in found}, [
        cause["cause"] for one in found for cause in one["causes"] if one["state"] == "shut"
    ]


def delete_the_user(work: Work, grant: Grant) -> None:
    work.owner.admin.command("dropUser", grant.username)


def move_the_addresses(work: Work, grant: Grant) -> None:
    elsewhere = [{"clientSource": ["192.0.2.1"]}]
    work.owner.admin.command("updateUser", grant.username, authenticationRestrictions=elsewhere)


def take_the_role(work: Work, grant: Grant) -> None:
    work.owner.admin.command("updateUser", grant.username, roles=[])


def empty_the_role(work: Work, grant: Grant) -> None:
    (role,) = work.roles_of(grant.username)
    work.owner[SHOP].command("updateRole", role, privileges=[])


def narrow_the_role(work: Work, grant: Grant) -> None:
    (role,) = work.roles_of(grant.username)
    only = {"resource": {"db": SHOP, "collection": "orders"}, "actions": ["collStats"]}
    work.owner[SHOP].command("updateRole", role, privileges=[only])


BROKEN: Mapping[str, tuple[Callable[[Work, Grant], None], str, Cause]] = {
    "user deleted": (delete_the_user, "user", Cause.USER_GONE),
    "addresses moved": (move_the_addresses, "network", Cause.ADDRESSES_CHANGED),
    "role taken away": (take_the_role, "roles", Cause.ROLE_GONE),
    "role emptied": (empty_the_role, "roles", Cause.ROLE_EMPTY),
    "role narrowed": (narrow_the_role, "roles", Cause.ROLE_NARROWED),
    "target away": (lambda work, _grant: work.way.shut(), "network", Cause.TARGET_AWAY),
}


@pytest.fixture
def grant(work: Work) -> Grant:
    """One whose password was read, as it is where somebody wonders."""
    grant = work.active(source_addresses=(HERE,))
    work.reveal(grant)
    return grant


class TestOneThingBroken:
    @pytest.mark.parametrize("name", BROKEN)
    def test_its_gate_is_named(self, work: Work, grant: Grant, name: str) -> None:
        act, gate, cause = BROKEN[name]
        assert looked_at(work, grant) == (ALL_OPEN, [])

        act(work, grant)
        states, causes = looked_at(work, grant)

        assert [one for one, state in states.items() if state == "shut"] == [gate]
        assert causes == [cause]
        assert audit.verify().ok

    def test_a_whole_role_that_was_taken_away_is_named(self, work: Work) -> None:
        grant = work.active(roles=(f"read@{SHOP}",))
        work.reveal(grant)
        assert looked_at(work, grant)[1] == []
        take_the_role(work, grant)

        assert looked_at(work, grant) == ({**ALL_OPEN, "roles": "shut"}, [Cause.ROLE_GONE])
        (told,) = Diagnosis.objects.get(grant=grant).findings[2]["causes"]
        assert told["why"] == f"The user no longer has read@{SHOP}."


def code_of(uri: str, do: Callable[[Client], object], **options: Any) -> int | type[Exception]:
    """What a driver says, by its code where the server has one."""
    try:
        with Client(uri, **{"serverSelectionTimeoutMS": 1000, **options}) as client:
            do(client)
    except OperationFailure as error:
        return error.code or OperationFailure
    except (InvalidURI, ServerSelectionTimeoutError) as error:
        return type(error)
    return 0


class TestWhatLiesWithTheClient:
    """Every gate is open, because the access is as approved. What is seen is named with its cause, so one can find it."""

    def test_is_hinted_at_for_each_complaint(self, work: Work) -> None:
        grant = work.active(source_addresses=(HERE,))
        shown = work.reveal(grant)
        uri, host = shown.connection_string, work.way.host
        with socket.create_server((HERE, 0)) as nobody:
            shut = f"mongodb://{HERE}:{nobody.getsockname()[1]}"

        def ping(client: Client) -> object:
            return client.admin.command("ping")

        def write(client: Client) -> object:
            return client[SHOP].orders.insert_one({})

        seen = {
            "Name": code_of(uri, ping, username="alice"),
            "Password": code_of(uri, ping, password="an older one"),
            "authSource": code_of(uri, ping, authSource=SHOP),
            "Mechanism": code_of(uri, ping, authMechanism="SCRAM-SHA-1"),
            "Escaping": code_of(f"mongodb://{shown.username}:p@ss@{host}/", ping),
            "Role too small": code_of(uri, write),
            "Wrong database or collection": code_of(uri, lambda client: client[SHOP].Orders.find_one()),
            "Firewall": code_of(shut, ping),
        }
        grants.release(grant_id=grant.pk, holder=work.cast.alice, via=Via.API)
        drain()
        seen["Expired or deleted"] = code_of(uri, ping)

        refused = [seen.pop(cause) for cause in ("Name", "Password", "authSource", "Mechanism", "Expired or deleted")]
        assert set(refused) <= REFUSED_LOGIN, refused
        assert seen == {
            "Escaping": InvalidURI,
            "Role too small": 13,
            "Wrong database or collection": 13,
            "Firewall": ServerSelectionTimeoutError,
        }
        hinted = {hint.cause for symptom in hints_for("mongodb") for hint in symptom.hints}
        assert hinted >= {"Name", "Password", "authSource", "Mechanism", "Expired or deleted", *seen}

    def test_leaves_every_gate_open(self, work: Work, grant: Grant) -> None:
        assert looked_at(work, grant) == (ALL_OPEN, [])
        told = {one.seen: [hint.cause for hint in one.hints] for one in hints_for("atlas")}
        assert told == {
            "Authentication failed": ["Name", "Password", "authSource", "Expired or deleted", "Mechanism", "Escaping"],
            "Not authorized": ["Role too small", "Wrong database or collection"],
            "Timed out": ["Address not listed", "Private endpoint", "DNS", "Cluster paused", "Firewall"],
            "Works in development and not in production": [
                *("Another project", "Another user", "Another network", "Another scope", "Another role"),
            ],
        }


class TestWhatWeKnowOurselves:
    def test_an_address_that_is_not_in_the_access(self, work: Work, grant: Grant) -> None:
        states, causes = looked_at(work, grant, address="198.51.100.9")

        assert (states, causes) == ({**ALL_OPEN, "network": "shut"}, [Cause.ASKED_FROM_ELSEWHERE])

    def test_a_password_that_was_made_anew_and_not_read(self, work: Work, grant: Grant) -> None:
        work.rotate(grant)
        drain()

        states, causes = looked_at(work, grant)

        assert (states, causes) == ({**ALL_OPEN, "user": "shut"}, [Cause.PASSWORD_UNREAD])

    def test_an_access_that_has_ended(self, work: Work, grant: Grant) -> None:
        grants.release(grant_id=grant.pk, holder=work.cast.alice, via=Via.API)
        drain()

        states, causes = looked_at(work, grant)

        assert (states["user"], causes) == ("shut", [Cause.ENDED])

    def test_an_access_that_is_not_there_yet(self, work: Work) -> None:
        grant = work.approved(roles=(READ_ORDERS,))

        states, causes = looked_at(work, grant)

        assert (states["user"], causes) == ("shut", [Cause.NOT_SET_UP])


class TestTheMessage:
    def test_that_comes_a_second_time_finds_nothing_to_do(self, work: Work, grant: Grant) -> None:
        looked_at(work, grant)
        before: Any = Diagnosis.objects.values().get()
        found = carry(Job.DIAGNOSE, grant)
        assert found.done_at is not None
        diagnoses.answer(grant_id=grant.pk, findings=[])

        assert Diagnosis.objects.values().get() == before
