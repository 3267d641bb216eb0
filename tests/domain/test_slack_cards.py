"""Guards what is shown in Slack: within every limit and with nothing live in it, whatever somebody wrote."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from slack_sdk.models.blocks import Block as SlackBlock
from slack_sdk.models.views import View

from accessrequests.domain import block_kit, slack_cards, slack_links, slack_modals
from accessrequests.domain.block_kit import Block, Message
from accessrequests.domain.slack_cards import END, EXTEND
from accessrequests.domain.slack_modals import Terms
from tests.slack.pieces import AT, EVIL, FACTS, MESSAGES, MODALS, NOTICE, OWN_ASK, PAGE, STATES

WRITTEN = st.one_of(st.text(max_size=600), st.text("<>&!*_~`:|@#a \n\u202e\u200b😀", max_size=12_000))
LIVE = re.compile(r"<[!@#]|<https?://(?!access\.example\.com/)")


def lossless(blocks: Any) -> None:
    """Slack's own models take every block and give back the same."""
    for block in blocks:
        parsed = SlackBlock.parse(block)
        assert parsed is not None, block
        assert json.loads(json.dumps(parsed.to_dict())) == json.loads(json.dumps(block))


def sound(message: Message) -> None:
    lossless(message.blocks)
    assert 0 < len(message.text) <= 4_000
    assert len(message.blocks) <= 50
    named = [block["block_id"] for block in message.blocks if "block_id" in block]
    assert len(set(named)) == len(named)
    for block in message.blocks:
        pressed = [element["action_id"] for element in block.get("elements", ()) if "action_id" in element]
        assert len(set(pressed)) == len(pressed)


def texts(message: Message) -> str:
    """Everything in which Slack would look for something live."""
    found = [message.text]

    def look(part: object) -> None:
        if isinstance(part, dict):
            if part.get("type") == "mrkdwn":
                assert part["verbatim"] is True
                found.append(part["text"])
            for held in part.values():
                look(held)
        elif isinstance(part, list | tuple):
            for held in part:
                look(held)

    look(message.blocks)
    return "\n".join(found)


def elements(blocks: Any) -> list[Block]:
    beside = [block["accessory"] for block in blocks if "accessory" in block]
    return [*(one for block in blocks if block["type"] == "actions" for one in block["elements"]), *beside]


class TestOwnAsk:
    def test_can_be_taken_back_after_one_was_asked(self) -> None:
        line = slack_cards.own_ask(OWN_ASK)
        (button,) = elements([line])
        assert (button["action_id"], button["value"], line["block_id"]) == ("take_back", "v1.30.2", "act:30:2")
        assert len(button["confirm"]["text"]["text"]) <= block_kit.LONGEST_CONFIRMED
        assert elements([slack_cards.own_ask(replace(OWN_ASK, can_be_taken_back=False))]) == []


