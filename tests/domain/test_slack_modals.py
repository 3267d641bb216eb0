"""Guards what a form says before it is filled in."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from accessrequests.domain import slack_modals
from tests.slack.pieces import OFFER


class TestTermsOfAnAsk:
    def test_say_what_a_role_does_what_is_suggested_and_what_a_reason_needs(self) -> None:
        hints = {
            (): "",
            (0,): "",
            (1, 1): "",
            (10, 10): " At least 10 characters.",
            (0, 30): " For some roles at least 30 characters.",
            (1, 30): " For some roles at least 30 characters.",
            (30, 10): " At least 10 characters; for some roles 30.",
        }
        for least, hint in hints.items():
            form = slack_modals.choose_terms(replace(OFFER, reasons=least))
            fields = {block["block_id"]: block for block in form["blocks"] if "element" in block}
            assert fields["reason"]["hint"]["text"] == f"Whoever decides reads this. No secrets.{hint}"
        offer = replace(OFFER, roles=[("read@shop", "Reads " + "shop " * 30)], suggested=timedelta(minutes=50))
        fields = {
            block["block_id"]: block for block in slack_modals.choose_terms(offer)["blocks"] if "element" in block
        }
        (role,) = fields["roles"]["element"]["options"]
        assert (len(role["description"]["text"]), role["description"]["text"][:10]) == (75, "Reads shop")
        assert fields["duration"]["element"]["initial_option"]["value"] == "PT50M"
        assert fields["duration"]["hint"]["text"] == "The policy suggests 50 minutes."
        longer = slack_modals.choose_terms(replace(OFFER, suggested=timedelta(days=3), is_the_policys=False))
        (how_long,) = [block for block in longer["blocks"] if block.get("block_id") == "duration"]
        assert (how_long["element"]["initial_option"]["value"], "hint" in how_long) == ("PT2H", False)
