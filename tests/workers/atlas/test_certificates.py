"""Guards access by certificate on Atlas: real certificates against real mongods over TLS, from the first call to the end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID
from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError, ServerSelectionTimeoutError
from pytest_django import Settings

from accessrequests.domain.naming import subject_of
from sandbox.atlas.authorities import Issued
from sandbox.atlas.principals import EXTERNAL
from sandbox.atlas.routes import OWNER
from sandbox.atlas.wire import Account
from tests import make
from tests.make import Cast
from tests.sandbox.atlas.behind import Behind, add_user
from tests.workers.atlas.living import Living, Patient, living, spec_of
from workers.provisioners.atlas.managed_certificates import ManagedCertificates
from workers.provisioners.authority import Authority, make_authority, write_authority
from workers.provisioners.base import GrantSpec, ProvisionerError
from workers.provisioners.connection_record import AtlasLogin

USER_NOT_FOUND = 11  # what a mongod says of a good certificate of nobody
UNAUTHORIZED = 13
OWNER_ID, OWNER_SECRET = "mdb_sa_id_65d9c1b7c5f5f1f4f7a5e222", "mdb_sa_sk_of-the-owner"
CORPORATE = "CN=prod-app,O=Corp"


@pytest.fixture(scope="module")
def authority() -> Authority:
    return make_authority(installation="tests1", at=datetime.now(UTC))


@pytest.fixture
def atlas(behind: Behind, authority: Authority, settings: Settings, tmp_path: Path) -> Iterator[Living]:
    """A project that trusts our authority, and workers who have its key."""
    settings.ACCESS_X509_AUTHORITY = str(tmp_path / "authority.pem")
    write_authority(authority, tmp_path / "authority.pem")
    with living(behind) as found:
        with found.organisation.changing():
            found.project.user_security["customerX509"] = {"cas": authority.certificate_pem}
            found.project.changed()
        found.settle()
        yield found


@pytest.fixture
def provisioner(db: None, atlas: Living) -> Iterator[Patient]:
    made = Patient(atlas)
    yield made
    made.close()


@pytest.fixture
def spec(cast: Cast) -> GrantSpec:
    grant = make.approved_grant(cast.alice, cast.bob)
    return replace(spec_of(grant, "read@shop"), authentication="x509", password="")


@pytest.fixture
def visitor(behind: Behind, tmp_path: Path) -> Visitor:
    return Visitor(behind, tmp_path)


class Visitor:
    """Whoever has a certificate and its key, and nothing else."""

    def __init__(self, behind: Behind, directory: Path) -> None:
        self._behind = behind
        self._directory = directory

    @contextmanager
    def client(self, pem: str, *, cluster: str = "main") -> Iterator[MongoClient[dict[str, Any]]]:
        file = self._directory / "certificate.pem"
        file.write_text(pem)
        with MongoClient[dict[str, Any]](
            self._behind.mongods[cluster].host,
            tls=True,
            tlsCAFile=str(self._behind.servers_pem),
            tlsCertificateKeyFile=str(file),
            authMechanism="MONGODB-X509",
            directConnection=True,
            serverSelectionTimeoutMS=1500,
        ) as client:
            yield client

    def code(self, pem: str, *, cluster: str = "main") -> int | str | None:
        """None: it can read. Otherwise why not: the server's code, or that nobody shook hands."""
        with self.client(pem, cluster=cluster) as client:
            try:
                client.shop.orders.find_one()
            except OperationFailure as error:
                return error.code
            except ServerSelectionTimeoutError:
                return "no handshake"
        return None


def give(provisioner: Patient, spec: GrantSpec) -> str:
    provisioner.prepare(spec)
    provisioner.open(spec)
    return provisioner.certificate(spec)


