"""All that is granted in one Atlas project, put together: users, extra roles, project roles, and what they share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from accessrequests.domain.outside import Change
from accessrequests.models.access_requests import AccessKind
from workers.provisioners.atlas import outside
from workers.provisioners.atlas.access_list import AccessList
from workers.provisioners.atlas.budget import Urgency
from workers.provisioners.atlas.client import Calls
from workers.provisioners.atlas.custom_roles import CustomRoles
from workers.provisioners.atlas.extra_roles import ExtraRoles
from workers.provisioners.atlas.kit import AtlasKit
from workers.provisioners.atlas.project import AtlasProject
from workers.provisioners.atlas.project_roles import ProjectRoles
from workers.provisioners.atlas.provisioner import AtlasProvisioner
from workers.provisioners.atlas.steps import step
from workers.provisioners.atlas.survey import Survey
from workers.provisioners.atlas.vouched_users import VouchedUsers
from workers.provisioners.base import Evidence, GrantSpec, Ledger, Owned, OwnedKind
from workers.provisioners.by_kind import ByKind, Steps
from workers.provisioners.connection_record import AtlasRecord
from workers.provisioners.tag import Tagger


def atlas_target(*, record: AtlasRecord, tagger: Tagger, ledger: Ledger, client: Calls | None = None) -> ByKind:
    users = AtlasProvisioner(record=record, tagger=tagger, ledger=ledger, client=client)
    extra = ExtraRoles(client=users.client, record=record, tagger=tagger, ledger=ledger)
    members = ProjectRoles(client=users.client, record=record, ledger=ledger)
    others: dict[AccessKind, Steps] = {AccessKind.ROLE_GRANT: extra, AccessKind.PROJECT_ROLE: members}
    vouched = VouchedUsers(client=users.client, record=record, tagger=tagger, ledger=ledger)
    project = _Project(record=record, tagger=tagger, ledger=ledger, client=users.client)
    kit = AtlasKit(client=users.client, record=record, tagger=tagger)
    return ByKind(users, others, project=project, vouched=vouched, kit=kit)


@dataclass(frozen=True, slots=True)
class _Project:
    record: AtlasRecord
    tagger: Tagger
    ledger: Ledger
    client: Calls

    @property
    def id(self) -> str:
        return self.record.project_id

    def survey(self) -> ByKind:
        return atlas_target(
            record=self.record, tagger=self.tagger, ledger=self.ledger.survey(), client=Survey(self.client)
        )

    def elsewhere(self, place: str) -> ByKind:
        record = replace(self.record, project_id=place)
        return atlas_target(record=record, tagger=self.tagger, ledger=self.ledger, client=self.client)

    @step("list what our grants share")
    def strays(self) -> Iterable[Owned]:
        entries, roles = self._shared(Urgency.RECONCILE)
        return [
            *(_stray(OwnedKind.ENTRY, block) for block in entries.strays()),
            *(_stray(OwnedKind.ROLE, name) for name in roles.strays()),
        ]

    @step("read what others changed")
    def changes(self, *, since: datetime) -> Sequence[Change]:
        return outside.changes(self._at(Urgency.RECONCILE), self.record, since=since)

    @step("read who logged in")
    def last_logins(self, *, since: datetime, until: datetime) -> Mapping[str, datetime]:
        return outside.last_logins(self._at(Urgency.RECONCILE), since=since, until=until)

    def look_again(self, spec: GrantSpec, late: frozenset[tuple[str, ...]]) -> str:
        return ProjectRoles(client=self.client, record=self.record, ledger=self.ledger).look_again(spec, late)

    @step("take away what no grant uses")
    def end_stray(self, stray: Owned) -> Evidence:
        entries, roles = self._shared(Urgency.REVOKE)
        if stray.kind is OwnedKind.ENTRY:
            return entries.end_stray(stray.username)
        return roles.end_stray(stray.username)

    def _at(self, urgency: Urgency) -> AtlasProject:
        return AtlasProject(self.client, self.record.project_id, self.record.org_id, urgency)

    def _shared(self, urgency: Urgency) -> tuple[AccessList, CustomRoles]:
        project = self._at(urgency)
        installation = self.tagger.installation
        return (
            AccessList(project=project, ledger=self.ledger, installation=installation),
            CustomRoles(project=project, ledger=self.ledger, installation=installation),
        )


def _stray(kind: OwnedKind, name: str) -> Owned:
    return Owned(username=name, grant_id=None, expires_at=None, proven=True, powerless=False, kind=kind)
