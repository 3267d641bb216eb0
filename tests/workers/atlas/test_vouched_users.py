"""Guards users under names of AWS IAM, OIDC and LDAP: made and deleted for accesses alone, shared, never somebody else's."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from accessrequests.domain.lifecycle import EndReason
from accessrequests.domain.privileges import RoleRef, expand
from accessrequests.models import SharedObject
from accessrequests.operations import grants
from tests import make
from tests.make import Cast
from tests.workers.atlas.gates import INSTALLATION, TARGET, Gates, gates, longest_call_is_over
from tests.workers.atlas.gates import spec as gate_spec
from workers.ledger import PostgresLedger
from workers.provisioners.atlas.client import Calls, Method
from workers.provisioners.atlas.roles import built_in
from workers.provisioners.atlas.users import AtlasUser
from workers.provisioners.atlas.vouched_users import VouchedUsers
from workers.provisioners.base import Evidence, GrantedRole, GrantSpec, ProvisionerError
from workers.provisioners.by_kind import ByKind
from workers.provisioners.connection_record import AtlasLogin, AtlasRecord
from workers.provisioners.tag import Tagger

ROLE = "arn:aws:iam::123456789012:role/nightly-export"
USER = "arn:aws:iam::123456789012:user/alice"
PROVIDER = "65d9c1b7c5f5f1f4f7a5e111"
PRINCIPAL = f"{ROLE}@$external"
HERE, THERE = "203.0.113.7", "203.0.113.8"
MakeSpec = Callable[..., GrantSpec]


@pytest.fixture
def atlas(committed_cast: Cast) -> Iterator[Gates]:
    with gates() as made:
        yield made


@pytest.fixture
def steps(atlas: Gates) -> VouchedUsers:
    record = AtlasRecord(
        slug=TARGET, project_id=atlas.project.project_id, org_id="", login=AtlasLogin("nobody", "nothing")
    )
    tagger = Tagger(installation=INSTALLATION, target=TARGET, key=b"k" * 32)
    return VouchedUsers(client=atlas.project.client, record=record, tagger=tagger, ledger=PostgresLedger(TARGET))


@pytest.fixture
def make_spec(committed_cast: Cast) -> MakeSpec:
    def make_one(
        *roles: str,
        principal: str = PRINCIPAL,
        authentication: str = "aws_iam",
        clusters: Sequence[str] = ("main",),
        addresses: Sequence[str] = (HERE,),
        lasts: timedelta = timedelta(hours=1),
    ) -> GrantSpec:
        grant = make.active_grant(committed_cast.alice, committed_cast.bob)
        known = built_in(["shop"])
        given = [RoleRef.parse(text) for text in roles or ("read@shop",)]
        granted = [GrantedRole(one.role, one.database, one.collection, expand(one, known)) for one in given]
        made = gate_spec(grant, *addresses, roles=granted, lasts=lasts)
        return dataclasses.replace(
            made, authentication=authentication, principal=principal, clusters=tuple(clusters), password=""
        )

    return make_one


def give(atlas: Gates, steps: VouchedUsers, spec: GrantSpec) -> GrantSpec:
    steps.prepare(spec)
    steps.open(spec)
    atlas.entries_reach_the_clusters()
    assert steps.readiness(spec).usable, steps.readiness(spec)
    return spec


def end(steps: VouchedUsers, spec: GrantSpec) -> Evidence:
    grants.end(grant_id=spec.grant_id, reason=EndReason.DRIFT, note="")
    assert steps.cut(spec).done
    longest_call_is_over()
    clean = steps.clean(spec)
    assert clean.done, clean
    return clean


def user(atlas: Gates, name: str = ROLE) -> dict[str, Any] | None:
    found = [each for (_, known), each in atlas.served.project.database_users.items() if known == name]
    return found[0] if found else None


def roles_of(atlas: Gates) -> list[str]:
    found = user(atlas)
    assert found is not None
    return sorted(f"{role['roleName']}@{role['databaseName']}" for role in found["roles"])


def clusters_of(atlas: Gates) -> list[str]:
    found = user(atlas)
    assert found is not None
    return sorted(scope["name"] for scope in found["scopes"])


def stands(atlas: Gates, *, clusters: Sequence[str] = ("main",), **said: Any) -> None:
    """Somebody else's, of before us."""
    body = {
        "databaseName": "$external",
        "username": ROLE,
        "awsIAMType": "ROLE",
        "roles": [{"roleName": "read", "databaseName": "shop"}],
        "scopes": [{"name": name, "type": "CLUSTER"} for name in clusters],
        **said,
    }
    atlas.somebody("POST", "/databaseUsers", body)


