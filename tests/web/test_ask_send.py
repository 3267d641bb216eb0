"""Guards the filing of an ask: what was typed is what is filed, nothing typed is lost, and a mistake files nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from accessrequests.models import AccessRequest, AuditEvent, Grant
from accessrequests.queries import clock
from tests.make import Cast
from tests.web.asking import FORM, REASON, press
from tests.web.browser import Forms, signed_in, text_of

NOT_ELIGIBLE = "is for people of engineering, and mallory is not one of them. An administrator adds people to a group."


class TestSend:
    def test_files_what_was_typed(self, cast: Cast) -> None:
        starts_at = (clock.now() + timedelta(days=1)).replace(second=0, microsecond=0)

        answer = press(
            signed_in(cast.alice),
            roles="read@shop.products, readWrite@shop.orders",
            want="",
            duration="PT1H",
            ticket="INC-7",
            source_addresses="192.0.2.7 198.51.100.0/24",
            starts_at=starts_at.strftime("%Y-%m-%dT%H:%M"),
        )

        access_request = AccessRequest.objects.get()
        event = AuditEvent.objects.get(event="access_request.submitted")
        assert answer.status_code == 303
        assert access_request.roles == ["read@shop.products", "readWrite@shop.orders"]
        assert access_request.duration == timedelta(hours=1)
        assert (access_request.reason, access_request.ticket) == (REASON, "INC-7")
        assert access_request.source_addresses == ["192.0.2.7", "198.51.100.0/24"]
        assert access_request.starts_at == starts_at
        assert (event.actor, event.via) == ("alice", "web")

    def test_takes_the_fields_that_the_api_has(self, cast: Cast) -> None:
        answer = signed_in(cast.alice).post(
            "/request/", target="shop-prod", roles="read@shop.orders", duration="PT10S", reason=REASON
        )

        assert (answer.status_code, AccessRequest.objects.get().duration) == (303, timedelta(seconds=10))

    def test_files_single_actions_on_one_collection(self, cast: Cast) -> None:
        browser, link = signed_in(cast.alice), "/request/?target=shop-prod&role=insert,find@shop.orders"
        assert 'value="insert" id="id_single_insert" checked' in " ".join(text_of(browser.get(link)).split())

        bare = press(browser, want="actions", collection="shop.orders", single=[])
        nowhere = press(browser, want="actions", collection="", single=["find"])
        filed = press(browser, want="actions", collection="shop.orders", single=["insert", "find", "listIndexes"])
        typed = press(browser, want="", collection="", roles="find,insert@shop.orders, read@shop.products")
        ignored = press(browser, want="one:read", collection="shop.orders", single=["remove"])

        assert "Tick what you want to do" in text_of(bare)
        assert "Choose a collection." in text_of(nowhere)
        assert [answer.status_code for answer in (bare, nowhere, filed, typed, ignored)] == [422, 422, 303, 303, 303]
        assert [(one.roles, one.level) for one in AccessRequest.objects.order_by("pk")] == [
            (["find,insert,listIndexes@shop.orders"], "write"),
            (["find,insert@shop.orders", "read@shop.products"], "write"),
            (["read@shop.orders"], "read"),
        ]

    def test_files_one_role_for_each_collection_that_is_ticked(self, cast: Cast) -> None:
        browser, more = signed_in(cast.alice), ["shop.products", "shop.orders"]

        read = press(browser, want="one:read", collection="shop.orders", more_collections=more)
        single = press(browser, want="actions", collection="", single=["find", "insert"], more_collections=more)
        named = press(browser, want="", collection="", role=["read@shop"], more_collections=more)
        elsewhere = press(browser, want="", collection="", role=["readAnyDatabase@admin"], more_collections=more)

        assert [answer.status_code for answer in (read, single, named, elsewhere)] == [303, 303, 303, 422]
        assert "shop.products and shop.orders is not in the database of readAnyDatabase@admin." in text_of(elsewhere)
        assert [one.roles for one in AccessRequest.objects.order_by("pk")] == [
            ["read@shop.orders", "read@shop.products"],
            ["find,insert@shop.products", "find,insert@shop.orders"],
            ["read@shop.products", "read@shop.orders"],
        ]

    def test_a_link_with_several_collections_ticks_them(self, cast: Cast) -> None:
        link = "/request/?target=shop-prod&role=read@shop.orders+read@shop.products"

        page = " ".join(text_of(signed_in(cast.alice).get(link)).split())

        assert '<option value="shop.orders" selected>' in page
        assert 'value="shop.products" id="id_place_3" checked' in page
        assert 'value="shop.customers" id="id_place_0" >' in page

    def test_a_double_click_files_one_request(self, cast: Cast) -> None:
        browser = signed_in(cast.alice)
        fields = Forms(text_of(browser.get(FORM))).fields_of("/request/")

        answers = [browser.client.post("/request/", {**fields, "reason": REASON}) for _ in range(2)]
        changed = browser.client.post("/request/", {**fields, "reason": f"{REASON} Again."})

        assert [answer.status_code for answer in (*answers, changed)] == [303] * 3
        assert answers[0]["Location"] == answers[1]["Location"] != changed["Location"]
        assert AccessRequest.objects.count() == 2

    def test_the_same_can_be_asked_again(self, cast: Cast) -> None:
        browser = signed_in(cast.alice)
        press(browser)
        press(browser)

        assert AccessRequest.objects.count() == 2

    def test_gives_automatic_access_at_once(self, cast: Cast) -> None:
        press(signed_in(cast.alice), target="shop-staging")

        assert Grant.objects.get().access_request.state == "approved"

    def test_another_length_counts_in_place_of_the_choice(self, cast: Cast) -> None:
        press(signed_in(cast.alice), duration="PT2H", other_duration="pt45m")

        assert AccessRequest.objects.get().duration == timedelta(minutes=45)

    @pytest.mark.parametrize(
        ("typed", "field", "sentence"),
        [
            ({"reason": ""}, "id_reason", "Say why you need it."),
            ({"reason": "x" * 2001}, "id_reason", "at most 2000 characters"),
            ({"reason": "a\0b"}, "id_reason", "Null characters are not allowed."),
            ({"target": "nowhere"}, "id_target", "There is no database server called nowhere."),
            ({"target": ""}, "id_target", "Choose a database server."),
            ({"want": ""}, "id_want", "Choose what you want to do, or name a role."),
            ({"want": "", "role": ["root@shop"]}, "id_want", "The target has no role root@shop."),
            ({"want": "raed@shop"}, "id_want", "The target has no role raed@shop. Did you mean read@shop"),
            (
                {"want": "", "role": ["read@admin"]},
                "id_collection",
                "shop.orders is not in the database of read@admin.",
            ),
            ({"collection": ""}, "id_collection", "Choose a collection."),
            ({"roles": "read"}, "id_want", "Write a role as role@database"),
            ({"collection": "shop.order"}, "id_want", "no collection called order. Did you mean shop.orders"),
            (
                {"grantee": "nobody"},
                "id_grantee",
                "There is nobody with the user name nobody. Write a user name, like bob",
            ),
            ({"other_duration": "90"}, "id_other_duration", "like 90 min, 2 h, 1 h 30 min or PT2H"),
            ({"until": "2020-01-01T00:00"}, "id_until", "The end is not after the start."),
            ({"until": "2099-01-01T00:00", "other_duration": "2 h"}, "id_until", "not both"),
            ({"duration": ""}, "id_duration", "Choose for how long you need it."),
            ({"duration": "P1000D"}, "id_duration", "over 366 days"),
            ({"other_duration": "2:00:00"}, "id_other_duration", "or PT2H"),
            ({"other_duration": "PT0S"}, "id_other_duration", "The length is zero."),
            ({"starts_at": "tomorrow"}, "id_starts_at", "Write the moment in RFC 3339"),
            ({"starts_at": "2020-01-01T00:00"}, "id_starts_at", "The start has passed."),
            ({"starts_at": "2099-01-01T00:00"}, "id_starts_at", "more than 30 days ahead"),
            ({"source_addresses": "300.1.1.1"}, "id_source_addresses", "is not an address"),
            ({"source_addresses": "0.0.0.0/0"}, "id_source_addresses", "every address there is"),
            ({"source_addresses": "::/0"}, "id_source_addresses", "every address there is"),
            ({"ticket": "x" * 201}, "id_ticket", "at most 200 characters"),
        ],
    )
    def test_says_what_is_wrong_beside_the_field_and_keeps_the_rest(
        self, cast: Cast, typed: dict[str, Any], field: str, sentence: str
    ) -> None:
        answer = press(signed_in(cast.alice), **{"ticket": "INC-7", **typed})

        page = text_of(answer)
        assert answer.status_code == 422
        assert "<title>\n      \n  \n    Error:" in page
        assert f'href="#{field}"' in page
        assert f'id="{field}"' in page
        assert page.count(sentence) == 2
        assert "ticket" in typed or 'value="INC-7"' in page
        assert not AccessRequest.objects.exists()
        assert not AuditEvent.objects.filter(event__startswith="access_request").exists()

    def test_a_refusal_of_the_policy_keeps_what_was_typed(self, cast: Cast) -> None:
        answer = press(signed_in(cast.alice), other_duration="PT9H")

        assert answer.status_code == 403
        assert "Rule production-read allows at most 8 hours." in text_of(answer)
        assert REASON in text_of(answer)
        assert not AccessRequest.objects.exists()

    def test_is_refused_to_people_without_a_group(self, cast: Cast) -> None:
        answer = press(signed_in(cast.mallory))

        assert answer.status_code == 403
        assert NOT_ELIGIBLE in text_of(answer)

    def test_names_who_may_not_have_it(self, cast: Cast) -> None:
        answer = press(signed_in(cast.alice), grantee="mallory")

        assert answer.status_code == 403
        assert NOT_ELIGIBLE in text_of(answer)
        assert not AccessRequest.objects.exists()

    def test_files_nothing_for_a_button_that_is_not_there(self, cast: Cast) -> None:
        answer = press(signed_in(cast.alice), act="sned")

        assert answer.status_code == 200
        assert not AccessRequest.objects.exists()

    def test_delegating_roles_are_refused_when_typed(self, cast: Cast) -> None:
        answer = press(signed_in(cast.alice), roles="userAdmin@shop", want="")

        assert answer.status_code == 403
        assert "which is always refused" in text_of(answer)
        assert "or elsewhere" not in text_of(answer)

    def test_names_everything_that_is_wrong_in_one_go(self, cast: Cast) -> None:
        answer = press(signed_in(cast.alice), reason="", other_duration="9 h", source_addresses="x")
        again = press(signed_in(cast.alice), reason="short", other_duration="9 h")

        first, second = text_of(answer), text_of(again)
        assert (answer.status_code, again.status_code) == (422, 403)
        assert "is not an address" in first
        assert "Say why you need it." in first
        assert "Rule production-read allows at most 8 hours." in second
        assert "needs a reason of at least 10 characters" in second
        assert 'href="#id_reason"' in second
        assert not AccessRequest.objects.exists()

    def test_asks_until_a_moment(self, cast: Cast) -> None:
        until = (clock.now() + timedelta(hours=3)).replace(second=0, microsecond=0)

        press(signed_in(cast.alice), until=until.strftime("%Y-%m-%dT%H:%M"))

        assert timedelta(hours=2, minutes=58) < AccessRequest.objects.get().duration <= timedelta(hours=3)

    def test_asks_for_somebody_else(self, cast: Cast) -> None:
        press(signed_in(cast.alice), grantee="frank")

        access_request = AccessRequest.objects.get()
        assert (access_request.requester, access_request.beneficiary) == (cast.alice, cast.frank)

    def test_a_body_that_is_too_large_is_refused(self, cast: Cast) -> None:
        answer = press(signed_in(cast.alice), reason="x" * 300_000)

        assert answer.status_code == 413
        assert "At most 256 kB" in text_of(answer)

    def test_a_flood_of_fields_is_refused(self, cast: Cast) -> None:
        answer = press(signed_in(cast.alice), **{f"field{number}": "x" for number in range(1000)})

        assert answer.status_code == 400