class TestCards:
    def test_are_what_slacks_own_models_take_and_give_back(self) -> None:
        for message in MESSAGES.values():
            sound(message)

    def test_carry_number_and_revision_in_each_button_and_approve_is_the_primary_one(self) -> None:
        buttons = elements(slack_cards.card(STATES["waiting"]).blocks)
        assert [one["text"]["text"] for one in buttons] == ["Approve", "Shorter…", "Deny…", "Open in portal"]
        assert [one.get("value") for one in buttons] == ["v1.2041.1"] * 3 + [None]
        assert [one["action_id"] for one in buttons if one.get("style") == "primary"] == ["approve"]
        assert buttons[0]["confirm"]["text"]["text"] == "Alice wants to read."

    def test_say_nothing_and_can_do_nothing_where_others_read_along(self) -> None:
        left = slack_cards.taken_away(2041, url="https://access.example/requests/2041/")
        sound(left)
        assert elements(left.blocks) == []
        assert "2041" in texts(left)

    def test_are_known_again_by_a_mark_that_changes_nothing_else(self) -> None:
        for message in MESSAGES.values():
            marked = block_kit.marked(message, "copy:7")
            sound(marked)
            assert marked.blocks[0]["block_id"] == "copy:7"
            assert marked.blocks[1:] == list(message.blocks)[1:]

    def test_tell_those_who_decide_what_is_at_stake(self) -> None:
        said = texts(slack_cards.card(STATES["waiting"]))
        for fact in (
            "shop-prod, production",
            "personal and payment",
            "12.4 M documents",
            "held already",
            "Longer than",
        ):
            assert fact in said
        assert "*New for Alice Archer*\n• Do thing 0 in shop.orders." in said
        assert "and 2 more: <https://access.example.com/approvals/2041/|all of it>" in said

    def test_ask_before_an_end_whose_access_it_is(self) -> None:
        for blocks in (
            slack_cards.card(STATES["break-glass"]).blocks,
            slack_cards.told(NOTICE, number=1, revision=1, deeds=(END,), named=FACTS.named).blocks,
        ):
            asked = elements(blocks)[0]["confirm"]["text"]["text"]
            assert asked.startswith("Request 2041, of Alice Archer: read@shop.orders on shop-prod. It ends now")

    def test_have_no_button_once_it_is_over(self) -> None:
        for state in ("denied", "ended", "changed"):
            assert elements(slack_cards.card(STATES[state]).blocks) == []

    def test_lead_to_the_portal_where_that_is_what_the_policy_wants(self) -> None:
        buttons = elements(slack_cards.card(STATES["for the portal"]).blocks)
        assert [one["text"]["text"] for one in buttons] == ["Deny…", "Open to approve"]
        assert "second factor" in texts(slack_cards.card(STATES["for the portal"]))

    def test_call_everybody_only_for_a_break_glass_and_only_by_our_own_word(self) -> None:
        assert "<!here>" in texts(slack_cards.card(STATES["break-glass"]))
        assert [one["action_id"] for one in elements(slack_cards.card(STATES["break-glass"]).blocks)] == ["end", "open"]

    def test_are_the_same_only_when_nothing_differs(self) -> None:
        hashes = {slack_cards.hash_of(slack_cards.card(facts)) for facts in STATES.values()}
        assert len(hashes) == len(STATES)
        assert slack_cards.hash_of(slack_cards.card(FACTS)) == slack_cards.hash_of(slack_cards.card(replace(FACTS)))

    @given(written=WRITTEN)
    @example(written=EVIL)
    @example(written="<!channel>" * 1_000)
    @example(written="&" * 10_000)
    @example(written="")
    def test_slack_mrkdwn_injection(self, written: str) -> None:
        """Reason, names, roles and tickets of anybody: within every limit, and nothing in it is live."""
        facts = replace(
            STATES["waiting"],
            reason=written,
            title=written,
            roles=written,
            ticket=written,
            sentence=written,
            target=written,
            confirm=written,
            named=written,
            environment=written,
            data=written,
            reach=written,
            whose=written,
            gained=(written,) * 9,
            held=(written,) * 9,
            unusual=written,
            approved_by=(written, written),
        )
        message = slack_cards.card(facts)
        sound(message)
        shown = re.sub(r"<!date\^\d+\^[^>]*>", "", texts(message))
        assert not LIVE.search(shown)
        assert shown.count("<") == shown.count("<https://access.example.com/")
        for said in (slack_cards.reply(written), slack_cards.whisper(written)):
            sound(said)
            assert "<" not in texts(said)
        loud = slack_cards.told(replace(NOTICE, subject=written, sentence=written), number=1, revision=1)
        sound(loud)
        assert "<" not in texts(loud)


def test_only_a_full_account_of_the_workspace_is_a_members() -> None:
    assert slack_links.is_member({"id": "U1", "is_restricted": False, "is_bot": False})
    for flag in ("deleted", "is_bot", "is_restricted", "is_ultra_restricted", "is_stranger"):
        assert not slack_links.is_member({"id": "U1", flag: True})


class TestValues:
    def test_are_read_as_they_were_written(self) -> None:
        assert slack_cards.parse_value(slack_cards.value_of(77, 3)) == (77, 3)

    @pytest.mark.parametrize(
        "value", ["", "v1.1", "v1.1.1.1", "v1.01.1", "v1.-1.1", "v1.\u0661.1", "v2.1.1", None, 7, {}]
    )
    def test_of_any_other_shape_are_none(self, value: object) -> None:
        assert slack_cards.parse_value(value) is None