@pytest.mark.parametrize(
    "known",
    [
        ("aws_iam", ROLE, "$external", "awsIAMType", "ROLE"),
        ("aws_iam", USER, "$external", "awsIAMType", "USER"),
        ("oidc", f"{PROVIDER}/analysts", "admin", "oidcAuthType", "IDP_GROUP"),
        ("oidc", f"{PROVIDER}/nightly-export", "$external", "oidcAuthType", "USER"),
        ("ldap", "cn=analysts,ou=groups,dc=example,dc=com", "admin", "ldapAuthType", "GROUP"),
        ("ldap", "uid=alice,ou=people,dc=example,dc=com", "$external", "ldapAuthType", "USER"),
    ],
)
def test_is_made_as_atlas_wants_it_and_deleted_at_the_end(
    atlas: Gates, steps: VouchedUsers, make_spec: MakeSpec, known: tuple[str, str, str, str, str]
) -> None:
    authentication, name, database, field, value = known
    spec = make_spec(principal=f"{name}@{database}", authentication=authentication)

    steps.prepare(spec)
    powerless = user(atlas, name)
    assert powerless is not None
    assert powerless["roles"] == [{"roleName": "read", "databaseName": "access_requests_powerless"}]
    give(atlas, steps, spec)

    made = user(atlas, name)
    assert made is not None
    assert (made["databaseName"], made[field]) == (database, value)
    assert made["roles"] == [{"roleName": "read", "databaseName": "shop"}]
    assert made["scopes"] == [{"name": "main", "type": "CLUSTER"}]
    assert str(spec.grant_id) in {label["value"] for label in made["labels"]}
    assert "deleteAfterDate" not in made, "nobody knows whether Atlas takes one for such a user"
    assert steps.readiness(spec).evidence["deleted_by_atlas_at"] == "never"

    end(steps, spec)
    assert user(atlas, name) is None
    assert not atlas.entries
    assert not SharedObject.objects.exclude(kind="turn").exists()


class TestShared:
    def test_the_first_end_takes_what_only_it_needed(
        self, atlas: Gates, steps: VouchedUsers, make_spec: MakeSpec
    ) -> None:
        first = give(atlas, steps, make_spec("read@shop", "readWrite@shop.orders"))
        second = give(atlas, steps, make_spec("read@shop", lasts=timedelta(hours=2)))
        assert roles_of(atlas) == ["read@shop", "readWrite@shop"]
        assert steps.readiness(first).usable

        end(steps, first)
        assert roles_of(atlas) == ["read@shop"]
        assert steps.readiness(second).usable

        end(steps, second)
        assert user(atlas) is None

    def test_a_cluster_goes_with_the_only_one_that_was_for_it(
        self, atlas: Gates, steps: VouchedUsers, make_spec: MakeSpec
    ) -> None:
        first = give(atlas, steps, make_spec(clusters=("main",)))
        second = give(atlas, steps, make_spec(clusters=("reporting",)))
        assert clusters_of(atlas) == ["main", "reporting"]

        end(steps, first)
        assert clusters_of(atlas) == ["reporting"]
        assert steps.readiness(second).usable

    @pytest.mark.parametrize(
        "other",
        [
            {"roles": ("readWrite@shop",), "clusters": ("reporting",)},
            {"roles": ("readWrite@shop",), "clusters": ("main",), "addresses": (THERE,)},
            {"roles": ("readWrite@shop",), "clusters": ()},
        ],
    )
    def test_what_would_come_to_more_than_was_approved_is_refused(
        self, atlas: Gates, steps: VouchedUsers, make_spec: MakeSpec, other: dict[str, Any]
    ) -> None:
        first = give(atlas, steps, make_spec("read@shop", clusters=("main",)))
        asked = dict(other)
        second = make_spec(*asked.pop("roles"), **asked)

        with pytest.raises(ProvisionerError, match="nobody approved") as refused:
            steps.prepare(second)

        assert refused.value.permanent
        assert roles_of(atlas) == ["read@shop"]
        assert steps.readiness(first).usable

    def test_one_that_is_only_prepared_gives_nothing(
        self, atlas: Gates, steps: VouchedUsers, make_spec: MakeSpec
    ) -> None:
        first = give(atlas, steps, make_spec("read@shop"))
        second = make_spec("readWrite@shop")
        steps.prepare(second)
        assert roles_of(atlas) == ["read@shop"]

        end(steps, first)
        assert roles_of(atlas) == ["read@access_requests_powerless"]
        give(atlas, steps, second)
        assert roles_of(atlas) == ["readWrite@shop"]

    def test_one_that_vanished_is_made_again_without_power_until_it_is_opened(
        self, atlas: Gates, steps: VouchedUsers, make_spec: MakeSpec
    ) -> None:
        first = give(atlas, steps, make_spec("read@shop"))
        atlas.somebody("DELETE", f"/databaseUsers/$external/{ROLE.replace('/', '%2F')}")
        second = make_spec("readWrite@shop.orders")

        steps.prepare(second)
        assert roles_of(atlas) == ["read@access_requests_powerless"], "this call may come after every end"
        steps.open(second)
        assert roles_of(atlas) == ["read@shop", "readWrite@shop"]

        atlas.somebody("DELETE", f"/databaseUsers/$external/{ROLE.replace('/', '%2F')}")
        third = make_spec("read@shop")
        steps.prepare(third)
        end(steps, third)
        assert roles_of(atlas) == ["read@shop", "readWrite@shop"], "the end of one that was never opened restores it"
        assert steps.readiness(first).usable


