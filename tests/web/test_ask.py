"""Guards asking in the portal: what is previewed is what is judged, nothing typed is lost, and a mistake files nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accessrequests.models import AccessRequest, AuditEvent, Grant, Target
from accessrequests.queries import clock
from tests import make
from tests.make import Cast
from tests.web.browser import Browser, Forms, signed_in, text_of
from tests.web.grants import live

FORM = "/request/?target=shop-prod&role=read@shop.orders"
WANTS = ("Read one collection", "Read the database shop", "Write one collection", "Write the database shop")
REASON = "Refund totals are off for twelve orders."


def press(browser: Browser, page: str = FORM, **typed: Any) -> Any:
    return browser.press(page, action="/request/", **{"reason": REASON, **typed})


def live_part(browser: Browser, page: str = FORM, **typed: Any) -> Any:
    """What the page's script asks for while one types."""
    fields = Forms(text_of(browser.get(page))).fields_of("/request/")
    sent = {**fields, "reason": REASON, "act": "preview", **typed}
    return browser.client.post("/request/", sent, headers={"HX-Request": "true", "HX-Target": "rail"})


class TestForm:
    def test_offers_the_targets(self, cast: Cast) -> None:
        page = text_of(signed_in(cast.alice).get("/request/"))

        assert [slug in page for slug in ("shop-dev", "shop-staging", "shop-prod")] == [True] * 3
        assert "id_role_0" not in page

    def test_offers_the_roles_of_the_chosen_target_but_none_that_give_access(self, cast: Cast) -> None:
        page = text_of(signed_in(cast.alice).get(FORM))

        assert "Reaches every collection of shop" in page
        wants = [page.index(f">{title}<") for title in WANTS]
        assert wants == sorted(wants), "By growing reach."
        assert "Takes: one of data-owners and one of security." in page
        assert "shop.orders (10 documents)" in page
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


class TestTargets:
    def look(self, browser: Browser, words: str) -> str:
        return text_of(browser.get("/request/", data={"q": words}))

    def test_are_found_by_name_owner_and_environment(self, cast: Cast) -> None:
        browser = signed_in(cast.alice)

        for words in ("staging", "SHOP-stag", "staging data-owners"):
            page = self.look(browser, words)
            assert 'value="shop-staging"' in page
            assert 'value="shop-prod"' not in page

    def test_are_found_by_database_and_collection(self, cast: Cast) -> None:
        browser = signed_in(cast.alice)

        assert self.look(browser, "payments").count('name="target"') == 3
        assert "Nothing called orders-xyz is here." in self.look(browser, "orders-xyz")

    def test_what_is_looked_for_is_shown_as_text(self, cast: Cast) -> None:
        assert "<script>alert" not in self.look(signed_in(cast.alice), "<script>alert(1)</script>")

    def test_come_alone_when_the_page_asks_for_them(self, cast: Cast) -> None:
        answer = signed_in(cast.alice).get(
            "/request/", data={"q": "prod"}, headers={"HX-Request": "true", "HX-Target": "hits"}
        )

        assert "<html" not in text_of(answer)
        assert 'value="shop-prod"' in text_of(answer)

    def test_recent_ones_come_first(self, cast: Cast) -> None:
        make.submit(cast.alice, target="shop-staging")

        page = text_of(signed_in(cast.alice).get("/request/"))

        assert page.index('value="shop-staging"') < page.index('value="shop-dev"') < page.index('value="shop-prod"')

    def test_of_no_use_to_the_person_are_shown_and_say_whom_to_ask(self, cast: Cast) -> None:
        page = text_of(signed_in(cast.mallory).get("/request/"))

        assert page.count("Talk to data-owners about it.") == 3
        assert page.count("disabled") >= 3


class TestAgain:
    def test_fills_in_what_was_asked_before(self, cast: Cast) -> None:
        earlier = make.submit(cast.alice, ticket="INC-9", roles=("read@shop.orders", "readWrite@shop.products"))

        press(signed_in(cast.alice), f"/request/?again={earlier.pk}")

        again = AccessRequest.objects.exclude(pk=earlier.pk).get()
        assert (again.roles, again.ticket, again.duration) == (earlier.roles, "INC-9", earlier.duration)

    def test_does_not_show_what_others_asked(self, cast: Cast) -> None:
        earlier = make.submit(cast.alice, ticket="INC-9")

        page = text_of(signed_in(cast.mallory).get(f"/request/?again={earlier.pk}"))

        assert "INC-9" not in page
        assert earlier.reason not in page


