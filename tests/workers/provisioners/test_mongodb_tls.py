"""Guards the way to a target: the server must prove itself, and whoever merely listens there learns no secret."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from typing_extensions import override

from sandbox.servers import Mongod, scratch_directory
from tests.workers.provisioners.conftest import Another, MakeSpec
from workers.provisioners.base import ProvisionerError

CANARY = "canary-of-the-administrator"


class Authority:
    """Signs certificates for servers."""

    def __init__(self, directory: Path, name: str) -> None:
        self._directory = directory
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self.file = directory / f"{name}.pem"
        self.file.write_bytes(self._certificate(self._name, self._key, is_authority=True))

    def issue(self, *, address: str) -> Path:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "server")])
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        file = self._directory / f"server-{address}.pem"
        file.write_bytes(self._certificate(subject, key, address=address) + secret)
        return file

    def _certificate(
        self, subject: x509.Name, key: ec.EllipticCurvePrivateKey, *, is_authority: bool = False, address: str = ""
    ) -> bytes:
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(hours=1))
            .not_valid_after(now + timedelta(days=1))
            .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
        )
        if address:
            names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(address))])
            builder = builder.add_extension(names, critical=False)
        return builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)


class SecureMongod(Mongod):
    """Takes plain text too, so that the sandbox's own set-up still works; its clients here do not."""

    def __init__(self, directory: Path, *, certificate: Path, authority: Path) -> None:
        super().__init__(directory, "secure")
        self._certificate, self._authority = certificate, authority

    @override
    def _command(self, port: int) -> Sequence[str | Path]:
        tls = ("--tlsMode", "preferTLS", "--tlsCertificateKeyFile", self._certificate)
        return [
            *super()._command(port),
            *tls,
            "--tlsCAFile",
            self._authority,
            "--tlsAllowConnectionsWithoutCertificates",
        ]


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    with scratch_directory() as path:
        yield path


@pytest.fixture(scope="module")
def authority(directory: Path) -> Authority:
    return Authority(directory, "authority")


@pytest.fixture(scope="module")
def server(directory: Path, authority: Authority) -> Iterator[SecureMongod]:
    certificate = authority.issue(address="127.0.0.1")
    server = SecureMongod(directory / "server", certificate=certificate, authority=authority.file)
    try:
        server.start()
        yield server
    finally:
        server.remove()


class TestTheServersProof:
    def test_works_with_the_right_authority(self, server: SecureMongod, authority: Authority, another: Another) -> None:
        provisioner = another(
            hosts=(server.host,), username="root", password=server.password, tls=True, ca_file=str(authority.file)
        )

        assert provisioner.check().ok

    def test_refuses_a_server_whose_authority_it_does_not_know(
        self, server: SecureMongod, directory: Path, another: Another
    ) -> None:
        stranger = Authority(directory, "another")
        provisioner = another(
            hosts=(server.host,), username="root", password=server.password, tls=True, ca_file=str(stranger.file)
        )

        with pytest.raises(ProvisionerError) as failure:
            provisioner.check()

        assert failure.value.unreachable

    def test_refuses_a_certificate_of_another_address(
        self, server: SecureMongod, authority: Authority, another: Another
    ) -> None:
        by_name = server.host.replace("127.0.0.1", "localhost")
        provisioner = another(
            hosts=(by_name,), username="root", password=server.password, tls=True, ca_file=str(authority.file)
        )

        with pytest.raises(ProvisionerError):
            provisioner.check()


class TestAListener:
    @pytest.mark.parametrize("tls", [True, False])
    def test_that_says_nothing_learns_no_secret(self, another: Another, make_spec: MakeSpec, *, tls: bool) -> None:
        heard: list[bytes] = []
        before = set(threading.enumerate())
        entrance = socket.create_server(("127.0.0.1", 0))

        def listen() -> None:
            while True:
                try:
                    visitor, _ = entrance.accept()
                except OSError:
                    return
                with visitor:
                    visitor.settimeout(0.5)
                    try:
                        heard.append(visitor.recv(65536))
                    except OSError:
                        continue

        listener = threading.Thread(target=listen, daemon=True)
        listener.start()
        host = f"127.0.0.1:{entrance.getsockname()[1]}"
        provisioner = another(hosts=(host,), password=CANARY, tls=tls)
        spec = make_spec(password=CANARY)
        with pytest.raises(ProvisionerError):
            provisioner.prepare(spec)
        provisioner.close()
        # The driver's threads end after close() returns, and one that connects meanwhile must still be let in: of a
        # connection that is reset before its handshake Python's SSLSocket leaves the socket open (ssl.py, _create).
        for thread in set(threading.enumerate()) - before - {listener}:
            thread.join(timeout=5)
        entrance.shutdown(socket.SHUT_RDWR)
        entrance.close()
        listener.join(timeout=5)

        assert heard
        assert CANARY.encode() not in b"".join(heard)
