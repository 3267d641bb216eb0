"""The sweep of an Atlas project: most users end there by themselves, those with a certificate or a vouched name do not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from workers.provisioners.atlas.alone import alone_client
from workers.provisioners.atlas.budget import Urgency
from workers.provisioners.atlas.client import Calls
from workers.provisioners.atlas.clusters import progress
from workers.provisioners.atlas.failures import AtlasFailure
from workers.provisioners.atlas.project import AtlasProject
from workers.provisioners.atlas.steps import step
from workers.provisioners.atlas.users import AtlasUser, is_ours, name_of
from workers.provisioners.base import Evidence, Owned
from workers.provisioners.connection_record import AtlasRecord
from workers.provisioners.sweeper import Sweeper, left_alone, spec_of_owned
from workers.provisioners.tag import Tagger


@dataclass(frozen=True, slots=True)
class AtlasSweeper:
    """See `workers.provisioners.sweeper.Sweeper`."""

    client: Calls
    record: AtlasRecord
    tagger: Tagger
    pace: int = 2
    cut_leaves_it: bool = False

    @step("read Atlas's clock")
    def behind(self) -> float:
        """By an answer of now: a client that has asked nothing yet knows of no clock but ours."""
        self._project.project()
        return -self.client.clock_skew()

    @step("look for what is past its end")
    def overdue(self, *, before: datetime) -> Sequence[Owned]:
        ours = [user for user in map(AtlasUser, self._project.users()) if is_ours(user, self.tagger)]
        owned = [user.owned(self.tagger) for user in ours]
        return [one for one in owned if one.proven and one.expires_at is not None and one.expires_at < before]

    def cut(self, owned: Sequence[Owned]) -> list[Evidence]:
        return [self._cut(one) for one in owned]

    def clean(self, owned: Owned) -> Evidence:
        """Entries carry a date of Atlas's own and a role without a user gives nothing: reconcile takes them away."""
        return Evidence(done=True, facts={})

    def close(self) -> None:
        self.client.close()

    @step("end what is past its end")
    def _cut(self, owned: Owned) -> Evidence:
        """The user is looked at again, deleted, and every cluster has carried it out."""
        spec = spec_of_owned(owned)
        user = self._find(*name_of(spec))
        clusters: frozenset[str] = frozenset()
        if user is not None:
            tag = user.proof(self.tagger)
            if tag is None or tag.end != owned.expires_at:
                return left_alone(owned)
            clusters = user.cluster_names
            self._delete(user)
        applied = progress(self._project, clusters)
        facts = {"user": "not in the project", "clusters": applied.statuses}
        return Evidence(done=not applied.late, facts=facts, waiting=applied.waiting)

    @property
    def _project(self) -> AtlasProject:
        return AtlasProject(self.client, self.record.project_id, self.record.org_id, Urgency.REVOKE)

    def _find(self, database: str, username: str) -> AtlasUser | None:
        try:
            return AtlasUser(self._project.user(database, username))
        except AtlasFailure as error:
            if error.gone:
                return None
            raise

    def _delete(self, user: AtlasUser) -> None:
        try:
            self._project.delete_user(*user.name)
        except AtlasFailure as error:
            if not error.gone:
                raise


def atlas_sweeper(*, record: AtlasRecord, tagger: Tagger) -> Sweeper:
    return AtlasSweeper(client=alone_client(record), record=record, tagger=tagger)
