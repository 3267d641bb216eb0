"""What each of a world's processes is told: fresh secrets, and to every process only those of its role."""

from __future__ import annotations

import base64
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from sandbox.atlas.authorities import Issued, make_client_authority
from sandbox.commands import RELAY, ROLES, SLACK_SOCKET, SWEEP, WEB
from sandbox.identity.people import CLIENT_ID, NAME
from sandbox.seed import SIZES

OWNER, APPLICATION, DATABASE = "access_owner", "access_app", "access"
INHERITED = frozenset({"PATH", "LANG", "TMPDIR", "HOME", "ACCESS_LOG_LEVEL"})  # the rest of the caller's is not ours


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode()


def _password() -> str:
    return secrets.token_urlsafe(18)


@dataclass(frozen=True, slots=True)
class WorldSecrets:
    """Made anew for every world; none of them opens anything outside it."""

    secret_key: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    installation: str = field(default_factory=lambda: f"sb{secrets.token_hex(4)}")
    sealing_key: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    tag_key: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    anchor_key: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    owner_password: str = field(default_factory=_password)
    app_password: str = field(default_factory=_password)
    redis_password: str = field(default_factory=_password)
    shop_password: str = field(default_factory=_password)
    control_token: str = field(default_factory=_password)
    identity_key: rsa.RSAPrivateKey = field(default_factory=lambda: rsa.generate_private_key(65537, 2048))
    identity_client_secret: str = field(default_factory=_password)
    newcomer_password: str = field(default_factory=_password)
    authority: Issued = field(default_factory=make_client_authority)
    worker_passwords: Mapping[str, str] = field(default_factory=lambda: {slug: _password() for slug in SIZES})

    @property
    def anchor_seed(self) -> str:
        return _encoded(self.anchor_key.private_bytes_raw())

    @property
    def anchor_public_key(self) -> str:
        return _encoded(self.anchor_key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))


@dataclass(frozen=True, slots=True)
class Places:
    """Files of a world, all inside its one directory."""

    directory: Path

    @property
    def anchor(self) -> Path:
        return self.directory / "anchor" / "anchors.jsonl"

    @property
    def sweep(self) -> Path:
        return self.directory / "sweep.jsonl"

    @property
    def mail(self) -> Path:
        return self.directory / "mail"

    @property
    def connections(self) -> Path:
        return self.directory / "connections.yaml"

    @property
    def schedules(self) -> Path:
        return self.directory / "schedules.yaml"

    @property
    def authority(self) -> Path:
        return self.directory / "x509.pem"

    @property
    def webhooks(self) -> Path:
        return self.directory / "webhooks.yaml"

    @property
    def control(self) -> Path:
        return self.directory / "control.sock"

    @property
    def static(self) -> Path:
        return self.directory / "static"

    @property
    def logs(self) -> Path:
        return self.directory / "logs"


