"""Guards X.509: managed certificates and the customer's authorities, with real logins over TLS."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from cryptography import x509
from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from sandbox.atlas.authorities import Issued, issue_to_user, make_authority
from sandbox.atlas.certificates import ROUTES, months_after
from tests.sandbox.atlas.behind import Behind, Document, add_user, await_applied
from tests.sandbox.atlas.serving import CLIENT_ID, Served, serving

EXTERNAL = "$external"
HOUR = timedelta(hours=1)
SECURITY = "/userSecurity"


@pytest.fixture
def served(behind: Behind) -> Iterator[Served]:
    """A stand-in with the real clusters behind its project."""
    with serving(routes=ROUTES) as served, behind.project(organisation=served.server.organisation) as made:
        served.project = made[1]
        served.give(CLIENT_ID, project_roles={served.project.id: ("GROUP_OWNER",)})
        yield served


def call(served: Served, method: str, rest: str, body: Any = None) -> httpx2.Response:
    with served.bearer() as client:
        return client.request(method, served.path(rest), json=body)


def settled(served: Served) -> None:
    await_applied(served.server.organisation, served.project)


def with_user(served: Served, username: str, *, kind: str = "MANAGED") -> None:
    organisation: Any = served.server.organisation
    add_user(organisation, served.project, username, databaseName=EXTERNAL, x509Type=kind)
    settled(served)


def certificates(served: Served, username: str) -> str:
    return f"/databaseUsers/{username}/certs"


def log_in(behind: Behind, directory: Path, pem: str) -> MongoClient[Document]:
    path = directory / "client.pem"
    path.write_text(pem)
    return MongoClient(
        behind.mongods["main"].host,
        directConnection=True,
        tls=True,
        tlsCAFile=str(behind.servers_pem),
        tlsCertificateKeyFile=str(path),
        authMechanism="MONGODB-X509",
        authSource=EXTERNAL,
        serverSelectionTimeoutMS=2000,
    )


def is_refused(behind: Behind, directory: Path, pem: str) -> bool:
    with log_in(behind, directory, pem) as client:
        try:
            client.shop.orders.find_one()
        except PyMongoError:
            return True
    return False


class TestManaged:
    def test_logs_in_until_its_user_is_gone(self, served: Served, behind: Behind, tmp_path: Path) -> None:
        with_user(served, "CN=ada")
        answer = call(served, "POST", certificates(served, "CN=ada"), {"monthsUntilExpiration": 1})
        assert answer.status_code == 201
        assert answer.text.index("BEGIN CERTIFICATE") < answer.text.index("BEGIN PRIVATE KEY")
        with log_in(behind, tmp_path, answer.text) as client:
            assert client.shop.orders.find_one()
            with pytest.raises(OperationFailure) as refused:
                client.shop.orders.insert_one({})
            assert refused.value.code == 13
            del served.project.database_users[EXTERNAL, "CN=ada"]
            served.project.changed()
            settled(served)
            with pytest.raises(OperationFailure):
                client.shop.orders.find_one()
        assert is_refused(behind, tmp_path, answer.text)

    def test_is_listed_by_number_for_whole_months(self, served: Served) -> None:
        with_user(served, "bare")
        pem = call(served, "POST", certificates(served, "bare"), {}).text
        certificate = x509.load_pem_x509_certificate(pem.encode())
        listed = call(served, "GET", certificates(served, "bare")).json()
        (row,) = listed["results"]
        assert listed["totalCount"] == 1
        assert row["subject"] == certificate.subject.rfc4514_string() == "CN=bare"
        assert row["_id"] == certificate.serial_number
        assert 0 < row["_id"] < 2**63
        assert row["notAfter"] == f"{certificate.not_valid_after_utc:%Y-%m-%dT%H:%M:%SZ}"
        ends_at = months_after(served.server.organisation.now(), 3)
        assert abs(certificate.not_valid_after_utc - ends_at) < HOUR

    @pytest.mark.parametrize(
        ("months", "code"),
        [(25, "CERT_EXPIRY_CANNOT_EXCEED_TWO_YEARS"), (0, "INVALID_ATTRIBUTE"), ("1", "INVALID_ATTRIBUTE")],
    )
    def test_lives_for_one_to_24_months(self, served: Served, months: object, code: str) -> None:
        with_user(served, "CN=ada")
        answer = call(served, "POST", certificates(served, "CN=ada"), {"monthsUntilExpiration": months})
        assert (answer.status_code, answer.json()["errorCode"]) == (400, code)

    def test_is_for_managed_users_only(self, served: Served) -> None:
        with_user(served, "CN=own", kind="CUSTOMER")
        add_user(served.server.organisation, served.project, "scram")
        for username, code in (
            ("CN=own", "USER_NOT_MANAGED_X509"),
            ("scram", "USER_NOT_MANAGED_X509"),
            ("CN=nobody", "USERNAME_NOT_FOUND"),
        ):
            assert call(served, "POST", certificates(served, username), {}).json()["errorCode"] == code

    def test_needs_the_projects_owner(self, served: Served) -> None:
        served.give(CLIENT_ID, project_roles={served.project.id: ("GROUP_DATABASE_ACCESS_ADMIN",)})
        with_user(served, "CN=ada")
        assert call(served, "GET", certificates(served, "CN=ada")).status_code == 200
        for method, path in (("POST", certificates(served, "CN=ada")), ("GET", SECURITY), ("PATCH", SECURITY)):
            assert call(served, method, path, {}).json()["errorCode"] == "USER_UNAUTHORIZED"


class TestCustomers:
    @pytest.fixture
    def authority(self) -> Issued:
        return make_authority("Ours")

    def issued(self, authority: Issued, name: str) -> str:
        return issue_to_user(authority, common_name=name, ends_at=datetime.now(UTC) + HOUR).pem

    def upload(self, served: Served, cas: str) -> httpx2.Response:
        answer = call(served, "PATCH", SECURITY, {"customerX509": {"cas": cas}})
        settled(served)
        return answer

    def test_authority_is_the_one_that_counts(
        self, served: Served, behind: Behind, tmp_path: Path, authority: Issued
    ) -> None:
        with_user(served, "CN=mine", kind="CUSTOMER")
        with_user(served, "CN=managed")
        managed = call(served, "POST", certificates(served, "CN=managed"), {}).text
        mine = self.issued(authority, "mine")
        assert is_refused(behind, tmp_path, mine)
        assert self.upload(served, authority.certificate_pem).status_code == 202
        assert call(served, "GET", SECURITY).json()["customerX509"] == {"cas": authority.certificate_pem}
        with log_in(behind, tmp_path, mine) as client:
            assert client.shop.orders.find_one()
        assert is_refused(behind, tmp_path, self.issued(make_authority("Ours"), "mine"))
        assert is_refused(behind, tmp_path, managed)
        refused = call(served, "POST", certificates(served, "CN=managed"), {})
        assert refused.json()["errorCode"] == "CANNOT_GENERATE_CERT_IF_ADVANCED_X509"

        assert call(served, "DELETE", f"{SECURITY}/customerX509").status_code == 202
        settled(served)
        assert call(served, "GET", SECURITY).json()["customerX509"] == {}
        assert is_refused(behind, tmp_path, mine)
        with log_in(behind, tmp_path, managed) as client:
            assert client.shop.orders.find_one()

    def test_authorities_may_be_several(
        self, served: Served, behind: Behind, tmp_path: Path, authority: Issued
    ) -> None:
        with_user(served, "CN=mine", kind="CUSTOMER")
        self.upload(served, make_authority("Other").certificate_pem + authority.certificate_pem)
        with log_in(behind, tmp_path, self.issued(authority, "mine")) as client:
            assert client.shop.orders.find_one()

    def test_authority_has_to_be_one(self, served: Served) -> None:
        assert self.upload(served, "no PEM").json()["errorCode"] == "INVALID_ATTRIBUTE"
        assert call(served, "GET", SECURITY).json()["customerX509"] == {}


@pytest.mark.parametrize(
    ("begins", "months", "ends"),
    [("2026-01-31", 1, "2026-02-28"), ("2026-11-15", 3, "2027-02-15"), ("2027-12-31", 2, "2028-02-29")],
)
def test_months_are_whole(begins: str, months: int, ends: str) -> None:
    assert months_after(datetime.fromisoformat(begins), months) == datetime.fromisoformat(ends)
