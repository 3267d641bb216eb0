"""Guards what people find before they ask: targets, what their roles really let one do, and the policies."""

from __future__ import annotations

from accessrequests.models import Target
from accessrequests.operations import targets
from accessrequests.queries import access_requests, clock, grants
from sandbox import catalogue
from tests import make
from tests.api.caller import Caller
from tests.api.world import active_grant
from tests.make import Cast


class TestTargets:
    def test_are_listed_without_the_retired(self, cast: Cast) -> None:
        Target.objects.filter(slug="shop-dev").update(retired_at=clock.now())
        caller = Caller(cast.alice)

        found = caller.get("targets/").json()["results"]

        assert [one["slug"] for one in found] == ["shop-staging", "shop-prod"]
        assert found[1]["offers"] == {
            "kinds": ["database_user", "role_grant"],
            "authentication": ["scram"],
            "project_roles": [],
        }
        assert (found[1]["environment"], found[1]["unreachable_since"]) == ("production", None)
        assert caller.get("targets/shop-dev/").json()["retired_at"] is not None

    def test_show_their_collections_and_nothing_of_how_workers_reach_them(self, cast: Cast) -> None:
        targets.mark_unreachable(slug="shop-prod", why="no answer")

        answer = Caller(cast.alice).get("targets/shop-prod/")

        (shop,) = answer.json()["databases"]
        assert [one["name"] for one in shop["collections"]] == ["customers", "orders", "payments", "products"]
        assert answer.json()["unreachable_since"] is not None
        assert "connect_to" not in answer.json()

    def test_tell_their_clusters_and_what_they_limit(self, cast: Cast) -> None:
        make.make_atlas()
        make.approve(make.submit_to_atlas(cast.alice), cast.bob)

        told = Caller(cast.alice).get("targets/ecommerce-prod/").json()

        assert told["clusters"] == [{"name": "orders", "paused": False}, {"name": "reports", "paused": False}]
        users = {"name": "database_users", "limit": 100, "used": 40, "promised": 1, "reserve": 5, "free": 54}
        assert told["quotas"][0] == users
        shop = Caller(cast.alice).get("targets/shop-prod/").json()
        assert (shop["clusters"], shop["quotas"]) == ([], [])

    def test_tell_what_people_often_ask_for(self, cast: Cast) -> None:
        first, _ = Caller(cast.alice).get("targets/shop-prod/").json()["presets"]

        assert first == {
            "name": "Look into an order",
            "roles": ["read@shop.orders"],
            "duration": "PT1H",
            "clusters": [],
            "authentication": "",
            "reason_hint": "Which order is it about, and what is wrong with it?",
        }

    def test_tell_what_each_role_lets_one_do(self, cast: Cast) -> None:
        found = {one["role"]: one for one in Caller(cast.alice).get("targets/shop-prod/roles/").json()["results"]}

        levels = {role: one["level"] for role, one in found.items()}
        assert (levels["read@shop"], levels["readWrite@shop"], levels["dbAdmin@shop"]) == ("read", "write", "admin")
        assert levels["userAdmin@shop"] == levels["dbOwner@shop"] == "delegating"
        assert found["read@shop"]["what_this_lets_you_do"][0] == "Read documents in every collection of shop."
        assert found["read@shop"]["reach"] == "every collection of shop"


class TestPolicies:
    def test_are_listed_newest_first_with_their_rules(self, cast: Cast) -> None:
        make.publish({**catalogue.policy_document(), "name": "stricter"})

        newest, first = Caller(cast.mallory).get("policies/").json()["results"]

        assert (newest["version"], newest["name"], newest["current"]) == (2, "stricter", True)
        assert (first["version"], first["current"], first["published_by"]) == (1, False, None)
        assert first["rules"][0]["name"] == "development"


class TestWaysToSee:
    def test_find_just_what_is_visible(self, cast: Cast) -> None:
        """The pages of long lists look by several ways, each with an index; the truth is one condition."""
        for _ in range(2):
            active_grant(cast)
        make.submit(cast.bob, roles=("readWrite@shop.orders",))
        make.submit(cast.grace, grantee="frank")
        make.approve(make.submit(cast.grace, grantee="alice"), cast.bob)

        for person in vars(cast).values():
            requests = {one.pk for way in access_requests.ways_to_see(person) for one in way}
            assert requests == {one.pk for one in access_requests.visible_to(person)}
            held = {one.pk for way in grants.ways_to_see(person) for one in way}
            assert held == {one.pk for one in grants.visible_to(person)}
            listed = Caller(person).get("access-requests/").json()["results"]
            assert {one["id"] for one in listed} == requests
