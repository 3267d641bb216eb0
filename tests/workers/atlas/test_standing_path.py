"""Guards roles for standing logins on Atlas from the ask to the end: rows, trail, and what the project itself says."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from accessrequests.domain.events import Via
from accessrequests.models import Credential, Grant, SharedObject, Target
from accessrequests.operations import grants
from sandbox.atlas.organisation import Person, new_id
from sandbox.atlas.routes import ACCESS_MANAGER
from tests import make
from tests.make import Cast
from tests.sandbox.atlas.behind import Behind, add_user
from tests.sandbox.atlas.serving import CLIENT_ID
from tests.workers.atlas.living import Living, living
from tests.workers.atlas.path import SLUG, Way, path
from tests.workers.rows import events_of

LIFE = ["provisioning_started", "activated", "revocation_started", "cut", "revoked"]
BASELINE = [{"databaseName": "shop", "roleName": "read"}]


@pytest.fixture
def atlas(behind: Behind) -> Iterator[Living]:
    """Alice has a database user of her own, and is in the organisation but not in the project."""
    with living(behind) as found:
        account = found.organisation.accounts[CLIENT_ID]
        roles = {found.project.id: (*account.project_roles[found.project.id], ACCESS_MANAGER)}
        found.organisation.accounts[CLIENT_ID] = dataclasses.replace(account, project_roles=roles)
        alice = Person(new_id(), "alice@example.com", "Alice", "Archer", 0.0)
        said = {"groupId": found.project.id, "roles": [dict(role) for role in BASELINE]}
        scopes = [{"name": "main", "type": "CLUSTER"}]
        with found.organisation.changing():
            found.organisation.people[alice.id] = alice
        add_user(found.organisation, found.project, "alice", scopes=scopes, **said)
        found.settle()
        yield found


@pytest.fixture
def way(atlas: Living, committed_cast: Cast, settings: Settings, tmp_path: Path) -> Iterator[Way]:
    found = path(
        cast=committed_cast,
        settings=settings,
        directory=tmp_path,
        url=atlas.server.origin,
        project_id=atlas.project.id,
        org_id=atlas.organisation.id,
    )
    with found as way:
        offers = {"kinds": ["role_grant", "project_role"], "authentication": ["scram"]}
        Target.objects.filter(slug=SLUG).update(
            offers={**offers, "project_roles": ["GROUP_READ_ONLY"]},
            declared={
                "database_users": {"alice@admin": {"person": "alice"}},
                "members": {"alice": "alice@example.com"},
            },
        )
        yield way


def ended(way: Way, grant: Grant, atlas: Living) -> None:
    grants.release(grant_id=grant.pk, holder=way.cast.alice, via=Via.API)
    assert way.revoke(grant, look=atlas.settle).state == "revoked"
    assert events_of(grant) == [f"grant.{what}" for what in LIFE]
    assert not SharedObject.objects.exists()
    assert not Credential.objects.exists()


def test_extra_roles_for_a_database_user(way: Way, atlas: Living) -> None:
    said = {
        "kind": "role_grant",
        "database_user": "alice@admin",
        "source_addresses": (),
        "roles": ("read@shop.orders",),
    }
    grant = way.approved(**said)

    assert way.provision(grant, look=atlas.settle).state == "active"

    assert {"databaseName": "shop", "roleName": "read", "collectionName": "orders"} in atlas.users["alice"]["roles"]
    assert make.target(SLUG).inventory.users["alice@admin"] == ["read@shop"]
    ended(way, grant, atlas)
    assert atlas.users["alice"]["roles"] == BASELINE
    assert list(atlas.users) == ["alice"]
    assert atlas.entries == {}


def test_a_project_role_for_somebody_who_was_not_in_the_project(way: Way, atlas: Living) -> None:
    said = {"kind": "project_role", "clusters": (), "source_addresses": (), "roles": ("GROUP_READ_ONLY",)}
    grant = way.approved(**said)

    assert way.provision(grant, look=atlas.settle).state == "active"

    assert list(atlas.project.members.values()) == [["GROUP_READ_ONLY"]]
    ended(way, grant, atlas)
    assert atlas.project.members == {}


def test_who_is_not_in_the_organisation_gets_nothing_and_no_invitation(way: Way, atlas: Living) -> None:
    with atlas.organisation.changing():
        atlas.organisation.people.clear()
    said = {"kind": "project_role", "clusters": (), "source_addresses": (), "roles": ("GROUP_READ_ONLY",)}
    grant = way.approved(**said)

    way.provision(grant, look=atlas.settle)

    found = way.revoke(grant, look=atlas.settle)
    assert (found.state, found.end_reason) == ("revoked", "provisioning_failed")
    assert "nobody is invited" in found.note
    assert atlas.organisation.people == {}
    assert atlas.project.members == {}
