"""The provisioner of MongoDB Atlas: three gates of a project, opened and closed as one grant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from accessrequests.domain.diagnosis import Diagnosis
from accessrequests.domain.external import ADMIN
from accessrequests.domain.kinds import CERTIFICATES, METHODS, SCRAM, X509, X509_MANAGED
from accessrequests.domain.lifecycle import GateName
from accessrequests.domain.usage import Login
from workers.provisioners.atlas import doctor, health, history, inventory, outside, role_changes
from workers.provisioners.atlas.access_list import SLACK, AccessList, NetworkLook
from workers.provisioners.atlas.budget import Urgency, giving
from workers.provisioners.atlas.certificates import NEVER_RENEWED, authority_of, check_prepared
from workers.provisioners.atlas.client import AtlasClient, Calls
from workers.provisioners.atlas.clusters import Progress, progress
from workers.provisioners.atlas.custom_roles import CustomRoles, own_roles
from workers.provisioners.atlas.failures import AtlasFailure
from workers.provisioners.atlas.login import NOT_TRIED, try_login
from workers.provisioners.atlas.managed_certificates import ManagedCertificates
from workers.provisioners.atlas.project import AtlasProject
from workers.provisioners.atlas.steps import step
from workers.provisioners.atlas.survey import Survey
from workers.provisioners.atlas.users import (
    AtlasUser,
    Role,
    end_body,
    has_native_end,
    is_ours,
    name_of,
    native_end,
    open_body,
    powerless_body,
    role_of,
    spelled,
    whole_seconds,
)
from workers.provisioners.atlas.widened import widened
from workers.provisioners.base import (
    Capabilities,
    Evidence,
    GrantSpec,
    Health,
    InventorySnapshot,
    Ledger,
    Owned,
    Proof,
    ProvisionerError,
    Readiness,
    RoleChange,
)
from workers.provisioners.connection_record import AtlasRecord
from workers.provisioners.tag import Tagger

_NOT_OURS = "A user named {} is in the project and our tag does not prove that it is ours. We did not touch it."
_GONE = "The user is no longer in the project."
_LAPSED = "ALREADY_EXPIRED"
_MADE_ANEW = "What was prepared had lapsed before it was opened. It is made anew at the next try."
_STRANGER_LEFT = "The user {} carries our grant's label and is not the one that we made. Look at it in Atlas."


class AtlasProvisioner:
    """See `workers.provisioners.base.Provisioner` for what each step promises."""

    capabilities = Capabilities(
        native_expiry=True,
        network_gate=True,
        session_kill=False,
        evidence=True,
        authentication=frozenset(METHODS),
    )

    def __init__(self, *, record: AtlasRecord, tagger: Tagger, ledger: Ledger, client: Calls | None = None) -> None:
        self._record = record
        self._tagger = tagger
        self._ledger = ledger
        self._client: Calls = client or AtlasClient(record=record)
        self._managed = ManagedCertificates(record)

    @property
    def client(self) -> Calls:
        """For what else is granted there, over the same connections."""
        return self._client

    @step("prepare the access")
    def prepare(self, spec: GrantSpec) -> None:
        """Entries that lapse soon, roles that nobody holds, and a user without power that lapses as soon."""
        _check_spec(spec)
        project = self._project(giving(spec))
        if spec.authentication == X509:
            check_prepared(spec, record=self._record, users=project.users(), tagger=self._tagger)
        elif spec.authentication == X509_MANAGED:
            self._managed.check()
        self._access_list(project).prepare(spec)
        self._custom_roles(project).ensure(spec)
        body = powerless_body(spec, tagger=self._tagger, at=_now())
        try:
            project.create_user(body)
        except AtlasFailure as error:
            if not error.exists:
                raise
        else:
            return
        user = self._own_user(project, spec)
        # Opened already by an attempt whose end was lost: a late repeat must not take it away again.
        if not self._differs(user, spec):
            return
        try:
            project.change_user(*name_of(spec), body)
        except AtlasFailure as error:
            if error.code != _LAPSED:
                raise
            project.delete_user(*name_of(spec))
            raise ProvisionerError(_MADE_ANEW) from error

    @step("open the access")
    def open(self, spec: GrantSpec) -> None:
        """One PATCH gives roles, scope and end together; it fails when the user is gone."""
        project = self._project(giving(spec))
        self._own_user(project, spec)
        own = self._custom_roles(project).ensure(spec)
        granted = [(own[role], ADMIN, "") if role in own else role_of(role) for role in spec.roles]
        with self._access_list(project).armed(spec):
            self._change(project, spec, open_body(spec, roles=granted, tagger=self._tagger, at=_now()))

    @step("move the end")
    def extend(self, spec: GrantSpec) -> None:
        """The entries, then labels and date of the user in one PATCH. A certificate keeps the end that is written in it."""
        if spec.authentication == X509:
            authority_of(self._record).check_lasts(spec.expires_at)
        project = self._project(giving(spec))
        self._own_user(project, spec)
        self._access_list(project).arm(spec)
        self._change(project, spec, end_body(spec, tagger=self._tagger, at=_now()))

    @step("move the end on Atlas")
    def rearm(self, spec: GrantSpec) -> None:
        """The dates of user and entries, as far ahead as Atlas takes them. Fails when the user is gone."""
        project = self._project(giving(spec))
        user = self._own_user(project, spec)
        self._access_list(project).arm(spec)
        until = native_end(spec, at=_now())
        if user.end is not None and user.end < until:
            self._change(project, spec, {"deleteAfterDate": spelled(until)})

    @step("read back the access")
    def readiness(self, spec: GrantSpec) -> Readiness:
        project = self._project(giving(spec))
        user = self._find(project, spec)
        if user is None:
            gates = dict.fromkeys(GateName, Proof.NOT_YET)
            return Readiness(gates=gates, exact=False, evidence={"user": "not in the project"})
        network = self._access_list(project).look(spec)
        applied = progress(project, spec.clusters)
        differs = self._differs(user, spec) + widened(project, self._custom_roles(project), spec)
        proof = Proof.NOT_YET if applied.late else Proof.READ_BACK
        is_ready = network.proof is proof is Proof.READ_BACK and network.exact and not differs
        tried = try_login(project, spec, workers_at=self._record.workers_at) if is_ready else NOT_TRIED
        return Readiness(
            gates={GateName.NETWORK: network.proof, GateName.USER: tried.proof(proof), GateName.ROLES: proof},
            exact=network.exact and not differs,
            evidence={**_told(user, network, applied, differs), **({"login": tried.answers} if tried.answers else {})},
            waiting=" ".join(filter(None, (applied.not_ready, network.waiting, tried.waiting))),
            ends_early=network.ends_early or _ends_early(user, spec),
        )

    @step("look at the access")
    def diagnose(self, spec: GrantSpec) -> Diagnosis:
        project = self._project(giving(spec))
        user = self._find(project, spec)
        return doctor.diagnose(project, self._custom_roles(project), user, spec, at=_now())

    @step("read who logged in")
    def logins(self, spec: GrantSpec, *, since: datetime, until: datetime) -> Sequence[Login]:
        return history.logins(self._project(Urgency.RECONCILE), spec, since=since, until=until)

    @step("make the certificate")
    def certificate(self, spec: GrantSpec) -> str:
        if spec.authentication == X509_MANAGED:
            return self._managed.issue(name_of(spec)[1])
        authority = authority_of(self._record)
        return authority.issue(username=spec.username, ends_at=spec.expires_at, at=_now())

    @step("give the user its new password")
    def rotate(self, spec: GrantSpec) -> None:
        if spec.authentication != SCRAM:
            raise ProvisionerError(NEVER_RENEWED, permanent=True)
        project = self._project(giving(spec))
        self._own_user(project, spec)
        self._change(project, spec, {"password": spec.password})

    @step("look how far the change is")
    def not_carried_out(self, spec: GrantSpec) -> str:
        return progress(self._project(giving(spec)), spec.clusters).not_ready

    @step("cut the access")
    def cut(self, specs: Sequence[GrantSpec]) -> list[Evidence]:
        """The user is deleted, and every cluster has carried it out: from then on its next command fails."""
        project = self._project(Urgency.REVOKE)
        return [self._cut(project, spec) for spec in specs]

    @step("clean up after the access")
    def clean(self, spec: GrantSpec) -> Evidence:
        """The user by exact name, label and name pattern; then what it needed of the access list."""
        project = self._project(Urgency.REVOKE)
        was_ours, clusters = self._delete(project, spec)
        closed = self._access_list(project).close(spec)
        released = self._custom_roles(project).release(spec)
        if not was_ours:
            return _not_ours(spec)
        applied = progress(project, clusters)
        left = [user for user in map(AtlasUser, project.users()) if self._belongs_to(user, spec)]
        is_there = any(user.name == name_of(spec) for user in left)
        strangers = [_STRANGER_LEFT.format(user.username) for user in left if user.name != name_of(spec)]
        return Evidence(
            done=closed.done and released.done and not applied.late and not is_there,
            facts={"users": int(is_there), "clusters": applied.statuses, **closed.facts, **released.facts},
            # Carries our label without proof: named for a person to look at, never ended by us.
            remains=(*closed.remains, *released.remains, *strangers),
            waiting=closed.waiting or released.waiting or applied.waiting,
        )

    @step("list our users")
    def list_ours(self) -> Iterable[Owned]:
        users = map(AtlasUser, self._project(Urgency.RECONCILE).users())
        ours = [user for user in users if is_ours(user, self._tagger) and not user.is_vouched]
        return [user.owned(self._tagger) for user in ours]

    @step("check the project")
    def check(self) -> Health:
        return health.check(self._project(Urgency.RECONCILE), record=self._record)

    @step("read the project's inventory")
    def read_inventory(self) -> InventorySnapshot:
        """Each list is read once, for what it offers and for what of it is not ours."""
        project = replace(self._project(Urgency.RECONCILE), client=Survey(self._client))
        entries, own = self._access_list(project), self._custom_roles(project)
        others = outside.things(project, tagger=self._tagger, entries=entries, roles=own)
        return replace(inventory.read(project, record=self._record), others=others)

    @step("change the custom role")
    def change_role(self, change: RoleChange) -> None:
        role_changes.carry_out(self._project(Urgency.GRANT), self._ledger, change)

    def close(self) -> None:
        self._client.close()
        self._managed.close()

    def _project(self, urgency: Urgency) -> AtlasProject:
        return AtlasProject(self._client, self._record.project_id, self._record.org_id, urgency)

    def _access_list(self, project: AtlasProject) -> AccessList:
        return AccessList(project=project, ledger=self._ledger, installation=self._tagger.installation)

    def _custom_roles(self, project: AtlasProject) -> CustomRoles:
        return CustomRoles(project=project, ledger=self._ledger, installation=self._tagger.installation)

    def _find(self, project: AtlasProject, spec: GrantSpec) -> AtlasUser | None:
        try:
            return AtlasUser(project.user(*name_of(spec)))
        except AtlasFailure as error:
            if error.gone:
                return None
            raise

    def _own_user(self, project: AtlasProject, spec: GrantSpec) -> AtlasUser:
        """The user as it is now.

        :raises ProvisionerError: it is gone, or a user of that name exists that our tag does not prove to be ours.
        """
        user = self._find(project, spec)
        if user is None:
            raise ProvisionerError(_GONE, permanent=True)
        if not self._is_proven(user, spec):
            raise ProvisionerError(_NOT_OURS.format(spec.username), permanent=True)
        return user

    def _change(self, project: AtlasProject, spec: GrantSpec, body: Mapping[str, Any]) -> None:
        """:raises ProvisionerError: the user is gone, or Atlas did not keep its end, so that it goes at once."""
        database, username = name_of(spec)
        named = {"databaseName": database, "username": username, "groupId": self._record.project_id}
        try:
            answer = AtlasUser(project.change_user(database, username, {**named, **body}))
        except AtlasFailure as error:
            if error.gone:
                raise ProvisionerError(_GONE, permanent=True) from error
            raise
        if not _keeps_its_end(answer, spec):
            project.delete_user(database, username)
            raise ProvisionerError("Atlas did not keep the end of the user, so it was deleted.")

    def _cut(self, project: AtlasProject, spec: GrantSpec) -> Evidence:
        is_ours_to_end, clusters = self._delete(project, spec)
        if not is_ours_to_end:
            return _not_ours(spec)
        applied = progress(project, clusters)
        facts = {"user": "not in the project", "clusters": applied.statuses}
        return Evidence(done=not applied.late, facts=facts, waiting=applied.waiting)

    def _delete(self, project: AtlasProject, spec: GrantSpec) -> tuple[bool, frozenset[str]]:
        """Whether it was ours to delete, gone already or not, and the clusters that can have it: none means all."""
        user = self._find(project, spec)
        approved = frozenset(spec.clusters)
        if user is None:
            return True, approved
        if not self._is_proven(user, spec) and not (spec.was_confirmed and user.proof(self._tagger) is None):
            return False, approved
        try:
            project.delete_user(*name_of(spec))
        except AtlasFailure as error:
            if not error.gone:
                raise
        # Somebody may have widened it; what it had is where it has to go.
        return True, (approved | user.cluster_names) if user.cluster_names and approved else frozenset()

    def _is_proven(self, user: AtlasUser, spec: GrantSpec) -> bool:
        tag = user.proof(self._tagger)
        return tag is not None and tag.grant_id == spec.grant_id

    def _belongs_to(self, user: AtlasUser, spec: GrantSpec) -> bool:
        return is_ours(user, self._tagger) and user.owned(self._tagger).grant_id == spec.grant_id

    def _differs(self, user: AtlasUser, spec: GrantSpec) -> list[str]:
        tag = user.proof(self._tagger)
        findings = {
            "tag": tag is not None and tag.grant_id == spec.grant_id and tag.end in spec.ends,
            "method": user.authentication == spec.authentication,
            "end": _keeps_its_end(user, spec),
            "roles": user.roles == self._expected_roles(spec),
            "clusters": user.clusters == {f"CLUSTER:{name}" for name in spec.clusters},
        }
        return sorted(name for name, as_approved in findings.items() if not as_approved)

    def _expected_roles(self, spec: GrantSpec) -> set[Role]:
        """Those of Atlas and of the project as they are called there, and ours by the names that were given to them."""
        own = self._custom_roles(self._project(giving(spec)))
        given = {role: own.name_of(role.privileges) for role in own_roles(spec)} | own.given(spec)
        return {(given[role], ADMIN, "") if role in given else role_of(role) for role in spec.roles}


def _check_spec(spec: GrantSpec) -> None:
    can_sign_in = spec.authentication in CERTIFICATES or (spec.authentication == SCRAM and spec.password)
    if not (can_sign_in and spec.roles and spec.source_addresses):
        raise ProvisionerError("This grant is not one that Atlas users can be made of.", permanent=True)


def _keeps_its_end(user: AtlasUser, spec: GrantSpec) -> bool:
    """Earlier is a date that is moved on while the grant lives; none, or a later one, is more than approved."""
    if not has_native_end(spec):
        return user.end is None
    return user.end is not None and user.end <= whole_seconds(max(spec.ends))


def _ends_early(user: AtlasUser, spec: GrantSpec) -> bool:
    """Its date is earlier than it could have come to be while somebody moves it on each hour."""
    expected = native_end(spec, at=_now() - SLACK)
    return has_native_end(spec) and user.end is not None and user.end < expected


def _now() -> datetime:
    return datetime.now(UTC)


def _told(user: AtlasUser, network: NetworkLook, applied: Progress, differs: Sequence[str]) -> dict[str, Any]:
    return {
        "user": user.principal,
        "roles": sorted(f"{name}@{database}.{collection}".rstrip(".") for name, database, collection in user.roles),
        "deleted_by_atlas_at": spelled(user.end) if user.end else "never",
        "clusters": dict(applied.statuses),
        "differs": list(differs),
        **network.evidence,
    }


def _not_ours(spec: GrantSpec) -> Evidence:
    return Evidence(done=False, facts={"not_ours": 1}, remains=(_NOT_OURS.format(spec.username),))