@dataclass(frozen=True, slots=True)
class Environment:
    """Builds the environment of each process of one world."""

    secrets: WorldSecrets
    places: Places
    base_url: str
    database_url: str
    redis_url: str
    identity_url: str
    slack: Mapping[str, str] = field(default_factory=dict)  # What the product is told of Slack.
    slack_app_token: str = field(default="", repr=False)

    def of(self, process: str) -> dict[str, str]:
        """:raises KeyError: there is no such process."""
        if process == SWEEP:
            return self._of_sweep()
        role = ROLES[process]
        environment = self._everybody(role)
        if process == WEB:
            address = self.base_url.removeprefix("http://")
            # The old workers of a killed master still hold the port for a moment; the new one may listen beside them.
            environment["GUNICORN_CMD_ARGS"] = (
                f"--bind={address} --reuse-port --workers=2 --threads=8 --preload --graceful-timeout=2 "
                "--keep-alive=75 --no-control-socket"
            )
            return environment
        if process == SLACK_SOCKET:
            return environment | {"ACCESS_SLACK_APP_TOKEN": self.slack_app_token}
        if process == RELAY:
            environment["ACCESS_ANCHOR_SEED"] = self.secrets.anchor_seed
        return environment | {
            "REDIS_URL": self.redis_url,
            "ACCESS_TARGETS_FILE": str(self.places.connections),
            "ACCESS_SWEEP_FILE": str(self.places.sweep),
            "ACCESS_SCHEDULES_FILE": str(self.places.schedules),
            "ACCESS_SCHEDULES_SECONDS": "5",
            "ACCESS_TAG_KEY": _encoded(self.secrets.tag_key),
            "ACCESS_X509_AUTHORITY": str(self.places.authority),
            "ACCESS_RECONCILE_SECONDS": "10",
            "ACCESS_MAIL_DIRECTORY": str(self.places.mail),
            "ACCESS_WEBHOOKS_FILE": str(self.places.webhooks),
        }

    def _of_sweep(self) -> dict[str, str]:
        """For the one process that has to work when all the others cannot: it knows the targets and nothing else."""
        return {name: value for name, value in os.environ.items() if name in INHERITED} | {
            "PYTHONUNBUFFERED": "1",
            "DJANGO_SETTINGS_MODULE": "accessrequests.settings",
            "ACCESS_ROLE": ROLES[SWEEP],
            "ACCESS_SANDBOX": str(os.getpid()),
            "ACCESS_INSTALLATION": self.secrets.installation,
            "ACCESS_TARGETS_FILE": str(self.places.connections),
            "ACCESS_TAG_KEY": _encoded(self.secrets.tag_key),
            "ACCESS_SWEEP_FILE": str(self.places.sweep),
        }

    def of_operator(self, *, owner_url: str) -> dict[str, str]:
        """For the one process that prepares the product's database."""
        return self._everybody("operator") | {"DATABASE_OWNER_URL": owner_url, "REDIS_URL": self.redis_url}

    def of_identity(self) -> dict[str, str]:
        """For the OpenID provider, which knows nothing of the product but where people come back to."""
        key = self.secrets.identity_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        inherited = {name: value for name, value in os.environ.items() if name in INHERITED}
        return inherited | {
            "PYTHONUNBUFFERED": "1",
            "IDENTITY_DIRECTORY": str(self.places.directory),
            "IDENTITY_PORT": self.identity_url.rpartition(":")[2],
            "IDENTITY_SECRET_KEY": f"identity-{self.secrets.secret_key}",
            "IDENTITY_CONTROL_TOKEN": self.secrets.control_token,
            "IDENTITY_PRIVATE_KEY": key.decode(),
        }

    def of_stand_in(self, told: Mapping[str, str]) -> dict[str, str]:
        """For a stand-in, which knows nothing of the product but perhaps where it listens."""
        return {name: value for name, value in os.environ.items() if name in INHERITED} | {
            "PYTHONUNBUFFERED": "1",
            **told,
        }

    def _everybody(self, role: str) -> dict[str, str]:
        inherited = {name: value for name, value in os.environ.items() if name in INHERITED}
        return inherited | {
            "PYTHONUNBUFFERED": "1",
            "DJANGO_SETTINGS_MODULE": "accessrequests.settings",
            "ACCESS_ROLE": role,
            "ACCESS_SANDBOX": str(os.getpid()),
            "ACCESS_SECRET_KEY": self.secrets.secret_key,
            "ACCESS_BASE_URL": self.base_url,
            "ACCESS_INSTALLATION": self.secrets.installation,
            "ACCESS_SEALING_KEYS": f"sandbox:{_encoded(self.secrets.sealing_key)}",
            "ACCESS_ANCHOR_FILE": str(self.places.anchor),
            "ACCESS_ANCHOR_PUBLIC_KEY": self.secrets.anchor_public_key,
            "ACCESS_STATIC_ROOT": str(self.places.static),
            "ACCESS_CALLS_PER_SECOND": "200",
            "ACCESS_MAIL_FROM": "access-requests@example.com",
            "ACCESS_OIDC_ISSUER": self.identity_url,
            "ACCESS_OIDC_CLIENT_ID": CLIENT_ID,
            "ACCESS_OIDC_CLIENT_SECRET": self.secrets.identity_client_secret,
            "ACCESS_OIDC_NAME": NAME,
            "ACCESS_OIDC_ASK_SECONDS": "5",
            "DATABASE_URL": self.database_url,
            **self.slack,
        }
