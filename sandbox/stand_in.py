"""The Atlas stand-in of a world: its process, the mongods of its clusters, and what both are told."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

from pymongo import MongoClient

from sandbox.atlas.authorities import issue_to_server, make_authority
from sandbox.ecommerce import CLUSTERS, COLLECTIONS, DATABASE, DEV, SIZE, AtlasKeys, mongod_name, organisation_document
from sandbox.processes import PortReservation
from sandbox.seed import seed_shop
from sandbox.servers import Mongod, Tls

# The least that a mongod takes. Passwords here are long and random, and a start has many of them to hash.
_QUICK_HASHING = {"scramSHA256IterationCount": "5000"}
ROOT_USER = "mms-automation"  # Atlas reserves names that begin so; nobody can ask for a user of this name.
SEED = "seed.json"
AUTHORITY = "servers.pem"


class StandIn:
    """Made with the world; `write_files` before anything starts."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory / "atlas"
        self.keys = AtlasKeys()
        self.mongods = {
            mongod_name(project, cluster): _mongod(directory, mongod_name(project, cluster))
            for project, clusters in CLUSTERS.items()
            for cluster in clusters
        }
        self._port = PortReservation()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._port.port}"

    def environment(self, *, control_token: str) -> dict[str, str]:
        return {
            "ATLAS_DIRECTORY": str(self.directory),
            "ATLAS_PORT": str(self._port.port),
            "ATLAS_CONTROL_TOKEN": control_token,
        }

    def write_files(self, *, shop_password: str, authority: str) -> None:
        """Certificates of the servers, and the seed of the organisation, which the stand-in reads when it starts.

        `authority` is whose client certificates the projects trust.
        """
        self.directory.mkdir(mode=0o700)
        servers = make_authority("Servers of the Atlas stand-in")
        (self.directory / AUTHORITY).write_text(servers.certificate_pem, encoding="utf-8")
        for name, mongod in self.mongods.items():
            mongod.directory.mkdir(mode=0o711)
            tls = _tls(mongod.directory)
            tls.certificate.touch(mode=0o600)
            tls.certificate.write_text(issue_to_server(servers, name=name).pem, encoding="utf-8")
            tls.authorities.write_text(servers.certificate_pem, encoding="utf-8")
        clusters = {
            project: [self._cluster(project, cluster) for cluster in names] for project, names in CLUSTERS.items()
        }
        seed = organisation_document(
            keys=self.keys, clusters=clusters, shop_password=shop_password, authority=authority
        )
        path = self.directory / SEED
        path.touch(mode=0o600)
        path.write_text(json.dumps(seed), encoding="utf-8")

    def connections(self) -> dict[str, dict[str, Any]]:
        """The workers' records. Only development has an owner's login too, enabled apart, for managed certificates."""
        account, owner = self.keys.account, self.keys.project_owner
        record = {
            "kind": "atlas",
            "base_url": self.url,
            "org_id": self.keys.organisation,
            "client_id": account.client_id,
            "client_secret": account.client_secret,
            "databases": {DATABASE: list(COLLECTIONS)},
            "workers_at": ["127.0.0.1"],
        }
        records = {name: {**record, "project_id": identifier} for name, identifier in self.keys.projects.items()}
        records[DEV] |= {"owner": {"client_id": owner.client_id, "client_secret": owner.client_secret}}
        return records

    def fill(self, name: str) -> None:
        """Put the shop into one of the clusters."""
        with MongoClient[dict[str, Any]](self.mongods[name].uri(), serverSelectionTimeoutMS=3000) as client:
            chance = Random(f"shop of {name}")  # nosec B311
            seed_shop(client.get_database(DATABASE), size=SIZE, chance=chance)

    def state(self, *, control_token: str) -> dict[str, Any]:
        """How to use it, for the state file."""
        keys = self.keys
        return {
            "url": self.url,
            "client_id": keys.account.client_id,
            "client_secret": keys.account.client_secret,
            "public_key": keys.api_key.public_key,
            "private_key": keys.api_key.private_key,
            "org_id": keys.organisation,
            "projects": dict(keys.projects),
            "project_id": keys.projects[DEV],
            "database": DATABASE,
            "control_url": f"{self.url}/control",
            "control_token": control_token,
            "owner": {
                "client_id": keys.owner.client_id,
                "client_secret": keys.owner.client_secret,
                "public_key": keys.owner_key.public_key,
                "private_key": keys.owner_key.private_key,
            },
            "ca_file": str(self.directory / AUTHORITY),
            "clusters": {
                project: {cluster: {"uri": self.mongods[mongod_name(project, cluster)].uri()} for cluster in clusters}
                for project, clusters in CLUSTERS.items()
            },
        }

    def release(self) -> None:
        self._port.release()

    def _cluster(self, project: str, cluster: str) -> dict[str, Any]:
        mongod = self.mongods[mongod_name(project, cluster)]
        return {
            "name": cluster,
            "hosts": [mongod.host],
            "options": {"directConnection": "true"},
            "admin_uri": mongod.uri(),
            "log_path": str(mongod.log),
            "authorities_path": str(_tls(mongod.directory).authorities),
        }


def _mongod(directory: Path, name: str) -> Mongod:
    place = directory / f"mongod-{name}"
    return Mongod(place, name, tls=_tls(place), root=ROOT_USER, parameters=_QUICK_HASHING)


def _tls(directory: Path) -> Tls:
    return Tls(certificate=directory / "certificate.pem", authorities=directory / "authorities.pem")
