"""Guards asks for Atlas over the API: its clusters, its addresses, its room, and a way in to each cluster of the scope."""

from __future__ import annotations

from typing import Any

from accessrequests.models import AccessRequest, Grant
from tests import make
from tests.api.caller import Caller
from tests.make import Cast

ASK: dict[str, Any] = {
    "target": "ecommerce-prod",
    "kind": "database_user",
    "roles": ["read@shop.orders"],
    "clusters": ["orders"],
    "source_addresses": ["192.0.2.7"],
    "duration": "PT2H",
    "reason": "Refund totals are off for twelve orders.",
}


def ask(**changes: Any) -> dict[str, Any]:
    return {**ASK, **changes}


def test_is_filed_with_its_scope(cast: Cast) -> None:
    make.make_atlas()

    filed = Caller(cast.alice).post("access-requests/", ask())

    assert filed.status_code == 201
    assert (filed.json()["clusters"], filed.json()["authentication"]) == (["orders"], "scram")


def test_of_every_cluster_is_refused_by_the_rule_that_wants_them_named(cast: Cast) -> None:
    make.make_atlas()
    caller = Caller(cast.alice)

    previewed = caller.post("access-requests/preview/", ask(clusters=[]))
    filed = caller.post("access-requests/", ask(clusters=[]))

    assert (previewed.status_code, previewed.json()["allowed"]) == (200, False)
    assert (filed.status_code, filed.json()["code"]) == (403, "refused")
    assert "wants the clusters named" in filed.json()["detail"]
    assert not AccessRequest.objects.exists()


def test_of_what_is_not_there_is_invalid(cast: Cast) -> None:
    make.make_atlas()
    caller = Caller(cast.alice)

    for field, wrong in (("clusters", ["orderz"]), ("source_addresses", []), ("authentication", "oidc")):
        answer = caller.post("access-requests/", ask(**{field: wrong}))
        assert (answer.status_code, list(answer.json()["errors"])) == (422, [field])


def test_without_room_says_so_before_anybody_is_asked(cast: Cast) -> None:
    make.make_atlas(database_users={"limit": 100, "used": 100})
    caller = Caller(cast.alice)

    previewed = caller.post("access-requests/preview/", ask())

    assert not previewed.json()["allowed"]
    assert "of 100 database users 100 are taken" in previewed.json()["sentences"][0]
    assert caller.post("access-requests/", ask()).status_code == 403


def test_the_last_place_is_given_once_and_the_next_approval_is_told_why(cast: Cast) -> None:
    make.make_atlas(database_users={"limit": 100, "used": 94})
    first, second = (make.submit_to_atlas(cast.alice) for _ in range(2))
    bob = Caller(cast.bob)

    answers = [bob.post(f"access-requests/{one.pk}/approve/", {"revision": 1}) for one in (first, second)]

    assert [one.status_code for one in answers] == [200, 403]
    assert answers[1].json()["code"] == "refused"
    assert "94 are taken and 1 more promised, and 5 are kept free for emergencies" in answers[1].json()["detail"]
    second.refresh_from_db()
    assert second.state == "pending"


def test_reveals_a_way_in_to_each_cluster(cast: Cast) -> None:
    make.make_atlas()
    caller = Caller(cast.alice)
    shown = []
    for clusters in (["orders"], ["reports", "orders"]):
        filed = make.submit_to_atlas(cast.alice, clusters=tuple(clusters))
        make.approve(filed, cast.bob)
        grant = make.activated(Grant.objects.get(access_request=filed))
        assert caller.get(f"grants/{grant.pk}/").json()["clusters"] == clusters
        shown.append(caller.post(f"grants/{grant.pk}/reveal/").json())

    one, two = shown
    assert set(one) == {"username", "password", "connection_string", "expires_at"}
    assert "@orders.example:27017/" in one["connection_string"]
    assert [way["cluster"] for way in two["connection_strings"]] == ["reports", "orders"]
    assert two["connection_strings"][0]["connection_string"] == two["connection_string"]
