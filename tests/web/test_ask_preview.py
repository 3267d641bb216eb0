"""Guards the preview of an ask: it tells what would be judged, by whom and what changes, and files nothing."""

from __future__ import annotations

import re
from datetime import timedelta

from django.db import connection
from django.test.utils import CaptureQueriesContext

from accessrequests.domain.events import Via
from accessrequests.models import AccessRequest, Target
from accessrequests.operations import access_requests
from accessrequests.queries import clock
from accessrequests.queries.records import FEWEST
from tests import make
from tests.make import Cast
from tests.web.asking import FORM, REASON, live_part, press
from tests.web.browser import Forms, signed_in, text_of
from tests.web.grants import live


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
        assert "too few answers yet" in page
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
        assert "You usually ask" not in page, "one ask is no habit"

    def test_knows_a_habit_from_five_asks(self, cast: Cast) -> None:
        for _ in range(FEWEST):
            earlier = make.submit(cast.alice)
            access_requests.cancel(access_request_id=earlier.pk, requester=cast.alice, via=Via.WEB)

        assert "You usually ask for 2 h here." in text_of(press(signed_in(cast.alice), act="preview"))

    def test_leaves_the_chips_alone_when_another_length_counts(self, cast: Cast) -> None:
        page = text_of(press(signed_in(cast.alice), act="preview", other_duration="90 min"))

        assert "It ends after 1 hour 30 minutes" in page
        assert not re.search(r'name="duration"[^>]*checked', page)

    def test_says_how_long_answers_take_and_that_a_target_is_away(self, cast: Cast) -> None:
        for _ in range(FEWEST):
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

        # One of them counts the press.
        assert len(captured) <= 13, [one["sql"][:120] for one in captured]

    def test_says_that_nothing_was_read_yet(self, cast: Cast) -> None:
        make.unread_target("shop-new")

        answer = press(signed_in(cast.alice), "/request/?target=shop-new", act="preview", roles="read@shop")

        assert answer.status_code == 409
        assert "has not been read yet" in text_of(answer)
