"""Certificate authorities of the stand-in: one for the servers, and one for the managed certificates of each project."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from accessrequests.domain.naming import ORGANIZATION

_LOOPBACK = ip_address("127.0.0.1")
_YEARS = timedelta(days=3653)
_EARLIER = timedelta(minutes=5)  # Clocks differ.


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate and its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    @property
    def certificate_pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    @property
    def pem(self) -> str:
        """Certificate, then private key, as drivers and servers want them in one file."""
        return self.certificate_pem + self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


def make_authority(name: str) -> Issued:
    """A certificate authority that speaks for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = _name(name)
    now = datetime.now(UTC)
    certificate = (
        _builder(subject, issuer=subject, key=key, starts_at=now, ends_at=now + _YEARS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, SHA256())
    )
    return Issued(certificate, key)


def make_client_authority() -> Issued:
    """What `manage.py x509 init` makes: one that may sign for the users of grants, and for nobody else."""
    key = ec.generate_private_key(ec.SECP256R1())
    ours = x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANIZATION)
    subject = x509.Name([ours, x509.NameAttribute(NameOID.COMMON_NAME, "Access Requests in a sandbox")])
    permitted = [x509.DirectoryName(x509.Name([ours]))]
    now = datetime.now(UTC)
    certificate = (
        _builder(subject, issuer=subject, key=key, starts_at=now, ends_at=now + _YEARS)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.NameConstraints(permitted_subtrees=permitted, excluded_subtrees=None), critical=True)
        .sign(key, SHA256())
    )
    return Issued(certificate, key)


def read_authority(pem: str) -> Issued:
    """What `Issued.pem` wrote.

    :raises TypeError: it is somebody else's.
    """
    key = load_pem_private_key(pem.encode(), password=None)
    if not isinstance(key, ec.EllipticCurvePrivateKey):
        raise TypeError("The key of this authority is not one of ours.")
    return Issued(x509.load_pem_x509_certificate(pem.encode()), key)


def issue_to_server(authority: Issued, *, name: str) -> Issued:
    """For a server on loopback."""
    now = datetime.now(UTC)
    names = x509.SubjectAlternativeName([x509.IPAddress(_LOOPBACK), x509.DNSName("localhost")])
    return _issue(
        authority, common_name=name, ends_at=now + _YEARS, usage=ExtendedKeyUsageOID.SERVER_AUTH, alternatives=names
    )


def issue_to_user(authority: Issued, *, common_name: str, ends_at: datetime) -> Issued:
    return _issue(authority, common_name=common_name, ends_at=ends_at, usage=ExtendedKeyUsageOID.CLIENT_AUTH)


def _issue(
    authority: Issued,
    *,
    common_name: str,
    ends_at: datetime,
    usage: x509.ObjectIdentifier,
    alternatives: x509.SubjectAlternativeName | None = None,
) -> Issued:
    key = ec.generate_private_key(ec.SECP256R1())
    builder = (
        _builder(
            _name(common_name),
            issuer=authority.certificate.subject,
            key=key,
            starts_at=datetime.now(UTC),
            ends_at=ends_at,
        )
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    )
    if alternatives is not None:
        builder = builder.add_extension(alternatives, critical=False)
    return Issued(builder.sign(authority.key, SHA256()), key)


def _builder(
    subject: x509.Name, *, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, starts_at: datetime, ends_at: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        # Positive and below 2^63: Atlas names a certificate by a 64-bit integer, and ours is named by its serial number.
        .serial_number(x509.random_serial_number() >> 97)
        .not_valid_before(starts_at - _EARLIER)
        .not_valid_after(ends_at)
    )


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
