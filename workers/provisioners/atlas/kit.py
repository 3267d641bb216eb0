"""The user of an offline kit in an Atlas project, and who logged in with it, as Atlas's access history tells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from accessrequests.domain.external import ADMIN
from accessrequests.domain.offline_kits import KitLogin
from workers.provisioners.atlas.budget import Urgency
from workers.provisioners.atlas.client import Calls
from workers.provisioners.atlas.clusters import progress
from workers.provisioners.atlas.failures import AtlasFailure
from workers.provisioners.atlas.project import AtlasProject
from workers.provisioners.atlas.steps import step
from workers.provisioners.atlas.users import AtlasUser, kit_body, kit_role
from workers.provisioners.base import ProvisionerError
from workers.provisioners.connection_record import AtlasRecord
from workers.provisioners.kit_keeper import KitSpec
from workers.provisioners.tag import Tagger

_NOT_OURS = "A user named {} is in the project and our tag does not prove that it is of our kit. We did not touch it."
_GONE = "The kit's user is no longer in the project."


class AtlasKit:
    """See `workers.provisioners.kit_keeper.KitKeeper` for what each step promises."""

    def __init__(self, *, client: Calls, record: AtlasRecord, tagger: Tagger) -> None:
        self._client = client
        self._record = record
        self._tagger = tagger

    @step("make the kit's user")
    def make(self, kit: KitSpec) -> None:
        project, body = self._project(Urgency.GRANT), kit_body(kit, tagger=self._tagger)
        try:
            project.create_user(body)
        except AtlasFailure as error:
            if not error.exists:
                raise
            self._own(project, kit)
            project.change_user(ADMIN, kit.username, {**body, "groupId": self._record.project_id})

    @step("change the kit's password")
    def rotate(self, kit: KitSpec) -> None:
        project = self._project(Urgency.REVOKE)
        self._own(project, kit)
        named = {"databaseName": ADMIN, "username": kit.username, "groupId": self._record.project_id}
        project.change_user(ADMIN, kit.username, {**named, "password": kit.password})

    @step("look at the kit's user")
    def look(self, kit: KitSpec) -> str:
        user = self._find(self._project(Urgency.RECONCILE), kit)
        if user is None:
            return _GONE
        if not user.is_kit(self._tagger):
            return _NOT_OURS.format(kit.username)
        if user.roles != {kit_role(role) for role in kit.roles}:
            has = ", ".join(user.role_names) or "no role"
            return f"Its user has {has}, and should have {', '.join(sorted(kit.roles))}."
        if user.clusters:
            return f"Somebody limited its user to {', '.join(sorted(user.cluster_names)) or 'a part of the project'}."
        if user.end is not None:
            return f"Atlas would delete its user at {user.end:%Y-%m-%d %H:%M} UTC."
        return ""

    @step("look who logged in with the kit")
    def logins(self, kit: KitSpec, *, since: datetime, until: datetime) -> Sequence[KitLogin]:
        project = self._project(Urgency.RECONCILE)
        awake = [cluster["name"] for cluster in project.clusters() if not cluster.get("paused")]
        found = {
            (name, str(row["timestamp"]), str(row["ipAddress"]))
            for name in awake
            for row in project.logins(name, since=since, until=until)
            if row["authResult"] and row["username"] == kit.username
        }
        return [
            KitLogin(f"{cluster} {at} {address}", datetime.fromisoformat(at), address)
            for cluster, at, address in sorted(found)
        ]

    @step("end the kit's user")
    def end(self, kit: KitSpec) -> Mapping[str, Any]:
        """Atlas lets what is connected go on until its next command, which fails."""
        project = self._project(Urgency.REVOKE)
        if self._find(project, kit) is not None:
            self._own(project, kit)
            try:
                project.delete_user(ADMIN, kit.username)
            except AtlasFailure as error:
                if not error.gone:
                    raise
        applied = progress(project, frozenset())
        if applied.late:
            raise ProvisionerError(f"{applied.waiting} Look again in a moment.")
        return {"user": "not in the project", "clusters": dict(applied.statuses)}

    def _project(self, urgency: Urgency) -> AtlasProject:
        return AtlasProject(self._client, self._record.project_id, self._record.org_id, urgency)

    def _find(self, project: AtlasProject, kit: KitSpec) -> AtlasUser | None:
        try:
            return AtlasUser(project.user(ADMIN, kit.username))
        except AtlasFailure as error:
            if error.gone:
                return None
            raise

    def _own(self, project: AtlasProject, kit: KitSpec) -> None:
        """:raises ProvisionerError: it is gone, or not proved to be of our kit."""
        user = self._find(project, kit)
        if user is None:
            raise ProvisionerError(_GONE, permanent=True)
        if not user.is_kit(self._tagger):
            raise ProvisionerError(_NOT_OURS.format(kit.username), permanent=True)
