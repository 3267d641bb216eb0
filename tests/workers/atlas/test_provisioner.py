"""Guards the Atlas provisioner on the stand-in with real mongods behind it: the contract, scope, dates, and shared gates."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from accessrequests.domain.lifecycle import GateName
from tests import make
from tests.make import Cast
from tests.sandbox.atlas.behind import Behind
from tests.workers.atlas.living import Living, Patient, Visitor, living, spec_of
from tests.workers.provisioners.contract import ProvisionerContract
from workers.provisioners.atlas.users import whole_seconds
from workers.provisioners.base import GrantSpec, Proof, ProvisionerError

AUTHENTICATION_FAILED = 18
UNAUTHORIZED = 13
MakeSpec = Callable[..., GrantSpec]


@pytest.fixture
def atlas(behind: Behind) -> Iterator[Living]:
    with living(behind) as found:
        yield found


@pytest.fixture
def provisioner(db: None, atlas: Living) -> Iterator[Patient]:
    made = Patient(atlas)
    yield made
    made.close()


@pytest.fixture
def make_spec(cast: Cast) -> MakeSpec:
    def make_one(*roles: str, **said: object) -> GrantSpec:
        return spec_of(make.approved_grant(cast.alice, cast.bob), *roles, **said)  # type: ignore[arg-type]

    return make_one


@pytest.fixture
def visitor(behind: Behind) -> Visitor:
    return Visitor(behind)


def give(provisioner: Patient, spec: GrantSpec) -> GrantSpec:
    provisioner.prepare(spec)
    provisioner.open(spec)
    return spec


class TestAtlas(ProvisionerContract):
    """The contract, with the worker's account at exactly the rights that `check` names."""

    user_proof = Proof.READ_BACK


class TestScope:
    def test_is_the_cluster_that_was_approved(
        self, provisioner: Patient, make_spec: MakeSpec, visitor: Visitor
    ) -> None:
        spec = give(provisioner, make_spec())

        assert visitor.find(spec) is None
        assert visitor.insert(spec) == UNAUTHORIZED
        assert visitor.login(spec, cluster="reporting") == AUTHENTICATION_FAILED

    def test_is_the_collection_that_was_approved(
        self, provisioner: Patient, make_spec: MakeSpec, visitor: Visitor
    ) -> None:
        spec = give(provisioner, make_spec("read@shop.orders"))

        assert visitor.find(spec) is None
        assert visitor.find(spec, collection="customers") == UNAUTHORIZED

    def test_a_role_that_atlas_cannot_narrow_becomes_one_of_our_own_and_goes_with_the_user(
        self, provisioner: Patient, make_spec: MakeSpec, visitor: Visitor, atlas: Living
    ) -> None:
        spec = give(provisioner, make_spec("dbAdmin@shop.orders"))

        (name,) = atlas.project.custom_roles
        assert atlas.users[spec.username]["roles"] == [{"databaseName": "admin", "roleName": name}]
        assert provisioner.readiness(spec).usable
        assert visitor.login(spec) is None
        provisioner.cut([spec])
        assert provisioner.clean(spec).done
        assert atlas.project.custom_roles == {}


class TestAddresses:
    def test_another_address_is_refused_although_the_password_is_right(
        self, provisioner: Patient, make_spec: MakeSpec, visitor: Visitor
    ) -> None:
        spec = give(provisioner, make_spec(addresses=("127.0.0.71",)))

        assert visitor.login(spec) == AUTHENTICATION_FAILED
        assert provisioner.readiness(spec).usable

    def test_two_grants_share_an_entry_and_the_first_end_leaves_the_second_working(
        self, provisioner: Patient, make_spec: MakeSpec, visitor: Visitor, atlas: Living
    ) -> None:
        first, second = give(provisioner, make_spec()), give(provisioner, make_spec())

        provisioner.cut([first])
        assert provisioner.clean(first).done

        assert list(atlas.entries) == ["127.0.0.1/32"]
        assert visitor.can_work(second)
        provisioner.cut([second])
        assert provisioner.clean(second).done
        assert atlas.entries == {}
        assert atlas.users == {}

    def test_a_permanent_entry_of_somebody_else_survives(
        self, provisioner: Patient, make_spec: MakeSpec, visitor: Visitor, atlas: Living
    ) -> None:
        theirs = {
            "cidrBlock": "127.0.0.1/32",
            "ipAddress": "127.0.0.1",
            "comment": "the office",
            "groupId": atlas.project.id,
        }
        with atlas.organisation.changing():
            atlas.project.access_list["127.0.0.1/32"] = dict(theirs)
            atlas.project.changed()
        spec = give(provisioner, make_spec())
        assert visitor.can_work(spec)

        provisioner.cut([spec])
        evidence = provisioner.clean(spec)

        assert evidence.done
        assert evidence.facts["entries"] == {"127.0.0.1/32": "kept by another"}
        assert atlas.entries == {"127.0.0.1/32": theirs}


