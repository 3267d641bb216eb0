"""A client of ours and a tiny Atlas that it calls."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.workers.atlas.recorder import Recorder, serving
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
