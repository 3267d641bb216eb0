"""Guards accesses by AWS IAM, OIDC and LDAP from the ask to the end: rows, gates, trail, and what the project itself says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accessrequests.domain.events import Job, Via
from accessrequests.models import AccessRequest, Credential, Grant, SharedObject, SharedUse
from accessrequests.operations import extensions, grants, outbox
from accessrequests.operations.refusals import NotReady, Refused
from accessrequests.queries import audit
from tests import make
from tests.workers.atlas.path import SLUG, Way
from tests.workers.atlas.stand_in import StandIn
from tests.workers.rows import carry, carry_out, events_of, fresh
from workers.connections import provisioner_for
from workers.provision import spec_of
from workers.provisioners.atlas.users import AtlasUser, whole_seconds

LIFE = ["provisioning_started", "activated", "revocation_started", "cut", "revoked"]
READ = {"databaseName": "shop", "roleName": "read"}
WRITE = {"databaseName": "shop", "roleName": "readWrite"}
ORDERS = {**READ, "collectionName": "orders"}
HERE = "127.0.0.1/32"


@dataclass(frozen=True)
class Login:
    """One that somebody else vouches for: as it is asked for, as Atlas knows it, and as the catalogue declares it."""

    method: str
    name: str
    database: str
    known_by: tuple[str, str]
    declared: dict[str, Any]

    @property
    def principal(self) -> str:
        return f"{self.name}@{self.database}"

    @property
    def at(self) -> tuple[str, str]:
        return self.database, self.name


LOGINS = {
    "aws_iam": Login(
        "aws_iam",
        "arn:aws:iam::123456789012:role/nightly-export",
        "$external",
        ("awsIAMType", "ROLE"),
        {"service": "nightly-export", "owners": ["alice"]},
    ),
    "oidc": Login(
        "oidc",
        "65d9c1b7c5f5f1f4f7a5e111/analysts",
        "admin",
        ("oidcAuthType", "IDP_GROUP"),
        {"group": "Analysts", "members": ["alice", "grace"]},
    ),
    "ldap": Login(
        "ldap",
        "uid=alice,ou=people,dc=example,dc=com",
        "$external",
        ("ldapAuthType", "USER"),
        {"person": "alice"},
    ),
}
each_method = pytest.mark.parametrize("login", LOGINS.values(), ids=list(LOGINS))


@dataclass(frozen=True)
class Vouched:
    """The way of such grants, and the stand-in's side of it."""

    way: Way
    stand_in: StandIn

    def asked(self, login: Login, **said: Any) -> Grant:
        return self.way.approved(authentication=login.method, principal=login.name, **said)

    def live(self, login: Login, **said: Any) -> Grant:
        grant = self.way.provision(self.asked(login, **said), look=self.stand_in.carry_out)
        assert grant.state == "active", grant.note
        return grant

    def waits(self, grant: Grant) -> None:
        """What Atlas has not carried out yet is no difference, and is named."""
        carry(Job.PROVISION, grant)
        found = provisioner_for(SLUG).readiness(spec_of(fresh(grant)))
        assert (found.exact, found.usable) == (True, False)
        assert "main has not carried it out yet" in found.waiting
        assert HERE in found.waiting

    def end(self, grant: Grant) -> None:
        grants.release(grant_id=grant.pk, holder=self.way.cast.alice, via=Via.API)
        gone = self.way.revoke(grant, look=self.stand_in.carry_out)
        assert (gone.state, gone.end_reason) == ("revoked", "released")

    def extend(self, grant: Grant, *, by: timedelta) -> Grant:
        """Asked by the holder, approved, and carried to the project."""
        alice, why = self.way.cast.alice, "The batch is larger than we thought."
        extensions.ask(grant_id=grant.pk, holder=alice, via=Via.API, duration=by, reason=why)
        make.approve(AccessRequest.objects.filter(extends=grant).latest("pk"), self.way.cast.bob)
        carry_out(Job.EXTEND, grant)
        return fresh(grant)

    def rearm(self, grant: Grant) -> None:
        outbox.file_periodic(job=Job.REARM, subject=str(grant), target=SLUG)
        carry_out(Job.REARM, grant)

    def entry_ends(self) -> datetime:
        return datetime.fromisoformat(self.entries[HERE]["deleteAfterDate"])

    def stands(self, login: Login, *, clusters: tuple[str, ...] = ("main",)) -> None:
        """Somebody else's, of before us."""
        body = {
            "databaseName": login.database,
            "username": login.name,
            login.known_by[0]: login.known_by[1],
            "roles": [READ],
            "scopes": [{"name": name, "type": "CLUSTER"} for name in clusters],
        }
        with self.stand_in.served.bearer() as client:
            answer = client.post(self.stand_in.served.path("/databaseUsers"), json=body)
        assert answer.status_code == 201, answer.text
        self.stand_in.carry_out()

    @property
    def users(self) -> dict[tuple[str, str], dict[str, Any]]:
        return self.stand_in.project.database_users

    @property
    def entries(self) -> dict[str, dict[str, Any]]:
        return self.stand_in.project.access_list

    @property
    def happened_to_users(self) -> list[str]:
        told = [event["eventTypeName"] for event in self.stand_in.project.events]
        return [name.removeprefix("MONGODB_USER_") for name in told if name.startswith("MONGODB_USER_")]

    def left(self) -> list[SharedObject]:
        return list(SharedObject.objects.exclude(kind="turn"))


