"""Who logged in to the clusters of a project, as Atlas keeps it for seven days (dbAccessHistory)."""

from __future__ import annotations

from datetime import datetime

from accessrequests.domain.usage import Login
from workers.provisioners.atlas.project import AtlasProject
from workers.provisioners.atlas.users import name_of
from workers.provisioners.base import GrantSpec


def logins(project: AtlasProject, spec: GrantSpec, *, since: datetime, until: datetime) -> list[Login]:
    """Of the user of this grant, on every cluster that is awake. One out of its scope was tried, too."""
    clusters = [cluster["name"] for cluster in project.clusters() if not cluster.get("paused")]
    rows = [row for name in clusters for row in project.logins(name, since=since, until=until)]
    return [
        Login(
            at=datetime.fromisoformat(str(row["timestamp"])),
            address=str(row["ipAddress"]),
            went_well=bool(row["authResult"]),
        )
        for row in rows
        if row["username"] == name_of(spec)[1]
    ]
