"""The sweep of a self-managed MongoDB, which keeps no end of its own: only the tag of each user says it."""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime

from workers.provisioners.base import Evidence, Owned
from workers.provisioners.connection_record import ConnectionRecord
from workers.provisioners.mongodb.accounts import TAG_FIELD, by_username, find_accounts
from workers.provisioners.mongodb.failures import step
from workers.provisioners.mongodb.provisioner import MongoDBProvisioner
from workers.provisioners.sweeper import Sweeper, left_alone, spec_of_owned
from workers.provisioners.tag import Tagger


class MongoDBSweeper:
    """See `workers.provisioners.sweeper.Sweeper`."""

    pace = 1
    cut_leaves_it = True

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
        left = self._not_over(owned)
        over = [one for one in owned if one.username not in left]
        answers = self._users.cut([spec_of_owned(one) for one in over]) if over else []
        cut = dict(zip([one.username for one in over], answers, strict=True))
        return [cut.get(one.username) or left_alone(one) for one in owned]

    def clean(self, owned: Owned) -> Evidence:
        """All of it: on such a target no two grants share a user or a role."""
        return self._users.clean(spec_of_owned(owned))

    @step("look again at what is past its end")
    def _not_over(self, owned: Sequence[Owned]) -> frozenset[str]:
        """Those who are there, and whose tag does not prove that very end any more."""
        ends = {one.username: one.expires_at for one in owned}
        found = find_accounts(self._users.servers.main, where=by_username(list(ends)))
        tags = {account.username: account.proof(self._tagger) for account in found}
        return frozenset(name for name, tag in tags.items() if tag is None or tag.end != ends[name])

    def close(self) -> None:
        self._users.close()


def mongodb_sweeper(*, record: ConnectionRecord, tagger: Tagger) -> Sweeper:
    return MongoDBSweeper(record=record, tagger=tagger)
