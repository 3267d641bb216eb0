"""Guards the page of the stand-in: text as Slack reads it, who sees what, and forms that only its own pages may send."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from sandbox.slack import elements
from sandbox.slack.page.mrkdwn import html_of, plain
from sandbox.workplace import OUTSIDER, PARTNER
from tests.sandbox.slack.cards import OPTIONS, REASON, button, card, modal, mrkdwn
from tests.sandbox.slack.cards import plain as text_of
from tests.sandbox.slack.serving import Slack

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def drawn(text: str) -> str:
    return html_of(text, names={"U1": "alice", "C1": "security"}, now=NOW)


class TestMrkdwn:
    @pytest.mark.parametrize(
        ("text", "html"),
        [
            ("*bold* _it_ ~gone~", "<strong>bold</strong> <em>it</em> <s>gone</s>"),
            ("2*3*4 and snake_case_name", "2*3*4 and snake_case_name"),
            ("`a *b* <@U1>`", "<code>a *b* &lt;@U1&gt;</code>"),
            ("```x\n&lt;y```", "<pre>x\n&lt;y</pre>"),
            ("&gt; quoted\nnot", "<blockquote>quoted</blockquote>not"),
            ("one\ntwo", "one<br>two"),
            ("<@U1> in <#C1>", '<span class="mention">@alice</span> in <span class="mention">#security</span>'),
            ("<!here>", '<span class="mention is-loud">@here</span>'),
            (
                "<https://access.example.com/7?a=1&amp;b=2|*REQ-7*>",
                '<a href="https://access.example.com/7?a=1&amp;b=2" target="_blank" rel="noopener">*REQ-7*</a>',
            ),
            (":lock: :unknown_thing:", "🔒 :unknown_thing:"),
        ],
    )
    def test_is_drawn(self, text: str, html: str) -> None:
        assert drawn(text) == html

    @pytest.mark.parametrize(
        "text",
        [
            "&lt;!channel&gt; &lt;@U1&gt;",
            "<script>alert(1)</script>",
            "<javascript:alert(1)|press>",
            '<https://x/"onmouseover=x|y>',
            "*<b>*",
            "\x000\x00 <@U1>",
        ],
    )
    def test_never_becomes_markup_that_was_typed(self, text: str) -> None:
        html = drawn(text)
        for made in ("<script", "<b>", 'href="javascript', '"onmouseover', "is-loud"):
            assert made not in html

    def test_shows_dates_to_the_reader(self) -> None:
        at = NOW + timedelta(hours=2)
        html = drawn(f"<!date^{int(at.timestamp())}^ends {{time}} {{date_short_pretty}}|14:00 UTC>")
        assert f">ends {at.astimezone():%H:%M} today</time>" in html
        assert 'title="14:00 UTC"' in html
        assert drawn("<!date^soon^{time}|later>") == "later"

    def test_plain_text_has_no_marks(self) -> None:
        assert plain("*x* <@U1> :lock:", emoji=False) == "*x* &lt;@U1&gt; :lock:"


class TestSeeing:
    def test_is_for_those_who_are_in_a_channel(self, slack: Slack) -> None:
        security = slack.keys.channels["security"]
        assert slack.page.get(f"/as/carol/c/{security}").status_code == 200
        assert slack.page.get(f"/as/bob/c/{security}").status_code == 404
        assert slack.page.get("/as/nobody/").status_code == 404
        assert slack.page.get("/as/access/").status_code == 404

    def test_chooses_among_everybody(self, slack: Slack) -> None:
        page = slack.see("/")
        for name in ("alice", "mallory", OUTSIDER, PARTNER):
            assert f"/as/{name}/" in page

    def test_shows_an_ephemeral_message_to_one_person(self, slack: Slack) -> None:
        channel, bob = slack.keys.channels["data-access"], slack.keys.users["bob"]
        slack.web.chat_postEphemeral(channel=channel, user=bob, text="Not yours to decide.", blocks=[])
        assert "Only visible to you" in slack.see(f"/as/bob/c/{channel}")
        assert "Not yours" not in slack.see(f"/as/grace/c/{channel}")

    def test_keeps_replies_in_their_thread(self, slack: Slack) -> None:
        said = slack.web.chat_postMessage(channel="data-access", text="card")
        channel = said["channel"]
        slack.web.chat_postMessage(channel=channel, text="Gone 18:52:04.", thread_ts=said["ts"])
        page = slack.see(f"/as/bob/c/{channel}")
        assert "1 reply" in page
        assert "Gone 18:52:04." not in page
        assert "Gone 18:52:04." in slack.see(f"/as/bob/c/{channel}/t/{said['ts']}")

    def test_goes_back_to_earlier_messages(self, slack: Slack) -> None:
        slack.set(rate_limits=False)
        for number in range(45):
            slack.web.chat_postMessage(channel="data-access", text=f"number {number}.")
        channel = slack.keys.channels["data-access"]
        page = slack.see(f"/as/bob/c/{channel}")
        assert "number 44." in page
        assert "number 4." not in page
        before = page.partition("/before/")[2].partition('"')[0]
        assert "number 4." in slack.see(f"/as/bob/c/{channel}/before/{before}")

    def test_says_that_something_is_new(self, slack: Slack) -> None:
        before = slack.see("/as/bob/version")
        slack.web.auth_test()
        assert slack.see("/as/bob/version") == before
        slack.web.chat_postMessage(channel="data-access", text="x")
        assert slack.see("/as/bob/version") != before

    def test_says_that_what_lies_over_the_page_is_gone(self, slack: Slack) -> None:
        """Both windows of one person are told the same; what each of them shows says when it is over."""
        said = slack.web.chat_postMessage(channel="data-access", text="Asked", blocks=card())
        page = f"/as/bob/c/{said['channel']}"
        seen = [slack.see("/as/bob/version").partition("\n")[2]]
        slack.press("bob", page, "Approve 2 h")
        seen.append(slack.see("/as/bob/version").partition("\n")[2])
        assert f'data-over-it="{seen[-1]}"' in slack.see(page)
        slack.do("bob", "confirm", do="no")
        seen.append(slack.see("/as/bob/version").partition("\n")[2])
        slack.web.views_open(trigger_id=slack.trigger("bob")["trigger_id"], view=modal(REASON))
        seen.append(slack.see("/as/bob/version").partition("\n")[2])
        slack.press("bob", page, "Back")
        seen.append(slack.see("/as/bob/version").partition("\n")[2])
        assert [bool(one.strip()) for one in seen] == [False, True, False, True, False]
        assert seen[1] != seen[3]

    def test_a_choice_that_is_sent_again_counts_once(self) -> None:
        select = {"type": "multi_static_select", "action_id": "roles", **OPTIONS}
        first = elements.chosen(select, ["too_long"])
        again = elements.chosen(select, ["too_long"], offered=elements.held(first))
        assert again == first
        assert [one["value"] for one in again["selected_options"]] == ["too_long"]

    def test_draws_every_element(self, slack: Slack) -> None:
        every = [
            {"type": "static_select", "action_id": "s", "placeholder": text_of("How long"), **OPTIONS},
            {"type": "radio_buttons", "action_id": "r", **OPTIONS},
            {"type": "checkboxes", "action_id": "c", **OPTIONS, "initial_options": OPTIONS["options"][:1]},
            {"type": "overflow", "action_id": "o", **OPTIONS},
            {"type": "datepicker", "action_id": "d", "initial_date": "2026-11-22"},
            {"type": "datetimepicker", "action_id": "t", "initial_date_time": 1795348800},
            {"type": "users_select", "action_id": "u"},
            button("Go", action="g"),
        ]
        said = slack.web.chat_postMessage(
            channel="data-access",
            text="x",
            blocks=[
                {"type": "actions", "block_id": "a", "elements": every},
                {"type": "image", "image_url": "https://example.com/x.png", "alt_text": "A chart"},
                {"type": "section", "text": mrkdwn("x"), "accessory": button("Extend", action="e")},
            ],
        )
        filled = {"v:a/s": "too_long", "v:a/d": "2026-11-23", "v:a/t": "2026-11-22T12:30"}
        page = slack.press("bob", f"/as/bob/c/{said['channel']}", "Go", **filled)
        values = slack.app.payloads[-1]["state"]["values"]["a"]
        assert values["s"]["selected_option"]["value"] == "too_long"
        assert values["c"]["selected_options"] == []
        assert values["t"]["selected_date_time"] == int(datetime(2026, 11, 22, 12, 30, tzinfo=UTC).timestamp())
        assert values["d"]["selected_date"] == "2026-11-23"
        for shown in ("How long", "Image: A chart", "Extend", 'value="2026-11-23"', 'type="datetime-local"'):
            assert shown in page


class TestSending:
    def test_is_only_from_its_own_pages(self, slack: Slack) -> None:
        channel = slack.keys.channels["data-access"]
        for origin, status in (("http://evil.example", 403), (slack.server.origin, 303)):
            form = {"channel": channel, "text": "Hello"}
            answer = slack.page.post("/as/bob/say", data=form, headers={"Origin": origin})
            assert answer.status_code == status
        assert len(slack.server.workspace.messages[channel]) == 1

    def test_leads_nowhere_else(self, slack: Slack) -> None:
        channel = slack.keys.channels["data-access"]
        form = {"channel": channel, "text": "Hello", "back": "https://evil.example/"}
        assert slack.page.post("/as/bob/say", data=form).headers["Location"] == "/as/bob/"

    def test_opens_a_buttons_address_and_tells_the_app(self, slack: Slack) -> None:
        said = slack.web.chat_postMessage(channel="data-access", text="Asked", blocks=card())
        form = {"place": f"m/{said['channel']}/{said['ts']}", "press": "act%3A7%3A1/open"}
        answer = slack.page.post("/as/bob/use", data=form)
        assert answer.headers["Location"] == "https://access.example.com/requests/7/"
        assert slack.app.payloads[0]["actions"][0]["url"] == "https://access.example.com/requests/7/"
