"""Tries the login of a grant, where the workers are let in anyway: no address is ever opened for that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from accessrequests.domain.kinds import SCRAM
from accessrequests.domain.networks import covers, read_network
from workers.provisioners.atlas.project import AtlasProject
from workers.provisioners.atlas.users import name_of
from workers.provisioners.base import GrantSpec, Proof

MOST_TRIED = 2  # clusters; each may cost its whole patience, and a step is bounded
_PATIENCE_MS = 1000
# AuthenticationFailed, and Atlas's own code for it.
_REFUSALS = frozenset({18, 8000})
WORKS, REFUSED, NO_ANSWER = "works", "is refused", "was not answered"
_NOT_YET = "Atlas says that it is done; {} does not take the login yet."


@dataclass(frozen=True, slots=True)
class Tried:
    """What each cluster said to the login; nothing where it was not tried."""

    answers: Mapping[str, str]

    def proof(self, known: Proof) -> Proof:
        """A login proves more than reading back, and a refused one that it is not usable."""
        if REFUSED in self.answers.values():
            return Proof.NOT_YET
        return Proof.LOGIN if self.answers and set(self.answers.values()) == {WORKS} else known

    @property
    def waiting(self) -> str:
        refusing = [name for name, answer in self.answers.items() if answer == REFUSED]
        return _NOT_YET.format(" and ".join(refusing)) if refusing else ""


NOT_TRIED = Tried({})


def try_login(project: AtlasProject, spec: GrantSpec, *, workers_at: tuple[str, ...]) -> Tried:
    """`workers_at`: the addresses at which the clusters see the workers."""
    if not (workers_at and spec.password and spec.authentication == SCRAM):
        return NOT_TRIED
    known = [cluster for cluster in project.clusters() if not spec.clusters or cluster["name"] in spec.clusters]
    addresses = {one["name"]: (one.get("connectionStrings") or {}).get("standard") or "" for one in known}
    if not 0 < len(addresses) <= MOST_TRIED or not all(addresses.values()) or not _are_let_in(project, workers_at):
        return NOT_TRIED
    return Tried({name: _answer(address, spec) for name, address in sorted(addresses.items())})


def _answer(address: str, spec: GrantSpec) -> str:
    database, username = name_of(spec)
    try:
        with MongoClient[dict[str, Any]](
            address,
            username=username,
            password=spec.password,
            authSource=database,
            serverSelectionTimeoutMS=_PATIENCE_MS,
            connectTimeoutMS=_PATIENCE_MS,
            socketTimeoutMS=_PATIENCE_MS,
        ) as client:
            client.get_database(database).command("ping")
    except OperationFailure as error:
        return REFUSED if error.code in _REFUSALS else NO_ANSWER
    except PyMongoError:
        return NO_ANSWER
    return WORKS


def _are_let_in(project: AtlasProject, workers_at: tuple[str, ...]) -> bool:
    """By whatever stands on the list: our own entry or somebody else's."""
    listed = [read_network(str(entry.get("cidrBlock") or entry.get("ipAddress") or "")) for entry in project.entries()]
    wanted = [read_network(address) for address in workers_at]
    blocks = [block for block in listed if block is not None]
    return all(one is not None and any(covers(block, one) for block in blocks) for one in wanted)
