"""Guards policies over the API: a replay with the numbers of the command that keeps nothing, and drafts agreed to."""

from __future__ import annotations

import json
from datetime import timedelta

from accessrequests.domain.events import Via
from accessrequests.models import AuditEvent, PolicyDraft, PolicyVersion
from accessrequests.operations import policy_drafts
from accessrequests.queries import people
from tests import make
from tests.api.caller import Caller
from tests.make import Cast
from tests.traces import Traces

SHORT = {"name": "short", "rules": [make.rule("prod", maximum="PT1H")]}


def test_says_which_requests_would_be_answered_otherwise_and_keeps_nothing(cast: Cast) -> None:
    one, _ = make.submit(cast.alice), make.submit(cast.alice, duration=timedelta(minutes=30))
    caller = Caller(cast.dave)
    body = {"document": json.dumps(SHORT), "days": 1}
    traces = Traces()

    answer = caller.write("POST", "policies/simulate/", body)

    assert (answer.status_code, traces.events(), traces.jobs()) == (200, [], [])
    assert answer.json() == {
        "total": 2,
        "left_out": 0,
        "same": 1,
        "kinds": {"refused": 1},
        "changed": [
            {
                "access_request": one.pk,
                "requester": "alice",
                "kind": "refused",
                "before": "1 of data-owners",
                "after": "refused",
                "why": "Rule prod allows at most 1 hour. Ask for a shorter time.",
            }
        ],
    }


def test_names_the_line_of_what_is_wrong(cast: Cast) -> None:
    answer = Caller(cast.erin).write("POST", "policies/simulate/", {"document": "name: x\nrulez: []\n"})

    assert answer.status_code == 422
    assert "line 2, column 1: The policy: the key rulez is unknown, did you mean rules?" in answer.content.decode()


GUARDED = {
    "name": "guarded",
    "rules": [make.rule("prod")],
    "publishing": {"approvals": [{"group": "security", "people": 1}]},
}


def proposed(cast: Cast) -> PolicyDraft:
    make.publish(GUARDED)
    draft = policy_drafts.draft(text=json.dumps(SHORT), document=SHORT, actor=people.actor_of(cast.erin, Via.WEB))
    return policy_drafts.propose(draft_id=draft.pk, person=cast.erin, via=Via.WEB)


class TestDrafts:
    def test_is_written_and_proposed_once_however_often_it_is_sent(self, cast: Cast) -> None:
        make.publish(GUARDED)
        caller = Caller(cast.erin)
        wrong = caller.post("policies/drafts/", {"document": "name: x\nrulez: []\n"})
        assert (wrong.status_code, PolicyDraft.objects.exists()) == (422, False)

        written = caller.post("policies/drafts/", {"document": json.dumps(SHORT)}, key="one")
        path = f"policies/drafts/{written.json()['draft']['id']}/"
        alone = caller.post(f"{path}publish/", {})
        proposed = [caller.post(f"{path}propose/", {}, key="two").status_code for _ in range(2)]

        assert (written.status_code, alone.status_code, proposed) == (201, 403, [200, 200])
        assert PolicyDraft.objects.get().state == "proposed"
        assert AuditEvent.objects.filter(event="policy.proposed", via="api", actor="erin").count() == 1

    def test_is_published_by_the_last_agreement_and_a_repeat_does_nothing(self, cast: Cast) -> None:
        draft, caller = proposed(cast), Caller(cast.carol)
        path = f"policies/drafts/{draft.pk}/"
        assert [one["id"] for one in caller.get("policies/drafts/").json()["results"]] == [draft.pk]
        found = caller.get(path).json()
        assert (found["draft"]["state"], found["draft"]["proposed_by"], found["draft"]["version"]) == (
            "proposed",
            "erin",
            None,
        )
        assert found["waits_for"] == "1 person of security"
        assert {one["rule"]: one["kind"] for one in found["changes"]}["prod"] == "changed"
        assert json.loads(found["document"]) == SHORT

        first = caller.post(f"{path}agree/", {"comment": "Shorter is better."}, key="a key")
        again = caller.post(f"{path}agree/", {"comment": "Shorter is better."}, key="a key")

        assert (first.status_code, again.json()) == (200, first.json())
        told = first.json()
        assert (told["draft"]["state"], told["draft"]["version"], told["draft"]["decided_by"]) == (
            "published",
            PolicyVersion.objects.latest("version").version,
            "carol",
        )
        assert [(one["person"], one["comment"]) for one in told["agreed"]] == [("carol", "Shorter is better.")]
        assert AuditEvent.objects.get(event="policy.approved").via == "api"

    def test_is_for_those_who_are_asked_and_never_for_who_proposed_it(self, cast: Cast) -> None:
        draft = proposed(cast)
        for person in (cast.erin, cast.bob, cast.dave, cast.mallory):
            answer = Caller(person).post(f"policies/drafts/{draft.pk}/agree/", {})
            assert (answer.status_code, answer.json()["code"]) == (403, "refused")
        no = Caller(cast.carol).post(f"policies/drafts/{draft.pk}/reject/", {"why": "Too short."})
        assert (no.status_code, no.json()["draft"]["state"], no.json()["draft"]["why"]) == (
            200,
            "rejected",
            "Too short.",
        )
        assert Caller(cast.carol).post(f"policies/drafts/{draft.pk}/agree/", {}).status_code == 409
