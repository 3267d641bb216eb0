"""Guards the sweep of an Atlas project: whom Atlas itself never ends, is ended by the tag, without any database of ours."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from accessrequests.domain import naming
from tests.sandbox.atlas.serving import CLIENT_ID, CLIENT_SECRET
from tests.workers.atlas.recorder import Recorder, Say
from tests.workers.atlas.stand_in import StandIn
from workers.provisioners.atlas.alone import alone_client
from workers.provisioners.atlas.budget import Urgency
from workers.provisioners.atlas.project import AtlasProject
from workers.provisioners.atlas.sweeping import AtlasSweeper
from workers.provisioners.atlas.users import POWERLESS, labelled, role_document
from workers.provisioners.connection_record import AtlasLogin, AtlasRecord
from workers.provisioners.tag import Tagger
from workers.sweep import Sweep

KEY = bytes(range(32))
TAGGER = Tagger(installation="sweeps", target="ecommerce-dev", key=KEY)
LONG_AGO = timedelta(seconds=-45)
ARN = "arn:aws:iam::123456789012:role/nightly-export"
_IDS = itertools.count(1)


class Project:
    """The project of a stand-in, with users as an installation would have made them."""

    def __init__(self, stand_in: StandIn) -> None:
        self.record = AtlasRecord(
            slug="ecommerce-dev",
            project_id=stand_in.project.id,
            org_id=stand_in.served.server.organisation.id,
            login=AtlasLogin(CLIENT_ID, CLIENT_SECRET),
            base_url=stand_in.served.server.origin,
        )
        self.client = alone_client(self.record)
        self.calls = AtlasProject(self.client, self.record.project_id, self.record.org_id, Urgency.GRANT)
        self.sweep = Sweep("ecommerce-dev", AtlasSweeper(self.client, self.record, TAGGER, pace=1), None)

    def user(self, *, lasts: timedelta, by: Tagger = TAGGER, arn: str = "", labels: bool = True) -> str:
        grant_id = next(_IDS)
        name = arn or naming.username_for(installation=by.installation, grant_id=grant_id, person="alice")
        database = "$external" if arn else "admin"
        tag = labelled(database, name, tagger=by, grant_id=grant_id, end=datetime.now(UTC) + lasts) if labels else {}
        how = {"awsIAMType": "ROLE"} if arn else {"password": "long enough for Atlas"}
        roles = [role_document(role) for role in POWERLESS]
        self.calls.create_user({"databaseName": database, "username": name, "roles": roles, "scopes": [], **tag, **how})
        return name

    def names(self) -> set[str]:
        return {str(user["username"]) for user in self.calls.users()}


@pytest.fixture
def project(stand_in: StandIn) -> Iterator[Project]:
    made = Project(stand_in)
    yield made
    made.client.close()


class TestSweep:
    def test_ends_what_is_past_its_end_and_nothing_of_anybody_else(self, project: Project, stand_in: StandIn) -> None:
        before = project.names()
        over, vouched = project.user(lasts=LONG_AGO), project.user(lasts=LONG_AGO, arn=ARN)
        theirs = Tagger(installation="others", target="ecommerce-dev", key=KEY[::-1])
        kept = {
            project.user(lasts=timedelta(hours=1)),
            project.user(lasts=timedelta(seconds=-5)),
            project.user(lasts=LONG_AGO, by=theirs),
            project.user(lasts=LONG_AGO, by=Tagger(installation="sweeps", target="ecommerce-dev", key=KEY[::-1])),
            project.user(lasts=LONG_AGO, arn=f"{ARN}-of-others", labels=False),
        }
        stand_in.carry_out()

        assert project.sweep.round() == 0, "They are deleted, and no cluster has carried it out yet."

        assert project.names() == before | kept
        stand_in.carry_out()
        assert project.sweep.round() == 2, "Now it has."
        assert project.sweep.round() == 0
        assert {over, vouched}.isdisjoint(project.names())

    def test_asks_for_the_time_before_it_says_it(self, atlas: Recorder, record: AtlasRecord) -> None:
        behind = datetime.now(UTC) - timedelta(hours=1)
        atlas.answers.append(Say(headers={"Date": format_datetime(behind, usegmt=True)}, body={}))
        client = alone_client(record)

        said = AtlasSweeper(client, record, TAGGER).behind()

        client.close()
        assert abs(said - 3600) < 60, "By the very first answer."
        assert [call.method for call in atlas.asked] == ["GET"]

    def test_a_limit_that_is_used_up_is_waited_for_and_asks_nobody(self, project: Project, stand_in: StandIn) -> None:
        over = project.user(lasts=LONG_AGO)
        stand_in.served.order("rate_limited", path="databaseUsers", times=1)

        assert [project.sweep.round(), project.sweep.round()] == [0, 0]

        stand_in.served.control("DELETE", "faults")
        another = Project(stand_in)
        assert over in another.names(), "It said for how long, so nobody asked it again before that."
        another.client.close()
