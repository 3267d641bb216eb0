"""Guards what was typed in Slack: read as its writer saw it, with nothing live left in it."""

from __future__ import annotations

import pytest

from accessrequests.domain import slack_text

NAMES = {"U0BOB": "bob"}


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("Would staging do?", "Would staging do?"),
        ("a &lt; b &amp;&amp; c &gt; d", "a < b && c > d"),
        ("&amp;lt;!here&amp;gt;", "&lt;!here&gt;"),
        ("<@U0BOB>, and <@U0EVE|eve> or <@U0X>", "@bob, and @eve or @U0X"),
        ("in <#C0DATA|data> or <#C0X>", "in #data or #C0X"),
        ("<!here> <!subteam^S1|@owners> <!date^1^{time}|noon>", "@here @owners noon"),
        ("see <https://a.example/?x=1&amp;y=2|this>", "see this (https://a.example/?x=1&y=2)"),
        ("<https://a.example> <mailto:x@a.example|x@a.example>", "https://a.example x@a.example (mailto:x@a.example)"),
        ("  two\nlines  ", "two\nlines"),
    ],
)
def test_is_plain(text: str, plain: str) -> None:
    assert slack_text.spoken(text, names=NAMES) == plain


def test_names_those_who_are_called() -> None:
    assert slack_text.mentioned("<@U0BOB> <@U0EVE|eve> <#C0DATA> @U0X") == {"U0BOB", "U0EVE"}
