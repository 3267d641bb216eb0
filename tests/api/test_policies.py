"""Guards the replay over the API: the numbers of the command, nothing kept, and a wrong document named line by line."""

from __future__ import annotations

import json
from datetime import timedelta

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
