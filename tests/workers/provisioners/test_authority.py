"""Guards our certificate authority: what it signs, how narrow it is, and which files are taken for one of ours."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID
from django.core.management import CommandError, call_command
from pytest_django import Settings

from accessrequests.domain.naming import subject_of
from sandbox.atlas.authorities import make_authority as make_plain_authority
from workers.provisioners.authority import Authority, make_authority, read_authority, write_authority
from workers.provisioners.base import ProvisionerError

AT = datetime(2026, 11, 22, 12, 0, 0, 500_000, tzinfo=UTC)
NAME = "jit-tests1-alice-77"


@pytest.fixture
def authority() -> Authority:
    return make_authority(installation="tests1", at=AT)


class TestAuthority:
    def test_may_sign_for_grants_alone_and_for_no_further_authority(self, authority: Authority) -> None:
        extensions = authority.certificate.extensions
        constraints = extensions.get_extension_for_class(x509.NameConstraints)
        basic = extensions.get_extension_for_class(x509.BasicConstraints)

        assert constraints.critical
        assert constraints.value.permitted_subtrees == [
            x509.DirectoryName(x509.Name.from_rfc4514_string("O=access-grants"))
        ]
        assert basic.critical
        assert (basic.value.ca, basic.value.path_length) == (True, 0)

    def test_never_shows_its_key(self, authority: Authority) -> None:
        assert "PRIVATE" not in authority.certificate_pem
        assert "key" not in repr(authority)

    def test_issues_a_certificate_of_one_user_until_the_end(self, authority: Authority) -> None:
        ends_at = AT + timedelta(hours=2)

        pem = authority.issue(username=NAME, ends_at=ends_at, at=AT)

        certificate, key = x509.load_pem_x509_certificate(pem.encode()), load_pem_private_key(pem.encode(), None)
        certificate.verify_directly_issued_by(authority.certificate)
        assert certificate.subject.rfc4514_string() == subject_of(NAME) == f"CN={NAME},O=access-grants"
        assert certificate.not_valid_before_utc < AT
        assert certificate.not_valid_after_utc == ends_at.replace(microsecond=0)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        assert key.public_key() == certificate.public_key()
        usage = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        assert list(usage) == [ExtendedKeyUsageOID.CLIENT_AUTH]

    def test_makes_a_new_key_and_number_each_time(self, authority: Authority) -> None:
        one, other = (
            x509.load_pem_x509_certificate(authority.issue(username=NAME, ends_at=AT, at=AT).encode()) for _ in "ab"
        )

        assert one.serial_number != other.serial_number
        assert one.public_key() != other.public_key()

    def test_signs_nothing_that_lasts_longer_than_itself(self, authority: Authority) -> None:
        with pytest.raises(ProvisionerError, match="before the access would") as refused:
            authority.issue(username=NAME, ends_at=authority.ends_at + timedelta(seconds=1), at=AT)

        assert refused.value.permanent


class TestFile:
    def test_is_written_for_its_owner_alone_and_read_again(self, authority: Authority, tmp_path: Path) -> None:
        path = tmp_path / "authority.pem"

        write_authority(authority, path)

        assert path.stat().st_mode & 0o777 == 0o600
        assert read_authority(path).certificate == authority.certificate

    def test_is_never_written_over(self, authority: Authority, tmp_path: Path) -> None:
        path = tmp_path / "authority.pem"
        path.write_text("what was there")

        with pytest.raises(FileExistsError):
            write_authority(authority, path)

        assert path.read_text() == "what was there"

    def test_that_others_may_read_is_refused(self, authority: Authority, tmp_path: Path) -> None:
        path = tmp_path / "authority.pem"
        write_authority(authority, path)
        path.chmod(0o644)

        with pytest.raises(ProvisionerError, match="chmod 600"):
            read_authority(path)

    @pytest.mark.parametrize(
        "content",
        [
            lambda _: "no certificate at all",
            lambda authority: authority.certificate_pem,
            # Whoever trusted this one would trust it with every user there is.
            lambda _: make_plain_authority("An authority without limits").pem,
            lambda authority: authority.certificate_pem + _key_of(make_authority(installation="tests1", at=AT)),
        ],
        ids=["nothing", "without a key", "without limits", "with another key"],
    )
    def test_of_anything_else_is_refused(
        self, authority: Authority, tmp_path: Path, content: Callable[[Authority], str]
    ) -> None:
        path = tmp_path / "authority.pem"
        path.write_text(content(authority))
        path.chmod(0o600)

        with pytest.raises(ProvisionerError, match=r"manage\.py x509 init") as refused:
            read_authority(path)

        assert refused.value.permanent
        assert "PRIVATE" not in str(refused.value)


class TestCommand:
    def test_makes_one_and_prints_what_targets_must_trust(self, settings: Settings, tmp_path: Path) -> None:
        path = tmp_path / "authority.pem"
        settings.ACCESS_X509_AUTHORITY = str(path)
        out, told = StringIO(), StringIO()

        call_command("x509", "init", stdout=out, stderr=told)

        assert out.getvalue().strip() == read_authority(path).certificate_pem.strip()
        assert "Self-managed X.509" in told.getvalue()
        call_command("x509", "show", file=str(path), stdout=(again := StringIO()), stderr=told)
        assert again.getvalue() == out.getvalue()

    def test_leaves_one_that_is_there_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "authority.pem"
        path.write_text("what was there")

        with pytest.raises(CommandError, match="left alone"):
            call_command("x509", "init", file=str(path))

        assert path.read_text() == "what was there"

    def test_says_what_is_missing(self, tmp_path: Path, settings: Settings) -> None:
        settings.ACCESS_X509_AUTHORITY = ""
        with pytest.raises(CommandError, match="ACCESS_X509_AUTHORITY"):
            call_command("x509", "show")
        with pytest.raises(CommandError, match="cannot be written"):
            call_command("x509", "init", file=str(tmp_path / "nowhere" / "authority.pem"))
        with pytest.raises(CommandError, match="cannot be read"):
            call_command("x509", "show", file=str(tmp_path / "nowhere"))


def _key_of(authority: Authority) -> str:
    pem = authority.issue(username=NAME, ends_at=AT, at=AT)
    return pem[pem.index("-----BEGIN PRIVATE KEY") :]