def signed(authority: Authority, *names: tuple[x509.ObjectIdentifier, str]) -> str:
    """What whoever steals our key can sign."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(*name) for name in names]))
        .issuer_name(authority.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(minutes=1))
        .not_valid_after(now + timedelta(hours=1))
        .sign(authority.key, SHA256())
    )
    return Issued(certificate, key).pem


class TestOpen:
    def test_lets_its_holder_in_with_the_roles_and_on_the_cluster_of_the_grant(
        self, provisioner: Patient, spec: GrantSpec, visitor: Visitor
    ) -> None:
        pem = give(provisioner, spec)

        assert provisioner.readiness(spec).usable
        assert visitor.code(pem, cluster="reporting") == USER_NOT_FOUND
        with visitor.client(pem) as client:
            assert client.shop.orders.find_one() is not None
            with pytest.raises(OperationFailure) as refused:
                client.shop.orders.insert_one({})
        assert refused.value.code == UNAUTHORIZED

    def test_sends_no_date_and_says_that_atlas_never_deletes_it(
        self, provisioner: Patient, spec: GrantSpec, atlas: Living
    ) -> None:
        give(provisioner, spec)
        provisioner.rearm(spec)

        user = atlas.users[subject_of(spec.username)]
        assert "deleteAfterDate" not in user
        assert (user["databaseName"], user["x509Type"]) == (EXTERNAL, "CUSTOMER")
        assert provisioner.readiness(spec).evidence["deleted_by_atlas_at"] == "never"

    def test_an_extension_moves_the_tag_and_a_new_certificate_lasts_as_long(
        self, provisioner: Patient, spec: GrantSpec, atlas: Living
    ) -> None:
        give(provisioner, spec)
        later = replace(spec, expires_at=spec.expires_at + timedelta(hours=1))

        provisioner.extend(later)

        (owned,) = provisioner.list_ours()
        assert (owned.expires_at, owned.proven) == (later.expires_at, True)
        assert "deleteAfterDate" not in atlas.users[subject_of(spec.username)]
        assert provisioner.readiness(later).usable
        until = x509.load_pem_x509_certificate(provisioner.certificate(later).encode()).not_valid_after_utc
        assert spec.expires_at < until <= later.expires_at + timedelta(seconds=1)
        with pytest.raises(ProvisionerError) as failure:
            provisioner.extend(replace(spec, expires_at=spec.expires_at + timedelta(days=366 * 6)))
        assert failure.value.permanent
        assert provisioner.readiness(later).usable

    def test_until_then_a_certificate_would_let_nobody_do_anything(
        self, provisioner: Patient, spec: GrantSpec, visitor: Visitor
    ) -> None:
        provisioner.prepare(spec)
        provisioner.prepare(spec)

        assert visitor.code(provisioner.certificate(spec)) == UNAUTHORIZED
        assert not provisioner.readiness(spec).usable
        (owned,) = provisioner.list_ours()
        assert (owned.username, owned.authentication) == (spec.username, "x509")
        assert owned.proven
        assert owned.powerless

    def test_a_certificate_of_another_authority_lets_nobody_in(
        self, provisioner: Patient, spec: GrantSpec, visitor: Visitor
    ) -> None:
        give(provisioner, spec)
        other = make_authority(installation="tests1", at=datetime.now(UTC))

        pem = other.issue(username=spec.username, ends_at=spec.expires_at, at=datetime.now(UTC))

        assert visitor.code(pem) == "no handshake"

    def test_our_authority_can_speak_for_nobody_outside_of_its_organization(
        self, provisioner: Patient, spec: GrantSpec, visitor: Visitor, atlas: Living, authority: Authority
    ) -> None:
        add_user(
            atlas.organisation,
            atlas.project,
            CORPORATE,
            databaseName=EXTERNAL,
            x509Type="CUSTOMER",
            groupId=atlas.project.id,
        )
        atlas.settle()
        own = give(provisioner, spec)

        pem = signed(authority, (NameOID.ORGANIZATION_NAME, "Corp"), (NameOID.COMMON_NAME, "prod-app"))

        assert visitor.code(pem) == "no handshake"
        assert visitor.code(own) is None

    def test_reads_a_widened_user_back_as_other_than_approved(
        self, provisioner: Patient, spec: GrantSpec, atlas: Living
    ) -> None:
        give(provisioner, spec)
        with atlas.organisation.changing():
            atlas.users[subject_of(spec.username)]["roles"] = [{"databaseName": "admin", "roleName": "atlasAdmin"}]

        assert not provisioner.readiness(spec).exact


class TestRefusals:
    def test_without_an_authority_nothing_is_made(
        self, provisioner: Patient, spec: GrantSpec, atlas: Living, settings: Settings
    ) -> None:
        settings.ACCESS_X509_AUTHORITY = ""

        with pytest.raises(ProvisionerError, match="x509 init") as refused:
            provisioner.prepare(spec)

        assert refused.value.permanent
        assert atlas.users == {}

    def test_an_authority_that_ends_before_the_grant_signs_nothing_for_it(
        self, provisioner: Patient, spec: GrantSpec, atlas: Living, authority: Authority
    ) -> None:
        with pytest.raises(ProvisionerError, match="before the access would"):
            provisioner.prepare(replace(spec, expires_at=authority.ends_at + timedelta(days=1)))

        assert atlas.users == {}

    def test_while_a_stranger_is_in_our_organization_nothing_is_made(
        self, provisioner: Patient, spec: GrantSpec, atlas: Living
    ) -> None:
        add_user(
            atlas.organisation,
            atlas.project,
            "CN=payroll,O=Access-Grants",
            databaseName=EXTERNAL,
            x509Type="CUSTOMER",
            groupId=atlas.project.id,
        )

        with pytest.raises(ProvisionerError, match="CN=payroll") as refused:
            provisioner.prepare(spec)

        assert refused.value.permanent
        assert list(atlas.users) == ["CN=payroll,O=Access-Grants"]

    def test_a_certificate_is_never_renewed(self, provisioner: Patient, spec: GrantSpec) -> None:
        give(provisioner, spec)

        with pytest.raises(ProvisionerError, match="once for each access"):
            provisioner.rotate(spec)


class TestEnd:
    def test_cuts_the_open_connection_and_refuses_the_certificate_from_then_on(
        self, provisioner: Patient, spec: GrantSpec, visitor: Visitor, atlas: Living
    ) -> None:
        pem = give(provisioner, spec)
        with visitor.client(pem) as client:
            assert client.shop.orders.find_one() is not None

            (evidence,) = provisioner.cut([spec])

            assert evidence.done
            with pytest.raises(PyMongoError):
                client.shop.orders.find_one()
        assert visitor.code(pem) == USER_NOT_FOUND
        assert provisioner.clean(spec).done
        assert atlas.users == {}
        assert atlas.entries == {}

    def test_a_late_open_gives_nothing_back(
        self, provisioner: Patient, spec: GrantSpec, visitor: Visitor, atlas: Living
    ) -> None:
        pem = give(provisioner, spec)
        provisioner.cut([spec])
        provisioner.clean(spec)

        with pytest.raises(ProvisionerError, match="no longer in the project"):
            provisioner.open(spec)

        assert atlas.users == {}
        assert visitor.code(pem) == USER_NOT_FOUND


class TestManaged:
    """Certificates that Atlas makes, by a login of an owner that is used for nothing else."""

    @pytest.fixture
    def managed(self, db: None, behind: Behind) -> Iterator[Patient]:
        with living(behind) as found:
            account = Account(
                key=OWNER_ID, secrets=(OWNER_SECRET,), name="o", project_roles={found.project.id: (OWNER,)}
            )
            found.organisation.accounts[OWNER_ID] = account
            made = Patient(found)
            made._managed = ManagedCertificates(replace(found.record(), owner=AtlasLogin(OWNER_ID, OWNER_SECRET)))
            yield made
            made.close()

    @pytest.fixture
    def spec(self, spec: GrantSpec) -> GrantSpec:
        return replace(spec, authentication="x509_managed")

    def test_lets_its_holder_in_until_the_user_is_deleted(
        self, managed: Patient, spec: GrantSpec, visitor: Visitor
    ) -> None:
        pem = give(managed, spec)

        assert managed.readiness(spec).usable
        (user,) = managed.living.users.values()
        assert (user["username"], user["x509Type"]) == (f"CN={spec.username}", "MANAGED")
        assert "deleteAfterDate" not in user
        until = x509.load_pem_x509_certificate(pem.encode()).not_valid_after_utc
        assert timedelta(days=27) < until - datetime.now(UTC) < timedelta(days=32), (
            "months are all that Atlas counts in"
        )
        with visitor.client(pem) as client:
            assert client.shop.orders.find_one() is not None
            managed.cut([spec])
            with pytest.raises(OperationFailure):
                client.shop.orders.find_one()
        assert managed.clean(spec).done
        assert visitor.code(pem) == USER_NOT_FOUND

    def test_without_the_owners_login_nothing_is_made(self, managed: Patient, spec: GrantSpec) -> None:
        managed._managed = ManagedCertificates(managed.living.record())

        with pytest.raises(ProvisionerError, match="Project Owner") as refused:
            managed.prepare(spec)
        assert refused.value.permanent
        assert "x509_managed" in managed.check().missing
        assert managed.living.users == {}

    def test_where_the_project_trusts_an_authority_of_its_own_nothing_is_made(
        self, managed: Patient, spec: GrantSpec, authority: Authority
    ) -> None:
        managed.living.project.user_security["customerX509"] = {"cas": authority.certificate_pem}

        with pytest.raises(ProvisionerError, match="makes no certificates"):
            managed.prepare(spec)
        assert managed.living.users == {}
