"""Guards roles for who is there anyway on Atlas: standing database users, on real clusters, and members of the project."""

from __future__ import annotations

import dataclasses
import os
import random
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
from pymongo.errors import OperationFailure

from accessrequests.domain.sharing import SharedKind
from accessrequests.models import Grant, SharedObject
from sandbox.atlas.organisation import Person, new_id
from sandbox.atlas.people import answer_invitation
from sandbox.atlas.routes import ACCESS_MANAGER, OWNER
from tests import make
from tests.make import Cast
from tests.sandbox.atlas.behind import Behind, add_user
from tests.sandbox.atlas.serving import CLIENT_ID
from tests.workers.atlas.living import INSTALLATION, TARGET, Living, living, spec_of
from tests.workers.mortal import MortalLedger, revive, until_done
from workers.ledger import PostgresLedger
from workers.provisioners.atlas.budget import Urgency
from workers.provisioners.atlas.client import AtlasClient
from workers.provisioners.atlas.extra_roles import ExtraRoles
from workers.provisioners.atlas.project import AtlasProject
from workers.provisioners.atlas.project_roles import Member, ProjectRoles
from workers.provisioners.base import Evidence, GrantedRole, GrantSpec, ProvisionerError
from workers.provisioners.tag import Tagger

UNAUTHORIZED = 13
PRINCIPAL = "reporting@admin"
BASELINE = [{"databaseName": "shop", "roleName": "read"}]
ROUNDS = int(os.environ.get("ACCESS_TEST_ROUNDS", "2"))
MakeSpec = Callable[..., GrantSpec]
Steps = ExtraRoles | ProjectRoles


@pytest.fixture
def atlas(behind: Behind) -> Iterator[Living]:
    with living(behind) as found:
        account = found.organisation.accounts[CLIENT_ID]
        roles = {found.project.id: (*account.project_roles[found.project.id], ACCESS_MANAGER)}
        found.organisation.accounts[CLIENT_ID] = dataclasses.replace(account, project_roles=roles)
        with found.organisation.changing():
            found.project.access_list["127.0.0.1/32"] = {"cidrBlock": "127.0.0.1/32", "ipAddress": "127.0.0.1"}
        yield found


@pytest.fixture
def client(db: None, atlas: Living) -> Iterator[AtlasClient]:
    made = AtlasClient(record=atlas.record())
    yield made
    made.close()


@pytest.fixture
def extra(client: AtlasClient, atlas: Living) -> ExtraRoles:
    tagger = Tagger(installation=INSTALLATION, target=TARGET, key=b"k" * 32)
    return ExtraRoles(client=client, record=atlas.record(), tagger=tagger, ledger=PostgresLedger(TARGET))


@pytest.fixture
def members(client: AtlasClient, atlas: Living) -> ProjectRoles:
    return ProjectRoles(client=client, record=atlas.record(), ledger=PostgresLedger(TARGET))


@pytest.fixture
def make_extra(cast: Cast) -> MakeSpec:
    def make_one(*roles: str, **said: Any) -> GrantSpec:
        made = spec_of(make.active_grant(cast.alice, cast.bob), *roles or ("readWrite@shop",), addresses=())
        return dataclasses.replace(made, **{"kind": "role_grant", "principal": PRINCIPAL, "password": "", **said})

    return make_one


@pytest.fixture
def make_role(cast: Cast) -> MakeSpec:
    def make_one(*roles: str, principal: str = "alice@example.com") -> GrantSpec:
        made = spec_of(make.active_grant(cast.alice, cast.bob), addresses=(), clusters=())
        given = tuple(GrantedRole(name, "", "", ()) for name in roles or ("GROUP_CLUSTER_MANAGER",))
        return dataclasses.replace(made, kind="project_role", principal=principal, roles=given, password="")

    return make_one


def reporting(atlas: Living, *clusters: str) -> None:
    scopes = [{"name": name, "type": "CLUSTER"} for name in clusters]
    said = {"groupId": atlas.project.id, "scopes": scopes, "roles": [dict(role) for role in BASELINE]}
    add_user(atlas.organisation, atlas.project, "reporting", **said)
    atlas.settle()