@pytest.fixture
def vouched(stand_in_way: Way, stand_in: StandIn) -> Vouched:
    methods = ["scram", *LOGINS]
    principals = {one.name: {"method": one.method, **one.declared} for one in LOGINS.values()}
    make.apply_atlas(SLUG, authentication=tuple(methods), principals=principals)
    make.publish_rules(make.rule("all", authentication=methods, maximum="P20D"))
    return Vouched(stand_in_way, stand_in)


def wants_of(grant: Grant, kind: str = "database_user") -> dict[str, Any]:
    wants: dict[str, Any] = SharedUse.objects.get(grant=grant, shared__kind=kind).wants
    return wants


@each_method
def test_from_the_ask_to_gone(vouched: Vouched, login: Login) -> None:
    asked = vouched.asked(login)
    assert vouched.users == {}
    vouched.waits(asked)
    vouched.stand_in.carry_out()
    grant = vouched.way.provision(asked, look=vouched.stand_in.carry_out)
    assert grant.state == "active", grant.note

    user = vouched.users[login.at]
    assert user[login.known_by[0]] == login.known_by[1]
    assert (user["roles"], user["scopes"]) == ([ORDERS], [{"name": "main", "type": "CLUSTER"}])
    assert "deleteAfterDate" not in user
    assert grant.expires_at is not None
    assert vouched.entry_ends() == whole_seconds(grant.expires_at)
    gates = {gate.gate: (gate.state, gate.evidence["open"]) for gate in grant.gates.all()}
    assert {name: state for name, (state, _) in gates.items()} == dict.fromkeys(("network", "user", "roles"), "open")
    for _, evidence in gates.values():
        assert (evidence["proof"], evidence["differs"]) == ("proved by read-back", [])
        assert evidence["roles"] == ["read@shop.orders"]
        assert evidence["deleted_by_atlas_at"] == "never"
        assert evidence["entries"][HERE]["status"] == "ACTIVE"
    shared = SharedObject.objects.get(kind="database_user")
    assert (shared.key, shared.baseline) == (login.principal, {"roles": [], "made_by": "us"})
    assert wants_of(grant)["share"] == {
        "roles": ["read@shop.orders"],
        "clusters": ["main"],
        "addresses": ["127.0.0.1/32"],
    }
    assert not Credential.objects.exists()
    with pytest.raises(NotReady, match="There is no password to this"):
        vouched.way.reveal(grant)

    vouched.end(grant)
    assert (vouched.users, vouched.entries, vouched.left()) == ({}, {}, [])
    assert vouched.happened_to_users == ["ADDED", "UPDATED", "DELETED"]
    assert events_of(grant) == [f"grant.{what}" for what in LIFE]
    assert {gate.state for gate in grant.gates.all()} == {"clean"}
    assert audit.verify().first_bad is None


@each_method
def test_one_that_stands_gets_the_roles_and_loses_them_and_stays(vouched: Vouched, login: Login) -> None:
    vouched.stands(login)
    before = dict(vouched.users[login.at])
    asked = vouched.asked(login, roles=("readWrite@shop",))
    vouched.waits(asked)
    grant = vouched.way.provision(asked, look=vouched.stand_in.carry_out)
    assert grant.state == "active", grant.note

    user = vouched.users[login.at]
    assert user["roles"] == [READ, WRITE]
    assert user["labels"] == [], "it is not ours"
    assert SharedObject.objects.get(kind="database_user").baseline == {"roles": [["read", "shop", ""]]}

    vouched.end(grant)
    assert vouched.users == {login.at: before}
    assert (vouched.entries, vouched.left()) == ({}, [])
    assert vouched.happened_to_users == ["ADDED", "UPDATED", "UPDATED"]
    assert events_of(grant) == [f"grant.{what}" for what in LIFE]


