"""Whether the clusters of a project have carried out what Atlas has taken."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from workers.provisioners.atlas.failures import AtlasFailure
from workers.provisioners.atlas.project import AtlasProject

_APPLIED = "APPLIED"
_GONE = "GONE"
# One that is being made gets the users as they are then; in one that is going nobody can log in (clusters, stateName).
_NOT_THERE = frozenset({"CREATING", "DELETING", "DELETED"})
_NOT_READY = "Atlas has taken it; {} has not carried it out yet."
_WAITING = "Atlas has taken it off; {} has not carried it out yet, so it may still work there."


@dataclass(frozen=True, slots=True)
class Progress:
    """What each cluster says: APPLIED, PENDING, or GONE where there is none of that name."""

    statuses: Mapping[str, str]

    @property
    def late(self) -> list[str]:
        return sorted(name for name, status in self.statuses.items() if status not in {_APPLIED, _GONE})

    @property
    def not_ready(self) -> str:
        """What a person is told while an access is being made."""
        return _NOT_READY.format(" and ".join(self.late)) if self.late else ""

    @property
    def waiting(self) -> str:
        """What a person is told while an end is under way; nothing when it is carried out everywhere."""
        return _WAITING.format(" and ".join(self.late)) if self.late else ""


def progress(project: AtlasProject, clusters: Collection[str]) -> Progress:
    """Of these clusters, since no other can hold a user who is scoped to them; of all that take logins where none is named."""
    names = clusters or [
        cluster["name"]
        for cluster in project.clusters()
        if not cluster.get("paused") and cluster.get("stateName") not in _NOT_THERE
    ]
    return Progress({name: _status(project, name) for name in sorted(names)})


def _status(project: AtlasProject, name: str) -> str:
    try:
        return project.cluster_status(name)
    except AtlasFailure as error:
        if error.gone:
            return _GONE
        raise