def person(atlas: Living, name: str = "alice", *roles: str, **said: Any) -> Person:
    made = Person(new_id(), f"{name}@example.com", name.capitalize(), "Example", 0.0, **said)
    with atlas.organisation.changing():
        atlas.organisation.people[made.id] = made
        if roles:
            atlas.project.members[made.id] = list(roles)
    return made


def give(atlas: Living, steps: Steps, spec: GrantSpec) -> GrantSpec:
    steps.prepare(spec)
    steps.open(spec)
    atlas.settle()
    assert steps.readiness(spec).usable
    return spec


def end(atlas: Living, steps: Steps, spec: GrantSpec) -> Evidence:
    Grant.objects.filter(pk=spec.grant_id).update(
        state="revoking", end_reason="expiry", revocation_started_at=make.now()
    )
    steps.cut(spec)
    atlas.settle()
    assert steps.cut(spec).done
    steps.clean(spec)
    atlas.settle()
    clean = steps.clean(spec)
    assert clean.done
    return clean


def roles_of(atlas: Living) -> list[dict[str, str]]:
    return sorted(atlas.users["reporting"]["roles"], key=str)


def code_of_insert(behind: Behind, cluster: str = "main") -> int | None:
    with behind.login(cluster, "reporting") as client:
        try:
            client.shop.orders.insert_one({})
        except OperationFailure as error:
            return error.code
    return None


class TestAStandingUser:
    def test_gets_the_roles_and_keeps_what_it_had(
        self, extra: ExtraRoles, make_extra: MakeSpec, atlas: Living, behind: Behind
    ) -> None:
        reporting(atlas, "main")
        before = atlas.users["reporting"] | {"roles": None}
        assert code_of_insert(behind) == UNAUTHORIZED

        spec = give(atlas, extra, make_extra())
        assert code_of_insert(behind) is None

        end(atlas, extra, spec)
        assert code_of_insert(behind) == UNAUTHORIZED
        assert roles_of(atlas) == BASELINE
        assert atlas.users["reporting"] | {"roles": None} == before
        assert not SharedObject.objects.exists()

    def test_gets_nothing_before_it_is_opened(self, extra: ExtraRoles, make_extra: MakeSpec, atlas: Living) -> None:
        reporting(atlas, "main")

        extra.prepare(make_extra())

        assert roles_of(atlas) == BASELINE
        assert SharedObject.objects.get().baseline == {"roles": [["read", "shop", ""]]}

    @pytest.mark.parametrize("clusters", [(), ("main", "reporting"), ("reporting",)])
    def test_that_works_on_more_clusters_than_approved_is_refused(
        self, extra: ExtraRoles, make_extra: MakeSpec, atlas: Living, clusters: tuple[str, ...]
    ) -> None:
        reporting(atlas, *clusters)

        with pytest.raises(ProvisionerError, match="which nobody approved") as failure:
            extra.prepare(make_extra(clusters=("main",)))

        assert failure.value.permanent
        assert roles_of(atlas) == BASELINE

    def test_whose_scope_is_widened_meanwhile_is_seen(
        self, extra: ExtraRoles, make_extra: MakeSpec, atlas: Living
    ) -> None:
        reporting(atlas, "main")
        spec = give(atlas, extra, make_extra(clusters=("main",)))
        with atlas.organisation.changing():
            atlas.project.database_users["admin", "reporting"]["scopes"] = []

        assert extra.readiness(spec).evidence["differs"] == ["clusters"]
        end(atlas, extra, spec)
        assert roles_of(atlas) == BASELINE

    def test_that_is_gone_is_not_made(self, extra: ExtraRoles, make_extra: MakeSpec, atlas: Living) -> None:
        reporting(atlas, "main")
        spec = make_extra()
        extra.prepare(spec)
        with atlas.organisation.changing():
            del atlas.project.database_users["admin", "reporting"]
            atlas.project.changed()

        with pytest.raises(ProvisionerError, match="no longer in the project") as failure:
            extra.open(spec)

        assert failure.value.permanent
        assert atlas.users == {}
        end(atlas, extra, spec)

    def test_a_role_of_our_own_is_made_and_goes(self, extra: ExtraRoles, make_extra: MakeSpec, atlas: Living) -> None:
        reporting(atlas, "main")
        spec = give(atlas, extra, make_extra("dbAdmin@shop.orders"))
        (name,) = atlas.project.custom_roles
        assert {"databaseName": "admin", "roleName": name} in roles_of(atlas)

        end(atlas, extra, spec)

        assert atlas.project.custom_roles == {}
        assert roles_of(atlas) == BASELINE

    def test_what_somebody_added_meanwhile_stays(self, extra: ExtraRoles, make_extra: MakeSpec, atlas: Living) -> None:
        reporting(atlas, "main")
        spec = give(atlas, extra, make_extra())
        theirs = {"databaseName": "shop", "roleName": "dbAdmin"}
        with atlas.organisation.changing():
            atlas.project.database_users["admin", "reporting"]["roles"].append(theirs)

        end(atlas, extra, spec)

        assert roles_of(atlas) == sorted([*BASELINE, theirs], key=str)

    def test_after_three_overlapping_grants_has_what_it_had_whoever_dies_on_the_way(
        self, extra: ExtraRoles, make_extra: MakeSpec, atlas: Living
    ) -> None:
        seed = random.randrange(10**9)
        chance = random.Random(seed)
        reporting(atlas, "main")
        on_offer = ("read@shop", "readWrite@shop", "dbAdmin@shop", "readWrite@shop.orders")
        specs = [make_extra(*chance.sample(on_offer, chance.randint(1, 2))) for _ in range(3)]
        for number in range(ROUNDS):
            overlap(atlas, extra, specs, chance)

            assert roles_of(atlas) == BASELINE, f"round {number} of seed {seed}"
            assert not SharedObject.objects.exists(), f"round {number} of seed {seed}"