def test_one_that_stands_on_every_cluster_is_refused_before_anybody_is_asked(vouched: Vouched) -> None:
    login = LOGINS["aws_iam"]
    vouched.stands(login, clusters=())
    before = dict(vouched.users[login.at])
    asked = vouched.asked(login, roles=("readWrite@shop",))
    made = vouched.way.provision(asked, look=vouched.stand_in.carry_out)
    assert "works on every cluster too" in made.note, "nobody had read it yet, and the worker looks"
    assert vouched.way.revoke(made, look=vouched.stand_in.carry_out).state == "revoked"
    assert vouched.users == {login.at: before}

    outbox.file_periodic(job=Job.READ_INVENTORY, subject=f"target/{SLUG}", target=SLUG)
    carry(Job.READ_INVENTORY, f"target/{SLUG}")

    with pytest.raises(Refused, match="works on every cluster, and the roles of a login count wherever it works"):
        vouched.asked(login, roles=("readWrite@shop",))
    assert AccessRequest.objects.count() == 1


@each_method
def test_two_accesses_share_the_user_that_was_made_for_the_first(vouched: Vouched, login: Login) -> None:
    first = vouched.live(login)
    second = vouched.live(login, roles=("readWrite@shop",))
    assert list(vouched.users) == [login.at]
    assert vouched.users[login.at]["roles"] == [ORDERS, WRITE]
    assert SharedObject.objects.get(kind="database_user").uses.count() == 2

    vouched.end(first)
    assert vouched.users[login.at]["roles"] == [WRITE]
    assert HERE in vouched.entries
    assert fresh(second).state == "active"
    assert provisioner_for(SLUG).readiness(spec_of(fresh(second))).exact

    vouched.end(second)
    assert (vouched.users, vouched.entries, vouched.left()) == ({}, {}, [])
    assert vouched.happened_to_users.count("ADDED") == vouched.happened_to_users.count("DELETED") == 1


class TestLater:
    def test_the_rows_and_the_entry_have_the_later_end_and_the_user_still_no_date(self, vouched: Vouched) -> None:
        login = LOGINS["aws_iam"]
        first, second = vouched.live(login), vouched.live(login, duration=timedelta(hours=3))
        end = second.expires_at
        assert end is not None

        later = vouched.extend(second, by=timedelta(hours=1)).expires_at

        assert later == end + timedelta(hours=1)
        assert datetime.fromisoformat(wants_of(second)["until"]) == later
        assert datetime.fromisoformat(wants_of(second, "access_list_entry")["end"]) == later
        assert datetime.fromisoformat(wants_of(first)["until"]) == first.expires_at, "another one's end stays"
        assert vouched.entry_ends() == whole_seconds(later)
        user = vouched.users[login.at]
        assert "deleteAfterDate" not in user
        assert datetime.fromisoformat(AtlasUser(user).labels["access-requests-end"]) == later
        vouched.end(second)
        assert (
            datetime.fromisoformat(AtlasUser(vouched.users[login.at]).labels["access-requests-end"]) == first.expires_at
        )
        vouched.end(first)
        assert (vouched.users, vouched.entries, vouched.left()) == ({}, {}, [])

    def test_of_one_that_stands_only_the_entry_has_it(self, vouched: Vouched) -> None:
        login = LOGINS["ldap"]
        vouched.stands(login)
        grant = vouched.live(login, roles=("readWrite@shop",))
        user = dict(vouched.users[login.at])

        later = vouched.extend(grant, by=timedelta(hours=1)).expires_at

        assert later is not None
        assert vouched.entry_ends() == whole_seconds(later)
        (told,) = {gate.evidence["open"]["entries"][HERE]["until"] for gate in grant.gates.all()}
        assert datetime.fromisoformat(told) == whole_seconds(later)
        assert vouched.users[login.at] == user
        vouched.end(grant)
        assert vouched.users[login.at]["roles"] == [READ]

    def test_moves_on_nothing_but_the_entry_of_a_long_one(self, vouched: Vouched) -> None:
        login = LOGINS["oidc"]
        grant = vouched.live(login, duration=timedelta(days=10))
        soon = make.now() + timedelta(hours=2)
        vouched.entries[HERE]["deleteAfterDate"] = soon.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        before, told = dict(vouched.users[login.at]), vouched.happened_to_users
        assert provisioner_for(SLUG).readiness(spec_of(grant)).ends_early

        vouched.rearm(grant)

        assert vouched.entry_ends() > soon + timedelta(hours=20)
        assert not provisioner_for(SLUG).readiness(spec_of(grant)).ends_early
        assert vouched.users[login.at] == before
        assert vouched.happened_to_users == told
        assert datetime.fromisoformat(wants_of(grant)["until"]) == grant.expires_at
