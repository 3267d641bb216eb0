"""Guards what a target offers: the narrowest reach first, nothing that gives access itself, nothing of the server's own."""

from __future__ import annotations

from typing import Any

from accessrequests.models import Inventory, Target
from accessrequests.queries import offers
from tests import make
from tests.make import Cast


def inventory(**changes: Any) -> Inventory:
    found = Inventory.objects.get(target__slug="shop-prod")
    for name, value in changes.items():
        setattr(found, name, value)
    return found


class TestRoles:
    def test_come_by_reach_and_then_by_trust(self, cast: Cast) -> None:
        one = [{"resource": {"database": "shop", "collection": "orders", "cluster": False}, "actions": ["find"]}]
        server = [{"resource": {"database": "", "collection": "", "cluster": True}, "actions": ["serverStatus"]}]

        found = offers.roles_on_offer(inventory(roles={**make.ROLES, "watch@admin": server, "desk@shop": one}))

        names = [role.name for role in found]
        assert names[:3] == ["desk@shop", "read@shop", "readWrite@shop"]
        assert set(names[-2:]) == {"read@admin", "watch@admin"}

    def test_leave_out_what_gives_access_and_what_gives_nothing(self, cast: Cast) -> None:
        names = {role.name for role in offers.roles_on_offer(inventory(roles={**make.ROLES, "empty@shop": []}))}

        assert names.isdisjoint({"userAdmin@shop", "dbOwner@shop", "empty@shop"})


class TestCollections:
    def test_leave_out_the_servers_own(self, cast: Cast) -> None:
        databases: dict[str, Any] = {
            "shop": {"orders": {}, "system.profile": {}},
            "admin": {"users": {}},
            "local": {"oplog.rs": {}},
        }

        assert offers.collections_on_offer(inventory(databases=databases)) == ["shop.orders"]


class TestTargets:
    def test_leave_out_the_retired(self, cast: Cast) -> None:
        Target.objects.filter(slug="shop-dev").update(retired_at=cast.alice.created_at)

        assert [target.slug for target in offers.targets_on_offer()] == ["shop-prod", "shop-staging"]
