"""Guards that whoever finds another worker at work comes again, as often as it takes, and gives nothing up for it.

And that whoever was stopped for so long that others went on without them leaves nothing behind.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import yaml
from pytest_django import Settings

from accessrequests.domain.events import Job, Via
from accessrequests.domain.sharing import SharedKind
from accessrequests.models import Grant, SharedObject
from accessrequests.operations import grants, shared_objects
from tests import make
from tests.make import Cast
from tests.sandbox.atlas.serving import CLIENT_ID, CLIENT_SECRET
from tests.workers.atlas.gates import TARGET, Gates, gates
from tests.workers.atlas.path import longest_call_is_over
from tests.workers.rows import carry, due_now, events_of, fresh
from workers import connections, ledger
from workers.outcomes import FIRST_DELAY
from workers.provisioners.atlas.project import AtlasProject, Document

BLOCK = "203.0.113.7/32"
MORE_THAN_TRIES = grants.ATTEMPTS_TO_PROVISION + 2


@pytest.fixture
def atlas(committed_cast: Cast, tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gates]:
    """Everybody is short of patience."""
    monkeypatch.setattr(ledger, "_PATIENCE_SECONDS", 0.0)
    with gates() as made:
        path = tmp_path / "connections.yaml"
        path.touch(mode=0o600)
        record = {
            "kind": "atlas",
            "project_id": made.project.project_id,
            "org_id": made.served.server.organisation.id,
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "base_url": made.served.server.origin,
        }
        path.write_text(yaml.safe_dump({"targets": {TARGET: record}}))
        settings.ACCESS_SANDBOX = os.getpid()
        settings.ACCESS_TARGETS_FILE = str(path)
        yield made
        connections.close_connections()


def somebody_holds_the_entry() -> shared_objects.Lease:
    lease = shared_objects.take(
        slug=TARGET, kind=SharedKind.ACCESS_LIST_ENTRY, key=BLOCK, owner="another worker of the tests"
    )
    assert lease is not None
    return lease


def tries(job: Job, grant: Grant) -> None:
    """More often than a grant that fails is tried."""
    for _ in range(MORE_THAN_TRIES):
        held = somebody_holds_the_entry()
        due_now(job, grant)
        before = make.now()
        message = carry(job, grant)
        shared_objects.put_down(lease=held, calls_ended=True)

        assert message.done_at is None
        assert (message.failures, "Another worker is at work" in message.last_error) == (0, True)
        assert message.ready_at - make.now() <= FIRST_DELAY
        assert message.ready_at > before


def test_it_is_tried_until_it_is_free(atlas: Gates, committed_cast: Cast) -> None:
    grant = make.approved_grant(committed_cast.alice, committed_cast.bob, source_addresses=(BLOCK,))

    tries(Job.PROVISION, grant)

    grant = fresh(grant)
    assert (grant.state, grant.failures) == ("pending", 0)
    assert grant.attempt_ended_at is not None, "Nothing of it is on its way, so an end would not wait for it."
    assert "grant.attempt_failed" not in events_of(grant)
    assert atlas.entries == {}

    due_now(Job.PROVISION, grant)
    carry(Job.PROVISION, grant)
    assert list(atlas.entries) == [BLOCK]

    grants.release(grant_id=grant.pk, holder=committed_cast.alice, via=Via.API)
    tries(Job.REVOKE, grant)

    assert (fresh(grant).state, fresh(grant).failures) == ("revoking", 0)
    assert list(atlas.entries) == [BLOCK]


def test_what_is_written_after_the_end_was_confirmed_is_taken_back(
    atlas: Gates, committed_cast: Cast, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The worker is stopped between its last look at the lease and the call, which makes the entry again."""
    grant = make.approved_grant(committed_cast.alice, committed_cast.bob, source_addresses=(BLOCK,))
    write = AtlasProject.put_entries
    written: list[str] = []

    def stopped(project: AtlasProject, entries: Sequence[Document]) -> None:
        SharedObject.objects.update(lease_until=make.now())
        grants.release(grant_id=grant.pk, holder=committed_cast.alice, via=Via.API)
        for _ in range(3):
            due_now(Job.REVOKE, grant)
            carry(Job.REVOKE, grant)
            longest_call_is_over(grant)
            if fresh(grant).state == "revoked":
                break
        assert (fresh(grant).state, atlas.entries) == ("revoked", {})
        write(project, entries)
        written.extend(atlas.entries)

    monkeypatch.setattr(AtlasProject, "put_entries", stopped)

    carry(Job.PROVISION, grant)

    assert written == [BLOCK]
    assert (fresh(grant).state, atlas.entries) == ("revoked", {})
