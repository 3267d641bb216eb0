"""A client of ours and a tiny Atlas that it calls; and a whole stand-in without clusters, with grants on their way there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytest_django import Settings

from tests.make import Cast
from tests.workers.atlas.path import Way, path
from tests.workers.atlas.recorder import Recorder, serving
from tests.workers.atlas.stand_in import StandIn, standing_in
from workers.provisioners.atlas.client import AtlasClient
from workers.provisioners.connection_record import AtlasLogin, AtlasRecord

SECRET = "mdb_sa_sk_canary-of-the-account"
LOGIN = AtlasLogin(account="mdb_sa_id_65d9c1b7c5f5f1f4f7a5e111", secret=SECRET)


@pytest.fixture
def atlas() -> Iterator[Recorder]:
    with serving(Recorder(account=LOGIN.account, secret=LOGIN.secret)) as recorder:
        yield recorder


@pytest.fixture
def record(atlas: Recorder) -> AtlasRecord:
    return AtlasRecord(
        slug="ecommerce-dev",
        project_id="5f0000000000000000000001",
        org_id="5e0000000000000000000001",
        login=LOGIN,
        base_url=atlas.url,
    )


@pytest.fixture
def client(record: AtlasRecord) -> Iterator[AtlasClient]:
    client = AtlasClient(record=record)
    yield client
    client.close()


@pytest.fixture
def stand_in() -> Iterator[StandIn]:
    with standing_in() as found:
        yield found


@pytest.fixture
def stand_in_way(stand_in: StandIn, committed_cast: Cast, settings: Settings, tmp_path: Path) -> Iterator[Way]:
    with path(
        cast=committed_cast,
        settings=settings,
        directory=tmp_path,
        url=stand_in.served.server.origin,
        project_id=stand_in.project.id,
        org_id=stand_in.served.server.organisation.id,
    ) as found:
        yield found
