"""Guards what is known of a grant on Atlas on its whole way: why one cannot connect, and how it was used."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pymongo import MongoClient
from pytest_django import Settings

from accessrequests.domain.events import Job, Via
from accessrequests.models import Diagnosis, Usage
from accessrequests.operations import diagnoses, grants, outbox
from tests.make import Cast
from tests.sandbox.atlas.behind import Behind
from tests.workers.atlas.living import HERE, Living, living
from tests.workers.atlas.path import SLUG, Way, path
from tests.workers.rows import carry
from workers.provisioners.mongodb.servers import Document


@pytest.fixture
def atlas(behind: Behind) -> Iterator[Living]:
    with living(behind) as found:
        yield found


@pytest.fixture
def way(atlas: Living, committed_cast: Cast, settings: Settings, tmp_path: Path) -> Iterator[Way]:
    record = atlas.record()
    with path(
        cast=committed_cast,
        settings=settings,
        directory=tmp_path,
        url=record.base_url,
        project_id=record.project_id,
        org_id=record.org_id,
    ) as found:
        yield found


def test_a_login_is_counted_once_and_a_shut_gate_is_named(way: Way, atlas: Living) -> None:
    grant = way.provision(way.approved())
    with MongoClient[Document](way.reveal(grant).connection_string) as client:
        client.shop.orders.find_one()
    for _ in range(2):
        outbox.file_periodic(job=Job.READ_USAGE, subject=str(grant), target=SLUG)
        assert carry(Job.READ_USAGE, grant).done_at is not None
    used = Usage.objects.get(grant=grant)
    assert used.logins >= 1
    assert used.addresses == [HERE]
    assert not used.is_final

    with atlas.organisation.changing():
        del atlas.project.access_list["127.0.0.1/32"]
    diagnoses.ask(grant_id=grant.pk, person=way.cast.alice, via=Via.WEB, address=HERE)
    assert carry(Job.DIAGNOSE, grant).done_at is not None
    found = Diagnosis.objects.get(grant=grant).findings
    assert (found[0]["gate"], found[0]["state"]) == ("network", "shut")

    grants.release(grant_id=grant.pk, holder=way.cast.alice, via=Via.API)
    way.revoke(grant)
