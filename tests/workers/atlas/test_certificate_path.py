"""From approved to gone on Atlas with a certificate, through the worker: rows, trail and real clusters on the way."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from pymongo import MongoClient
from pymongo.errors import OperationFailure, ServerSelectionTimeoutError
from pytest_django import Settings

from accessrequests.domain.events import Job, Via
from accessrequests.domain.naming import subject_of
from accessrequests.models import AuditEvent, Credential, Grant
from accessrequests.operations import grants
from tests import make
from tests.make import Cast
from tests.sandbox.atlas.behind import Behind
from tests.workers.atlas.living import Living, living
from tests.workers.atlas.path import SLUG, Way, path
from tests.workers.rows import carry, compare, fresh
from workers.provisioners.authority import LIFE, make_authority, write_authority


@pytest.fixture
def atlas(behind: Behind, settings: Settings, tmp_path: Path) -> Iterator[Living]:
    authority = make_authority(installation="tests1", at=datetime.now(UTC))
    settings.ACCESS_X509_AUTHORITY = str(tmp_path / "authority.pem")
    write_authority(authority, tmp_path / "authority.pem")
    with living(behind) as found:
        with found.organisation.changing():
            found.project.user_security["customerX509"] = {"cas": authority.certificate_pem}
            found.project.changed()
        found.settle()
        yield found


@pytest.fixture
def way(atlas: Living, committed_cast: Cast, settings: Settings, tmp_path: Path) -> Iterator[Way]:
    record = atlas.record()
    with path(
        cast=committed_cast,
        settings=settings,
        directory=tmp_path,
        url=record.base_url,
        project_id=record.project_id,
        org_id=record.org_id,
    ) as found:
        make.apply_atlas(SLUG, authentication=("scram", "x509"))
        make.allow_certificates()
        yield found


def asked(way: Way) -> Grant:
    roles, addresses = ("read@shop.orders",), ("127.0.0.1",)
    access_request = make.submit_to_atlas(
        way.cast.alice, authentication="x509", clusters=("main",), source_addresses=addresses, roles=roles
    )
    make.approve(access_request, way.cast.bob)
    return Grant.objects.latest("pk")


def check_another_authoritys_is_refused(grant: Grant, address: str, files: dict[str, Any]) -> None:
    """The same name and the same time, signed by somebody else."""
    assert grant.expires_at is not None
    now = datetime.now(UTC)
    forged = Path(files["tlsCertificateKeyFile"]).with_name("forged.pem")
    other = make_authority(installation="tests1", at=now)
    forged.write_text(other.issue(username=grant.username, ends_at=grant.expires_at, at=now))
    options = {**files, "tlsCertificateKeyFile": str(forged), "serverSelectionTimeoutMS": 1500}
    with MongoClient[dict[str, Any]](address, **options) as client, pytest.raises(ServerSelectionTimeoutError):
        client.shop.orders.find_one()


def test_from_approved_to_gone(way: Way, atlas: Living, behind: Behind, tmp_path: Path) -> None:
    atlas.organisation.settings.apply_seconds = 60.0
    grant = asked(way)
    carry(Job.PROVISION, grant)

    # Atlas has the user with its roles, and there is no certificate yet that anybody could use.
    assert list(atlas.users) == [subject_of(grant.username)]
    assert fresh(grant).state == "pending"
    assert not Credential.objects.exists()
    with atlas.organisation.changing():
        atlas.organisation.settings.apply_seconds = 0.0
        atlas.organisation.wakes.notify_all()
    atlas.settle()
    live = way.provision(grant)
    assert live.state == "active"
    assert "deleteAfterDate" not in atlas.users[live.login]

    revealed = way.reveal(live)
    certificate = x509.load_pem_x509_certificate(revealed.certificate.encode())
    assert certificate.subject.rfc4514_string() == revealed.username == live.login
    assert live.expires_at is not None
    assert timedelta() <= live.expires_at - certificate.not_valid_after_utc < timedelta(seconds=1)
    file = tmp_path / "certificate.pem"
    file.write_text(revealed.certificate)
    files: dict[str, Any] = {"tlsCAFile": str(behind.servers_pem), "tlsCertificateKeyFile": str(file)}
    with MongoClient[dict[str, Any]](revealed.connection_string, **files) as client:
        assert client.shop.orders.find_one({"_id": 1}) == {"_id": 1}
        with pytest.raises(OperationFailure) as refused:
            client.shop.orders.insert_one({})
        assert refused.value.code == 13

        check_another_authoritys_is_refused(live, revealed.connection_string, files)

        grants.release(grant_id=grant.pk, holder=way.cast.alice, via=Via.API)
        carry(Job.REVOKE, grant)
        atlas.settle()
        gone = way.revoke(grant)
        with pytest.raises(OperationFailure):
            client.shop.orders.find_one()

    assert gone.state == "revoked"
    assert atlas.users == {}
    assert atlas.entries == {}
    with (
        MongoClient[dict[str, Any]](revealed.connection_string, **files) as client,
        pytest.raises(OperationFailure) as ended,
    ):
        client.shop.orders.find_one()
    assert ended.value.code == 11


def test_without_an_authority_it_is_given_up_with_the_reason(way: Way, atlas: Living, settings: Settings) -> None:
    settings.ACCESS_X509_AUTHORITY = ""
    grant = asked(way)

    carry(Job.PROVISION, grant)

    ending = fresh(grant)
    assert (ending.state, ending.end_reason) == ("revoking", "provisioning_failed")
    assert "manage.py x509 init" in ending.note
    assert atlas.users == {}


def test_reconcile_says_that_certificates_are_offered_without_an_authority(
    way: Way, atlas: Living, settings: Settings
) -> None:
    settings.ACCESS_X509_AUTHORITY = ""

    compare(SLUG)

    event = AuditEvent.objects.get(event="target.method_missing")
    assert (event.subject, event.facts["methods"]) == (f"target/{SLUG}", ["x509"])
    assert "manage.py x509 init" in event.facts["why"]


def test_reconcile_watches_over_the_end_of_the_authority(
    way: Way, atlas: Living, settings: Settings, tmp_path: Path
) -> None:
    settings.ACCESS_X509_AUTHORITY = str(tmp_path / "old.pem")
    made_at = datetime.now(UTC) - LIFE + timedelta(days=10)
    write_authority(make_authority(installation="tests1", at=made_at), tmp_path / "old.pem")

    for _ in range(2):
        compare(SLUG)

    event = AuditEvent.objects.get(event="target.authority_ending")
    assert event.subject == f"target/{SLUG}"
    assert abs(datetime.fromisoformat(event.facts["expires_at"]) - (made_at + LIFE)) < timedelta(seconds=1)