class TestStanding:
    def test_gets_roles_and_loses_them_and_is_never_deleted(
        self, atlas: Gates, steps: VouchedUsers, make_spec: MakeSpec
    ) -> None:
        stands(atlas)
        spec = give(atlas, steps, make_spec("readWrite@shop"))
        assert roles_of(atlas) == ["read@shop", "readWrite@shop"]

        end(steps, spec)
        assert roles_of(atlas) == ["read@shop"]
        assert "DELETE" not in atlas.writes("databaseUsers")
        assert not atlas.entries

    def test_keeps_a_role_that_it_had(self, atlas: Gates, steps: VouchedUsers, make_spec: MakeSpec) -> None:
        stands(atlas)
        end(steps, give(atlas, steps, make_spec("read@shop")))

        assert roles_of(atlas) == ["read@shop"]

    def test_that_works_where_nobody_approved_it_is_refused(
        self, atlas: Gates, steps: VouchedUsers, make_spec: MakeSpec
    ) -> None:
        stands(atlas, clusters=("main", "reporting"))

        with pytest.raises(ProvisionerError, match="nobody approved"):
            steps.prepare(make_spec("readWrite@shop"))
        assert roles_of(atlas) == ["read@shop"]

    def test_that_somebody_makes_while_we_do_is_left_alone(
        self, atlas: Gates, steps: VouchedUsers, make_spec: MakeSpec
    ) -> None:
        spec = make_spec("readWrite@shop")
        steps.prepare(spec)
        atlas.somebody("DELETE", f"/databaseUsers/$external/{ROLE.replace('/', '%2F')}")
        stands(atlas)

        with pytest.raises(ProvisionerError, match="did not touch") as refused:
            steps.open(spec)
        assert refused.value.permanent
        end(steps, spec)
        assert roles_of(atlas) == ["read@shop"]