class TestDates:
    def test_the_end_on_atlas_is_the_grants_own_in_whole_seconds(
        self, provisioner: Patient, make_spec: MakeSpec, atlas: Living
    ) -> None:
        spec = give(provisioner, make_spec(expires_at=make.now() + timedelta(hours=1, microseconds=7)))

        said = datetime.fromisoformat(atlas.users[spec.username]["deleteAfterDate"])
        assert said == whole_seconds(spec.expires_at)
        assert timedelta() <= said - spec.expires_at < timedelta(seconds=1)
        (entry,) = atlas.entries.values()
        assert datetime.fromisoformat(entry["deleteAfterDate"]) == said

    @pytest.mark.parametrize("days", [7, 10])
    def test_a_long_grant_gets_an_earlier_date_that_is_moved_on(
        self, provisioner: Patient, make_spec: MakeSpec, atlas: Living, visitor: Visitor, days: int
    ) -> None:
        spec = give(provisioner, make_spec(expires_at=make.now() + timedelta(days=days)))
        first = datetime.fromisoformat(atlas.users[spec.username]["deleteAfterDate"])
        assert first < datetime.now(UTC) + timedelta(days=7)
        assert provisioner.readiness(spec).usable
        with atlas.organisation.changing():
            soon = (first - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
            atlas.project.database_users["admin", spec.username]["deleteAfterDate"] = soon

        provisioner.rearm(spec)

        moved = datetime.fromisoformat(atlas.users[spec.username]["deleteAfterDate"])
        assert first <= moved < datetime.now(UTC) + timedelta(days=7)
        assert visitor.can_work(spec)

    @pytest.mark.parametrize("days", [2, 9])
    def test_an_extension_moves_the_dates_of_user_and_entry_and_never_later_than_approved(
        self, provisioner: Patient, make_spec: MakeSpec, atlas: Living, visitor: Visitor, days: int
    ) -> None:
        spec = give(provisioner, make_spec())
        later = dataclasses.replace(spec, expires_at=spec.expires_at + timedelta(days=days))

        provisioner.extend(later)

        user = datetime.fromisoformat(atlas.users[spec.username]["deleteAfterDate"])
        entry = datetime.fromisoformat(atlas.entries["127.0.0.1/32"]["deleteAfterDate"])
        assert spec.expires_at < user <= whole_seconds(later.expires_at)
        assert spec.expires_at < entry <= whole_seconds(later.expires_at)
        if days < 7:
            assert user == entry == whole_seconds(later.expires_at)
        assert visitor.can_work(spec)

    def test_nothing_is_moved_on_that_is_gone(self, provisioner: Patient, make_spec: MakeSpec, atlas: Living) -> None:
        spec = give(provisioner, make_spec(expires_at=make.now() + timedelta(days=10)))
        provisioner.cut([spec])

        with pytest.raises(ProvisionerError) as failure:
            provisioner.rearm(spec)

        assert failure.value.permanent
        assert atlas.users == {}


class TestLapsed:
    def test_what_was_prepared_long_ago_is_made_anew(
        self, provisioner: Patient, make_spec: MakeSpec, atlas: Living, visitor: Visitor
    ) -> None:
        """We were away for longer than it is made for, and Atlas has not removed it yet."""
        spec = make_spec()
        provisioner.prepare(spec)
        with atlas.organisation.changing():
            atlas.project.database_users["admin", spec.username]["deleteAfterDate"] = "2026-01-01T00:00:00Z"
        with pytest.raises(ProvisionerError) as failure:
            provisioner.prepare(spec)

        assert not failure.value.permanent
        give(provisioner, spec)
        assert visitor.can_work(spec)


class TestEnding:
    def test_waits_for_the_clusters_of_its_scope_alone(
        self, provisioner: Patient, make_spec: MakeSpec, atlas: Living
    ) -> None:
        spec = give(provisioner, make_spec())
        other = atlas.project.clusters["reporting"]
        with atlas.organisation.lock:
            other.revision += 1_000_000  # busy with something else, for long
        try:
            (cut,) = provisioner.cut([spec])
            clean = provisioner.clean(spec)
        finally:
            with atlas.organisation.changing():
                other.revision = other.applied_revision
                atlas.project.changed()

        assert (cut.done, clean.done) == (True, True)
        assert cut.facts["clusters"] == {"main": "APPLIED"}
        assert (atlas.users, atlas.entries) == ({}, {})

    def test_needs_nothing_of_a_cluster_that_is_gone(
        self, provisioner: Patient, make_spec: MakeSpec, atlas: Living
    ) -> None:
        spec = give(provisioner, make_spec())
        with atlas.organisation.lock:
            taken = atlas.project.clusters.pop("main")
        try:
            (cut,) = provisioner.cut([spec])
            assert cut.done
            assert cut.facts["clusters"] == {"main": "GONE"}
            assert provisioner.clean(spec).done
        finally:
            with atlas.organisation.changing():
                atlas.project.clusters["main"] = taken
                atlas.project.changed()

    def test_of_what_is_not_ours_any_more_still_closes_the_entry_that_is(
        self, provisioner: Patient, make_spec: MakeSpec, atlas: Living
    ) -> None:
        spec = give(provisioner, make_spec())
        with atlas.organisation.changing():
            atlas.project.database_users["admin", spec.username]["labels"] = []

        evidence = provisioner.clean(spec)

        assert not evidence.done
        assert atlas.entries == {}
        assert list(atlas.users) == [spec.username]


class TestLogin:
    """Where the workers' own address is let in anyway, and nowhere else."""

    def test_proves_the_user(self, make_spec: MakeSpec, atlas: Living) -> None:
        with closing(Patient(atlas, workers_at=("127.0.0.1",))) as provisioner:
            spec = give(provisioner, make_spec())

            readiness = provisioner.readiness(spec)
            later = provisioner.readiness(dataclasses.replace(spec, password=""))

        assert readiness.gates[GateName.USER] is Proof.LOGIN
        assert (readiness.evidence["login"], readiness.usable) == ({"main": "works"}, True)
        assert later.gates[GateName.USER] is Proof.READ_BACK, "The password is known only while it is set up."

    def test_that_is_refused_is_waited_for(self, make_spec: MakeSpec, atlas: Living) -> None:
        with closing(Patient(atlas, workers_at=("127.0.0.1",))) as provisioner:
            spec = give(provisioner, make_spec())

            readiness = provisioner.readiness(dataclasses.replace(spec, password="another one"))

        assert (readiness.exact, readiness.usable) == (True, False)
        assert readiness.waiting == "Atlas says that it is done; main does not take the login yet."

    @pytest.mark.parametrize("elsewhere", ["203.0.113.7", "2001:db8::7"])
    def test_is_not_tried_from_where_nobody_is_let_in(self, make_spec: MakeSpec, atlas: Living, elsewhere: str) -> None:
        with closing(Patient(atlas, workers_at=(elsewhere,))) as provisioner:
            spec = give(provisioner, make_spec())

            readiness = provisioner.readiness(spec)

        assert readiness.gates[GateName.USER] is Proof.READ_BACK
        assert "login" not in readiness.evidence


class TestReadiness:
    def test_is_not_yet_while_a_cluster_has_not_applied_it(
        self, provisioner: Patient, make_spec: MakeSpec, atlas: Living
    ) -> None:
        spec = give(provisioner, make_spec())
        atlas.organisation.settings.apply_seconds = 60
        with atlas.organisation.changing():
            atlas.project.changed()

        readiness = provisioner.readiness(spec)

        assert readiness.exact
        assert readiness.gates[GateName.USER] is Proof.NOT_YET
        assert not readiness.usable
        atlas.organisation.settings.apply_seconds = 0

    @pytest.mark.parametrize(
        ("change", "named"),
        [
            ({"roles": [{"databaseName": "shop", "roleName": "readWrite"}]}, "roles"),
            ({"scopes": []}, "clusters"),
            ({"labels": []}, "tag"),
            ({"deleteAfterDate": "2099-01-01T00:00:00Z"}, "end"),
        ],
    )
    def test_names_what_somebody_changed(
        self, provisioner: Patient, make_spec: MakeSpec, atlas: Living, change: dict[str, object], named: str
    ) -> None:
        spec = give(provisioner, make_spec())
        with atlas.organisation.changing():
            atlas.project.database_users["admin", spec.username].update(change)

        readiness = provisioner.readiness(spec)

        assert not readiness.exact
        assert readiness.evidence["differs"] == [named]
        ending = dataclasses.replace(spec, was_confirmed=True)
        assert provisioner.cut([ending])[0].done
        assert provisioner.clean(ending).done
        assert atlas.users == {}

    def test_a_user_of_somebody_else_by_that_name_is_not_touched(
        self, provisioner: Patient, make_spec: MakeSpec, atlas: Living
    ) -> None:
        spec = give(provisioner, make_spec())
        with atlas.organisation.changing():
            atlas.project.database_users["admin", spec.username]["labels"] = []
        before = dict(atlas.users)

        (evidence,) = provisioner.cut([spec])

        assert not evidence.done
        assert "does not prove that it is ours" in evidence.remains[0]
        assert atlas.users == before
