"""Guards what only a target with clusters shows: the choice of them, where one comes from, how one signs in, the room."""

from __future__ import annotations

import html
from typing import Any

from accessrequests.models import AccessRequest, Gate, Grant
from accessrequests.operations import targets
from tests import make
from tests.make import Cast
from tests.web.asking import live_part, press
from tests.web.browser import Browser, Forms, signed_in, text_of

PAGE = "/request/?target=ecommerce-prod&role=read@shop.orders"


def plain(answer: Any) -> str:
    return html.unescape(" ".join(text_of(answer).split()))


def fields(browser: Browser, page: str = PAGE) -> dict[str, Any]:
    return dict(Forms(text_of(browser.get(page))).fields_of("/request/"))


class TestClusters:
    def test_are_offered_and_what_is_ticked_is_the_scope(self, cast: Cast) -> None:
        make.make_atlas()
        browser = signed_in(cast.alice)

        assert "The access reaches only what is ticked." in plain(browser.get(PAGE))
        answer = press(browser, PAGE, clusters="reports")

        access_request = AccessRequest.objects.get()
        assert answer.status_code == 303
        assert access_request.clusters == ["reports"]
        page = plain(browser.get(answer["Location"]))
        assert "wants to read shop.orders on the cluster reports of ecommerce-prod for 2 hours" in page

    def test_left_out_are_refused_beside_them_and_in_the_preview(self, cast: Cast) -> None:
        make.make_atlas()
        browser = signed_in(cast.alice)

        assert "wants the clusters named" in plain(live_part(browser, PAGE))
        answer = press(browser, PAGE)

        assert answer.status_code == 403
        assert 'href="#id_clusters"' in text_of(answer)
        assert 'id="id_clusters_error"' in text_of(answer)
        assert not AccessRequest.objects.exists()

    def test_that_are_the_only_one_are_ticked_already_and_say_when_paused(self, cast: Cast) -> None:
        target = make.make_atlas()
        targets.record_inventory(
            slug=target.slug,
            roles=make.ROLES,
            databases=make.DATABASES,
            clusters={"orders": {**make.ATLAS_CLUSTERS["orders"], "paused": True}},
            quotas={},
        )
        browser = signed_in(cast.alice)

        assert press(browser, PAGE).status_code == 303
        assert AccessRequest.objects.get().clusters == ["orders"]
        assert "It is paused: nobody can connect until it is resumed." in plain(browser.get(PAGE))

    def test_of_an_earlier_request_are_asked_for_again(self, cast: Cast) -> None:
        make.make_atlas()
        earlier = make.submit_to_atlas(cast.alice, clusters=("reports",))

        answer = signed_in(cast.alice).press(
            f"/request/?again={earlier.pk}", action="/request/", reason="Once more, please."
        )

        assert answer.status_code == 303
        again = AccessRequest.objects.latest("pk")
        assert (again.clusters, again.source_addresses) == (["reports"], ["192.0.2.7"])

    def test_are_gone_from_the_form_of_another_target(self, cast: Cast) -> None:
        make.make_atlas()
        browser = signed_in(cast.alice)

        page = text_of(press(browser, PAGE, act="choose", target="shop-prod", clusters="orders"))

        assert 'name="clusters"' not in page
        assert 'name="source_addresses" value="127.0.0.1"' not in page


class TestAddresses:
    def test_offer_the_one_that_the_request_came_from(self, cast: Cast) -> None:
        make.make_atlas()
        browser = signed_in(cast.alice)

        assert fields(browser)["source_addresses"] == "127.0.0.1"
        assert "This page sees you at 127.0.0.1" in plain(browser.get(PAGE))
        assert fields(browser, "/request/?target=shop-prod")["source_addresses"] == ""

    def test_believe_the_proxy_only_where_one_is_trusted(self, cast: Cast, settings: Any) -> None:
        make.make_atlas()
        client = signed_in(cast.alice).client
        forwarded = {"X-Forwarded-For": "203.0.113.9, 2001:db8::7"}

        assert "at 127.0.0.1" in client.get(PAGE, headers=forwarded).content.decode()
        settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
        assert "at 2001:db8::7" in client.get(PAGE, headers=forwarded).content.decode()

    def test_say_how_wide_a_block_may_be(self, cast: Cast) -> None:
        make.make_atlas()
        make.publish_rules(make.rule("narrow", widest_ipv4=24))
        browser = signed_in(cast.alice)

        assert "IPv4: /24 at the widest." in plain(browser.get(PAGE))
        answer = press(browser, PAGE, clusters="orders", source_addresses="10.0.0.0/8")
        assert answer.status_code == 403
        assert "10.0.0.0/8 is wider" in plain(answer)