class TestFailing:
    def test_a_user_that_lost_our_tag_loses_what_we_gave_and_stays(
        self, atlas: Gates, steps: VouchedUsers, make_spec: MakeSpec
    ) -> None:
        spec = give(atlas, steps, make_spec("readWrite@shop"))
        found = user(atlas)
        assert found is not None
        found["labels"] = []
        found["roles"].append({"roleName": "read", "databaseName": "shop"})
        assert not steps.readiness(spec).exact

        end(steps, spec)
        assert roles_of(atlas) == ["read@shop"]

    @pytest.mark.parametrize(("fault", "method"), [("drop_after_commit", "POST"), ("error_before", "PATCH")])
    def test_a_call_without_an_answer_is_found_by_the_next_try(
        self, atlas: Gates, steps: VouchedUsers, make_spec: MakeSpec, fault: str, method: str
    ) -> None:
        spec = make_spec("readWrite@shop")
        atlas.served.order(fault, method=method, path="databaseUsers")
        with pytest.raises(ProvisionerError):
            give(atlas, steps, spec)
        longest_call_is_over()

        give(atlas, steps, spec)
        assert roles_of(atlas) == ["readWrite@shop"]
        end(steps, spec)
        assert user(atlas) is None

    def test_roles_of_a_call_that_came_after_the_end_are_taken_back(
        self, atlas: Gates, steps: VouchedUsers, make_spec: MakeSpec
    ) -> None:
        first = give(atlas, steps, make_spec("readWrite@shop"))
        second = give(atlas, steps, make_spec("read@shop"))
        end(steps, first)
        found = user(atlas)
        assert found is not None
        found["roles"].append({"roleName": "readWrite", "databaseName": "shop"})

        assert steps.take_back(first, frozenset({("readWrite", "shop", "")}))
        assert roles_of(atlas) == ["read@shop"]
        assert not steps.take_back(first, frozenset({("readWrite", "shop", "")}))
        assert steps.readiness(second).usable


class LostWrite:
    """Our client, while somebody else's write lands just after ours and puts the labels back as they were."""

    def __init__(self, atlas: Gates, calls: Calls, *, times: int) -> None:
        self._atlas, self._calls, self._left = atlas, calls, times

    def call(self, *args: Any, **said: Any) -> Any:
        found = user(self._atlas) or {}
        before = found.get("labels")
        answer = self._calls.call(*args, **said)
        if args[0] is Method.PATCH and self._left:
            self._left -= 1
            found["labels"] = before
        return answer


def test_a_later_end_that_the_tag_does_not_say_is_written_again(
    atlas: Gates, steps: VouchedUsers, make_spec: MakeSpec
) -> None:
    spec = give(atlas, steps, make_spec("read@shop"))
    later = dataclasses.replace(spec, expires_at=spec.expires_at + timedelta(hours=1))
    client: Any = LostWrite(atlas, steps.client, times=1)
    meddled = dataclasses.replace(steps, client=client)

    with pytest.raises(ProvisionerError, match="does not say the later end") as caught:
        meddled.extend(later)
    assert not caught.value.permanent, "So the job tries again."
    assert tag_says(atlas) == spec.expires_at
    meddled.extend(later)
    assert tag_says(atlas) == later.expires_at
    end(steps, later)
    assert user(atlas) is None


def tag_says(atlas: Gates) -> datetime:
    return datetime.fromisoformat(AtlasUser(user(atlas) or {}).labels["access-requests-end"])


class TestOrphans:
    def test_one_that_no_grant_needs_is_ours_to_end(
        self, atlas: Gates, steps: VouchedUsers, make_spec: MakeSpec
    ) -> None:
        spec = give(atlas, steps, make_spec())
        assert list(steps.list_ours()) == []

        SharedObject.objects.get(kind="database_user").uses.all().delete()
        (orphan,) = steps.list_ours()
        assert (orphan.principal, orphan.grant_id, orphan.proven) == (PRINCIPAL, spec.grant_id, True)
        stray = dataclasses.replace(spec, source_addresses=(), roles=(), clusters=(), principal=orphan.principal)
        assert steps.cut(stray).done
        assert steps.clean(stray).done
        assert user(atlas) is None


def test_goes_to_these_steps_by_its_name(steps: VouchedUsers, make_spec: MakeSpec) -> None:
    class Nobody:
        capabilities = None

        def list_ours(self) -> tuple[()]:
            return ()

    kinds = ByKind(Nobody(), {}, vouched=steps)  # type: ignore[arg-type]
    spec = make_spec()

    kinds.prepare(spec)
    kinds.rearm(spec)
    with pytest.raises(ProvisionerError, match="password"):
        kinds.rotate(spec)
    assert {gate.value for gate in kinds.diagnose(spec).known} == {"network", "user", "roles"}
    assert list(kinds.list_ours()) == []
