"""The sweep of a self-managed MongoDB, which keeps no end of its own: only the tag of each user says it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime

from workers.provisioners.base import Evidence, Owned
from workers.provisioners.connection_record import ConnectionRecord
from workers.provisioners.mongodb.accounts import TAG_FIELD, find_accounts
from workers.provisioners.mongodb.failures import step
from workers.provisioners.mongodb.provisioner import MongoDBProvisioner
from workers.provisioners.sweeper import Sweeper, spec_of_owned
from workers.provisioners.tag import Tagger


class MongoDBSweeper:
    """See `workers.provisioners.sweeper.Sweeper`."""

    pace = 1

    def __init__(self, *, record: ConnectionRecord, tagger: Tagger) -> None:
        self._tagger = tagger
        self._users = MongoDBProvisioner(record=record, tagger=tagger)

    def reach(self) -> None:
        """Raises what the driver raises when the target does not answer; every step begins with it."""
        self._users.reach()

    @step("read the target's clock")
    def behind(self) -> float:
        client = self._users.servers.main
        sent, started = time.time(), time.monotonic()
        said: datetime = client.admin.command("hello")["localTime"]
        halfway = sent + (time.monotonic() - started) / 2
        return halfway - said.replace(tzinfo=UTC).timestamp()

    @step("look for what is past its end")
    def overdue(self, *, before: datetime) -> Sequence[Owned]:
        """The server picks by what tags say, so that live users are not read each time; the MAC decides."""
        said = {f"{TAG_FIELD}.installation": self._tagger.installation, f"{TAG_FIELD}.end": {"$lt": before.isoformat()}}
        where = {f"customData.{name}": value for name, value in said.items()}
        found = [(one, one.proof(self._tagger)) for one in find_accounts(self._users.servers.main, where=where)]
        return [
            Owned(
                username=account.username,
                grant_id=tag.grant_id,
                expires_at=tag.end,
                proven=True,
                powerless=not account.roles,
            )
            for account, tag in found
            if tag is not None and tag.end < before
        ]

    def cut(self, owned: Sequence[Owned]) -> list[Evidence]:
        return self._users.cut([spec_of_owned(one) for one in owned])

    def clean(self, owned: Owned) -> Evidence:
        """All of it: on such a target no two grants share a user or a role."""
        return self._users.clean(spec_of_owned(owned))

    def close(self) -> None:
        self._users.close()


def mongodb_sweeper(*, record: ConnectionRecord, tagger: Tagger) -> Sweeper:
    return MongoDBSweeper(record=record, tagger=tagger)
