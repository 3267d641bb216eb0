"""Guards asking in Slack: the same rules, the same verdict and the same refusals as on the portal's form."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View

from accessrequests.domain.events import Via
from accessrequests.models import AccessRequest, AuditEvent, Person, SlackMessage
from accessrequests.operations import access_requests
from accessrequests.queries import idempotency, preview
from accessrequests.queries.asks import Asked
from tests import make
from tests.make import Cast
from tests.slack import workspace
from tests.slack.workspace import APP, TEAM, WebApi, account_of, command, link, send_payload

REASON = "Refund totals are off for twelve orders."


def payload(kind: str, person: Person, **fields: Any) -> dict[str, Any]:
    user = {"id": account_of(person), "team_id": TEAM}
    return {"type": kind, "api_app_id": APP, "team": {"id": TEAM}, "user": user, **fields}


def option(value: str) -> dict[str, Any]:
    return {"selected_option": {"value": value}}


def options(*values: str) -> dict[str, Any]:
    return {"selected_options": [{"value": value} for value in values]}


def sent(person: Person, callback: str, private: Any = None, **values: Any) -> Any:
    return send_payload(workspace.submitted(callback, account_of(person), private or {}, **values)).json()


def check(view: dict[str, Any]) -> None:
    """Slack's own models take it."""
    for block in view["blocks"]:
        parsed = Block.parse(block)
        assert parsed is not None
        assert parsed.to_dict() == block
    View(**view).to_dict()
    assert len(view.get("private_metadata", "")) <= 3_000


def terms(person: Person, *roles: str, duration: str = "PT2H", reason: str = REASON, only: str = "") -> Any:
    private = {"t": "shop-prod", "a": [], "d": "", "r": "", "k": ""}
    chosen = {"collection": option(only)} if only else {}
    fields = {"roles": options(*roles), "duration": option(duration), "reason": {"value": reason}, **chosen}
    return sent(person, "ask.terms", private, **fields)


@pytest.fixture(autouse=True)
def linked(cast: Cast) -> None:
    link(cast.alice, cast.bob, cast.mallory)


