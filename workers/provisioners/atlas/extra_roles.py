"""Extra roles for a database user of a project that others made: added by PATCH, taken by PATCH, never a DELETE.

Atlas has no call that adds one role: the whole list is written, read just before by the one who holds the user's row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from accessrequests.domain.external import ADMIN
from accessrequests.domain.lifecycle import GateName
from accessrequests.domain.sharing import SharedKind
from workers.provisioners import added_roles
from workers.provisioners.added_roles import Missing, Role
from workers.provisioners.atlas.budget import Urgency, giving
from workers.provisioners.atlas.client import Calls
from workers.provisioners.atlas.clusters import Progress, progress
from workers.provisioners.atlas.custom_roles import CustomRoles
from workers.provisioners.atlas.failures import AtlasFailure
from workers.provisioners.atlas.project import AtlasProject
from workers.provisioners.atlas.steps import step
from workers.provisioners.atlas.users import POWERLESS, AtlasUser, is_ours, role_of
from workers.provisioners.atlas.widened import widened
from workers.provisioners.base import Evidence, GrantSpec, Ledger, Proof, ProvisionerError, Readiness
from workers.provisioners.connection_record import AtlasRecord
from workers.provisioners.tag import Tagger

_GONE = "The database user {} is no longer in the project."
_OURS = "The database user {} is a temporary one of ours. Extra roles are for users that others made."


@dataclass(frozen=True, slots=True)
class StandingUser:
    """A database user that others made."""

    project: AtlasProject
    principal: str

    @property
    def name(self) -> str:
        return self.principal

    @property
    def is_rewritten(self) -> bool:
        return True

    def read(self) -> AtlasUser:
        username, _, database = self.principal.rpartition("@")
        try:
            return AtlasUser(self.project.user(database, username))
        except AtlasFailure as error:
            if error.gone:
                raise Missing(_GONE.format(self.principal)) from error
            raise

    def roles(self) -> frozenset[Role]:
        return frozenset(self.read().roles)

    def add(self, roles: frozenset[Role], *, to: frozenset[Role]) -> None:
        self._write(to | roles)

    def take(self, roles: frozenset[Role], *, of: frozenset[Role]) -> None:
        # Atlas takes no user without a role. Nothing of ours is left to one whom somebody took everything else from.
        self._write((of - roles) or frozenset(POWERLESS))

    def _write(self, roles: frozenset[Role]) -> None:
        username, _, database = self.principal.rpartition("@")
        documents = [_document(role) for role in sorted(roles)]
        named = {"databaseName": database, "username": username, "groupId": self.project.project_id}
        try:
            self.project.change_user(database, username, {**named, "roles": documents})
        except AtlasFailure as error:
            if error.gone:
                raise Missing(_GONE.format(self.principal)) from error
            raise


@dataclass(frozen=True, slots=True)
class ExtraRoles:
    """The steps of a grant of roles to a standing user."""

    client: Calls
    record: AtlasRecord
    tagger: Tagger
    ledger: Ledger

    @step("look at the database user")
    def prepare(self, spec: GrantSpec) -> None:
        """The user is there and was made by others; roles of our own are there, and nobody holds them."""
        user = self._user(spec, giving(spec))
        self._check(user.read(), spec)
        self._custom_roles(user.project).ensure(spec)
        with self.ledger.hold(SharedKind.DATABASE_USER, spec.principal) as held:
            added_roles.prepare(held, user, grant_id=spec.grant_id)

    @step("add the roles")
    def open(self, spec: GrantSpec) -> None:
        user = self._user(spec, giving(spec))
        self._check(user.read(), spec)
        own = self._custom_roles(user.project).ensure(spec)
        wanted = frozenset((own[role], ADMIN, "") if role in own else role_of(role) for role in spec.roles)
        with self.ledger.hold(SharedKind.DATABASE_USER, spec.principal) as held:
            added_roles.add(held, user, grant_id=spec.grant_id, roles=wanted)

    @step("read back the roles")
    def readiness(self, spec: GrantSpec) -> Readiness:
        user = self._user(spec, giving(spec))
        try:
            found = user.read()
        except Missing:
            return Readiness(gates={GateName.ROLES: Proof.NOT_YET}, exact=False, evidence={"user": "not there"})
        applied = progress(user.project, found.cluster_names)
        differs = sorted({*self._missing(found, spec), *widened(user.project, self._custom_roles(user.project), spec)})
        return Readiness(
            gates={GateName.ROLES: Proof.READ_BACK if not applied.late and not differs else Proof.NOT_YET},
            exact=not differs,
            evidence={"user": spec.principal, "clusters": applied.statuses, "differs": differs},
            waiting=applied.not_ready,
        )

    @step("take the roles back")
    def cut(self, spec: GrantSpec) -> Evidence:
        """Taken, and every cluster has carried it out: from then on the next command that needs them fails."""
        user = self._user(spec, Urgency.REVOKE)
        with self.ledger.hold(SharedKind.DATABASE_USER, spec.principal) as held:
            taken = added_roles.take(held, user, grant_id=spec.grant_id)
        applied = _carried_out(user)
        done = not taken.left and not applied.late
        facts = {**taken.facts, "clusters": applied.statuses}
        return Evidence(done, facts, remains=taken.remains, waiting=applied.waiting)

    @step("clean up after the roles")
    def clean(self, spec: GrantSpec) -> Evidence:
        user = self._user(spec, Urgency.REVOKE)
        with self.ledger.hold(SharedKind.DATABASE_USER, spec.principal) as held:
            taken = added_roles.take(held, user, grant_id=spec.grant_id)
            clean = added_roles.confirm(held, taken, grant_id=spec.grant_id)
        if taken.left:
            return clean
        released = self._custom_roles(user.project).release(spec)
        applied = _carried_out(user)
        return Evidence(
            done=clean.done and released.done and not applied.late,
            facts={**clean.facts, **released.facts, "clusters": applied.statuses},
            remains=released.remains,
            waiting=clean.waiting or released.waiting or applied.waiting,
        )

    @step("take back roles that were added late")
    def take_back(self, spec: GrantSpec, late: frozenset[Role]) -> bool:
        user = self._user(spec, Urgency.REVOKE)
        with self.ledger.hold(SharedKind.DATABASE_USER, spec.principal) as held:
            taken = added_roles.take_late(held, user, late=late)
        return added_roles.is_settled(taken)

    def _user(self, spec: GrantSpec, urgency: Urgency) -> StandingUser:
        project = AtlasProject(self.client, self.record.project_id, self.record.org_id, urgency)
        return StandingUser(project, spec.principal)

    def _custom_roles(self, project: AtlasProject) -> CustomRoles:
        return CustomRoles(project=project, ledger=self.ledger, installation=self.tagger.installation)

    def _check(self, user: AtlasUser, spec: GrantSpec) -> None:
        """:raises ProvisionerError: a temporary user of ours, or one that works where nobody approved it."""
        if is_ours(user, self.tagger):
            raise ProvisionerError(_OURS.format(spec.principal), permanent=True)
        wanted = [role_of(role) for role in spec.roles]
        added_roles.check_reach(approved=spec.clusters, reached=user.cluster_names, roles=wanted)

    def _missing(self, user: AtlasUser, spec: GrantSpec) -> list[str]:
        given = self._custom_roles(self._user(spec, giving(spec)).project).given(spec)
        wanted = {(given[role], ADMIN, "") if role in given else role_of(role) for role in spec.roles}
        findings = [] if wanted <= user.roles else ["roles"]
        try:
            self._check(user, spec)
        except ProvisionerError:
            findings.append("clusters")
        return findings


def _carried_out(user: StandingUser) -> Progress:
    """On the clusters where the user may log in; whoever is gone has nothing of it anywhere."""
    try:
        return progress(user.project, user.read().cluster_names)
    except Missing:
        return Progress({})


def _document(role: Role) -> Mapping[str, Any]:
    name, database, collection = role
    return {"roleName": name, "databaseName": database, **({"collectionName": collection} if collection else {})}
