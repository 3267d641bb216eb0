"""Guards what a ticket must look like: the whole of it matches, and no pattern can be made to search for long."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from accessrequests.domain.tickets import Ticket, read_hint, read_pattern

PATTERNS = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "[a-b]", r"\d", r"\.", "[b1.]", "."]),
        st.sampled_from(["", "+", "*", "?", "{2}", "{1,3}", "{2,}"]),
    ).map("".join),
    min_size=1,
    max_size=5,
).map("".join)


@pytest.mark.parametrize(
    ("pattern", "ticket", "fits"),
    [
        ("OPS-[0-9]+", "OPS-17", True),
        ("OPS-[0-9]+", "OPS-", False),
        ("OPS-[0-9]+", "OPS-17 and more", False),
        ("OPS-[0-9]+", "xOPS-17", False),
        ("OPS-[0-9]+", "", False),
        (r"INC\d{7}|CHG\d{7}", "CHG0000123", True),
        (r"INC\d{7}|CHG\d{7}", "CHG000012", False),
        ("[A-Z]{2,5}-[0-9]{1,6}", "SECOPS-1", False),
        (r"#\d+", "#12", True),
        (r"a\|b", "a|b", True),
    ],
)
def test_matches_the_whole_ticket(pattern: str, ticket: str, fits: bool) -> None:
    assert read_pattern(pattern) == pattern
    assert Ticket(pattern).fits(ticket) is fits


@pytest.mark.parametrize(
    "pattern",
    [
        *("", "(a+)+", "a**", "[^a]", "[z-a]", r"\1", r"\w+", "a{3,2}", "a{1000}", "a|", "|", "[", "^a$", "a" * 101),
        *("[a--b]", "é", None, 7),
    ],
)
def test_takes_no_pattern_that_it_could_search_with_for_long(pattern: object) -> None:
    assert read_pattern(pattern) is None


@given(PATTERNS, st.text(alphabet="ab1.", max_size=8))
def test_means_what_a_regular_expression_means(pattern: str, ticket: str) -> None:
    assert Ticket(pattern).fits(ticket) is bool(re.fullmatch(pattern, ticket))


def test_ends_soon_whatever_is_written() -> None:
    greedy = Ticket("a*" * 50)

    assert greedy.fits("a" * 200)
    assert not greedy.fits("a" * 199 + "b")


@pytest.mark.parametrize(
    ("hint", "kept"), [("The incident.", True), ("", False), (" x", False), ("a\nb", False), (7, False)]
)
def test_takes_one_line_as_a_hint(hint: object, kept: bool) -> None:
    assert (read_hint(hint) == hint) is kept
    assert Ticket("A", "The incident.").said == "A (The incident)"
    assert Ticket("A").said == "A"
