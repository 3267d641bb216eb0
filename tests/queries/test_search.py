"""Guards the steps of the search: as many for everybody and everything, none of which shows what is not one's own."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accessrequests.queries import search
from accessrequests.queries.belonging import belonging_of
from accessrequests.queries.search import Found
from tests import make
from tests.make import Cast


def find(cast: Cast, name: str, text: str, *, before: int | None = None) -> Found:
    return search.find(belonging_of(getattr(cast, name)), text=text, before=before)


def steps_of(cast: Cast, name: str, text: str) -> int:
    belonging = belonging_of(getattr(cast, name))
    with CaptureQueriesContext(connection) as captured:
        search.find(belonging, text=text)
    return len(captured)


def numbers_of(found: Found) -> list[int]:
    return [one.pk for one in found.requests]


class TestSteps:
    @pytest.mark.parametrize("text", ["refund", "nowhere", "alice", "shop-prod", "REQ-1", "jit", "frank"])
    def test_are_as_many_whatever_others_have(self, cast: Cast, text: str) -> None:
        before = steps_of(cast, "mallory", text)
        for _ in range(3):
            make.submit(cast.alice, grantee="frank")

        assert steps_of(cast, "mallory", text) == before
        assert not find(cast, "mallory", text).requests

    def test_are_few(self, cast: Cast) -> None:
        make.submit(cast.alice)

        assert max(steps_of(cast, name, "refund") for name in ("alice", "bob", "dave", "erin", "mallory")) <= 7


class TestTooMany:
    @pytest.fixture(autouse=True)
    def _narrow(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(search, "MOST_ANYWHERE", 2)
        monkeypatch.setattr(search, "WINDOW", 3)

    def test_says_of_how_many_the_newest_were_looked_at_and_leads_to_the_others(self, cast: Cast) -> None:
        numbers = [make.submit(cast.alice).pk for _ in range(5)]

        first = find(cast, "alice", "refund")
        assert (numbers_of(first), first.only_newest) == (numbers[:1:-1], 3)
        assert first.next_before is not None

        second = find(cast, "alice", "refund", before=first.next_before)
        assert (numbers_of(second), second.only_newest, second.next_before) == (numbers[1::-1], 0, None)

    def test_counts_only_what_the_person_may_see(self, cast: Cast) -> None:
        for _ in range(5):
            make.submit(cast.alice)
        oldest = make.submit(cast.frank, grantee="frank")
        for _ in range(5):
            make.submit(cast.alice)

        found = find(cast, "frank", "refund")

        assert (numbers_of(found), found.only_newest, found.next_before) == ([oldest.pk], 0, None)

    def test_finds_a_rare_word_however_old_it_is(self, cast: Cast) -> None:
        rare = make.submit(cast.alice, ticket="INC-77")
        for _ in range(5):
            make.submit(cast.alice)

        assert numbers_of(find(cast, "alice", "inc-77")) == [rare.pk]
        assert numbers_of(find(cast, "dave", f"REQ-{rare.pk}")) == [rare.pk]

    @pytest.mark.parametrize("words", ["refund", "REFUND twel", "shop-prod", "alice", "orders"])
    def test_finds_the_same_with_and_without_the_index(
        self, cast: Cast, words: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for _ in range(4):
            make.submit(cast.alice)
        monkeypatch.setattr(search, "WINDOW", 100)
        one_by_one = numbers_of(find(cast, "bob", words))
        monkeypatch.setattr(search, "MOST_ANYWHERE", 100)

        assert numbers_of(find(cast, "bob", words)) == one_by_one
        assert len(one_by_one) == 4


def test_a_single_letter_is_a_word_and_no_beginning(cast: Cast) -> None:
    pending = make.submit(cast.alice, reason="Plan B for the quarter.")

    assert numbers_of(find(cast, "alice", "b")) == [pending.pk]
    assert not numbers_of(find(cast, "alice", "q"))
