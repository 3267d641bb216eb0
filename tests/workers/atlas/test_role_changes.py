"""Guards changes of custom roles on their way to Atlas: from what was approved to what Atlas says, told truthfully."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core import mail

from accessrequests.domain.custom_roles import ChangeKind
from accessrequests.domain.events import Job, Via
from accessrequests.models import CustomRoleChange, Inventory
from accessrequests.operations import custom_roles, grants
from accessrequests.queries import clock
from accessrequests.queries.custom_roles import Proposed
from tests.workers.atlas.path import SLUG, Way
from tests.workers.atlas.stand_in import StandIn
from tests.workers.rows import carry, due_now

REPORTING = ("find,listIndexes@shop.orders", "serverStatus@$cluster")


def approved(way: Way, kind: str, role: str, *privileges: str, inherits: tuple[str, ...] = ()) -> CustomRoleChange:
    proposed = Proposed(SLUG, ChangeKind(kind), role, "Reports need it.", privileges, inherits)
    change = custom_roles.propose(proposer=way.cast.alice, proposed=proposed, via=Via.API)
    return custom_roles.approve(change_id=change.pk, approver=way.cast.bob, via=Via.API, revision=1)


def carried(change: CustomRoleChange) -> CustomRoleChange:
    due_now(Job.CHANGE_CUSTOM_ROLE, str(change))
    carry(Job.CHANGE_CUSTOM_ROLE, str(change))
    change.refresh_from_db()
    return change


def made(way: Way, kind: str, role: str, *privileges: str, inherits: tuple[str, ...] = ()) -> CustomRoleChange:
    change = carried(approved(way, kind, role, *privileges, inherits=inherits))
    assert (change.state, change.note) == ("applied", "")
    return change


def on_atlas(stand_in: StandIn, role: str) -> dict[str, list[tuple[bool, str, str]]]:
    found = stand_in.project.custom_roles[role]
    return {
        action["action"]: [
            (place.get("cluster", False), place.get("db", ""), place.get("collection", ""))
            for place in action["resources"]
        ]
        for action in found["actions"]
    }


def test_a_role_is_made_changed_and_deleted_as_approved(stand_in: StandIn, stand_in_way: Way) -> None:
    made(stand_in_way, "create", "reporting", *REPORTING)
    assert on_atlas(stand_in, "reporting") == {
        "FIND": [(False, "shop", "orders")],
        "LIST_INDEXES": [(False, "shop", "orders")],
        "SERVER_STATUS": [(True, "", "")],
    }
    assert Inventory.objects.get(target__slug=SLUG).custom_roles["reporting"]["privileges"] == [
        "serverStatus@$cluster",
        "find,listIndexes@shop.orders",
    ]

    made(stand_in_way, "edit", "reporting", "find@*", inherits=("read@shop",))
    assert on_atlas(stand_in, "reporting") == {"FIND": [(False, "", "")]}
    assert stand_in.project.custom_roles["reporting"]["inheritedRoles"] == [{"db": "shop", "role": "read"}]

    made(stand_in_way, "delete", "reporting")
    assert "reporting" not in stand_in.project.custom_roles
    assert "reporting" not in Inventory.objects.get(target__slug=SLUG).custom_roles


def test_what_was_done_by_a_call_without_an_answer_is_not_done_again(stand_in: StandIn, stand_in_way: Way) -> None:
    change = approved(stand_in_way, "create", "reporting", *REPORTING)
    stand_in.served.order("error_after_commit", method="POST", path="customDBRoles", times=1)

    first = carried(change)
    assert (first.state, bool(first.note)) == ("approved", True)
    assert carried(change).state == "applied"


def test_what_somebody_changed_meanwhile_is_not_overwritten(stand_in: StandIn, stand_in_way: Way) -> None:
    made(stand_in_way, "create", "reporting", *REPORTING)
    change = approved(stand_in_way, "edit", "reporting", "find@shop.orders")
    stand_in.project.custom_roles["reporting"]["actions"] = [
        {"action": "REMOVE", "resources": [{"db": "shop", "collection": "orders"}]}
    ]

    assert carried(change).state == "failed"
    assert "is not as it was when the change was approved" in change.note
    assert list(on_atlas(stand_in, "reporting")) == ["REMOVE"]


def test_what_atlas_refuses_is_told_as_that(stand_in: StandIn, stand_in_way: Way) -> None:
    made(stand_in_way, "create", "reporting", *REPORTING)
    change = approved(stand_in_way, "delete", "reporting")
    stand_in.project.database_users["admin", "late"] = {
        "databaseName": "admin",
        "username": "late",
        "roles": [{"roleName": "reporting", "databaseName": "admin"}],
        "scopes": [],
        "labels": [],
    }

    assert carried(change).state == "failed"
    assert change.note.startswith("Refused: ")
    assert "ATLAS_CUSTOM_ROLE_IN_USE_BY_USERS" in change.note
    assert "reporting" in stand_in.project.custom_roles


@pytest.mark.parametrize(
    ("fault", "told"), [("error_after_commit", "may still have changed"), ("rate_limited_bucket", "Nothing was")]
)
def test_after_an_hour_it_is_given_up_and_said_what_is_known(
    stand_in: StandIn, stand_in_way: Way, fault: str, told: str
) -> None:
    change = approved(stand_in_way, "create", "reporting", *REPORTING)
    CustomRoleChange.objects.filter(pk=change.pk).update(decided_at=clock.now() - timedelta(hours=2))
    stand_in.served.order(fault, method="POST", path="customDBRoles", times=9)

    assert carried(change).state == "failed"
    assert "Given up after an hour" in change.note
    assert told in change.note


def test_those_who_decide_and_whoever_proposed_it_are_told(stand_in: StandIn, stand_in_way: Way) -> None:
    proposed = Proposed(SLUG, ChangeKind.CREATE, "reporting", "Reports need it.", REPORTING)
    change = custom_roles.propose(proposer=stand_in_way.cast.alice, proposed=proposed, via=Via.API)
    carry(Job.NOTIFY, str(change))
    assert {address for message in mail.outbox for address in message.to} == {"bob@example.com", "grace@example.com"}
    assert mail.outbox[0].subject == f"Proposed: Alice Archer wants to make the role reporting on {SLUG}"
    mail.outbox.clear()

    custom_roles.approve(change_id=change.pk, approver=stand_in_way.cast.bob, via=Via.API, revision=1)
    carried(change)
    carry(Job.NOTIFY, str(change))

    assert [(message.to, message.subject.partition(":")[0]) for message in mail.outbox] == [
        (["alice@example.com"], "Made")
    ]
    assert "Atlas has it so, read back." in str(mail.outbox[0].body)


def test_single_actions_share_a_role_that_goes_with_the_last_access(stand_in: StandIn, stand_in_way: Way) -> None:
    both = [
        stand_in_way.provision(stand_in_way.approved(roles=("find,listIndexes@shop.orders",)), look=stand_in.carry_out)
        for _ in range(2)
    ]

    assert [grant.state for grant in both] == ["active", "active"]
    (name,) = stand_in.project.custom_roles
    assert set(on_atlas(stand_in, name)) == {"FIND", "LIST_INDEXES"}
    held = [user["roles"] for user in stand_in.project.database_users.values()]
    assert held == [[{"databaseName": "admin", "roleName": name}]] * 2


def test_a_role_that_comes_and_goes_with_an_access_is_listed_at_once(stand_in: StandIn, stand_in_way: Way) -> None:
    grant = stand_in_way.provision(
        stand_in_way.approved(roles=("find,listIndexes@shop.orders",)), look=stand_in.carry_out
    )
    (name,) = stand_in.project.custom_roles
    assert name in listed()

    grants.release(grant_id=grant.pk, holder=stand_in_way.cast.alice, via=Via.API)
    stand_in_way.revoke(grant, look=stand_in.carry_out)

    assert listed() == set()


def listed() -> set[str]:
    """The custom roles of the project, once the look that was filed is done."""
    assert carry(Job.READ_INVENTORY, f"target/{SLUG}").done_at is not None
    return set(Inventory.objects.get(target__slug=SLUG).custom_roles)
