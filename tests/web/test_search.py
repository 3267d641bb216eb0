"""Guards the search: everything that one may see is found, nothing else is, and what is typed stays text."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accessrequests.queries import search
from tests import make
from tests.make import Cast
from tests.web.browser import Browser, signed_in, text_of
from tests.web.grants import live


def found(browser: Browser, words: str, **more: Any) -> str:
    return (
        text_of(browser.get("/search/", data={"q": words, **more})).partition('id="found"')[2].partition("</main>")[0]
    )


class TestRequests:
    @pytest.mark.parametrize(
        "words",
        [
            "INC-77",
            "inc-7",
            "refund",
            "Refund twelve",
            "orders",
            "read@shop.orders",
            "alice",
            "Alice",
            "shop-prod",
            "production",
        ],
    )
    def test_are_found_by_what_they_say(self, cast: Cast, words: str) -> None:
        pending = make.submit(cast.alice, ticket="INC-77")

        for person in (cast.alice, cast.bob, cast.dave, cast.erin):
            assert f'href="/requests/{pending.pk}/"' in found(signed_in(person), words), (person, words)
        for person in (cast.carol, cast.mallory, cast.frank):
            assert "/requests/" not in found(signed_in(person), words), (person, words)

    def test_are_found_by_number(self, cast: Cast) -> None:
        pending = make.submit(cast.alice)

        for words in (f"REQ-{pending.pk}", f"req{pending.pk}", f"#{pending.pk}", str(pending.pk)):
            assert f'href="/requests/{pending.pk}/"' in found(signed_in(cast.alice), words)
            assert "Nothing found" in found(signed_in(cast.mallory), words)

    def test_are_found_for_whom_they_are(self, cast: Cast) -> None:
        pending = make.submit(cast.alice, grantee="frank")

        assert f'href="/requests/{pending.pk}/"' in found(signed_in(cast.frank), "frank")
        assert f'href="/requests/{pending.pk}/"' in found(signed_in(cast.alice), "frank")

    def test_come_a_page_at_a_time_newest_first(self, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(search, "A_PAGE", 2)
        numbers = [make.submit(cast.alice).pk for _ in range(3)]
        browser = signed_in(cast.alice)

        first = found(browser, "refund")
        assert [f'/requests/{number}/"' in first for number in numbers] == [False, True, True]
        assert f"before={numbers[1]}" in first

        second = found(browser, "refund", before=numbers[1])
        assert [f'/requests/{number}/"' in second for number in numbers] == [True, False, False]
        assert "Older requests" not in second
        assert "There are no older ones." in found(browser, "refund", before=1)


class TestOthers:
    def test_a_grant_is_found_by_the_user_name_of_a_log(self, cast: Cast) -> None:
        grant = live(cast.alice, cast.bob)

        for words in (grant.username, grant.username[:-2], str(grant.pk)):
            assert f'href="/access/{grant.pk}/"' in found(signed_in(cast.alice), words)
            assert f'href="/access/{grant.pk}/"' in found(signed_in(cast.dave), words)
            assert "/access/" not in found(signed_in(cast.mallory), words)

    def test_targets_and_rules_are_found_by_everybody(self, cast: Cast) -> None:
        assert 'href="/targets/shop-staging/"' in found(signed_in(cast.mallory), "staging")
        assert 'href="/policies/"' in found(signed_in(cast.mallory), "production-read")

    def test_people_are_found_by_those_who_watch_and_by_those_who_know_them(self, cast: Cast) -> None:
        make.submit(cast.alice, grantee="frank")

        for person in (cast.dave, cast.erin, cast.alice):
            assert "found-people" in found(signed_in(person), "frank")
        assert "found-people" not in found(signed_in(cast.bob), "frank")
        assert "Nothing found" in found(signed_in(cast.mallory), "frank")
        assert "found-people" in found(signed_in(cast.mallory), "mallory")


class TestPage:
    def test_says_what_can_be_looked_for(self, cast: Cast) -> None:
        assert "Try a number like REQ-12" in text_of(signed_in(cast.alice).get("/search/"))

    def test_says_the_same_of_nothing_and_of_what_is_not_ones_own(self, cast: Cast) -> None:
        pending = make.submit(cast.alice, ticket="SECRET-1")
        browser = signed_in(cast.mallory)

        theirs, nothing = found(browser, "SECRET-1"), found(browser, "SECRET-2")
        assert theirs.replace("SECRET-1", "SECRET-2") == nothing
        assert str(pending.pk) not in theirs or "requests/" not in theirs

    @pytest.mark.parametrize(
        "words", ["<script>alert(1)</script>", "'", "a & b | !c", "%_\\", ":*", "\0", "x" * 5000, "(", "é"]
    )
    def test_takes_whatever_is_typed_as_text(self, cast: Cast, words: str) -> None:
        make.submit(cast.alice, reason="Look at <b>this</b> & <script>alert(1)</script> 'quoted'.")

        answer = signed_in(cast.alice).get("/search/", data={"q": words, "before": "x"})

        assert answer.status_code == 200
        assert "<script>alert" not in text_of(answer)
        assert "<b>this" not in text_of(answer)

    def test_marks_what_was_found(self, cast: Cast) -> None:
        make.submit(cast.alice)

        assert "<mark>Refund</mark> totals" in found(signed_in(cast.alice), "refund")

    def test_comes_alone_when_the_page_asks_for_it(self, cast: Cast) -> None:
        make.submit(cast.alice)
        answer = signed_in(cast.alice).get("/search/", data={"q": "refund"}, headers={"HX-Request": "true"})

        assert "<html" not in text_of(answer)
        assert "<mark>Refund</mark>" in text_of(answer)

    def test_costs_the_same_for_many_as_for_few(self, cast: Cast) -> None:
        costs = []
        browsers = [signed_in(cast.alice), signed_in(cast.bob), signed_in(cast.dave)]
        for _ in range(2):
            for _ in range(3):
                make.submit(cast.alice, duration=timedelta(hours=1))
                live(cast.alice, cast.bob)
            for browser in browsers:
                with CaptureQueriesContext(connection) as captured:
                    assert browser.get("/search/", data={"q": "shop"}).status_code == 200
                costs.append(len(captured))

        assert costs[:3] == costs[3:]
        assert max(costs) <= 12, costs
