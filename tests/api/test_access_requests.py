"""Guards asking and deciding over REST: what is answered, what is kept, what people are told."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from pytest_django import DjangoAssertNumQueries

from accessrequests.domain.window import parse_moment
from accessrequests.models import AccessRequest, AuditEvent, Grant, OutboxMessage
from accessrequests.queries import clock
from tests import make
from tests.api.caller import Caller, ask
from tests.api.world import World, active_grant, picture
from tests.make import Cast

SHAPE = {
    "id", "bundle", "state", "revision", "requester", "beneficiary", "verdict", "approvals", "grant", "timeline",
    "filed_at", "lapses_at", "target", "kind", "roles", "clusters", "authentication", "grantee", "source_addresses",
    "duration", "starts_at", "reason", "ticket",
}  # fmt: skip


class TestPreview:
    def test_says_what_would_come_and_files_nothing(self, world: World) -> None:
        caller = Caller(world.cast.alice)
        before = picture()

        found = caller.post("access-requests/preview/", ask(roles=["readWrite@shop.orders"], duration="PT1H")).json()

        assert (found["allowed"], found["automatic"], found["level"], found["maximum"]) == (
            True,
            False,
            "write",
            "PT4H",
        )
        assert found["steps"] == [
            {"group": "data-owners", "needed": 1, "people": ["bob", "grace"]},
            {"group": "security", "needed": 1, "people": ["carol"]},
        ]
        assert "Insert, update and delete documents in shop.orders." in found["what_this_lets_you_do"]
        assert any(line.startswith("New: insert") for line in found["what_changes"])
        assert found["similar"] is None
        assert parse_moment(found["ends_at"]) - parse_moment(found["starts_at"]) == timedelta(hours=1)
        assert picture() == before

    def test_points_at_the_same_ask(self, world: World) -> None:
        found = Caller(world.cast.alice).post("access-requests/preview/", ask()).json()

        assert found["similar"]["access_request"] == world.request.pk
        assert found["what_changes"] == ["Nothing changes."]

    def test_points_at_a_live_grant(self, cast: Cast) -> None:
        grant = active_grant(cast)

        found = Caller(cast.alice).post("access-requests/preview/", ask()).json()

        assert found["similar"]["grant"] == {"id": grant.pk, "state": "active"}

    def test_answers_200_where_the_policy_says_no(self, cast: Cast) -> None:
        found = Caller(cast.alice).post("access-requests/preview/", ask(duration="PT9H"))

        assert (found.status_code, found.json()["allowed"]) == (200, False)
        assert any("at most 8 hours" in sentence for sentence in found.json()["sentences"])

    def test_never_allows_roles_that_delegate(self, cast: Cast) -> None:
        for role in ("userAdmin@shop", "dbOwner@shop"):
            found = Caller(cast.alice).post("access-requests/preview/", ask(target="shop-dev", roles=[role])).json()
            assert (found["allowed"], found["level"]) == (False, "delegating")


class TestAsk:
    def test_files_what_was_asked(self, cast: Cast) -> None:
        filed = Caller(cast.alice).post(
            "access-requests/", ask(duration="PT90M", ticket="OPS-7", source_addresses=["192.0.2.7", "192.0.2.0/24"])
        )

        found = filed.json()
        assert filed.status_code == 201
        assert set(found) >= SHAPE
        assert (found["state"], found["revision"], found["requester"], found["grantee"]) == (
            "pending",
            1,
            "alice",
            "alice",
        )
        assert (found["duration"], found["ticket"], found["grant"], found["bundle"]) == ("PT1H30M", "OPS-7", None, None)
        assert parse_moment(found["lapses_at"]) - parse_moment(found["filed_at"]) == timedelta(hours=8)
        row = AccessRequest.objects.get(pk=found["id"])
        assert (row.roles, row.reason, row.duration) == (["read@shop.orders"], ask()["reason"], timedelta(minutes=90))
        assert AuditEvent.objects.get(subject=str(row)).via == "api"
        assert OutboxMessage.objects.filter(subject=str(row), job="notify").count() == 1

    def test_is_born_approved_where_nobody_is_asked(self, cast: Cast) -> None:
        found = Caller(cast.alice).post("access-requests/", ask(target="shop-dev")).json()

        grant = Grant.objects.get(access_request=found["id"])
        assert (found["state"], found["grant"]) == ("approved", {"id": grant.pk, "state": "pending"})
        assert (found["decided_by"], found["verdict"]["automatic"]) == ("policy", True)
        told = {said["event"]: said["actor"] for said in found["timeline"]}
        assert told["access_request.submitted"] == "alice"
        assert told["access_request.approved"] == "access-requests"

    @pytest.mark.parametrize(
        ("changes", "rule"),
        [
            ({"duration": "PT9H"}, "production-read"),
            ({"reason": "Short."}, "production-read"),
            ({"roles": ["userAdmin@shop"]}, "no delegating access"),
            ({"target": "shop-staging", "roles": ["dbAdmin@shop"]}, "no matching rule"),
            ({"grantee": "mallory"}, "production-read"),
        ],
        ids=str,
    )
    def test_names_the_rule_that_says_no(self, cast: Cast, changes: dict[str, Any], rule: str) -> None:
        refused = Caller(cast.alice).post("access-requests/", ask(**changes))

        assert (refused.status_code, refused.json()["code"], refused.json()["rule"]) == (403, "refused", rule)
        assert ("and mallory is not one of them." in refused.json()["detail"]) == ("grantee" in changes)
        assert not AccessRequest.objects.exists()

    def test_is_refused_before_the_inventory_is_read(self, cast: Cast) -> None:
        make.unread_target("shop-new")

        refused = Caller(cast.alice).post("access-requests/", ask(target="shop-new"))

        assert (refused.status_code, refused.json()["code"]) == (403, "refused")
        assert "has not been read yet" in refused.json()["detail"]
        assert Caller(cast.alice).get("targets/shop-new/roles/").status_code == 403
        assert Caller(cast.alice).get("targets/shop-new/").json()["inventory_read_at"] is None

    def test_takes_back_what_it_gave(self, cast: Cast) -> None:
        caller = Caller(cast.alice)
        starts_at = (clock.now() + timedelta(days=1)).isoformat()
        found = caller.post("access-requests/", ask(starts_at=starts_at)).json()
        posted = {
            name: found[name]
            for name in ("target", "kind", "roles", "clusters", "authentication", "grantee", "source_addresses",
                         "duration", "starts_at", "reason", "ticket")
        }  # fmt: skip

        again = caller.post("access-requests/", posted)

        assert again.status_code == 201, again.content
        assert all(again.json()[name] == value for name, value in posted.items())


class TestDecide:
    def test_two_steps_need_two_people(self, cast: Cast) -> None:
        number = make.submit(cast.alice, roles=("readWrite@shop.orders",)).pk
        first = Caller(cast.bob).post(f"access-requests/{number}/approve/", {"revision": 1, "comment": "Fine."}).json()
        again = Caller(cast.bob).post(f"access-requests/{number}/approve/", {"revision": 1})
        second = (
            Caller(cast.carol).post(f"access-requests/{number}/approve/", {"revision": 1, "duration": "PT1H"}).json()
        )

        assert (first["state"], first["grant"]) == ("pending", None)
        assert (again.status_code, again.json()["code"], again.json()["winner"]["person"]) == (
            409,
            "illegal_move",
            "bob",
        )
        assert (second["state"], second["approved_duration"], second["duration"]) == ("approved", "PT1H", "PT2H")
        assert [(one["person"], one["answer"], one["group"], one["comment"]) for one in second["approvals"]] == [
            ("bob", "approve", "data-owners", "Fine."),
            ("carol", "approve", "security", ""),
        ]
        assert Grant.objects.get(access_request=number).length == timedelta(hours=1)

    def test_nobody_lengthens(self, world: World) -> None:
        answer = Caller(world.cast.bob).post(
            world.path("access-requests/{request}/approve/"), {"revision": 1, "duration": "PT3H"}
        )

        assert (answer.status_code, list(answer.json()["errors"])) == (422, ["duration"])

    def test_an_old_revision_is_told_so(self, world: World) -> None:
        for verb, more in (("approve", {}), ("deny", {"reason": "No."})):
            path = world.path(f"access-requests/{{request}}/{verb}/")
            answer = Caller(world.cast.bob).post(path, {"revision": 2, **more})
            assert (answer.status_code, answer.json()["code"]) == (409, "stale_revision")

    def test_a_no_ends_it_and_says_why(self, world: World) -> None:
        path = world.path("access-requests/{request}/deny/")

        found = Caller(world.cast.grace).post(path, {"revision": 1, "reason": "Staging has the same."}).json()
        late = Caller(world.cast.bob).post(world.path("access-requests/{request}/approve/"), {"revision": 1})

        assert (found["state"], found["decided_by"]) == ("denied", "grace")
        assert found["timeline"][-1]["text"] == "grace denied the request: Staging has the same."
        assert late.json()["winner"] == {"person": "grace", "what": "denied", "at": found["decided_at"]}

    def test_the_beneficiary_does_not_decide(self, cast: Cast) -> None:
        number = make.submit(cast.alice, grantee="bob").pk

        answer = Caller(cast.bob).post(f"access-requests/{number}/approve/", {"revision": 1})

        assert (answer.status_code, answer.json()["code"]) == (403, "refused")
        assert AuditEvent.objects.latest("sequence").event == "access_request.refused"

    def test_refusals_are_recorded_up_to_a_limit(self, world: World) -> None:
        caller = Caller(world.cast.alice)

        for _ in range(25):
            answer = caller.post(world.path("access-requests/{request}/approve/"), {"revision": 1})
            assert answer.status_code == 403

        assert AuditEvent.objects.filter(event="access_request.refused").count() == 20


class TestComments:
    def test_stand_in_the_timeline_with_their_text(self, world: World) -> None:
        path = f"access-requests/{world.request.pk}/comments/"

        written = Caller(world.cast.bob).post(path, {"text": "Would staging do?"})

        newest = written.json()["timeline"][-1]
        assert (written.status_code, written.json()["id"]) == (201, world.request.pk)
        assert (newest["event"], newest["actor"]) == ("access_request.commented", "bob")
        assert newest["text"] == "bob wrote: “Would staging do?”."
        assert AuditEvent.objects.latest("sequence").via == "api"

    @pytest.mark.parametrize("body", [{}, {"text": ""}, {"text": " "}, {"text": "x" * 2001}, {"text": "a", "b": 1}])
    def test_need_a_text_and_nothing_else(self, world: World, body: dict[str, Any]) -> None:
        refused = Caller(world.cast.bob).post(f"access-requests/{world.request.pk}/comments/", body)

        assert (refused.status_code, refused.json()["code"]) == (422, "invalid")

    def test_end_with_the_request(self, world: World) -> None:
        alice = Caller(world.cast.alice)
        alice.post(f"access-requests/{world.request.pk}/cancel/")

        refused = alice.post(f"access-requests/{world.request.pk}/comments/", {"text": "Sorry."})

        assert (refused.status_code, refused.json()["winner"]["what"]) == (409, "cancelled")


class TestLists:
    def test_are_narrowed(self, world: World) -> None:
        alice, bob = Caller(world.cast.alice), Caller(world.cast.bob)
        own = make.submit(world.cast.bob)

        def found(caller: Caller, **query: str) -> list[int]:
            return [one["id"] for one in caller.get("access-requests/", **query).json()["results"]]

        filed = world.grant.access_request_id
        assert found(alice) == [world.request.pk, filed]
        assert found(alice, state="pending") == [world.request.pk]
        assert found(alice, mine="true", state="approved") == [filed]
        assert found(alice, awaiting_me="true") == []
        assert found(bob, awaiting_me="true") == [world.request.pk]
        assert found(bob, mine="true") == [own.pk]
        assert found(bob, mine="true", awaiting_me="true") == []
        assert found(bob, mine="false") == [own.pk, world.request.pk, filed]
        assert found(Caller(world.cast.grace), awaiting_me="true") == [own.pk, world.request.pk]

    def test_are_paged_newest_first_and_back(self, cast: Cast) -> None:
        numbers = [make.submit(cast.alice).pk for _ in range(7)][::-1]
        caller = Caller(cast.alice)

        first = caller.get("access-requests/", page_size="3").json()
        make.submit(cast.alice)
        second = caller.client.get(first["next"], headers=caller.headers()).json()
        third = caller.client.get(second["next"], headers=caller.headers()).json()
        back = caller.client.get(third["previous"], headers=caller.headers()).json()

        pages = [[one["id"] for one in page["results"]] for page in (first, second, third, back)]
        assert pages == [numbers[:3], numbers[3:6], numbers[6:], numbers[3:6]]
        assert (first["previous"], third["next"]) == (None, None)

    def test_cost_the_same_however_long(
        self, cast: Cast, django_assert_max_num_queries: DjangoAssertNumQueries
    ) -> None:
        for _ in range(8):
            active_grant(cast)
            make.submit(cast.alice, roles=("readWrite@shop.orders",))
        bob = Caller(cast.bob)

        for path in ("access-requests/", "access-requests/?awaiting_me=true", "grants/", "audit-events/", "policies/"):
            with django_assert_max_num_queries(12):
                assert bob.get(path).json()["results"]
