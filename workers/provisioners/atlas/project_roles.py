"""Project roles for Atlas users: only for who is active in the organisation, never an invitation, never an owner's role.

Atlas keeps no end of its own for a role (Administration API, project users), so that only we take it.
"""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from accessrequests.domain.lifecycle import GateName
from accessrequests.domain.project_roles import NOT_FOR_GRANTS
from accessrequests.domain.sharing import SharedKind
from workers.provisioners import added_roles
from workers.provisioners.added_roles import Missing, Role
from workers.provisioners.atlas.budget import Urgency, giving
from workers.provisioners.atlas.client import Calls
from workers.provisioners.atlas.failures import AtlasFailure
from workers.provisioners.atlas.project import AtlasProject, Document
from workers.provisioners.atlas.steps import step
from workers.provisioners.base import Evidence, GrantSpec, Ledger, Proof, ProvisionerError, Readiness
from workers.provisioners.connection_record import AtlasRecord

log = structlog.get_logger(__name__)

_ACTIVE = "ACTIVE"
_NOT_A_MEMBER = "{} is not an active member of the Atlas organisation, and nobody is invited. Have them join it first."
_NEVER = "{} is never given for a while, since it can give access to others."
_LEFT = (
    "{} has {} in the project, or is invited to it. A call of ours for the access {} was lost, and may have sent an "
    "invitation that came to this. Take it away at Atlas, unless somebody else meant to give it."
)
_WAS_INVITED = "{} had just left the Atlas organisation, so Atlas sent an invitation. It was taken back."


@dataclass(frozen=True, slots=True)
class Member:
    """An Atlas user and what they hold in the project by themselves; roles by a team or the organisation are not it."""

    project: AtlasProject
    username: str

    @property
    def name(self) -> str:
        return self.username

    @property
    def is_rewritten(self) -> bool:
        return False

    def roles(self) -> frozenset[Role]:
        """None in the project is no role. Who is not active in the organisation has no place where one could be."""
        found = self._found()
        if found is not None:
            return frozenset((role,) for role in found["roles"])
        if not any(self._is_it(person) for person in self.project.people(username=self.username)):
            raise Missing(_NOT_A_MEMBER.format(self.username))
        return frozenset()

    def add(self, roles: frozenset[Role], *, to: frozenset[Role]) -> None:
        found = self._found()
        names = sorted(name for (name,) in roles)
        if found is not None:
            for name in names:
                self.project.add_role(found["id"], name)
        elif to:
            raise Missing(_NOT_A_MEMBER.format(self.username))
        else:
            made = self.project.add_member(self.username, names)
            if made.get("orgMembershipStatus") != _ACTIVE:
                self.project.remove_member(made["id"])
                raise Missing(_WAS_INVITED.format(self.username))

    def take(self, roles: frozenset[Role], *, of: frozenset[Role]) -> None:
        """Who keeps no other role leaves the project, which is how they came; all others lose these roles only."""
        found = self._found()
        if found is None:
            return
        try:
            if of == roles:
                self.project.remove_member(found["id"])
                return
            for (name,) in sorted(roles):
                self.project.remove_role(found["id"], name)
        except AtlasFailure as error:
            if not error.gone:
                raise

    def take_back_invitations(self, roles: frozenset[Role]) -> frozenset[str]:
        """An invitation to no more than these roles may be of a call of ours, so that it goes. Of others it is told."""
        ours = {name for (name,) in roles}
        others: frozenset[str] = frozenset()
        for invitation in self._invitations():
            promised = frozenset(invitation["roles"])
            if promised <= ours:
                self.project.remove_member(invitation["id"])
            else:
                others |= promised & ours
        return others

    def take_back_own_invitations(self, roles: frozenset[Role], *, account: str) -> frozenset[Role]:
        """Those to no more than these roles that Atlas says our account has sent. To which of the roles others are."""
        promised: frozenset[Role] = frozenset()
        for invitation in self._invitations():
            to = frozenset((name,) for name in invitation["roles"])
            if to <= roles and invitation.get("inviterUsername") == account:
                self.project.remove_member(invitation["id"])
                log.warning("late_invitation_taken_back", username=self.username, roles=sorted(invitation["roles"]))
            else:
                promised |= to & roles
        return promised

    def _invitations(self) -> list[Document]:
        return [each for each in self.project.members(username=self.username, invited=True) if self._is_it(each)]

    def _found(self) -> Document | None:
        return next((each for each in self.project.members(username=self.username) if self._is_it(each)), None)

    def _is_it(self, document: Document) -> bool:
        return str(document["username"]).lower() == self.username.lower()


