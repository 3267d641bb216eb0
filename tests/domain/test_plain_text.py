"""Guards what people read of each other: that it can be seen, and reads as it was written."""

from __future__ import annotations

import pytest

from accessrequests.domain.plain_text import visible_length, why_unreadable


@pytest.mark.parametrize(
    "text", ["", "   \n\t", "\u200b" * 12, "\u3164" * 12, "\u2800" * 12, "\u0301" * 5, "\ufeff\u200d"]
)
def test_what_nobody_sees_has_no_length(text: str) -> None:
    assert visible_length(text) == 0


@pytest.mark.parametrize(
    ("text", "length"),
    [("Fix 12 orders.", 12), ("注文を直す", 5), ("e\u0301te\u0301", 3), ("\u05e1\u05d9\u05d1\u05d4", 4)],
)
def test_every_script_counts(text: str, length: int) -> None:
    assert visible_length(text) == length


@pytest.mark.parametrize(
    "text", ["Refund totals.", "Ünïcödé", "\u05e9\u05dc\u200f\u05dd", "हिन्दी", "👩\u200d🚀 launch", "a\u0301\u0302 b"]
)
def test_ordinary_writing_is_readable(text: str) -> None:
    assert why_unreadable(text) == ""


@pytest.mark.parametrize("text", ["\u202eevorppa\u202c", "a\u2066b", "o" + "\u0301" * 30])
def test_what_turns_or_covers_the_text_is_named(text: str) -> None:
    assert why_unreadable(text).startswith("Take out")
