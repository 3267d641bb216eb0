"""Guards asking in the portal: what is previewed is what is judged, nothing typed is lost, and a mistake files nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from accessrequests.models import AccessRequest, AuditEvent, Grant
from accessrequests.queries import clock
from tests import make
from tests.make import Cast
from tests.web.browser import Browser, Forms, signed_in, text_of
from tests.web.grants import live

FORM = "/request/?target=shop-prod&role=read@shop.orders"
REASON = "Refund totals are off for twelve orders."


def press(browser: Browser, page: str = FORM, **typed: Any) -> Any:
    return browser.press(page, action="/request/", **{"reason": REASON, **typed})


class TestForm:
    def test_offers_the_targets(self, cast: Cast) -> None:
        page = text_of(signed_in(cast.alice).get("/request/"))

        assert [slug in page for slug in ("shop-dev", "shop-staging", "shop-prod")] == [True] * 3
        assert "id_role_0" not in page

    def test_offers_the_roles_of_the_chosen_target_but_none_that_give_access(self, cast: Cast) -> None:
        page = text_of(signed_in(cast.alice).get(FORM))

        assert "Reaches every collection of shop" in page
        assert 'value="read@shop"' in page
        assert 'value="readWrite@shop"' in page
        assert "userAdmin@shop" not in page
        assert "dbOwner@shop" not in page

    def test_is_filled_from_a_link(self, cast: Cast) -> None:
        answer = press(signed_in(cast.alice))

        access_request = AccessRequest.objects.get()
        assert (answer.status_code, answer["Location"]) == (303, f"/requests/{access_request.pk}/")
        assert (access_request.target.slug, access_request.roles) == ("shop-prod", ["read@shop.orders"])

    def test_a_link_files_nothing_and_shrugs_at_nonsense(self, cast: Cast) -> None:
        browser = signed_in(cast.alice)

        for link in (
            "?target=nowhere",
            "?target=shop-prod&role=@.",
            "?role=<b>",
            "?target=shop-prod&role=%00",
            "?target[]=x",
        ):
            assert browser.get(f"/request/{link}").status_code == 200
        assert not AccessRequest.objects.exists()

    def test_choosing_another_target_keeps_what_was_typed(self, cast: Cast) -> None:
        answer = press(signed_in(cast.alice), act="choose", target="shop-staging", ticket="INC-7", duration="PT4H")

        page = text_of(answer)
        assert answer.status_code == 200
        assert 'value="INC-7"' in page
        assert REASON in page
        assert "Something needs to be put right" not in page
        assert not AccessRequest.objects.exists()


class TestPreview:
    def test_says_who_decides_what_it_lets_you_do_and_what_changes(self, cast: Cast) -> None:
        answer = press(signed_in(cast.alice), act="preview")

        page = text_of(answer)
        assert answer.status_code == 200
        assert "This would wait for an answer" in page
        assert "1 person of data-owners" in page
        assert "Can still approve: bob, grace" in page
        assert "Read documents in shop.orders." in page
        assert "New: read documents in shop.orders." in page
        assert "For 2 hours of at most 8 hours." in page
        assert REASON in page
        assert not AccessRequest.objects.exists()

    def test_says_that_it_is_automatic(self, cast: Cast) -> None:
        page = text_of(press(signed_in(cast.alice), act="preview", target="shop-staging"))

        assert "You would get this at once" in page
        assert "Nobody needs to approve." in page

    def test_says_that_it_is_refused_and_by_which_rule(self, cast: Cast) -> None:
        answer = press(signed_in(cast.alice), act="preview", other_duration="PT9H")

        assert answer.status_code == 200
        assert "As it stands, this is refused" in text_of(answer)
        assert "Rule production-read allows at most 8 hours." in text_of(answer)

    def test_knows_what_the_person_holds_already(self, cast: Cast) -> None:
        live(cast.alice, cast.bob)

        page = text_of(press(signed_in(cast.alice), act="preview"))

        assert "Nothing changes." in page
        assert "You have asked for the same" in page

    def test_says_that_nothing_was_read_yet(self, cast: Cast) -> None:
        make.unread_target("shop-new")

        answer = press(signed_in(cast.alice), "/request/?target=shop-new", act="preview", roles="read@shop")

        assert answer.status_code == 409
        assert "has not been read yet" in text_of(answer)


class TestSend:
    def test_files_what_was_typed(self, cast: Cast) -> None:
        starts_at = (clock.now() + timedelta(days=1)).replace(second=0, microsecond=0)

        answer = press(
            signed_in(cast.alice),
            roles="read@shop.products, readWrite@shop.orders",
            role=[],
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
            ({"role": []}, "id_role", "Tick or type at least one role."),
            ({"role": ["root@shop"], "collection": ""}, "id_role", "The target has no role root@shop."),
            ({"role": ["read@admin"]}, "id_collection", "shop.orders is not in the database of read@admin."),
            ({"roles": "read"}, "id_role", "Write a role as role@database"),
            ({"collection": "shop.nothing"}, "id_role", "shop has no collection called nothing."),
            ({"duration": ""}, "id_duration", "Choose for how long you need it."),
            ({"duration": "P1000D"}, "id_duration", "over 366 days"),
            ({"other_duration": "2:00:00"}, "id_other_duration", "like PT2H"),
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
        assert "is for people of engineering" in text_of(answer)

    def test_delegating_roles_are_refused_when_typed(self, cast: Cast) -> None:
        answer = press(signed_in(cast.alice), roles="userAdmin@shop", role=[], collection="")

        assert answer.status_code == 403
        assert "which is always refused" in text_of(answer)

    def test_a_body_that_is_too_large_is_refused(self, cast: Cast) -> None:
        answer = press(signed_in(cast.alice), reason="x" * 300_000)

        assert answer.status_code == 413
        assert "At most 256 kB" in text_of(answer)

    def test_a_flood_of_fields_is_refused(self, cast: Cast) -> None:
        answer = press(signed_in(cast.alice), **{f"field{number}": "x" for number in range(1000)})

        assert answer.status_code == 400
