"""Guards custom roles over REST: looked at, previewed, proposed once, decided, and told as they are."""

from __future__ import annotations

from accessrequests.models import CustomRoleChange
from tests import make, roles
from tests.api.caller import Caller
from tests.make import Cast

PATH = f"targets/{roles.SLUG}/custom-roles/"
BODY = {
    "change": "edit",
    "role": "reporting",
    "privileges": ["find,listIndexes@shop.orders", "find@shop.products"],
    "reason": "Reports need the products, too.",
}


def test_the_list_says_what_each_is_and_who_has_it(cast: Cast) -> None:
    roles.project()
    found = {one["role"]: one for one in Caller(cast.mallory).get(PATH).json()["results"]}

    assert found["support"] == {
        "role": "support",
        "privileges": ["find@shop.customers"],
        "inherits": ["reporting@admin"],
        "level": "read",
        "what_this_lets_you_do": [
            "Read documents in shop.customers and shop.orders.",
            "See names, sizes and indexes in shop.orders.",
        ],
        "user_count": 2,
        "users": [],
        "inherited_by": [],
        "grants": [],
        "ours": False,
        "made_by_change": None,
        "change": None,
    }
    assert found["reporting"]["inherited_by"] == ["alias", "support"]
    watched = {one["role"]: one["users"] for one in Caller(cast.dave).get(PATH).json()["results"]}
    assert watched["support"] == ["alice@admin", "desk@admin"], "whose login has what is for auditors"


def test_of_a_target_without_any_the_list_is_empty_and_before_it_was_read_there_is_none(cast: Cast) -> None:
    make.apply_atlas(roles.SLUG)
    assert Caller(cast.alice).get("targets/shop-prod/custom-roles/").json()["results"] == []
    assert Caller(cast.alice).get(PATH).status_code == 403


def test_a_preview_shows_the_union_for_each_who_has_it(cast: Cast) -> None:
    roles.project()
    said = Caller(cast.alice).post(f"{PATH}preview/", BODY).json()

    assert said["verdict"]["steps"] == [{"group": "data-owners", "needed": 1}]
    assert said["what_changes"] == ["New: read documents in shop.products."]
    assert {one["holder"]: one["changes"] for one in said["effects"]} == {
        "2 logins": ["New: read documents in shop.products."],
        "1 login": ["Nothing changes."],
    }
    watched = Caller(cast.dave).post(f"{PATH}preview/", BODY).json()
    assert {one["holder"]: one["changes"] for one in watched["effects"]} == {
        "alice@admin": ["New: read documents in shop.products."],
        "desk@admin": ["New: read documents in shop.products."],
        "reports@admin": ["Nothing changes."],
    }
    assert not CustomRoleChange.objects.exists()


def test_a_change_is_proposed_once_and_decided_by_another(cast: Cast) -> None:
    roles.project()
    alice, bob = Caller(cast.alice), Caller(cast.bob)

    first = alice.post(PATH, BODY, key="one")
    again = alice.post(PATH, BODY, key="one")
    assert [first.status_code, again.status_code] == [201, 201]
    assert first.json() == again.json()
    number = first.json()["id"]
    assert first["Location"].endswith(f"/api/v1/custom-role-changes/{number}/")
    taken = bob.post(PATH, BODY)
    assert (taken.status_code, taken.json()["winner"]["person"]) == (409, "alice")

    stale = bob.post(f"custom-role-changes/{number}/approve/", {"revision": 2})
    assert (stale.status_code, stale.json()["code"]) == (409, "stale_revision")
    done = bob.post(f"custom-role-changes/{number}/approve/", {"revision": 1, "comment": "Fine."}).json()
    assert (done["state"], done["decided_by"], done["approvals"][0]["comment"]) == ("approved", "bob", "Fine.")
    late = Caller(cast.grace).post(f"custom-role-changes/{number}/deny/", {"revision": 1, "reason": "No."})
    assert (late.status_code, late.json()["winner"]["person"]) == (409, "bob")

    listed = alice.get("custom-role-changes/?state=approved&target=ecommerce-prod").json()["results"]
    assert [one["id"] for one in listed] == [number]
    assert alice.get("custom-role-changes/?state=pending").json()["results"] == []


def test_what_means_nothing_is_said_by_field(cast: Cast) -> None:
    roles.project()
    wrong = Caller(cast.alice).post(PATH, {**BODY, "privileges": ["find"], "inherits": ["read"]})

    assert wrong.status_code == 422
    assert set(wrong.json()["errors"]) == {"privileges", "inherits"}
