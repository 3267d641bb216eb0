"""Guards that what Atlas puts off is put off for as long as Atlas says, counts as no failure, and is said where it matters."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from pytest_django import Settings

from accessrequests.domain.events import Job, Via
from accessrequests.models import Grant, OutboxMessage
from accessrequests.operations import grants
from accessrequests.queries import clock
from tests import make
from tests.make import Cast
from tests.workers.atlas.conftest import LOGIN
from tests.workers.atlas.recorder import Recorder, error
from tests.workers.conftest import drain
from workers import connections

FULL = {"Retry_After": "55", "RateLimit_Limit": "10000", "RateLimit_Remaining": "0"}


@pytest.fixture
def drained(committed_cast: Cast, atlas: Recorder, tmp_path: Path, settings: Settings) -> Iterator[Recorder]:
    """Others have used up what the project's API takes, and nothing but the grant asks it."""
    OutboxMessage.objects.filter(job=Job.READ_INVENTORY.value).delete()
    atlas.answers = [error(429, "RATE_LIMITED_TOKEN_BUCKET", **FULL) for _ in range(50)]
    path = tmp_path / "connections.yaml"
    path.touch(mode=0o600)
    record = {
        "kind": "atlas",
        "project_id": "5f0000000000000000000001",
        "org_id": "5e0000000000000000000001",
        "client_id": LOGIN.account,
        "client_secret": LOGIN.secret,
        "base_url": atlas.url,
    }
    path.write_text(yaml.safe_dump({"targets": {"shop-prod": record}}))
    settings.ACCESS_SANDBOX = os.getpid()
    settings.ACCESS_TARGETS_FILE = str(path)
    yield atlas
    connections.close_connections()


def waiting(job: Job) -> timedelta:
    return OutboxMessage.objects.get(job=job.value, done_at=None).ready_at - clock.now()


def test_a_grant_waits_and_gives_up_nothing(drained: Recorder, committed_cast: Cast) -> None:
    grant = make.approved_grant(committed_cast.alice, committed_cast.bob, source_addresses=("192.0.2.1/32",))
    drain()

    grant.refresh_from_db()
    assert timedelta(seconds=50) < waiting(Job.PROVISION) <= timedelta(seconds=55)
    assert (grant.state, grant.failures) == ("pending", 0)
    assert "We try again at" in grant.last_error
    assert len(drained.asked) == 1


def test_a_revocation_says_that_the_access_may_still_work(drained: Recorder, committed_cast: Cast) -> None:
    grant = make.approved_grant(committed_cast.alice, committed_cast.bob, source_addresses=("192.0.2.1/32",))
    drain()
    asked = len(drained.asked)
    grants.release(grant_id=grant.pk, holder=committed_cast.alice, via=Via.WEB)
    drain()

    grant = Grant.objects.get(pk=grant.pk)
    assert timedelta(seconds=45) < waiting(Job.REVOKE) <= timedelta(seconds=55)
    assert grant.state == "revoking"
    assert "may still work" in grant.last_error
    assert len(drained.asked) == asked + 1, "Once, since the limit on users is another one."