class TestWhatWasWritten:
    def test_keeps_its_words_and_loses_what_is_live(self) -> None:
        shown = block_kit.inert(EVIL)
        assert "&lt;!channel&gt;" in shown
        assert "a_b" in shown
        assert block_kit.inert("Live until 18:52:04 UTC") == "Live until 18:52:04 UTC"
        assert not re.search(r"(?<!\w)[*_~`]|[*_~`](?!\w)|:white_check_mark:", shown)

    def test_is_quoted_line_by_line(self) -> None:
        assert block_kit.quoted("one\n\ntwo") == "> one\n> \n> two"
        assert block_kit.quoted("") == "> "

    def test_is_not_cut_in_the_middle_of_an_entity(self) -> None:
        assert block_kit.cut_escaped("ab&amp;cd", 6) == "ab…"
        assert block_kit.cut_escaped("ab&amp;cd", 9) == "ab&amp;cd"
        assert block_kit.cut("abcdef", 4) == "abc…"

    def test_a_moment_is_in_the_readers_zone(self) -> None:
        assert block_kit.date(AT).startswith(f"<!date^{int(AT.timestamp())}^")
        assert block_kit.date(AT).endswith("|22 Nov 2026 18:52 UTC>")

    def test_our_own_words_are_escaped(self) -> None:
        assert block_kit.escaped("a < b & c > d") == "a &lt; b &amp; c &gt; d"


