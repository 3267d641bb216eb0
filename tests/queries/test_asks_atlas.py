"""Guards asks for a target with clusters: which of them, from where, how one signs in, and whether there is room."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from accessrequests.domain.events import Via
from accessrequests.models import AccessRequest, Grant, Target
from accessrequests.operations import access_requests, extensions, grants, targets
from accessrequests.operations.refusals import Refused
from accessrequests.queries import asks, holdings, room
from accessrequests.queries.asks import Considered, Invalid, NotReadYet
from accessrequests.queries.preview import preview
from tests import make
from tests.make import Cast


def considered(cast: Cast, **changes: Any) -> Considered:
    return asks.consider(requester=cast.alice, asked=make.asked_of_atlas(**changes), at=make.now())


def errors(cast: Cast, **changes: Any) -> dict[str, list[str]]:
    with pytest.raises(Invalid) as caught:
        considered(cast, **changes)
    return caught.value.errors


def refusals(cast: Cast, **changes: Any) -> list[tuple[str, str]]:
    return [(refusal.about, refusal.sentence) for refusal in considered(cast, **changes).verdict.refusals]


class TestClusters:
    def test_are_kept_once_each_and_filed(self, cast: Cast) -> None:
        make.make_atlas()

        access_request = make.submit_to_atlas(cast.alice, clusters=("reports", "orders", "reports"))

        assert AccessRequest.objects.get().clusters == access_request.clusters == ["reports", "orders"]

    def test_that_are_not_there_are_named_with_what_may_be_meant(self, cast: Cast) -> None:
        make.make_atlas()
        (sentence,) = errors(cast, clusters=("orderz",))["clusters"]
        assert sentence.startswith(
            "ecommerce-prod has no cluster called orderz. Did you mean orders? What the target has was read at "
        )

    def test_of_a_target_without_any_are_refused(self, cast: Cast) -> None:
        with pytest.raises(Invalid, match="no clusters to choose from"):
            asks.consider(requester=cast.alice, asked=make.asked(clusters=("orders",)), at=make.now())

    def test_are_a_bounded_number(self, cast: Cast) -> None:
        make.make_atlas()
        assert errors(cast, clusters=tuple(f"c{number}" for number in range(21)))["clusters"] == [
            "At most 20 clusters fit one request."
        ]

    def test_must_be_named_unless_every_rule_lets_one_leave_them_out(self, cast: Cast) -> None:
        make.make_atlas()
        ((about, sentence),) = refusals(cast, clusters=())
        assert (about, sentence) == (
            "clusters",
            "Rule production-read wants the clusters named. Choose those that you need.",
        )

        make.publish_rules(make.rule("one", unscoped=True), make.rule("two"))
        assert [about for about, _ in refusals(cast, clusters=())] == ["clusters"]

        make.publish_rules(make.rule("one", unscoped=True), make.rule("two", unscoped=True))
        assert considered(cast, clusters=()).verdict.allowed

    def test_wait_for_an_inventory(self, cast: Cast) -> None:
        make.apply_atlas()
        with pytest.raises(NotReadYet):
            considered(cast)

    def test_that_have_gone_stand_in_the_way_of_approving(self, cast: Cast) -> None:
        target = make.make_atlas()
        access_request = make.submit_to_atlas(cast.alice)
        targets.record_inventory(
            slug=target.slug, roles=make.ROLES, databases=make.DATABASES, clusters={"reports": {}}, quotas={}
        )

        with pytest.raises(Refused, match="has no cluster called orders"):
            make.approve(access_request, cast.bob)
        assert not Grant.objects.exists()


class TestAddresses:
    def test_are_needed_where_nobody_else_gets_in(self, cast: Cast) -> None:
        make.make_atlas()
        assert errors(cast, source_addresses=())["source_addresses"] == [
            "ecommerce-prod lets people in only from addresses that are listed. Name the one you connect from."
        ]

    def test_are_no_more_than_can_be_opened_at_once(self, cast: Cast) -> None:
        make.make_atlas()
        found = errors(cast, source_addresses=tuple(f"192.0.2.{number}" for number in range(1, 6)))
        assert found["source_addresses"] == [
            "At most 4 addresses fit one request for ecommerce-prod. Name a block of them."
        ]

    def test_are_never_everybodys(self, cast: Cast) -> None:
        make.make_atlas()
        for everybody in ("0.0.0.0/0", "::/0"):
            assert "every address there is" in errors(cast, source_addresses=(everybody,))["source_addresses"][0]

    def test_are_as_narrow_as_the_strictest_rule_wants(self, cast: Cast) -> None:
        make.make_atlas()
        make.publish_rules(make.rule("one", widest_ipv4=16), make.rule("two", widest_ipv4=24, widest_ipv6=64))
        found = refusals(cast, source_addresses=("192.0.2.0/23", "2001:db8::/48"))
        assert [about for about, _ in found] == ["source_addresses"] * 2
        assert considered(cast, source_addresses=("192.0.2.0/24", "2001:db8::/64")).verdict.allowed


class TestAuthentication:
    def test_is_what_the_target_offers_and_every_rule_allows(self, cast: Cast) -> None:
        make.make_atlas(authentication=("scram", "x509"))
        assert [about for about, _ in refusals(cast, authentication="x509")] == ["authentication"]
        assert "offers scram, x509, not ldap" in errors(cast, authentication="ldap")["authentication"][0]
        Target.objects.filter(slug="shop-prod").update(offers={"kinds": ["database_user"], "authentication": ["ldap"]})
        assert errors(cast, target="shop-prod", authentication="ldap")["authentication"] == [
            "We cannot give access by LDAP on shop-prod yet. It can be given by nothing."
        ]

        make.publish_rules(make.rule("both", authentication=["scram", "x509"]))
        assert considered(cast, authentication="x509").verdict.allowed


class TestRoom:
    def test_is_refused_before_anybody_is_asked(self, cast: Cast) -> None:
        """95 of 100: the last five are kept for break-glass."""
        make.make_atlas(database_users={"limit": 100, "used": 95})

        found = preview(requester=cast.alice, asked=make.asked_of_atlas(), at=make.now())

        assert not found.verdict["allowed"]
        assert found.verdict["sentences"][0] == (
            "ecommerce-prod is full: of 100 database users 95 are taken, and 5 are kept free for emergencies. Give back "
            "access that is not needed any more, or ask again when some has ended."
        )
        with pytest.raises(Refused, match="is full"):
            make.submit_to_atlas(cast.alice)
        assert not AccessRequest.objects.exists()

    def test_is_not_asked_for_again_by_what_only_lasts_longer(self, cast: Cast) -> None:
        make.make_atlas()
        grant = make.activated(
            Grant.objects.get(access_request=make.approve(make.submit_to_atlas(cast.alice), cast.bob))
        )
        extensions.ask(
            grant_id=grant.pk, holder=cast.alice, via=Via.API, duration=timedelta(hours=1), reason="It takes longer."
        )
        longer = AccessRequest.objects.get(extends=grant)
        make.make_atlas(database_users={"limit": 100, "used": 100})

        assert not isinstance(holdings.judged_today(longer), str), "The page offers what the operation takes."
        assert make.approve(longer, cast.bob).state == "approved"

    def test_is_promised_by_what_the_target_was_not_seen_to_have(self, cast: Cast) -> None:
        target = make.make_atlas(database_users={"limit": 100, "used": 94}, access_list={"limit": 10, "used": 8})
        first, second = make.submit_to_atlas(cast.alice), make.submit_to_atlas(cast.alice)

        make.approve(first, cast.bob)

        users, _, entries = room.quotas_of(target)
        assert (users.taken, users.promised, users.reserve, users.free) == (95, 1, 5, 0)
        assert (entries.taken, entries.promised, entries.reserve, entries.free) == (9, 1, 1, 0)
        second.refresh_from_db()
        assert "94 are taken and 1 more promised" in str(holdings.judged_today(second))
        with pytest.raises(Refused, match="94 are taken and 1 more promised"):
            make.approve(second, cast.grace)

    def test_comes_back_when_a_grant_ends_that_never_was_on_the_target(self, cast: Cast) -> None:
        make.make_atlas(database_users={"limit": 100, "used": 94})
        first = make.approve(make.submit_to_atlas(cast.alice), cast.bob)
        assert not considered(cast).verdict.allowed

        grants.release(grant_id=first.grant.pk, holder=cast.alice, via=Via.API)

        assert considered(cast).verdict.allowed

    def test_counts_once_what_the_target_was_seen_to_have(self, cast: Cast) -> None:
        target = make.make_atlas()
        grant = make.approve(make.submit_to_atlas(cast.alice), cast.bob).grant
        long_ago = make.now() - timedelta(hours=1)
        Grant.objects.filter(pk=grant.pk).update(opened_at=long_ago)

        users, _, entries = room.quotas_of(target)

        assert (users.promised, entries.promised) == (0, 0)

    def test_needs_no_more_for_an_address_that_is_listed_already(self, cast: Cast) -> None:
        make.make_atlas(access_list={"limit": 10, "used": 8})
        make.approve(make.submit_to_atlas(cast.alice), cast.bob)

        assert considered(cast).verdict.allowed
        assert "of 10 entries in its access list" in refusals(cast, source_addresses=("192.0.2.8",))[0][1]

    def test_is_promised_for_roles_that_have_to_be_made_and_once_for_the_same(self, cast: Cast) -> None:
        target = make.make_atlas(custom_roles={"limit": 10, "used": 7})
        inserting = {"roles": ("find,insert@shop.orders", "read@shop.products")}
        make.publish_rules(make.rule("writing"))
        first = make.submit_to_atlas(cast.alice, **inserting)
        assert (
            "10 custom roles 7 are taken, and 1"
            in refusals(cast, roles=("find@shop.orders", "find@shop.products", "find@shop.customers"))[0][1]
        )

        grant = make.approve(first, cast.bob).grant

        assert [quota.promised for quota in room.quotas_of(target)] == [1, 1, 1]
        assert considered(cast, roles=("find@shop.orders", *inserting["roles"])).verdict.allowed
        make.approve(make.submit_to_atlas(cast.alice, roles=("find@shop.orders",)), cast.bob)
        assert considered(cast, **inserting).verdict.allowed
        assert "7 are taken and 2 more promised" in refusals(cast, roles=("remove@shop.orders",))[0][1]

        Grant.objects.filter(pk=grant.pk).update(opened_at=make.now() - timedelta(hours=1))
        assert [quota.promised for quota in room.quotas_of(target)] == [1, 1, 0]

    def test_one_user_has_room_for_twenty_custom_roles(self, cast: Cast) -> None:
        target = make.make_atlas()
        make.publish_rules(make.rule("writing"))
        actions = ("find", "insert", "update", "remove", "listIndexes", "collStats")
        pairs = [f"{one},{other}@shop.orders" for one in actions for other in actions if one < other]
        many = (*pairs, *(f"{one}@shop.orders" for one in actions))
        assert considered(cast, roles=many[:20]).verdict.allowed

        inventory = target.inventory
        inventory.custom_roles = {"theirs": {"privileges": ["find@shop"], "inherits": []}}
        inventory.roles = {**inventory.roles, "theirs@admin": make.ROLES["read@shop"]}
        inventory.users = {"alice@admin": ["theirs@admin", "read@shop"]}
        inventory.save()
        target.offers = {**target.offers, "kinds": ["database_user", "role_grant"]}
        target.declared = {"database_users": {"alice@admin": {"person": "alice"}}, "members": {}}
        target.save()
        standing = {"kind": "role_grant", "database_user": "alice@admin", "source_addresses": ()}

        assert considered(cast, **standing, roles=many[:19]).verdict.allowed
        assert "and alice@admin would have 21" in refusals(cast, **standing, roles=many[:20])[0][1]
        make.approve(make.submit_to_atlas(cast.alice, **standing, roles=many[:10]), cast.bob)
        assert considered(cast, **standing, roles=many[:19]).verdict.allowed
        assert "and alice@admin would have 21" in refusals(cast, **standing, roles=many[10:20])[0][1]

    def test_does_not_end_a_grant_that_has_its_place(self, cast: Cast) -> None:
        make.make_atlas(database_users={"limit": 100, "used": 94})
        grant = make.approve(make.submit_to_atlas(cast.alice), cast.bob).grant

        assert grants.start_provisioning(grant_id=grant.pk) is not None

    def test_is_not_asked_for_where_nothing_is_limited(self, cast: Cast) -> None:
        assert room.quotas_of(make.target()) == []
        assert room.quotas_of(make.unread_target()) == []


def test_a_year_can_be_asked_for(cast: Cast) -> None:
    make.make_atlas()
    make.publish_rules(make.rule("long", maximum="P366D"))
    assert considered(cast, duration=timedelta(days=366)).verdict.allowed
    filed = access_requests.submit(
        requester=cast.alice, asked=make.asked_of_atlas(duration=timedelta(days=40)), via=Via.API
    )
    grant = make.approve(filed, cast.bob).grant
    attempt = grants.start_provisioning(grant_id=grant.pk)
    assert attempt is not None
    assert attempt.grant.expires_at is not None
    assert attempt.grant.starts_at is not None
    assert attempt.grant.expires_at - attempt.grant.starts_at == timedelta(days=40)
