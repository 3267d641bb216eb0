"""Guards reconcile on Atlas: one look for all grants, dates put back, strays ended by proof, and a project that moved."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from pytest_django import Settings

from accessrequests.domain.events import Job, Via
from accessrequests.models import Grant, Look, Suspicion, Target
from accessrequests.operations import grants, outbox
from accessrequests.queries import clock
from sandbox.atlas.organisation import new_id
from sandbox.atlas.project import Project
from sandbox.ecommerce import LEAST_ROLES
from tests import make
from tests.sandbox.atlas.serving import CLIENT_ID
from tests.workers import rows
from tests.workers.atlas.path import SLUG, Way
from tests.workers.atlas.stand_in import StandIn
from tests.workers.rows import carry, due_now, events_of, fresh, message
from workers import connections, reconcile

TARGET = f"target/{SLUG}"
HERE: dict[str, Any] = {"clusters": ("main",), "source_addresses": ("127.0.0.1",)}


def compare() -> None:
    compared = rows.compare(SLUG)
    assert compared.done_at is not None, compared.last_error


def compare_twice() -> None:
    """Two looks, with a lease between them."""
    for _ in range(2):
        compare()
        Suspicion.objects.update(first_seen_at="2020-01-01T00:00:00Z")


def live(way: Way, stand_in: StandIn, **changes: Any) -> Grant:
    grant = way.provision(way.approved(**changes), look=stand_in.carry_out)
    assert grant.state == "active", message(Job.PROVISION, grant).last_error
    return grant


def test_asks_as_often_for_many_grants_as_for_one(stand_in_way: Way, stand_in: StandIn) -> None:
    asked = []
    for addresses in (["127.0.0.1"], ["127.0.0.2", "127.0.0.3"], ["127.0.0.1", "127.0.0.4"]):
        live(stand_in_way, stand_in, source_addresses=tuple(addresses))
        stand_in.served.control("DELETE", "calls")
        compare()
        asked.append(len(stand_in.served.control("GET", "calls").json()))

    assert asked[0] == asked[1] == asked[2] <= 12
    assert not Suspicion.objects.exists()
    assert set(Grant.objects.values_list("state", flat=True)) == {"active"}


def test_goes_step_by_step_and_forgets_nothing(
    stand_in_way: Way, stand_in: StandIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = [live(stand_in_way, stand_in) for _ in range(3)]
    for grant in found[1:]:
        stand_in.project.database_users["admin", grant.username]["roles"] = [
            {"roleName": "readWrite", "databaseName": "shop"}
        ]
    monkeypatch.setattr(reconcile, "AT_ONCE", 1)
    monkeypatch.setattr(reconcile, "LONGEST_SECONDS", 0.0)
    outbox.file_periodic(job=Job.RECONCILE, subject=TARGET, target=SLUG)

    steps = 1
    while carry(Job.RECONCILE, TARGET).done_at is None:
        due_now(Job.RECONCILE, TARGET)
        steps += 1

    assert steps >= 7
    assert set(Suspicion.objects.values_list("username", flat=True)) == {grant.username for grant in found[1:]}


def test_a_date_that_was_moved_back_is_put_right(stand_in_way: Way, stand_in: StandIn) -> None:
    grant = live(stand_in_way, stand_in)
    user = stand_in.project.database_users["admin", grant.username]
    entry = stand_in.project.access_list["127.0.0.1/32"]
    meant = user["deleteAfterDate"]
    for held in (user, entry):
        held["deleteAfterDate"] = (clock.now() + timedelta(minutes=20)).strftime("%Y-%m-%dT%H:%M:%SZ")

    compare_twice()

    assert [user["deleteAfterDate"], stand_in.project.access_list["127.0.0.1/32"]["deleteAfterDate"]] == [meant] * 2
    assert fresh(grant).state == "active"
    assert events_of(grant)[-1] == "grant.end_put_back"


def test_a_date_that_was_moved_ahead_ends_the_grant_and_it_is_told_why(stand_in_way: Way, stand_in: StandIn) -> None:
    grant = live(stand_in_way, stand_in)
    user = stand_in.project.database_users["admin", grant.username]
    user["deleteAfterDate"] = (clock.now() + timedelta(days=6)).strftime("%Y-%m-%dT%H:%M:%SZ")

    compare_twice()

    assert fresh(grant).end_reason == "drift"
    assert fresh(grant).note.endswith("It differs in: end.")


def test_strays_of_what_grants_share_are_ended_by_what_proves_them(stand_in_way: Way, stand_in: StandIn) -> None:
    asked = make.submit_to_atlas(stand_in_way.cast.alice, roles=("dbAdmin@shop.orders",), **HERE)
    make.approve(make.approve(asked, stand_in_way.cast.bob), stand_in_way.cast.carol)
    grant = stand_in_way.provision(Grant.objects.latest("pk"), look=stand_in.carry_out)
    (name,) = stand_in.project.custom_roles
    role = {**stand_in.project.custom_roles[name]}
    entry = {**stand_in.project.access_list["127.0.0.1/32"]}
    grants.release(grant_id=grant.pk, holder=stand_in_way.cast.alice, via=Via.API)
    assert stand_in_way.revoke(grant, look=stand_in.carry_out).state == "revoked"
    assert (stand_in.project.custom_roles, stand_in.project.access_list) == ({}, {})
    never = {**entry, "cidrBlock": "203.0.113.9/32", "ipAddress": "203.0.113.9"}
    stand_in.project.access_list |= {"127.0.0.1/32": entry, "203.0.113.9/32": never}
    changed = {**role, "actions": [{"action": "FIND", "resources": [{"db": "shop", "collection": ""}]}]}
    stand_in.project.custom_roles |= {name: role, f"{name}-2": {**changed, "roleName": f"{name}-2"}}

    compare()
    assert len(stand_in.project.access_list) == 2, "the first look only suspects"
    compare_twice()

    assert list(stand_in.project.access_list) == ["203.0.113.9/32"], "nobody proves that we made that one"
    assert list(stand_in.project.custom_roles) == [f"{name}-2"], "somebody has made something else of that one"
    assert events_of(TARGET).count("target.orphan_ended") == 2


@pytest.fixture
def moved(stand_in_way: Way, stand_in: StandIn, settings: Settings) -> tuple[Grant, Project]:
    """A live grant, a look, and then a record that leads to another project."""
    grant = live(stand_in_way, stand_in)
    compare()
    organisation = stand_in.served.server.organisation
    other = organisation.add_project(Project(id=new_id(), name="other", created_at=0.0))
    account = organisation.accounts[CLIENT_ID]
    stand_in.served.give(CLIENT_ID, project_roles={**account.project_roles, other.id: ("GROUP_OWNER",)})
    file = Path(settings.ACCESS_TARGETS_FILE)
    said = yaml.safe_load(file.read_text())
    said["targets"][SLUG]["project_id"] = other.id
    file.write_text(yaml.safe_dump(said))
    connections.close_connections()
    return grant, other


class TestAProjectThatMoved:
    def test_is_no_reason_to_take_what_was_made_for_gone(
        self, moved: tuple[Grant, Project], stand_in_way: Way, stand_in: StandIn
    ) -> None:
        grant, other = moved

        compare_twice()

        assert fresh(grant).state == "active"
        assert not Suspicion.objects.exists()
        assert events_of(TARGET)[-1] == "target.moved"
        assert Target.objects.get(slug=SLUG).place == other.id
        grants.release(grant_id=grant.pk, holder=stand_in_way.cast.alice, via=Via.API)
        assert stand_in_way.revoke(grant, look=stand_in.carry_out).state == "revoked"
        assert (stand_in.project.database_users, stand_in.project.access_list) == ({}, {})

    def test_is_told_while_the_old_one_does_not_let_us_in(
        self, moved: tuple[Grant, Project], stand_in_way: Way, stand_in: StandIn
    ) -> None:
        grant, other = moved
        stand_in.served.give(CLIENT_ID, project_roles={other.id: ("GROUP_OWNER",)})
        grants.release(grant_id=grant.pk, holder=stand_in_way.cast.alice, via=Via.API)

        carry(Job.REVOKE, grant)

        assert fresh(grant).state == "revoking"
        assert fresh(grant).last_error.startswith(
            f"The target has moved, and the access was made in the project {stand_in.project.id}."
        )

    def test_gets_nothing_new_before_the_old_one_is_empty(
        self, moved: tuple[Grant, Project], stand_in_way: Way, stand_in: StandIn
    ) -> None:
        _, other = moved
        pending = stand_in_way.approved()

        carry(Job.PROVISION, pending)

        assert "has to end before anything new is made" in fresh(pending).last_error
        assert other.database_users == {}


def test_a_look_that_was_broken_off_begins_anew_after_a_while(stand_in_way: Way, stand_in: StandIn) -> None:
    live(stand_in_way, stand_in)
    compare()
    Look.objects.update(finished_at=None, phase="act", standing={"jit-tests-1": "It was long ago."})
    Look.objects.update(started_at=clock.now() - timedelta(hours=1))

    compare()

    assert Look.objects.get().seen == {}


def test_what_our_account_may_do_too_much_or_too_little_is_kept_with_the_target(
    stand_in_way: Way, stand_in: StandIn
) -> None:
    def give(*rights: str) -> list[str]:
        """What is warned of when our account has just these."""
        stand_in.served.give(CLIENT_ID, project_roles={stand_in.project.id: rights})
        compare()
        found: list[str] = Target.objects.get(slug=SLUG).warnings
        return found

    assert give(*LEAST_ROLES) == []
    assert give(*LEAST_ROLES, "GROUP_OWNER", "GROUP_CLUSTER_MANAGER") == [
        "Our service account has GROUP_CLUSTER_MANAGER, which it does not need. Take it away.",
        "Our service account has GROUP_OWNER, which it does not need. Take it away.",
    ]
    assert give(*(right for right in LEAST_ROLES if right != "GROUP_NETWORK_ACCESS_MANAGER")) == [
        "Our service account cannot change the access list. Give it the role for that."
    ]
