"""Guards the parts of a rule: what is not understood in any of them is refused, and so is what could never be meant."""

from __future__ import annotations

from typing import Any

import pytest

from tests.domain.test_rules import PRODUCTION_READ, policy_of, sentences_of


@pytest.mark.parametrize(
    ("key", "entry", "part"),
    [
        ("ticket", {"hint": "x"}, "ticket: the key pattern is missing"),
        ("ticket", {"pattern": "(a+)+b"}, "ticket: the key pattern must be a pattern of "),
        ("ticket", {"pattern": "A", "hint": "two\nlines"}, "ticket: the key hint must be one line of text"),
        ("escalate", {"after": "PT1H"}, "escalate: the key to is missing"),
        ("escalate", {"to": "leads", "after": 1}, "escalate: the key after must be a length"),
        (
            "on_call",
            {"schedule": "s", "roles": [], "maximum": "PT1H"},
            "on_call: the key roles must be a list with",
        ),
        ("on_call", {"schedule": "A B", "roles": ["r"], "maximum": "PT1H"}, "on_call: the key schedule must be"),
        ("on_call", {"schedule": "s", "roles": ["r"]}, "on_call: the key maximum is missing"),
        ("break_glass", {"tells": [], "review_by": []}, "break_glass: the key eligible is missing"),
        ("break_glass", {"eligible": [], "tells": []}, "break_glass: the key review_by is missing"),
        (
            "break_glass",
            {**PRODUCTION_READ["break_glass"], "maximum": "PT5H"},
            "break_glass: the key maximum must be a length of at most 4 hours",
        ),
        (
            "break_glass",
            {**PRODUCTION_READ["break_glass"], "cooldown": {"person": 0}},
            "break_glass, cooldown: the key person must be a number from 1 to 100",
        ),
        (
            "break_glass",
            {**PRODUCTION_READ["break_glass"], "cooldown": {"persons": 1}},
            "break_glass, cooldown: the key persons is unknown, did you mean person?",
        ),
    ],
)
def test_refuses_a_part_that_it_does_not_understand(key: str, entry: dict[str, Any], part: str) -> None:
    (sentence,) = sentences_of(policy_of(**{key: entry}))

    assert sentence.startswith(f"Rule production-read, {part}")


@pytest.mark.parametrize(
    ("publishing", "part"),
    [
        (None, "The policy: the key publishing must be the key approvals."),
        ({}, "The policy, publishing: the key approvals is missing."),
        ({"approvals": []}, "The policy, publishing: the key approvals must be a list with at least one"),
        ({"approvals": [{"group": "security", "people": 0}]}, "The policy, publishing, approvals: the key people"),
    ],
)
def test_refuses_a_publishing_that_asks_nobody(publishing: object, part: str) -> None:
    (sentence,) = sentences_of({**policy_of(), "publishing": publishing})

    assert sentence.startswith(part)


@pytest.mark.parametrize(
    ("changes", "part"),
    [
        ({"default": "PT9H"}, "the default is longer than the maximum of 8 hours"),
        ({"total_maximum": "PT7H"}, "the total_maximum is shorter than the maximum of 8 hours"),
        (
            {"on_call": {"schedule": "s", "roles": ["read@shop"], "maximum": "PT9H"}},
            "the maximum of on_call is longer than the maximum of 8 hours",
        ),
        (
            {"break_glass": {**PRODUCTION_READ["break_glass"], "default": "PT3H"}},
            "break_glass: the default is longer than the maximum",
        ),
    ],
)
def test_refuses_lengths_that_forbid_one_another(changes: dict[str, Any], part: str) -> None:
    (sentence,) = sentences_of(policy_of(**changes))

    assert sentence.startswith("Rule production-read")
    assert part in sentence
