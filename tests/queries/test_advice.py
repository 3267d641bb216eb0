"""Guards what is advised to who asks: the same for less, and only where it is the same."""

from __future__ import annotations

from typing import Any

import pytest

from accessrequests.models import Inventory, Target
from accessrequests.queries import asks
from accessrequests.queries.advice import advice_on
from tests import make
from tests.make import Cast


def cheaper(cast: Cast, *roles: str) -> str:
    """The target that is advised in place of shop-prod; or none."""
    asked = make.asked(roles=roles or ("read@shop.orders",))
    considered = asks.consider(requester=cast.alice, asked=asked, at=make.now())
    found = advice_on(considered, requester=cast.alice).cheaper
    return found.slug if found is not None else ""


def leave_only(slug: str, **changes: Any) -> None:
    """Of all the others only this one, changed."""
    Target.objects.exclude(slug__in=["shop-prod", slug]).update(retired_at=make.now())
    Target.objects.filter(slug=slug).update(**changes)


@pytest.mark.parametrize("role", ["read@shop.orders", "readWrite@shop", "read@admin"])
def test_the_same_in_another_environment_is_advised(cast: Cast, role: str) -> None:
    assert cheaper(cast, role) == "shop-dev"


@pytest.mark.parametrize(
    "changes", [{"kind": "atlas"}, {"owner": "billing"}, {"environment": "production"}], ids=lambda one: str(*one)
)
def test_another_product_is_not(cast: Cast, changes: dict[str, str]) -> None:
    leave_only("shop-dev")
    assert cheaper(cast) == "shop-dev"

    leave_only("shop-dev", **changes)

    assert cheaper(cast) == ""


def test_another_database_of_the_same_name_is_not(cast: Cast) -> None:
    leave_only("shop-dev")
    here = Inventory.objects.filter(target__slug="shop-dev")
    here.update(databases={"shop": {"orders": {}, "users": {}}})

    assert [cheaper(cast, role) for role in ("read@shop.orders", "read@shop", "read@admin")] == ["", "", ""]

    more = {**make.DATABASES["shop"], "system.views": {}, "newer": {}}
    here.update(databases={"shop": more, "other": {}})

    assert cheaper(cast) == "shop-dev"
