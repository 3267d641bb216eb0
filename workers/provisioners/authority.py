"""Our own certificate authority: it makes the client certificates of grants, and can speak for nobody else.

It may sign only subjects in `O=access-grants` (a critical name constraint, RFC 5280, 4.2.1.10) and no further authority.
Whoever trusts it therefore trusts it with the users of grants and with nobody who stands there anyway.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from accessrequests.domain.naming import ORGANIZATION
from workers.provisioners.base import ProvisionerError
from workers.provisioners.connection_entry import check_private

LIFE = timedelta(days=5 * 365)
EARLIER = timedelta(minutes=1)  # the target's clock may be behind ours
_OURS = x509.NameAttribute(NameOID.ORGANIZATION_NAME, ORGANIZATION)
_CONSTRAINTS = x509.NameConstraints(permitted_subtrees=[x509.DirectoryName(x509.Name([_OURS]))], excluded_subtrees=None)


@dataclass(frozen=True, slots=True)
class Authority:
    """The certificate, which targets are told to trust, and the key, which leaves the worker's file for nobody."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey = field(repr=False)

    @property
    def ends_at(self) -> datetime:
        return self.certificate.not_valid_after_utc

    @property
    def certificate_pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    def issue(self, *, username: str, ends_at: datetime, at: datetime) -> str:
        """A certificate of the one user, then its new key, as drivers want them: in one text. Good until `ends_at`.

        :raises ProvisionerError: the authority ends before.
        """
        self.check_lasts(ends_at)
        key = ec.generate_private_key(ec.SECP256R1())
        # The constraint is compared from the front (RFC 5280, 4.2.1.10): the organization comes first.
        subject = x509.Name([_OURS, x509.NameAttribute(NameOID.COMMON_NAME, username)])
        certificate = (
            _builder(
                subject,
                self.certificate.subject,
                key.public_key(),
                (at - EARLIER).replace(microsecond=0),
                ends_at.replace(microsecond=0),
            )
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH]), critical=True)
            .add_extension(
                x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()),
                critical=False,
            )
            .sign(self.key, SHA256())
        )
        return certificate.public_bytes(Encoding.PEM).decode() + _key_pem(key)

    def check_lasts(self, until: datetime) -> None:
        """:raises ProvisionerError: it ends before, so that nothing that lasts as long can be signed."""
        if self.ends_at < until.replace(microsecond=0):
            raise ProvisionerError(
                f"Our certificate authority ends at {self.ends_at:%Y-%m-%d %H:%M} UTC, before the access would. "
                "An administrator must make a new one.",
                permanent=True,
            )


def make_authority(*, installation: str, at: datetime) -> Authority:
    """A new one, with a name that tells it from the one before."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = f"Access Requests {installation} since {at.astimezone(UTC):%Y-%m-%d %H:%M}"
    subject = x509.Name([_OURS, x509.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        _builder(
            subject,
            subject,
            key.public_key(),
            (at - EARLIER).replace(microsecond=0),
            (at + LIFE).replace(microsecond=0),
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_CONSTRAINTS, critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, SHA256())
    )
    return Authority(certificate, key)


def write_authority(authority: Authority, path: Path) -> None:
    """Into a new file that its owner alone may read.

    :raises OSError: there is one already, or it cannot be written.
    """
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(authority.certificate_pem + _key_pem(authority.key))


def read_authority(path: Path) -> Authority:
    """What `write_authority` wrote.

    :raises ProvisionerError: it is not there, open to others, or may sign more than ours may.
    """
    check_private(path)
    try:
        pem = path.read_bytes()
        certificate, key = x509.load_pem_x509_certificate(pem), load_pem_private_key(pem, password=None)
        extensions = certificate.extensions
        constraints = extensions.get_extension_for_class(x509.NameConstraints)
        basic = extensions.get_extension_for_class(x509.BasicConstraints)
        certificate.verify_directly_issued_by(certificate)
    except (ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        raise _not_ours(path) from None
    is_narrow = constraints.critical and constraints.value == _CONSTRAINTS
    is_last = basic.critical and basic.value == x509.BasicConstraints(ca=True, path_length=0)
    is_its_key = isinstance(key, ec.EllipticCurvePrivateKey) and key.public_key() == certificate.public_key()
    if not (is_narrow and is_last and is_its_key and isinstance(key, ec.EllipticCurvePrivateKey)):
        raise _not_ours(path)
    return Authority(certificate, key)


def _not_ours(path: Path) -> ProvisionerError:
    return ProvisionerError(
        f"The file {path} holds no certificate authority that may sign for our grants alone. "
        "Make one with `manage.py x509 init`.",
        permanent=True,
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, starts_at: datetime, ends_at: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(starts_at)
        .not_valid_after(ends_at)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _key_pem(key: ec.EllipticCurvePrivateKey) -> str:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
