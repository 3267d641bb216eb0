"""Guards who fills which slot: one person fills one, nobody blocks another, and no more people are asked than needed."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accessrequests.domain.approvals import (
    Given,
    Step,
    asked_now,
    combined,
    filled,
    first_slot,
    groups_wanted,
    is_complete,
    open_steps,
    slot_for,
    standing_in,
)

OWNERS = Step("data-owners", 1)
SECURITY = Step("security", 1)
BOB = Given("bob", frozenset({"data-owners", "security"}))
GRACE = Given("grace", frozenset({"data-owners"}))
CAROL = Given("carol", frozenset({"security"}))
MALLORY = Given("mallory", frozenset())

GROUPS = ("a", "b", "c")
STEPS = st.lists(st.builds(Step, st.sampled_from(GROUPS), st.integers(min_value=1, max_value=2)), max_size=3)
PEOPLE = st.lists(st.builds(Given, st.sampled_from("pqrst"), st.frozensets(st.sampled_from(GROUPS))), max_size=5)


class TestFilled:
    def test_lets_someone_of_two_groups_make_room(self) -> None:
        assert filled((OWNERS, SECURITY), (BOB, GRACE)) == {"data-owners": ("grace",), "security": ("bob",)}
        assert filled((OWNERS, SECURITY), (BOB, CAROL)) == {"data-owners": ("bob",), "security": ("carol",)}

    def test_makes_room_along_a_whole_row(self) -> None:
        first, second = Given("first", frozenset("ab")), Given("second", frozenset("bc"))

        steps = (Step("a", 1), Step("b", 1), Step("c", 1))

        assert filled(steps, (first, second, Given("third", frozenset("a")))) == {
            "a": ("third",),
            "b": ("first",),
            "c": ("second",),
        }

    def test_counts_one_person_once_however_many_hats(self) -> None:
        hats = (Given("bob", frozenset({"data-owners"})), Given("bob", frozenset({"security"})))

        assert not is_complete((OWNERS, SECURITY), hats)
        assert not is_complete((Step("data-owners", 2),), (GRACE, GRACE))
        assert is_complete((Step("data-owners", 2),), (GRACE, BOB))

    def test_counts_nobody_without_the_group(self) -> None:
        assert filled((OWNERS,), (MALLORY,)) == {"data-owners": ()}

    @given(STEPS, PEOPLE)
    def test_fills_as_many_slots_as_trying_everything(self, steps: list[Step], given_: list[Given]) -> None:
        assert sum(len(people) for people in filled(steps, given_).values()) == _most_by_trying(steps, given_)

    @given(STEPS, PEOPLE)
    def test_is_a_fair_assignment(self, steps: list[Step], given_: list[Given]) -> None:
        assignment = filled(steps, given_)
        seated = [person for people in assignment.values() for person in people]

        assert len(seated) == len(set(seated))
        for step in combined(steps):
            assert len(assignment[step.group]) <= step.needed
            for person in assignment[step.group]:
                assert any(one.person == person and step.group in one.groups for one in given_)


class TestIsComplete:
    def test_needs_nobody_without_steps(self) -> None:
        assert is_complete((), ())

    def test_needs_every_step(self) -> None:
        assert not is_complete((OWNERS, SECURITY), (GRACE,))
        assert is_complete((OWNERS, SECURITY), (GRACE, CAROL))

    @given(STEPS, PEOPLE)
    def test_means_that_no_step_is_open(self, steps: list[Step], given_: list[Given]) -> None:
        slots = sum(step.needed for step in combined(steps))

        assert is_complete(steps, given_) == (_most_by_trying(steps, given_) == slots)
        assert is_complete(steps, given_) == (open_steps(steps, given_) == ())


class TestOpenSteps:
    def test_says_how_many_of_whom(self) -> None:
        steps = (Step("data-owners", 2), SECURITY)

        assert open_steps(steps, ()) == (Step("data-owners", 2), Step("security", 1))
        assert open_steps(steps, (GRACE,)) == (Step("data-owners", 1), Step("security", 1))
        assert open_steps(steps, (GRACE, CAROL)) == (Step("data-owners", 1),)


class TestSlotFor:
    def test_names_the_group_that_the_approval_counts_for(self) -> None:
        assert slot_for((OWNERS, SECURITY), (), GRACE) == "data-owners"
        assert slot_for((OWNERS, SECURITY), (BOB,), GRACE) == "data-owners"
        assert slot_for((OWNERS, SECURITY), (GRACE,), BOB) == "security"

    def test_is_none_where_it_would_add_nothing(self) -> None:
        assert slot_for((OWNERS,), (GRACE,), BOB) is None
        assert slot_for((OWNERS, SECURITY), (BOB,), BOB) is None
        assert slot_for((OWNERS,), (), MALLORY) is None
        assert slot_for((), (), GRACE) is None

    def test_is_none_for_who_has_approved_already_even_with_a_new_hat(self) -> None:
        assert slot_for((OWNERS, SECURITY), (GRACE,), Given("grace", frozenset({"security"}))) is None

    @given(STEPS, PEOPLE, st.frozensets(st.sampled_from(GROUPS)))
    def test_is_given_exactly_when_one_slot_more_is_filled(
        self, steps: list[Step], given_: list[Given], groups: frozenset[str]
    ) -> None:
        candidate = Given("new", groups)

        slot = slot_for(steps, given_, candidate)

        assert (slot is not None) == (_most_by_trying(steps, [*given_, candidate]) > _most_by_trying(steps, given_))
        assert slot is None or slot in groups


class TestGroupsWanted:
    def test_are_all_at_first_and_those_with_a_free_slot_later(self) -> None:
        assert groups_wanted((OWNERS, SECURITY), ()) == ("data-owners", "security")
        assert groups_wanted((OWNERS, SECURITY), (GRACE,)) == ("security",)
        assert groups_wanted((OWNERS, SECURITY), (GRACE, CAROL)) == ()

    def test_still_want_whoever_makes_one_of_two_hats_free(self) -> None:
        assert groups_wanted((OWNERS, SECURITY), (BOB,)) == ("data-owners", "security")


class TestCombined:
    def test_keeps_the_most_people_of_each_group(self) -> None:
        assert combined((Step("b", 1), Step("a", 2)), (Step("b", 3),), ()) == (Step("a", 2), Step("b", 3))


def _most_by_trying(steps: Sequence[Step], given_: Sequence[Given]) -> int:
    """Every way to seat people, tried one after the other."""
    groups_of: dict[str, set[str]] = {}
    for one in given_:
        groups_of.setdefault(one.person, set()).update(one.groups)
    needed = {step.group: step.needed for step in combined(steps)}
    best = 0
    for choice in itertools.product(*([None, *sorted(groups & needed.keys())] for groups in groups_of.values())):
        counts = {group: choice.count(group) for group in needed}
        if all(counts[group] <= needed[group] for group in needed):
            best = max(best, sum(counts.values()))
    return best


class TestOneAfterAnother:
    STEPS = (Step("data-owners", 2, turn=0), Step("security", 1, turn=1))

    def test_asks_only_those_whose_turn_it_is(self) -> None:
        bob = Given("bob", frozenset({"data-owners"}))
        grace = Given("grace", frozenset({"data-owners"}))
        carol = Given("carol", frozenset({"security"}))

        assert groups_wanted(self.STEPS, [bob]) == ("data-owners",)
        assert slot_for(self.STEPS, [bob], carol) is None
        assert asked_now(self.STEPS, [bob]) == (Step("data-owners", 1, turn=0),)
        assert groups_wanted(self.STEPS, [bob, grace]) == ("security",)
        assert slot_for(self.STEPS, [bob, grace], carol) == "security"
        assert asked_now(self.STEPS, [bob, grace, carol]) == ()

    def test_counts_whoever_is_in_both_for_the_turn_that_it_is(self) -> None:
        both = Given("bob", frozenset({"data-owners", "security"}))

        assert slot_for(self.STEPS, [], both) == "data-owners"


class TestStandingIn:
    STEPS = (Step("data-owners", 1), Step("security", 1))

    def test_lets_whoever_stands_in_answer_any_step(self) -> None:
        counted = standing_in(frozenset({"on-call"}), stand_ins=["on-call"], steps=self.STEPS)

        assert counted == {"on-call", "data-owners", "security"}
        assert slot_for(self.STEPS, [Given("bob", frozenset({"data-owners"}))], Given("frank", counted)) == "security"

    def test_changes_nothing_for_everybody_else(self) -> None:
        assert standing_in(frozenset({"security"}), stand_ins=["on-call"], steps=self.STEPS) == {"security"}


class TestLentVoice:
    """Who has spoken, in person or through another, has spoken once."""

    STEPS = (Step("data-owners", 2), Step("security", 1))

    @pytest.mark.parametrize(
        ("before", "candidate"),
        [
            (Given("grace", GRACE.groups), Given("frank", GRACE.groups, "grace")),
            (Given("frank", GRACE.groups, "grace"), Given("grace", GRACE.groups)),
            (Given("frank", GRACE.groups, "grace"), Given("bob", GRACE.groups, "grace")),
            (Given("frank", GRACE.groups, "grace"), Given("frank", GRACE.groups)),
            (Given("frank", GRACE.groups, "grace"), Given("frank", GRACE.groups, "bob")),
        ],
    )
    def test_fills_one_slot(self, before: Given, candidate: Given) -> None:
        assert slot_for(self.STEPS, [before], candidate) is None
        assert slot_for(self.STEPS, [], candidate) == "data-owners"

    def test_comes_after_ones_own(self) -> None:
        own, lent = Given("frank", frozenset({"security"})), Given("frank", GRACE.groups, "grace")
        assert first_slot(self.STEPS, [], [own, lent]) == (own, "security")
        taken = [Given("carol", frozenset({"security"}))]
        assert first_slot(self.STEPS, taken, [own, lent]) == (lent, "data-owners")
        assert first_slot(self.STEPS, [*taken, Given("grace", GRACE.groups)], [own, lent]) is None