class TestSigningIn:
    def test_is_a_choice_only_where_there_is_more_than_one_way(self, cast: Cast) -> None:
        make.make_atlas(authentication=("scram", "x509", "ldap"))
        browser = signed_in(cast.alice)
        assert 'name="authentication"' not in text_of(browser.get(PAGE))

        make.publish_rules(make.rule("more", authentication=["scram", "x509", "ldap"]))
        page = plain(browser.get(PAGE))
        assert (
            "ecommerce-prod has no end of its own for who signs in with an X.509 certificate: only we end it." in page
        )
        assert "ecommerce-prod deletes the user by itself when its time is over" in page
        assert "Name who signs in with LDAP." in plain(
            live_part(browser, PAGE, clusters="orders", authentication="ldap")
        )

        assert press(browser, PAGE, clusters="orders", authentication="x509").status_code == 303
        assert AccessRequest.objects.get().authentication == "x509"


class TestRoom:
    def test_is_told_in_the_form_before_anybody_is_asked(self, cast: Cast) -> None:
        make.make_atlas(database_users={"limit": 100, "used": 95})
        browser = signed_in(cast.alice)

        assert "of 100 database users 95 are taken, and 5 are kept free" in plain(
            live_part(browser, PAGE, clusters="orders")
        )
        answer = press(browser, PAGE, clusters="orders")
        assert answer.status_code == 403
        assert "Nothing was filed." in plain(answer)

    def test_stands_on_the_page_of_the_target(self, cast: Cast) -> None:
        make.make_atlas(database_users={"limit": 100, "used": 92}, access_list={"limit": 10, "used": 9})

        page = plain(signed_in(cast.alice).get("/targets/ecommerce-prod/"))

        assert "92 of 100 are used." in page
        assert "3 are left for ordinary access; 5 are kept free for break-glass." in page
        assert "None is left for ordinary access; 1 is kept free for break-glass." in page
        assert '<progress max="100" value="92"' in page
        assert "running" in page


class TestTheGrant:
    def test_tells_its_scope_its_gates_and_each_way_in(self, cast: Cast) -> None:
        make.make_atlas()
        filed = make.submit_to_atlas(cast.alice, clusters=("orders", "reports"))
        grant = make.activated(make.approve(filed, cast.bob).grant)

        page = plain(signed_in(cast.alice).get(f"/access/{grant.pk}/"))

        assert "Connect to the cluster orders" in page
        assert "Connect to the cluster reports" in page
        assert f"mongodb://{grant.username}@reports.example:27017/" in page
        assert "Read back from the project's access list until it is active." in page
        assert "deletes the user by itself when its time is over" in page

    def test_says_when_a_login_proved_it(self, cast: Cast) -> None:
        make.make_atlas()
        grant = make.activated(make.approve(make.submit_to_atlas(cast.alice), cast.bob).grant)
        Gate.objects.filter(grant=grant, gate="user").update(evidence={"open": {"proof": "proved by login"}})

        assert "Proved by a login of our workers" in plain(signed_in(cast.alice).get(f"/access/{grant.pk}/"))

    def test_says_where_it_leads_once_the_target_has_said_it(self, cast: Cast) -> None:
        target = make.make_atlas()
        grant = make.activated(make.approve(make.submit_to_atlas(cast.alice), cast.bob).grant)
        targets.record_inventory(slug=target.slug, roles={}, databases={}, clusters={}, quotas={})

        assert "has not said yet where its cluster can be reached" in plain(
            signed_in(cast.alice).get(f"/access/{grant.pk}/")
        )


def test_a_policy_can_be_tried_on_it(cast: Cast) -> None:
    make.make_atlas()

    page = plain(signed_in(cast.alice).get("/policies/?target=ecommerce-prod&role=read@shop&length=PT2H"))

    assert "1 person of data-owners must approve." in page
    assert "refuses" not in page
    assert Grant.objects.count() == 0