@dataclass(frozen=True, slots=True)
class ProjectRoles:
    """The steps of a grant of project roles."""

    client: Calls
    record: AtlasRecord
    ledger: Ledger

    @step("look at the Atlas user")
    def prepare(self, spec: GrantSpec) -> None:
        """An active member of the organisation, and roles that may be given at all."""
        for name in sorted(NOT_FOR_GRANTS & {role.name for role in spec.roles}):
            raise ProvisionerError(_NEVER.format(name), permanent=True)
        with self.ledger.hold(SharedKind.PROJECT_MEMBER, _key(spec)) as held:
            added_roles.prepare(held, self._member(spec, giving(spec)), grant_id=spec.grant_id)

    @step("give the project role")
    def open(self, spec: GrantSpec) -> None:
        member = self._member(spec, giving(spec))
        with self.ledger.hold(SharedKind.PROJECT_MEMBER, _key(spec)) as held:
            added_roles.add(held, member, grant_id=spec.grant_id, roles=_wanted(spec))

    @step("read back the project role")
    def readiness(self, spec: GrantSpec) -> Readiness:
        try:
            seen = self._member(spec, giving(spec)).roles()
        except Missing:
            seen = frozenset()
        is_there = _wanted(spec) <= seen
        return Readiness(
            gates={GateName.ROLES: Proof.READ_BACK if is_there else Proof.NOT_YET},
            exact=is_there,
            evidence={"member": spec.principal, "roles": sorted(name for (name,) in seen)},
        )

    @step("take the project role back")
    def cut(self, spec: GrantSpec) -> Evidence:
        member = self._member(spec, Urgency.REVOKE)
        with self.ledger.hold(SharedKind.PROJECT_MEMBER, _key(spec)) as held:
            taken = added_roles.take(held, member, grant_id=spec.grant_id)
        return Evidence(not taken.left, taken.facts, remains=taken.remains)

    @step("clean up after the project role")
    def clean(self, spec: GrantSpec) -> Evidence:
        """The role, and invitations: one that is accepted later would bring the role back."""
        member = self._member(spec, Urgency.REVOKE)
        with self.ledger.hold(SharedKind.PROJECT_MEMBER, _key(spec)) as held:
            taken = added_roles.take(held, member, grant_id=spec.grant_id)
            held.fence()
            promised = member.take_back_invitations(_wanted(spec))
            clean = added_roles.confirm(held, taken, grant_id=spec.grant_id)
        # Somebody else's invitation is named for a person to look at, never ended by us.
        facts = {**clean.facts, "invited_by_others_to": sorted(promised)}
        return Evidence(clean.done, facts, remains=clean.remains, waiting=clean.waiting)

    @step("take back a project role that was given late")
    def take_back(self, spec: GrantSpec, late: frozenset[Role]) -> bool:
        """A late call may have invited somebody who has left the organisation meanwhile."""
        member = self._member(spec, Urgency.REVOKE)
        with self.ledger.hold(SharedKind.PROJECT_MEMBER, _key(spec)) as held:
            taken = added_roles.take_late(held, member, late=late)
            if taken is not None:
                held.fence()
                member.take_back_invitations(late)
        return added_roles.is_settled(taken)

    @step("look for an invitation of a call that was lost")
    def look_again(self, spec: GrantSpec, late: frozenset[Role]) -> str:
        """It may be accepted weeks later. Who gave a role that is there by then Atlas does not say, so that it is told."""
        member = self._member(spec, Urgency.REVOKE)
        with self.ledger.hold(SharedKind.PROJECT_MEMBER, _key(spec)) as held:
            if added_roles.are_answered_for(held, late):
                return ""
            held.fence()
            promised = member.take_back_own_invitations(late, account=self.record.login.account)
            try:
                left = promised | (late & member.roles())
            except Missing:
                left = promised
            answered_for = {role for role in left if added_roles.are_answered_for(held, frozenset({role}))}
        names = sorted(name for (name,) in left - answered_for)
        return _LEFT.format(spec.principal, " and ".join(names), spec.grant_id) if names else ""

    def _member(self, spec: GrantSpec, urgency: Urgency) -> Member:
        project = AtlasProject(self.client, self.record.project_id, self.record.org_id, urgency)
        return Member(project, spec.principal)


def _wanted(spec: GrantSpec) -> frozenset[Role]:
    return frozenset((role.name,) for role in spec.roles)


def _key(spec: GrantSpec) -> str:
    """Atlas does not tell addresses apart by the case of their letters."""
    return spec.principal.lower()
