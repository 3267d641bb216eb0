"""Deletes what has outlived its `deleteAfterDate`: not at that moment, as Atlas does not either, but a settable lag later."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from sandbox.atlas import access_list, database_users
from sandbox.atlas.dates import moment_of
from sandbox.atlas.organisation import Organisation

_LOOK_EVERY = 0.25


class Purge(threading.Thread):
    """Looks at every project again and again."""

    def __init__(self, organisation: Organisation) -> None:
        super().__init__(name="purge", daemon=True)
        self._organisation = organisation
        self._is_over = threading.Event()

    def run(self) -> None:
        while not self._is_over.wait(_LOOK_EVERY):
            purge(self._organisation)

    def end(self) -> None:
        self._is_over.set()


def purge(organisation: Organisation) -> None:
    """Take away every user and entry that is due; the events of it have no actor."""
    with organisation.lock:
        latest = organisation.now() - timedelta(seconds=organisation.settings.purge_lag_seconds)
        due = [
            (project, _due(project.database_users.values(), latest), _due(project.access_list.values(), latest))
            for project in organisation.projects.values()
        ]
        if not any(users or entries for _, users, entries in due):
            return
        with organisation.changing():
            for project, users, entries in due:
                for user in users:
                    database_users.remove(organisation, project, user)
                for entry in entries:
                    access_list.remove(organisation, project, entry)


def _due(documents: Iterable[Mapping[str, Any]], latest: datetime) -> list[Mapping[str, Any]]:
    return [each for each in documents if "deleteAfterDate" in each and moment_of(each["deleteAfterDate"]) <= latest]