class TestTheForms:
    def test_lead_from_a_target_to_a_request(self, cast: Cast, web_api: WebApi) -> None:
        assert command(account_of(cast.alice), "").content == b""
        (opened,) = web_api.of("views.open")
        check(opened["view"])

        second = sent(cast.alice, opened["view"]["callback_id"], target=option("shop-prod"))
        assert second["response_action"] == "push", "Back leads to what was chosen."
        check(second["view"])
        offered = {block["block_id"]: block["element"] for block in second["view"]["blocks"] if "element" in block}
        assert "read@shop" in [one["value"] for one in offered["roles"]["options"]]
        assert "userAdmin@shop" not in [one["value"] for one in offered["roles"]["options"]]
        assert [one["value"] for one in offered["duration"]["options"]][-1] == "PT8H"
        words = {one["value"]: one["description"]["text"] for one in offered["roles"]["options"]}
        assert words["read@shop"] == "Reads every collection of shop"
        assert words["readWrite@shop"] == "Reads and changes every collection of shop"

        third = terms(cast.alice, "read@shop", only="shop.orders")
        assert third["response_action"] == "push"
        check(third["view"])
        said = json.dumps(third["view"]["blocks"])
        assert "data-owners" in said
        assert "read@shop.orders on shop-prod for 2 hours" in said
        assert not AccessRequest.objects.exists()

        last = sent(cast.alice, "ask.send", json.loads(third["view"]["private_metadata"]))
        check(last["view"])
        assert last["response_action"] == "update", "What was asked is not asked again."
        closes = [view["close"]["text"] for view in (opened["view"], second["view"], third["view"], last["view"])]
        assert (closes, last["view"]["clear_on_close"]) == (["Cancel", "Back", "Back", "Done"], True)
        filed = AccessRequest.objects.get()
        assert (filed.state, filed.roles, filed.reason) == ("pending", ["read@shop.orders"], REASON)
        assert filed.duration == timedelta(hours=2)
        submitted = AuditEvent.objects.get(event="access_request.submitted")
        assert (submitted.actor, submitted.via) == ("alice", "slack")
        assert f"/requests/{filed.pk}/" in json.dumps(last["view"])
        said = f"Request {filed.pk}: read@shop.orders on shop-prod for 2 hours. It waits for those who decide."
        assert said in json.dumps(last["view"])

    def test_refuse_a_collection_that_would_not_hold_for_a_role(self, cast: Cast) -> None:
        """It would be asked for whole, while the form said otherwise."""
        answer = terms(cast.alice, "read@admin", only="shop.orders")
        assert answer == {
            "response_action": "errors",
            "errors": {
                "roles": "read@admin is not a role of shop, so it cannot be kept to shop.orders. "
                "Choose roles of shop only, or no collection."
            },
        }

    def test_begin_with_what_the_policy_suggests_and_say_what_a_reason_needs(self, cast: Cast) -> None:
        rules = [
            make.rule("reading", default="PT45M", reason_minimum=10),
            make.rule(
                "writing",
                match={"environments": ["production"], "levels": ["write"]},
                default="PT30M",
                reason_minimum=25,
            ),
        ]
        for published, hint in (
            (rules[:1], "Whoever decides reads this. No secrets. At least 10 characters."),
            (rules, "Whoever decides reads this. No secrets. At least 10 characters; for some roles 25."),
        ):
            make.publish_rules(*published)
            view = sent(cast.alice, "ask.target", target=option("shop-prod"))["view"]
            check(view)
            fields = {block["block_id"]: block for block in view["blocks"] if "element" in block}
            assert fields["reason"]["hint"]["text"] == hint
            assert fields["duration"]["element"]["initial_option"]["value"] == "PT45M"
            assert fields["duration"]["hint"]["text"] == "The policy suggests 45 minutes."

    def test_say_all_that_one_would_get_the_gravest_first_and_then_what_the_policy_says(self, cast: Cast) -> None:
        view = terms(cast.alice, "readWrite@shop", only="shop.orders")["view"]
        check(view)
        lists = [block["text"]["text"].split("\n") for block in view["blocks"][2:]]
        assert [lines[0] for lines in lists] == ["*What this lets you do*", "*What the policy says*"]
        asked = Asked(
            target="shop-prod",
            kind="database_user",
            roles=("readWrite@shop.orders",),
            duration=timedelta(hours=2),
            reason=REASON,
        )
        found = preview.preview(requester=cast.alice, asked=asked, at=make.now())
        assert lists[0][1:] == [f"• {line}" for line in reversed(found.what_this_lets_you_do)]
        assert lists[1][1:] == [f"• {line}" for line in found.considered.verdict.sentences]
        assert any("drop" in line for line in lists[0][1:3])

    def test_sent_twice_file_one_request(self, cast: Cast) -> None:
        private = {"t": "shop-prod", "a": ["read@shop"], "d": "PT1H", "r": REASON, "k": ""}
        form = workspace.submitted("ask.send", account_of(cast.alice), private)
        first, again = (send_payload({**form, "trigger_id": trigger}).json() for trigger in ("1", "2"))
        filed = AccessRequest.objects.get()
        assert first == again
        assert f"/requests/{filed.pk}/" in json.dumps(again["view"])
        sent(cast.alice, "ask.send", {**private, "a": ["read@shop.orders"]})
        assert AccessRequest.objects.count() == 2

    def test_sent_twice_at_once_file_one_request(self, cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
        private = {"t": "shop-prod", "a": ["read@shop"], "d": "PT1H", "r": REASON, "k": ""}
        form = workspace.submitted("ask.send", account_of(cast.alice), private)
        first = send_payload(form).json()
        look, seen = idempotency.first_use, iter([None])

        def too_early(**key: Any) -> Any:
            """The first look is as it was before the other one was committed."""
            return next(seen, look(**key))

        monkeypatch.setattr(idempotency, "first_use", too_early)
        again = send_payload({**form, "trigger_id": "another"}).json()
        assert first == again
        assert AccessRequest.objects.count() == 1

    def test_open_by_the_shortcut_too(self, cast: Cast, web_api: WebApi) -> None:
        answer = send_payload(payload("shortcut", cast.alice, callback_id="request.open", trigger_id="t"))
        assert answer.content == b""
        assert web_api.of("views.open")[0]["view"]["callback_id"] == "ask.target"
        send_payload(payload("shortcut", cast.alice, callback_id="another", trigger_id="t"))
        assert len(web_api.calls) == 1

    def test_are_answered_when_slack_does_not_open_them(self, cast: Cast, web_api: WebApi) -> None:
        web_api.refuse("expired_trigger_id")
        assert "did not open the form" in command(account_of(cast.alice), "").json()["text"]

    def test_are_not_for_the_unlinked(self, cast: Cast, web_api: WebApi) -> None:
        answer = command("U0OUTSIDER", "").json()
        assert answer["response_type"] == "ephemeral"
        assert "comes in a message that you alone see" in answer["text"]
        assert "/slack/link/?t=" not in json.dumps(answer)
        (whispered,) = SlackMessage.objects.filter(kind="whisper")
        assert (whispered.channel, "/slack/link/?t=" in json.dumps(whispered.content)) == ("C0DATA", True)
        assert web_api.calls == [], "Who it is, a worker asks."
        gone = sent(cast.carol, "ask.send", {"t": "shop-prod", "a": ["read@shop"], "d": "PT1H", "r": REASON, "k": ""})
        assert "linked to nobody" in json.dumps(gone["view"])
        assert not AccessRequest.objects.exists()


class TestWhatIsWrong:
    @pytest.mark.parametrize(
        ("changes", "field", "says"),
        [
            ({"reason": "short"}, "reason", "needs a reason"),
            ({"reason": ""}, "reason", "Say why"),
            ({"duration": "P1D"}, "duration", "at most"),
            ({"duration": "x"}, "duration", "PT"),
        ],
    )
    def test_stands_at_its_field(self, cast: Cast, changes: dict[str, str], field: str, says: str) -> None:
        answer = terms(cast.alice, "read@shop", **changes)
        assert answer["response_action"] == "errors"
        assert list(answer["errors"]) == [field]
        assert says in answer["errors"][field]

    def test_who_may_not_ask_is_refused(self, cast: Cast) -> None:
        assert terms(cast.mallory, "read@shop")["response_action"] == "errors"
        private = {"t": "shop-prod", "a": ["read@shop"], "d": "PT1H", "r": REASON, "k": ""}
        last = sent(cast.mallory, "ask.send", private)
        assert "Nothing was asked for" in json.dumps(last["view"])
        assert (last["view"]["close"]["text"], "clear_on_close" in last["view"]) == ("Back", False)
        assert not AccessRequest.objects.exists()

    @pytest.mark.parametrize("target", ["nowhere", "", "shop-new"])
    def test_a_target_that_cannot_be_asked_on(self, cast: Cast, target: str) -> None:
        make.unread_target()
        assert list(sent(cast.alice, "ask.target", target=option(target))["errors"]) == ["target"]

    def test_a_project_of_atlas_is_asked_on_in_the_portal(self, cast: Cast) -> None:
        make.make_atlas()
        led = sent(cast.alice, "ask.target", target=option("ecommerce-prod"))["view"]
        check(led)
        assert "/request/?target=ecommerce-prod|" in json.dumps(led["blocks"])

    def test_all_that_is_wrong_is_said_at_once_each_at_its_field(self, cast: Cast) -> None:
        errors = terms(cast.alice, "read@shop", reason="short", duration="P1D")["errors"]
        assert set(errors) == {"reason", "duration"}

    def test_roles_that_come_to_the_same_are_one(self, cast: Cast) -> None:
        view = terms(cast.alice, "read@shop", "read@shop", only="shop.orders")["view"]
        assert json.loads(view["private_metadata"])["a"] == ["read@shop.orders"]

    def test_what_was_carried_is_read_with_care(self, cast: Cast) -> None:
        for private in ({}, {"t": 7}, {"t": "shop-prod", "a": 7, "d": "", "r": "", "k": ""}):
            assert "Nothing was asked for" in json.dumps(sent(cast.alice, "ask.send", private)["view"])
        long = "\\" * 1_000
        assert "/request/?target=shop-prod" in terms(cast.alice, "x" * 999, reason=long)["errors"]["reason"]


class TestSearch:
    def test_finds_what_one_may_ask_for(self, cast: Cast) -> None:
        found = send_payload(payload("block_suggestion", cast.alice, action_id="target", value="shop-p")).json()
        (group,) = found["option_groups"]
        assert [one["value"] for one in group["options"]] == ["shop-prod"]
        assert group["options"][0]["text"]["text"] == "shop-prod: one of data-owners"

    @pytest.mark.parametrize("name", ["mallory", "carol"])
    def test_finds_nothing_for_others(self, cast: Cast, name: str) -> None:
        person = getattr(cast, name)
        found = send_payload(payload("block_suggestion", person, action_id="target", value="")).json()
        assert found == {"options": []}


class TestWords:
    def test_mine_lists_what_one_has_and_waits_for(self, cast: Cast) -> None:
        assert "You have no access" in command(account_of(cast.alice), "mine").json()["text"]
        grant = make.active_grant(cast.alice, cast.bob)
        waiting = make.submit(cast.alice, roles=("read@shop.customers",))
        said = json.dumps(command(account_of(cast.alice), " MINE ").json()["blocks"])
        assert f"/access/{grant.pk}/" in said
        assert f"/requests/{waiting.pk}/" in said
        assert "<!date^" in said, "Its end, in the reader's own zone."

    def test_approvals_lists_what_waits_for_one(self, cast: Cast) -> None:
        waiting = make.submit(cast.alice)
        assert f"/approvals/{waiting.pk}/" in json.dumps(command(account_of(cast.bob), "approvals").json())
        empty = command(account_of(cast.alice), "approvals").json()
        assert "Nothing waits for you" in empty["text"]
        assert "|Open the portal>" in json.dumps(empty)

    def test_end_asks_whose_access_it_is_and_ends_ones_own_and_nobody_elses(self, cast: Cast, web_api: WebApi) -> None:
        grant = make.active_grant(cast.alice, cast.bob)
        number = grant.access_request_id
        assert "nothing here" in command(account_of(cast.mallory), f"end {number}").json()["text"]
        assert AuditEvent.objects.get(event="access_request.refused").actor == "mallory"
        for text in ("end 99999", "end " + "9" * 40):
            assert "nothing here" in command(account_of(cast.alice), text).json()["text"]
        assert command(account_of(cast.bob), f"end {number}").content == b""
        (opened,) = web_api.of("views.open")
        check(opened["view"])
        named = f"Request {number}, of Alice Archer: read@shop.orders on shop-prod."
        assert opened["view"]["blocks"][0]["text"]["text"].startswith(f"{named} It ends now")
        grant.refresh_from_db()
        assert grant.state == "active", "Nothing ends before somebody has said yes."

        private = json.loads(opened["view"]["private_metadata"])
        said = [sent(person, "end", private)["view"] for person in (cast.mallory, cast.carol, cast.bob, cast.bob)]
        for view in said:
            check(view)
        of_mallory, of_nobody, of_bob, again = (view["blocks"][0]["text"]["text"] for view in said)
        assert "nothing here" in of_mallory
        assert "linked to nobody" in of_nobody
        assert of_bob.startswith(f"{named} It is being ended. Its page says when")
        assert "already" in again
        grant.refresh_from_db()
        assert (grant.state, grant.end_reason, grant.ended_by) == ("revoking", "revoked", "bob")
        over = command(account_of(cast.alice), f"end {number}").json()["text"]
        assert f"{named} Ending: Bob Brandt revoked it" in over

    def test_end_of_what_has_no_access_yet_or_none_any_more_says_so_and_accuses_nobody(self, cast: Cast) -> None:
        asked = make.submit(cast.alice)
        waits = command(account_of(cast.alice), f"end {asked.pk}").json()["text"]
        assert "It has no access that could end. It waits for 1 person of data-owners." in waits
        access_requests.cancel(access_request_id=asked.pk, requester=cast.alice, via=Via.WEB)
        void = command(account_of(cast.alice), f"end {asked.pk}").json()["text"]
        assert "It has no access that could end. The requester took it back." in void
        assert not AuditEvent.objects.filter(event="access_request.refused").exists()

    @pytest.mark.parametrize("text", ["end", "end x", "end -1", "end ٣"])
    def test_end_of_nothing_says_what_is_missing(self, cast: Cast, text: str) -> None:
        assert "as in /access end 77" in command(account_of(cast.alice), text).json()["text"]

    def test_end_is_answered_where_slack_does_not_ask(self, cast: Cast, web_api: WebApi) -> None:
        grant = make.active_grant(cast.alice, cast.bob)
        web_api.refuse("expired_trigger_id")
        assert "nothing was ended" in command(account_of(cast.alice), f"end {grant.access_request_id}").json()["text"]
        grant.refresh_from_db()
        assert grant.state == "active"

    @pytest.mark.parametrize(
        ("text", "begins"),
        [
            ("help", "/access asks for access."),
            ("what is it", "“what” was not understood, so nothing was done. /access asks for access."),
            ("<!channel>", "“&lt;!channel&gt;” was not understood"),
        ],
    )
    def test_help_says_what_there_is_and_what_was_not_understood(self, cast: Cast, text: str, begins: str) -> None:
        said = command(account_of(cast.alice), text).json()["text"]
        assert said.startswith(begins)
        assert "/access mine" in said

    def test_of_another_workspace_is_refused(self, cast: Cast) -> None:
        assert command(account_of(cast.alice), "mine", team_id="T0RIVAL").status_code == 403
