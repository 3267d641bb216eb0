"""Guards the inventory: what a worker stores of a target is what the target really has."""

from __future__ import annotations

from datetime import timedelta

from accessrequests.domain.events import Job
from accessrequests.models import Inventory
from accessrequests.operations import outbox
from accessrequests.queries import clock
from tests.workers.conftest import SHOP, WORKER, Work, drain
from tests.workers.rows import carry, events_of

TARGET = "target/shop-prod"


def read_again() -> None:
    outbox.file_periodic(job=Job.READ_INVENTORY, subject=TARGET, target="shop-prod")


class TestReadInventory:
    def test_stores_roles_databases_and_rough_sizes(self, work: Work) -> None:
        inventory = Inventory.objects.get(target__slug="shop-prod")

        assert inventory.read_at > clock.now() - timedelta(minutes=1)
        assert {f"read@{SHOP}", f"readWrite@{SHOP}"} <= set(inventory.roles)
        assert inventory.databases[SHOP]["orders"]["documents"] == 200
        (privilege,) = [
            one
            for one in inventory.roles[f"read@{SHOP}"]
            if one["resource"] == _whole(SHOP) and "find" in one["actions"]
        ]
        assert "insert" not in privilege["actions"]

    def test_sees_what_has_changed_and_never_the_roles_that_we_made(self, work: Work) -> None:
        grant = work.active()
        work.owner[SHOP].command("createRole", "clerk", privileges=[], roles=["read"])
        try:
            read_again()
            drain()
        finally:
            work.owner[SHOP].command("dropRole", "clerk")

        roles = Inventory.objects.get(target__slug="shop-prod").roles
        assert f"clerk@{SHOP}" in roles
        assert not [name for name in roles if name.startswith(grant.username)]

    def test_is_filed_once_however_often_it_is_asked_for(self, work: Work) -> None:
        read_again()
        read_again()
        assert drain() == 1

    def test_of_a_target_that_is_away_waits_and_keeps_the_old_one(self, work: Work) -> None:
        before = Inventory.objects.get(target__slug="shop-prod")
        work.way.shut()
        read_again()

        waiting = carry(Job.READ_INVENTORY, TARGET)

        assert (waiting.done_at, waiting.failures) == (None, 1)
        assert Inventory.objects.get(target__slug="shop-prod").read_at == before.read_at
        assert events_of(TARGET)[-1] == "target.unreachable"

    def test_that_is_refused_is_tried_again(self, work: Work) -> None:
        work.owner.admin.command("updateUser", WORKER, roles=["clusterMonitor"])
        try:
            read_again()
            waiting = carry(Job.READ_INVENTORY, TARGET)
        finally:
            work.owner.admin.command("updateUser", WORKER, roles=["root"])

        assert (waiting.done_at, waiting.failures) == (None, 1)
        assert "rights" in waiting.last_error
        assert events_of(TARGET)[-1] != "target.unreachable"


def _whole(database: str) -> dict[str, object]:
    return {"database": database, "collection": "", "cluster": False}