class TestPreview:
    def test_says_who_decides_what_it_lets_you_do_and_what_changes(self, cast: Cast) -> None:
        answer = press(signed_in(cast.alice), act="preview")

        page = text_of(answer)
        assert answer.status_code == 200
        assert "This would wait for an answer" in page
        assert "1 person of data-owners" in page
        assert "Can still approve: bob, grace" in page
        assert "Read documents in shop.orders." in page
        assert '<li class="add">Read documents in shop.orders.</li>' in page
        assert "A database user is made for you" in page
        assert "It ends after 2 hours" in page
        assert "At most 8 hours are allowed here." in page
        assert "No history yet" in page
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
        grant = live(cast.alice, cast.bob)

        page = text_of(press(signed_in(cast.alice), act="preview"))

        assert "Nothing changes." in page
        assert "Already covered." in page
        assert f'href="/access/{grant.pk}/"' in page

    def test_points_at_the_same_ask_and_at_what_costs_less(self, cast: Cast) -> None:
        earlier = make.submit(cast.alice)

        page = text_of(press(signed_in(cast.alice), act="preview"))

        assert f'href="/requests/{earlier.pk}/"' in page
        assert "The same on shop-dev takes: at once." in page
        assert "You usually ask for 2 h here." in page

    def test_says_how_long_answers_take_and_that_a_target_is_away(self, cast: Cast) -> None:
        decided = make.approve(make.submit(cast.frank), cast.bob)
        AccessRequest.objects.filter(pk=decided.pk).update(decided_at=decided.filed_at + timedelta(minutes=11))
        Target.objects.filter(slug="shop-prod").update(unreachable_since=clock.now())

        page = text_of(press(signed_in(cast.alice), act="preview"))

        assert "Usually answered after 11 min." in page
        assert "shop-prod has not answered since" in page

    def test_says_that_nobody_could_approve(self, cast: Cast) -> None:
        make.publish_rules(make.rule("lonely", approvals=[{"group": "security", "people": 2}]))

        assert "Nobody could approve this now: security has" in text_of(press(signed_in(cast.alice), act="preview"))

    def test_offers_the_longest_that_is_allowed(self, cast: Cast) -> None:
        page = text_of(press(signed_in(cast.alice), act="preview", other_duration="9 h"))

        assert "Ask for 8 hours" in page
        assert "duration=PT8H" in page

    def test_waits_for_what_is_still_to_be_chosen(self, cast: Cast) -> None:
        page = text_of(live_part(signed_in(cast.alice), "/request/?target=shop-prod"))

        assert "Choose a collection." in page
        assert "What happens next" in page

    def test_comes_alone_when_the_page_asks_for_it(self, cast: Cast) -> None:
        answer = live_part(signed_in(cast.alice), FORM, reason="")

        page = text_of(answer)
        assert answer.status_code == 200
        assert "<html" not in page
        assert "This would wait for an answer" in page
        assert "0 of at least 10 characters." in page
        assert not AccessRequest.objects.exists()

    def test_is_never_a_filing_when_a_script_asks(self, cast: Cast) -> None:
        live_part(signed_in(cast.alice), FORM, act="send")

        assert not AccessRequest.objects.exists()

    def test_costs_few_questions(self, cast: Cast) -> None:
        browser = signed_in(cast.alice)
        live(cast.alice, cast.bob)
        fields = Forms(text_of(browser.get(FORM))).fields_of("/request/")
        with CaptureQueriesContext(connection) as captured:
            browser.client.post("/request/", {**fields, "act": "preview"}, headers={"HX-Request": "true"})

        assert len(captured) <= 22, [one["sql"][:120] for one in captured]

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
            ({"grantee": "nobody"}, "id_grantee", "There is nobody called nobody."),
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
        assert "is for people of engineering" in text_of(answer)

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