class TestForms:
    @pytest.mark.parametrize(
        "view",
        [
            *MODALS.values(),
            block_kit.modal(callback="x", title="Nothing to send", submit="", blocks=[block_kit.context("x")]),
        ],
    )
    def test_are_what_slacks_own_models_take_and_give_back(self, view: Block) -> None:
        lossless(view["blocks"])
        given_back = View(**view).to_dict()
        assert {name: given_back[name] for name in view if name != "blocks"} == {
            name: held for name, held in view.items() if name != "blocks"
        }
        assert len(json.dumps(view)) < 250_000

    @given(written=WRITTEN)
    @example(written=EVIL * 100)
    @example(written="&" * 10_000)
    @example(written="")
    def test_keep_the_limits_and_show_nothing_live_whatever_was_written(self, written: str) -> None:
        terms = Terms("shop", (written[:60],), "PT1H", written[: slack_modals.LONGEST_WHY], written[:100])
        for view in (
            slack_modals.deny(2041, 1, title=written),
            slack_modals.confirm_ask(
                terms, title=written, gets=[written] * 40, verdict=[written] * 40, similar=written
            ),
            slack_modals.in_portal(written, url=PAGE),
            slack_modals.not_asked(written),
        ):
            lossless(view["blocks"])
            assert not LIVE.search(texts(Message("x", view["blocks"])))
            assert len(view["blocks"]) <= 100

    def test_a_list_says_how_many_it_leaves_out(self) -> None:
        assert block_kit.listed("Roles", [], most=3) == []
        (shown,) = block_kit.listed("Roles", ["one", "two", "three"], most=2, rest=", in the portal")
        assert shown["text"]["text"] == "*Roles*\n• one\n• two\nand 1 more, in the portal"
        long = block_kit.listed("Roles", ["x" * 400] * 30, most=30)
        assert [one["text"]["text"].count("x" * 400) for one in long] == [7, 7, 7, 7, 2]

    def test_say_which_request_they_are_about(self) -> None:
        assert slack_modals.about(slack_modals.deny(2041, 3, title="x")["private_metadata"]) == (2041, 3)
        for nothing in ("", "{}", "[]", '{"r": "x", "v": 1}', "null"):
            assert slack_modals.about(nothing) == (0, 0)

    def test_carry_what_was_said(self) -> None:
        terms = slack_modals.Terms("shop", ("read@shop",), "PT1H", EVIL, "OPS-1")
        assert slack_modals.terms_of(terms.private) == terms
        for nothing in ("", "{}", "[]", "7", '{"t": "x", "a": 7, "d": "", "r": "", "k": ""}'):
            assert slack_modals.terms_of(nothing) == slack_modals.Terms("")

    def test_several_may_be_chosen(self) -> None:
        values = {"roles": {"roles": {"selected_options": [{"value": "a"}, 7, {"value": "b"}]}}, "odd": 7, "none": {}}
        assert slack_modals.chosen(values, "roles") == ("a", "b")
        for name in ("odd", "none", "missing"):
            assert slack_modals.chosen(values, name) == ()
        assert slack_modals.chosen(None, "roles") == ()

    def test_offer_lengths_up_to_what_was_asked_for(self) -> None:
        minutes = [length.total_seconds() / 60 for length in slack_modals.lengths(timedelta(minutes=90))]
        assert minutes == [15, 30, 60, 90]
        assert slack_modals.lengths(timedelta(seconds=10)) == [timedelta(seconds=10)]

    def test_offer_only_less_than_what_was_asked_for_and_say_of_whom(self) -> None:
        assert slack_modals.less_than(timedelta(hours=1)) == [timedelta(minutes=15), timedelta(minutes=30)]
        assert slack_modals.less_than(timedelta(minutes=15)) == [timedelta(minutes=7, seconds=30)]
        assert slack_modals.less_than(timedelta(seconds=1)) == [timedelta(seconds=1)]
        said, asked, _ = slack_modals.shorter(7, 1, title="Alice wants to read", longest=timedelta(hours=4))["blocks"]
        assert said["text"]["text"] == "Request 7: Alice wants to read"
        assert asked["element"]["initial_option"]["value"] == "PT2H"

    def test_are_read_with_care(self) -> None:
        values = {
            "reason": {"reason": {"value": "Because."}},
            "duration": {"duration": {"selected_option": {"value": "PT1H"}}},
            "empty": {"empty": {"value": None}},
            "odd": {"odd": 7},
            "odder": 7,
        }
        assert slack_modals.typed(values, "reason") == "Because."
        assert slack_modals.typed(values, "duration") == "PT1H"
        for name in ("empty", "odd", "odder", "missing"):
            assert slack_modals.typed(values, name) == ""
        assert slack_modals.typed(None, "reason") == ""

    def test_a_hint_and_a_choice_are_there_only_when_given(self) -> None:
        assert "hint" not in block_kit.text_input("x", "X")
        assert block_kit.text_input("x", "X", longest=100)["element"]["multiline"] is False
        chosen = block_kit.option("One hour", "PT1H")
        assert "initial_option" not in block_kit.select("x", [chosen])
        assert block_kit.select("x", [chosen], initial=chosen)["initial_option"] == chosen

    def test_a_whisper_may_lead_somewhere(self) -> None:
        led = slack_cards.whisper("Link it.", label="Link your account", url="https://access.example.com/slack/link/")
        sound(led)
        assert [one["url"] for one in elements(led.blocks)] == ["https://access.example.com/slack/link/"]

    def test_a_list_names_a_few_and_where_all_are(self) -> None:
        page = "https://access.example.com/access/"
        shown = slack_cards.listed("Yours", [(30, EVIL, page)] * 20, url=page)
        sound(shown)
        assert texts(shown).count(f"<{page}|") == 8
        sound(slack_cards.listed("Nothing", [], url=page))

    def test_a_notice_that_is_no_longer_so_keeps_its_subject_and_the_way_to_the_page(self) -> None:
        said = slack_cards.told(NOTICE, number=7, revision=2, deeds=(EXTEND, END))
        left = slack_cards.overtaken(said, "Live until 20:00 UTC.")
        assert [one["action_id"] for one in elements(left.blocks)] == ["open"]
        assert left.blocks[0] == said.blocks[0]
        assert "bob denied it." not in texts(left)
        assert (slack_cards.is_about_the_end(said.blocks), slack_cards.is_about_the_end(left.blocks)) == (True, False)

    def test_a_notice_may_carry_deeds(self) -> None:
        said = slack_cards.told(NOTICE, number=7, revision=2, deeds=(EXTEND, END))
        sound(said)
        assert [one.get("value") for one in elements(said.blocks)] == ["v1.7.2", "v1.7.2", None]
