"""Guards what every piece that Slack shows has in common: how a moment is told."""

from __future__ import annotations

import json
from dataclasses import replace

from accessrequests.domain import block_kit, slack_cards
from tests.slack.pieces import AT, FACTS, NOTICE, PAGE


class TestMoments:
    """Slack draws them in the reader's own zone; where it does not, they are as precise as those that it draws."""

    SAID = "Live until 22 Nov 2026 18:52:04 UTC, not 3 Dec 2026 09:00 UTC."

    def test_are_told_in_one_way_on_a_card(self) -> None:
        card = slack_cards.card(replace(FACTS, sentence=self.SAID, ends_at=AT.replace(second=35)))
        said = json.dumps(card.blocks)
        assert said.count("{time} {date_short_pretty}") == 3
        assert "^{time} {date_short_pretty}|22 Nov 2026 18:52 UTC>" in said
        assert ":04" not in said
        assert ":35" not in said
        assert "22 Nov 2026 18:52 UTC, not 3 Dec 2026 09:00 UTC." in card.text

    def test_stand_in_whatever_else_is_said(self) -> None:
        for message in (
            slack_cards.reply(self.SAID),
            slack_cards.whisper(self.SAID),
            slack_cards.told(replace(NOTICE, sentence=self.SAID), number=1, revision=1),
            slack_cards.card(replace(FACTS, held=(self.SAID,))),
            slack_cards.listed("Yours", [(30, self.SAID, PAGE)], url=PAGE),
        ):
            assert json.dumps(message.blocks).count("<!date^") == 2, message
            assert ":04" not in message.text

    def test_in_questions_are_in_utc_to_the_minute(self) -> None:
        sure = block_kit.confirm(title="Sure?", text=self.SAID, yes="Yes")
        assert sure["text"]["text"] == "Live until 22 Nov 2026 18:52 UTC, not 3 Dec 2026 09:00 UTC."

    def test_that_are_none_stay_as_they_are(self) -> None:
        for text in (
            "39 Nov 2026 12:00 UTC",
            "3 Nop 2026 12:00 UTC",
            "122 Nov 2026 12:00 UTC",
            "22 Nov 2026 12:00 UTCX",
            "1 Jan 0001 00:00 UTC",
            "31 Dec 9999 23:59 UTC",
        ):
            assert block_kit.dated(text) == text
        assert block_kit.dated("1 Jan 2026 00:00 UTC " * 99).count("<!date") == block_kit.MOST_DATED

    def test_are_drawn_whole_or_not_at_all(self) -> None:
        """Signs that take five places for one fill a section before its text is at an end."""
        for before in range(480, 700):
            said = slack_cards.whisper("&" * before + " 22 Nov 2026 18:52 UTC").blocks[0]["text"]["text"]
            assert len(said) <= block_kit.LONGEST_SECTION
            assert said.count("<") == said.count(">")
            assert ("<!date^" in said) == ("18:52" in said)
