"""Why somebody cannot connect to a cluster of an Atlas project, or not do what was approved: gate by gate."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta

from accessrequests.domain.atlas_actions import atlas_action
from accessrequests.domain.diagnosis import Cause, Diagnosis, Shut
from accessrequests.domain.external import ADMIN
from accessrequests.domain.lifecycle import GateName
from accessrequests.domain.networks import Network, covers, read_network
from accessrequests.domain.privileges import Privilege, difference
from accessrequests.domain.wording import moment
from workers.provisioners.atlas import roles
from workers.provisioners.atlas.custom_roles import CustomRoles, own_roles
from workers.provisioners.atlas.failures import AtlasFailure
from workers.provisioners.atlas.project import AtlasProject, Document
from workers.provisioners.atlas.users import AtlasUser, Role, name_of, role_of
from workers.provisioners.base import GrantedRole, GrantSpec

_NO_USER = "There is no user whose roles could be looked at."
_APPLIED = "APPLIED"
_ACTIVE = "ACTIVE"
# Atlas keeps the history of logins for seven days (dbAccessHistory).
_HISTORY = timedelta(days=7)


def diagnose(
    project: AtlasProject, own: CustomRoles, user: AtlasUser | None, spec: GrantSpec, *, at: datetime
) -> Diagnosis:
    """`own` are the roles that we make; `user` is None where the project has none of that name."""
    clusters = _clusters(project, spec)
    network = [*_of_addresses(project, spec, at), *_of_clusters(clusters)]
    if user is None:
        gone = Shut(Cause.USER_GONE, name_of(spec)[1])
        return Diagnosis(known=frozenset({GateName.NETWORK}), shut=(*network, gone), unclear=_NO_USER)
    awake = [name for name, cluster in clusters.items() if cluster is not None and not cluster.get("paused")]
    login = list(_of_login(project, user, spec, awake, at))
    refused = [] if login else list(_of_history(project, spec, awake, at))
    return Diagnosis(known=frozenset(GateName), shut=(*network, *login, *refused, *_of_roles(project, own, user, spec)))


def _clusters(project: AtlasProject, spec: GrantSpec) -> dict[str, Document | None]:
    """Those that the access is for, and None for one that is no more."""
    there = {cluster["name"]: cluster for cluster in project.clusters()}
    return {name: there.get(name) for name in spec.clusters or sorted(there)}


def _of_addresses(project: AtlasProject, spec: GrantSpec, at: datetime) -> Iterator[Shut]:
    """An address may also be let in by an entry that is wider than the one that we made."""
    entries = [(network, entry) for entry in project.entries() if (network := _network_of(entry)) is not None]
    for text in spec.source_addresses:
        wanted = read_network(text)
        covering = [entry for network, entry in entries if wanted is not None and covers(network, wanted)]
        alive = [entry for entry in covering if not _is_over(entry, at)]
        if not covering:
            yield Shut(Cause.ENTRY_GONE, text)
        elif not alive:
            yield Shut(Cause.ENTRY_LAPSED, text)
        elif not any(project.entry_status(entry["cidrBlock"]) == _ACTIVE for entry in alive):
            yield Shut(Cause.ENTRY_PENDING, text)


def _of_clusters(clusters: Mapping[str, Document | None]) -> Iterator[Shut]:
    for name, cluster in clusters.items():
        if cluster is None:
            yield Shut(Cause.CLUSTER_GONE, name)
        elif cluster.get("paused"):
            yield Shut(Cause.CLUSTER_PAUSED, name)


def _of_login(
    project: AtlasProject, user: AtlasUser, spec: GrantSpec, awake: Sequence[str], at: datetime
) -> Iterator[Shut]:
    if user.end is not None and user.end <= at:
        yield Shut(Cause.USER_LAPSED, moment(user.end))
    if spec.authentication == "scram" and not user.is_scram:
        yield Shut(Cause.METHOD_CHANGED)
    if user.clusters:
        yield from (
            Shut(Cause.CLUSTER_NOT_IN_SCOPE, name) for name in spec.clusters if f"CLUSTER:{name}" not in user.clusters
        )
    yield from (Shut(Cause.NOT_APPLIED, name) for name in awake if project.cluster_status(name) != _APPLIED)


def _of_history(project: AtlasProject, spec: GrantSpec, awake: Sequence[str], at: datetime) -> Iterator[Shut]:
    """What was refused since the last login that went well, as far as Atlas tells: not on its smallest clusters."""
    since = max(at - _HISTORY, spec.since or at - _HISTORY)
    seen: list[Document] = []
    for name in awake:
        with suppress(AtlasFailure):
            seen += [row for row in project.logins(name, since=since, until=at) if row["username"] == name_of(spec)[1]]
    seen.sort(key=lambda row: str(row["timestamp"]))
    went_well = max((number for number, row in enumerate(seen) if row["authResult"]), default=-1)
    refused = seen[went_well + 1 :]
    allowed = [read_network(text) for text in spec.source_addresses]
    elsewhere = sorted({str(row["ipAddress"]) for row in refused if not _is_let_in(str(row["ipAddress"]), allowed)})
    if elsewhere:
        yield Shut(Cause.LOGIN_FROM_ELSEWHERE, " and from ".join(elsewhere))
    here = [row for row in refused if row["ipAddress"] not in elsewhere]
    astray = sorted({row["authSource"] for row in here} - {name_of(spec)[0]})
    if astray:
        yield Shut(Cause.LOGIN_IN_ANOTHER_DATABASE, " and in ".join(astray))
    known = [row for row in here if row["authSource"] not in astray]
    if known:
        last = moment(datetime.fromisoformat(str(known[-1]["timestamp"])))
        yield Shut(Cause.LOGINS_REFUSED, f"{len(known)} since the last that went well, the newest on {last}")


def _of_roles(project: AtlasProject, own: CustomRoles, user: AtlasUser, spec: GrantSpec) -> Iterator[Shut]:
    wanted = _names(own, spec)
    missing = [role for role, named in wanted.items() if named not in user.roles]
    if missing:
        yield Shut(Cause.ROLE_GONE, ", ".join(sorted(map(_spelled, missing))))
    custom = roles.custom(project.roles())
    for role, (name, database, _) in wanted.items():
        is_custom = database == ADMIN and f"{name}@{ADMIN}" not in roles.built_in([ADMIN])
        if role in missing or not is_custom:
            continue
        held = custom.get(f"{name}@{ADMIN}", ())
        if difference(_holdable(role.privileges), held):
            yield Shut(Cause.ROLE_NARROWED if held else Cause.ROLE_EMPTY, f"The role {_spelled(role)}")


def _names(own: CustomRoles, spec: GrantSpec) -> dict[GrantedRole, Role]:
    """Every approved role as it is called on the user."""
    made = {role: own.name_of(role.privileges) for role in own_roles(spec)} | own.given(spec)
    return {role: (made[role], ADMIN, "") if role in made else role_of(role) for role in spec.roles}


def _holdable(privileges: Sequence[Privilege]) -> list[Privilege]:
    """What of it a custom role of Atlas can hold at all."""
    return [
        Privilege(one.resource, frozenset(action for action in one.actions if atlas_action(action, one.resource)))
        for one in privileges
    ]


def _spelled(role: GrantedRole) -> str:
    return f"{role.name}@{role.database}.{role.collection}".rstrip(".")


def _network_of(entry: Mapping[str, object]) -> Network | None:
    """Security groups of a peered network have none."""
    return read_network(str(entry.get("cidrBlock", "")))


def _is_over(entry: Mapping[str, object], at: datetime) -> bool:
    until = entry.get("deleteAfterDate")
    return until is not None and datetime.fromisoformat(str(until)) <= at


def _is_let_in(address: str, allowed: Sequence[Network | None]) -> bool:
    try:
        here = ipaddress.ip_address(address)
    except ValueError:
        return True
    return any(network is not None and here in network for network in allowed)
