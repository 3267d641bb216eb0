"""Database users of Atlas whose names are not ours to give: those that AWS IAM, an OIDC provider or LDAP vouch for.

Somebody may stand in the project under the name: then roles are added and taken, as for any standing user, and it is
never deleted. Otherwise we make the user, and it is what all accesses that need it come to; the last end deletes it.
Whether Atlas would delete such a user by itself is not said (Administration API, `deleteAfterDate`), so no date is sent.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from accessrequests.domain.diagnosis import Diagnosis
from accessrequests.domain.external import ADMIN
from accessrequests.domain.lifecycle import GateName
from accessrequests.domain.sharing import SharedKind
from workers.provisioners.atlas import doctor
from workers.provisioners.atlas.access_list import AccessList
from workers.provisioners.atlas.budget import Urgency, giving
from workers.provisioners.atlas.client import Calls
from workers.provisioners.atlas.clusters import progress
from workers.provisioners.atlas.custom_roles import CustomRoles
from workers.provisioners.atlas.extra_roles import ExtraRoles
from workers.provisioners.atlas.project import AtlasProject
from workers.provisioners.atlas.shared_user import Ended, SharedUser, is_made_by_us
from workers.provisioners.atlas.steps import step
from workers.provisioners.atlas.users import Role, is_ours, name_of, role_of
from workers.provisioners.atlas.widened import widened
from workers.provisioners.base import Busy, Evidence, GrantSpec, Held, Ledger, Owned, Proof, Readiness
from workers.provisioners.connection_record import AtlasRecord
from workers.provisioners.tag import Tagger

_MAY_BE_ON_ITS_WAY = "A call may still be on its way, so we look once more."


@dataclass(frozen=True, slots=True)
class VouchedUsers:
    """The steps of a grant whose user is known by a name of somebody else's."""

    client: Calls
    record: AtlasRecord
    tagger: Tagger
    ledger: Ledger

    @step("prepare the access")
    def prepare(self, spec: GrantSpec) -> None:
        user = self._user(spec, giving(spec))
        self._access_list(user.project).prepare(spec)
        if self._stands(user, spec):
            self._extra.prepare(spec)
            return
        self._custom_roles(user.project).ensure(spec)
        with self._hold(spec) as held:
            user.prepare(held, spec)

    @step("open the access")
    def open(self, spec: GrantSpec) -> None:
        user = self._user(spec, giving(spec))
        with self._access_list(user.project).armed(spec):
            if self._stands(user, spec):
                self._extra.open(spec)
                return
            roles = self._roles(user.project, spec, self._custom_roles(user.project).ensure(spec))
            with self._hold(spec) as held:
                user.open(held, spec, roles=roles)

    @step("move the end of the access")
    def extend(self, spec: GrantSpec) -> None:
        """The dates of its entries, and the end that our tag names. Fails when the user is gone."""
        user = self._user(spec, giving(spec))
        self._access_list(user.project).arm(spec)
        if not self._stands(user, spec):
            with self._hold(spec) as held:
                held.fence()
                user.extend(held, spec)

    @step("read back the access")
    def readiness(self, spec: GrantSpec) -> Readiness:
        user = self._user(spec, giving(spec))
        network = self._access_list(user.project).look(spec)
        if self._stands(user, spec):
            extra = self._extra.readiness(spec)
            gates = {GateName.NETWORK: network.proof, GateName.USER: extra.gates[GateName.ROLES], **extra.gates}
            return Readiness(
                gates,
                exact=network.exact and extra.exact,
                evidence={**extra.evidence, **network.evidence},
                waiting=_both(extra.waiting, network.waiting),
                ends_early=network.ends_early,
            )
        found = user.find()
        if found is None:
            gates = {GateName.NETWORK: network.proof, GateName.USER: Proof.NOT_YET, GateName.ROLES: Proof.NOT_YET}
            return Readiness(gates, exact=False, evidence={"user": "not in the project", **network.evidence})
        with self._hold(spec) as held:
            differs = user.differs(held, found)
        differs += widened(user.project, self._custom_roles(user.project), spec)
        applied = progress(user.project, found.cluster_names)
        proof = Proof.NOT_YET if applied.late else Proof.READ_BACK
        return Readiness(
            gates={GateName.NETWORK: network.proof, GateName.USER: proof, GateName.ROLES: proof},
            exact=network.exact and not differs,
            evidence={
                "user": found.principal,
                "roles": found.role_names,
                "deleted_by_atlas_at": "never",
                "clusters": dict(applied.statuses),
                "differs": differs,
                **network.evidence,
            },
            waiting=_both(applied.not_ready, network.waiting),
            ends_early=network.ends_early,
        )

    @step("look at the access")
    def diagnose(self, spec: GrantSpec) -> Diagnosis:
        user = self._user(spec, giving(spec))
        return doctor.diagnose(user.project, self._custom_roles(user.project), user.find(), spec, at=datetime.now(UTC))

    @step("cut the access")
    def cut(self, spec: GrantSpec) -> Evidence:
        """What was added is taken, or the user deleted, and every cluster has carried it out."""
        user = self._user(spec, Urgency.REVOKE)
        if self._stands(user, spec):
            return self._extra.cut(spec)
        with self._hold(spec) as held:
            return self._told(user, user.end(held, spec))

    @step("clean up after the access")
    def clean(self, spec: GrantSpec) -> Evidence:
        user = self._user(spec, Urgency.REVOKE)
        cleaned = self._extra.clean(spec) if self._stands(user, spec) else self._cleaned(user, spec)
        closed = self._access_list(user.project).close(spec)
        return Evidence(
            done=cleaned.done and closed.done,
            facts={**cleaned.facts, **closed.facts},
            remains=(*cleaned.remains, *closed.remains),
            waiting=cleaned.waiting or closed.waiting,
        )

    @step("take back what was added late")
    def take_back(self, spec: GrantSpec, late: frozenset[tuple[str, ...]]) -> bool:
        user = self._user(spec, Urgency.REVOKE)
        if self._stands(user, spec):
            return self._extra.take_back(spec, frozenset((name, place, where) for name, place, where in late))
        with self._hold(spec) as held:
            return user.settle(held)

    @step("list our users")
    def list_ours(self) -> Iterable[Owned]:
        """Those that no grant needs. One that somebody is at work on is looked at another time."""
        project = self._project(Urgency.RECONCILE)
        found = [user for user in SharedUser.all_in(project) if is_ours(user, self.tagger)]
        return [user.owned(self.tagger) for user in found if not self._is_needed(user.at)]

    @property
    def _extra(self) -> ExtraRoles:
        return ExtraRoles(client=self.client, record=self.record, tagger=self.tagger, ledger=self.ledger)

    def _cleaned(self, user: SharedUser, spec: GrantSpec) -> Evidence:
        with self._hold(spec) as held:
            ended = user.end(held, spec)
            told = self._told(user, ended)
            until = None
            if not told.remains and ended.looked_at is not None:
                until = held.gone(grant_id=spec.grant_id, looked_at=ended.looked_at)
        released = self._custom_roles(user.project).release(spec) if not told.remains else told
        return Evidence(
            done=told.done and released.done and until is None,
            facts={**told.facts, **released.facts},
            remains=tuple(dict.fromkeys((*told.remains, *released.remains))),
            waiting=told.waiting or released.waiting or (_MAY_BE_ON_ITS_WAY if until is not None else ""),
        )

    def _told(self, user: SharedUser, ended: Ended) -> Evidence:
        applied = progress(user.project, ended.clusters)
        return Evidence(
            done=not ended.remains and not applied.late,
            facts={"user": ended.became, "clusters": applied.statuses},
            remains=ended.remains,
            waiting=applied.waiting,
        )

    def _is_needed(self, key: str) -> bool:
        try:
            with self.ledger.hold(SharedKind.DATABASE_USER, key) as held:
                return bool(held.live or held.ending)
        except Busy:
            return True

    def _stands(self, user: SharedUser, spec: GrantSpec) -> bool:
        """Whether others made the user, before any access of ours used it."""
        with self._hold(spec) as held:
            if held.baseline is not None:
                return not is_made_by_us(held.baseline)
            held.fence()
            found = user.find()
        return found is not None and not is_ours(found, self.tagger)

    def _roles(self, project: AtlasProject, spec: GrantSpec, own: Mapping[Any, str]) -> frozenset[Role]:
        return frozenset((own[role], ADMIN, "") if role in own else role_of(role) for role in spec.roles)

    @contextmanager
    def _hold(self, spec: GrantSpec) -> Iterator[Held]:
        with self.ledger.hold(SharedKind.DATABASE_USER, spec.principal) as held:
            yield held

    def _user(self, spec: GrantSpec, urgency: Urgency) -> SharedUser:
        return SharedUser(self._project(urgency), self.tagger, *name_of(spec))

    def _project(self, urgency: Urgency) -> AtlasProject:
        return AtlasProject(self.client, self.record.project_id, self.record.org_id, urgency)

    def _access_list(self, project: AtlasProject) -> AccessList:
        return AccessList(project=project, ledger=self.ledger, installation=self.tagger.installation)

    def _custom_roles(self, project: AtlasProject) -> CustomRoles:
        return CustomRoles(project=project, ledger=self.ledger, installation=self.tagger.installation)


def _both(users: str, entries: str) -> str:
    """What is still waited for, of either."""
    return " ".join(filter(None, (users, entries)))
