"""Extra roles for a standing user, from the ask to the end, on a real mongod: rows, trail and the target's own answer."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from pymongo import MongoClient
from pymongo.errors import OperationFailure

from accessrequests.domain.events import Job, Via
from accessrequests.models import Credential, Grant, SharedObject, Target
from accessrequests.operations import grants
from tests.make import now
from tests.servers import PROCESS
from tests.workers.atlas.path import longest_call_is_over
from tests.workers.conftest import SHOP, Client, Work, drain
from tests.workers.gatekeeper import GATEKEEPER
from tests.workers.rows import carry, due_now, events_of, facts_of, fresh, message
from tests.workers.test_provision import in_thread

NAME = f"reporting-{PROCESS}"
PASSWORD = secrets.token_urlsafe(12)
UNAUTHORIZED = 13
READ = f"read@{SHOP}"
WRITE = f"readWrite@{SHOP}"


@pytest.fixture
def standing(work: Work) -> Iterator[Work]:
    """Alice's own login, which the catalogue declares to be hers."""
    work.owner.admin.command("createUser", NAME, pwd=PASSWORD, roles=[], mechanisms=["SCRAM-SHA-256"])
    Target.objects.filter(slug="shop-prod").update(
        offers={"kinds": ["database_user", "role_grant"], "authentication": ["scram"]},
        declared={"database_users": {f"{NAME}@admin": {"person": "alice"}}},
    )
    yield work
    for user in work.users_named(NAME):
        work.owner.admin.command("dropUser", user["user"])


def login(work: Work) -> Client:
    host = work.way.host
    return MongoClient(f"mongodb://{NAME}:{PASSWORD}@{host}/?directConnection=true", serverSelectionTimeoutMS=3000)


def code_of_find(client: Client) -> int | None:
    try:
        client[SHOP].orders.find_one()
    except OperationFailure as error:
        return error.code
    return None


def test_a_grant_adds_the_roles_and_its_end_takes_them(standing: Work) -> None:
    with login(standing) as client:
        assert code_of_find(client) == UNAUTHORIZED
        grant = standing.active(kind="role_grant", database_user=f"{NAME}@admin", roles=(READ,))
        assert code_of_find(client) is None
        assert grant.gates.get().evidence["open"]["user"] == f"{NAME}@admin"
        assert not Credential.objects.filter(grant=grant).exists()
        assert SharedObject.objects.get().baseline == {"roles": []}

        grants.release(grant_id=grant.pk, holder=standing.cast.alice, via=Via.API)
        drain()

        assert fresh(grant).state == "revoked"
        assert code_of_find(client) == UNAUTHORIZED
    assert standing.users_named(NAME)[0]["roles"] == []
    assert standing.users_named(grant.username) == []
    assert not SharedObject.objects.exists()
    assert events_of(grant) == [
        "grant.provisioning_started",
        "grant.activated",
        "grant.revocation_started",
        "grant.cut",
        "grant.revoked",
    ]
    assert facts_of(grant, "grant.cut")[0]["evidence"]["taken"] == [READ]  # type: ignore[index]


def test_roles_are_taken_from_standing_users_one_by_one(standing: Work) -> None:
    """Each under the lease of its user: one worker that took fifty of them would be at it for minutes."""
    first, other = (
        standing.active(kind="role_grant", database_user=f"{NAME}@admin", roles=(f"{READ}.{name}",))
        for name in ("orders", "customers")
    )
    for grant in (first, other):
        grants.release(grant_id=grant.pk, holder=standing.cast.alice, via=Via.API)

    carry(Job.REVOKE, first)

    assert fresh(first).state == "revoked"
    assert fresh(other).cut_at is None
    assert message(Job.REVOKE, other).claim == 0
    drain()
    assert fresh(other).state == "revoked"


def test_a_grant_for_a_user_that_is_not_there_makes_none(standing: Work) -> None:
    standing.owner.admin.command("dropUser", NAME)

    grant = standing.approved(kind="role_grant", database_user=f"{NAME}@admin", roles=(READ,))
    drain()

    assert fresh(grant).state == "revoked"
    assert fresh(grant).end_reason == "provisioning_failed"
    assert standing.users_named(NAME) == []
    assert not SharedObject.objects.exists()


def test_a_role_that_is_taken_by_hand_ends_the_grant(standing: Work) -> None:
    grant = standing.active(kind="role_grant", database_user=f"{NAME}@admin", roles=(READ,))
    standing.owner.admin.command("revokeRolesFromUser", NAME, roles=[{"role": "read", "db": SHOP}])

    grants.revoke(grant_id=grant.pk, person=standing.cast.bob, via=Via.API, reason="It is gone anyway.")
    drain()

    assert fresh(grant).state == "revoked"
    assert standing.users_named(NAME)[0]["roles"] == []


@contextmanager
def stopped_before_it_adds(work: Work, grant: Grant) -> Iterator[None]:
    """Inside, the worker stands still just before the call, and the grant has ended. Then the call is made."""
    with GATEKEEPER.holding("grantRolesToUser") as held:
        late = in_thread(message(Job.PROVISION, grant).pk)
        assert held.has_come.wait(10)
        SharedObject.objects.update(lease_until=now())
        end(work, grant)
        assert not SharedObject.objects.exists()
        yield
    late.join(20)


def end(work: Work, grant: Grant) -> None:
    grants.release(grant_id=grant.pk, holder=work.cast.alice, via=Via.API)
    for _ in range(5):
        due_now(Job.REVOKE, grant)
        carry(Job.REVOKE, grant)
        longest_call_is_over(grant)
        if fresh(grant).state == "revoked":
            break
    assert fresh(grant).state == "revoked"


def roles_of(work: Work) -> list[str]:
    return sorted(f"{role['role']}@{role['db']}" for role in work.users_named(NAME)[0]["roles"])


def asked(work: Work, role: str, *, approvers: int = 1) -> Grant:
    said = {"kind": "role_grant", "database_user": f"{NAME}@admin", "roles": (role,)}
    return work.approved(approvers=approvers, **said)


def test_a_role_that_is_added_after_the_end_is_taken_again(standing: Work) -> None:
    grant = asked(standing, READ)

    with stopped_before_it_adds(standing, grant):
        pass

    assert roles_of(standing) == []
    assert not SharedObject.objects.exists()


def test_a_role_that_is_added_after_the_end_stays_for_a_grant_that_needs_it(standing: Work) -> None:
    grant = asked(standing, READ)

    with stopped_before_it_adds(standing, grant):
        other = asked(standing, READ)
        carry(Job.PROVISION, other)
        assert fresh(other).state == "active"

    assert roles_of(standing) == [READ]
    end(standing, other)
    assert roles_of(standing) == []


def test_a_role_that_is_added_after_the_end_stays_when_others_gave_it_meanwhile(standing: Work) -> None:
    grant = asked(standing, READ)

    with stopped_before_it_adds(standing, grant):
        standing.owner.admin.command("grantRolesToUser", NAME, roles=[{"role": "read", "db": SHOP}])
        other = asked(standing, WRITE, approvers=2)
        carry(Job.PROVISION, other)
        assert fresh(other).state == "active"

    assert roles_of(standing) == [READ, WRITE]
    end(standing, other)
    assert roles_of(standing) == [READ]
