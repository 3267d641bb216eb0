"""Extra roles for a user that others made: added and taken by calls that name these roles only and fail without a user.

Nothing of the user but these roles is ever written. What still runs with them at the end is ended one by one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pymongo.errors import PyMongoError

from accessrequests.domain import naming
from accessrequests.domain.lifecycle import GateName
from accessrequests.domain.privileges import Privilege, difference
from accessrequests.domain.sharing import SharedKind
from workers.provisioners import added_roles
from workers.provisioners.added_roles import Missing, Role
from workers.provisioners.base import Evidence, GrantSpec, Ledger, Proof, ProvisionerError, Readiness
from workers.provisioners.mongodb.accounts import TAG_FIELD, Moment, find_documents
from workers.provisioners.mongodb.failures import explain, step
from workers.provisioners.mongodb.inventory import privileges_of
from workers.provisioners.mongodb.roles import (
    drop_role,
    ensure_role,
    granted_roles,
    is_exactly,
    needs_own_role,
    own_roles,
    read_role,
    role_documents,
    roles_made_for,
)
from workers.provisioners.mongodb.running import Loss, end_what_needs, loss_of
from workers.provisioners.mongodb.servers import Client, Servers, change
from workers.provisioners.tag import Tagger

_GONE = "The database user {} is no longer on the target."
_OURS = "The database user {} is a temporary one of ours. Extra roles are for users that others made."
_STILL_RUNS = "{} operations that need the roles still run on {}. They were told to end."
_MAY_WORK = "The roles may still work on {}. {}"


@dataclass(frozen=True, slots=True)
class StandingUser:
    """A user that others made, in whatever database."""

    client: Client
    principal: str

    @property
    def name(self) -> str:
        return self.principal

    @property
    def is_rewritten(self) -> bool:
        return False

    @property
    def key(self) -> tuple[str, str]:
        """Name and database."""
        username, _, database = self.principal.rpartition("@")
        return username, database

    def document(self) -> Mapping[str, Any]:
        username, database = self.key
        found = find_documents(self.client, "system.users", {"user": username, "db": database})
        if not found:
            raise Missing(_GONE.format(self.principal))
        return found[0]

    def roles(self) -> frozenset[Role]:
        return frozenset((role["role"], role["db"]) for role in self.document().get("roles", ()))

    def add(self, roles: frozenset[Role], *, to: frozenset[Role]) -> None:
        del to  # the call adds, so that what is there need not be said again
        self._change("grantRolesToUser", roles)

    def take(self, roles: frozenset[Role], *, of: frozenset[Role]) -> None:
        del of
        self._change("revokeRolesFromUser", roles)

    def privileges(self) -> tuple[Privilege, ...]:
        """Whatever the user may do; nothing once it is gone."""
        username, database = self.key
        user = {"user": username, "db": database}
        found = self.client[database].command("usersInfo", user, showPrivileges=True)["users"]
        return privileges_of(found[0]["inheritedPrivileges"]) if found else ()

    def _change(self, command: str, roles: frozenset[Role]) -> None:
        username, database = self.key
        documents = role_documents((name, place) for name, place in roles)
        try:
            change(self.client, command, username, database=database, roles=documents)
        except PyMongoError as error:
            raise explain(error, what="change the roles") from None


@dataclass(frozen=True, slots=True)
class ExtraRoles:
    """The steps of a grant of roles to a standing user."""

    servers: Servers
    tagger: Tagger
    ledger: Ledger

    def reach(self) -> None:
        """Raises what the driver raises when the target does not answer; every step begins with it."""
        self.servers.main.admin.command("ping")

    @step("look at the database user")
    def prepare(self, spec: GrantSpec) -> None:
        """The user is there and was made by others; roles of our own are there, and nobody holds them yet."""
        user = self._user(spec)
        document = user.document()
        named = naming.looks_like_ours(document["user"], installation=self.tagger.installation)
        if named or TAG_FIELD in (document.get("customData") or {}):
            raise ProvisionerError(_OURS.format(spec.principal), permanent=True)
        for role in own_roles(spec):
            ensure_role(self.servers.main, role, username=spec.username)
        with self.ledger.hold(SharedKind.DATABASE_USER, spec.principal) as held:
            added_roles.prepare(held, user, grant_id=spec.grant_id)

    @step("add the roles")
    def open(self, spec: GrantSpec) -> None:
        with self.ledger.hold(SharedKind.DATABASE_USER, spec.principal) as held:
            wanted: frozenset[Role] = frozenset(granted_roles(spec))
            added_roles.add(held, self._user(spec), grant_id=spec.grant_id, roles=wanted)

    @step("read back the roles")
    def readiness(self, spec: GrantSpec) -> Readiness:
        try:
            held = self._user(spec).roles()
        except Missing:
            return Readiness(gates={GateName.ROLES: Proof.NOT_YET}, exact=False, evidence={"user": "not there"})
        findings = {"roles": granted_roles(spec) <= held, "privileges": self._is_as_approved(spec)}
        differs = sorted(name for name, as_approved in findings.items() if not as_approved)
        return Readiness(
            gates={GateName.ROLES: Proof.NOT_YET if differs else Proof.READ_BACK},
            exact=not differs,
            evidence={"user": spec.principal, "differs": differs},
        )

    @step("take the roles back")
    def cut(self, spec: GrantSpec) -> Evidence:
        """The roles, and then on every member what was begun with them and still runs."""
        user = self._user(spec)
        with self.ledger.hold(SharedKind.DATABASE_USER, spec.principal) as held:
            taken = added_roles.take(held, user, grant_id=spec.grant_id)
        facts, remains = self._end_running(user, spec)
        remains = [*taken.remains, *remains]
        return Evidence(done=not remains, facts={**taken.facts, **facts}, remains=tuple(remains))

    @step("clean up after the roles")
    def clean(self, spec: GrantSpec) -> Evidence:
        """The ledger, and the roles of our own, which nobody holds any more."""
        with self.ledger.hold(SharedKind.DATABASE_USER, spec.principal) as held:
            taken = added_roles.take(held, self._user(spec), grant_id=spec.grant_id)
            clean = added_roles.confirm(held, taken, grant_id=spec.grant_id)
        if taken.left:
            return clean
        client = self.servers.main
        remains = [sentence for role in roles_made_for(client, spec.username) for sentence in drop_role(client, *role)]
        facts = {**clean.facts, "roles": len(roles_made_for(client, spec.username))}
        return Evidence(clean.done and not remains, facts, remains=tuple(remains), waiting=clean.waiting)

    def take_back(self, spec: GrantSpec, late: frozenset[Role]) -> bool:
        """The target is asked for nothing that somebody answers for: it may be down just now."""
        with self.ledger.hold(SharedKind.DATABASE_USER, spec.principal) as held:
            if added_roles.are_answered_for(held, late):
                return True
        return self._take_late(spec, late)

    @step("take back roles that were added late")
    def _take_late(self, spec: GrantSpec, late: frozenset[Role]) -> bool:
        """The roles, and then what was begun with them and still runs."""
        user = self._user(spec)
        with self.ledger.hold(SharedKind.DATABASE_USER, spec.principal) as held:
            taken = added_roles.take_late(held, user, late=late)
        _, remains = self._end_running(user, spec)
        if remains:
            raise ProvisionerError(" ".join(remains))
        return added_roles.is_settled(taken)

    def _user(self, spec: GrantSpec) -> StandingUser:
        return StandingUser(self.servers.main, spec.principal)

    def _is_as_approved(self, spec: GrantSpec) -> bool:
        """Nobody widened a role on the target since it was approved; ours are exactly what was."""
        client = self.servers.main
        for own in own_roles(spec):
            found = read_role(client, own.name, own.database)
            if found is None or not is_exactly(found, own):
                return False
        whole = [(read_role(client, role.name, role.database), role) for role in spec.roles if not needs_own_role(role)]
        return all(
            found is not None and not difference(privileges_of(found["inheritedPrivileges"]), role.privileges)
            for found, role in whole
        )

    def _end_running(self, user: StandingUser, spec: GrantSpec) -> tuple[dict[str, Any], list[str]]:
        if not spec.ends_running:
            return {"operations": "left alone, since the user belongs to a service"}, []
        granted = [privilege for role in spec.roles for privilege in role.privileges]
        loss = loss_of(principal=spec.principal, taken=granted, kept=user.privileges(), since=spec.since)
        if not loss.lost:
            return {"operations": 0}, []
        moment = Moment.of(self.servers.main.admin.command("ping"))
        looks = self.servers.on_each(self.servers.members(), lambda client: _end_on(client, loss, moment))
        remains = []
        for member, left in sorted(looks.items()):
            if isinstance(left, ProvisionerError):
                remains.append(_MAY_WORK.format(member, left))
            elif left:
                remains.append(_STILL_RUNS.format(left, member))
        return {"operations": sum(left for left in looks.values() if isinstance(left, int))}, remains


def _end_on(client: Client, loss: Loss, moment: Moment | None) -> int:
    """Once this member has heard of the end: nothing new can begin there then."""
    if moment is not None:
        client.admin.command(
            {
                "find": "system.users",
                "filter": {"_id": f"{loss.database}.{loss.username}"},
                "projection": {"_id": 1},
                "limit": 1,
                "readConcern": {"level": "local", "afterClusterTime": moment.operation},
                "$clusterTime": moment.cluster,
            }
        )
    return end_what_needs(client, loss)