class TestAMember:
    def test_who_had_another_role_loses_only_the_new_one(
        self, members: ProjectRoles, make_role: MakeSpec, atlas: Living
    ) -> None:
        alice = person(atlas, "alice", "GROUP_READ_ONLY")
        spec = give(atlas, members, make_role())
        assert atlas.project.members[alice.id] == ["GROUP_READ_ONLY", "GROUP_CLUSTER_MANAGER"]

        end(atlas, members, spec)

        assert atlas.project.members == {alice.id: ["GROUP_READ_ONLY"]}

    def test_who_was_not_in_the_project_leaves_it(
        self, members: ProjectRoles, make_role: MakeSpec, atlas: Living
    ) -> None:
        alice = person(atlas)
        spec = give(atlas, members, make_role("GROUP_CLUSTER_MANAGER", "GROUP_READ_ONLY"))
        assert set(atlas.project.members[alice.id]) == {"GROUP_CLUSTER_MANAGER", "GROUP_READ_ONLY"}

        end(atlas, members, spec)

        assert atlas.project.members == {}
        assert alice.id in atlas.organisation.people
        assert not SharedObject.objects.exists()

    def test_keeps_the_role_that_was_there_before(
        self, members: ProjectRoles, make_role: MakeSpec, atlas: Living
    ) -> None:
        alice = person(atlas, "alice", "GROUP_CLUSTER_MANAGER")

        end(atlas, members, give(atlas, members, make_role()))

        assert atlas.project.members == {alice.id: ["GROUP_CLUSTER_MANAGER"]}

    @pytest.mark.parametrize("status", ["PENDING", "INVITATION_EXPIRED", ""])
    def test_is_never_invited(self, members: ProjectRoles, make_role: MakeSpec, atlas: Living, status: str) -> None:
        if status:
            person(atlas, status=status, invited_at=make.now().timestamp())
        people = dict(atlas.organisation.people)

        with pytest.raises(ProvisionerError, match="nobody is invited") as failure:
            members.prepare(make_role())

        assert failure.value.permanent
        assert atlas.organisation.people == people
        assert atlas.project.members == {}

    def test_who_leaves_the_organisation_at_the_last_moment_has_no_invitation_left(
        self, members: ProjectRoles, make_role: MakeSpec, atlas: Living
    ) -> None:
        alice = person(atlas)
        spec = make_role()
        members.prepare(spec)
        member = Member(
            AtlasProject(members.client, atlas.project.id, atlas.organisation.id, Urgency.GRANT), spec.principal
        )
        with atlas.organisation.changing():
            del atlas.organisation.people[alice.id]

        with pytest.raises(ProvisionerError, match="It was taken back"):
            member.add(frozenset({("GROUP_CLUSTER_MANAGER",)}), to=frozenset())

        assert atlas.project.members == {}

    def test_an_invitation_that_a_dead_worker_sent_is_gone_at_the_end(
        self, members: ProjectRoles, make_role: MakeSpec, atlas: Living
    ) -> None:
        alice = person(atlas)
        spec = make_role()
        members.prepare(spec)
        with members.ledger.hold(SharedKind.PROJECT_MEMBER, "alice@example.com") as held:
            held.attempt(grant_id=spec.grant_id, wants={"roles": [["GROUP_CLUSTER_MANAGER"]]})
        with atlas.organisation.changing():
            alice.status, alice.invited_at = "PENDING", make.now().timestamp()
            atlas.project.members[alice.id] = ["GROUP_CLUSTER_MANAGER"]

        end(atlas, members, spec)

        assert atlas.project.members == {}
        with atlas.organisation.changing():
            answer_invitation(atlas.organisation, "alice@example.com", accepts=True)
        assert atlas.project.members == {}

    @pytest.mark.parametrize("role", [OWNER, ACCESS_MANAGER, "GROUP_DATABASE_ACCESS_ADMIN"])
    def test_never_becomes_somebody_who_gives_access(
        self, members: ProjectRoles, make_role: MakeSpec, atlas: Living, role: str
    ) -> None:
        person(atlas)

        with pytest.raises(ProvisionerError, match="never given") as failure:
            members.prepare(make_role(role))

        assert failure.value.permanent
        assert atlas.project.members == {}

    def test_the_last_owner_stays_owner(self, members: ProjectRoles, make_role: MakeSpec, atlas: Living) -> None:
        alice = person(atlas)
        spec = give(atlas, members, make_role())
        with atlas.organisation.changing():
            atlas.project.members[alice.id].append(OWNER)

        end(atlas, members, spec)

        assert atlas.project.members == {alice.id: [OWNER]}

    def test_after_three_overlapping_grants_has_what_they_had_whoever_dies_on_the_way(
        self, members: ProjectRoles, make_role: MakeSpec, atlas: Living
    ) -> None:
        seed = random.randrange(10**9)
        chance = random.Random(seed)
        alice = person(atlas)
        on_offer = ("GROUP_READ_ONLY", "GROUP_CLUSTER_MANAGER", "GROUP_BACKUP_MANAGER")
        specs = [make_role(*chance.sample(on_offer, chance.randint(1, 2))) for _ in range(3)]
        for number in range(ROUNDS):
            baseline = {alice.id: ["GROUP_READ_ONLY"]} if chance.random() < 0.5 else {}
            with atlas.organisation.changing():
                atlas.project.members.clear()
                atlas.project.members.update({key: list(roles) for key, roles in baseline.items()})
            overlap(atlas, members, specs, chance)

            assert atlas.project.members == baseline, f"round {number} of seed {seed}"
            assert not SharedObject.objects.exists(), f"round {number} of seed {seed}"


def overlap(atlas: Living, steps: Steps, specs: list[GrantSpec], chance: random.Random) -> None:
    """Three lives that begin and end in any order, each step by workers that may die at every call."""
    revive([spec.grant_id for spec in specs])
    mortal = dataclasses.replace(steps, ledger=MortalLedger(PostgresLedger(TARGET), chance))
    begun: set[int] = set()
    for spec in chance.sample([*specs, *specs], 6):
        step = end if spec.grant_id in begun else give
        begun.add(spec.grant_id)
        until_done(partial(step, atlas, mortal, spec))
