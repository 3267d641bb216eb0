"""Guards the wizard over REST: answers lead to questions and at last to an ask that can be filed as it is."""

from __future__ import annotations

from typing import Any

from tests import make, roles
from tests.api.caller import Caller
from tests.make import Cast

WIZARD = "access-requests/wizard/"
READING = {"plane": "data", "who": "me", "do": "read", "reach": "collection"}


def asked(caller: Caller, **answers: str) -> Any:
    answer = caller.post(WIZARD, answers)
    assert answer.status_code == 200, answer.content
    return answer.json()


def led(caller: Caller, answers: dict[str, str]) -> Any:
    """To the end: where nothing else is said, the first choice that can be had."""
    wanted = dict(answers)
    while (found := asked(caller, **answers))["question"] is not None:
        question = found["question"]
        assert question["key"] not in answers, "No question is asked twice."
        open_ones = [one["value"] for one in question["choices"] if not one["refusal"]]
        answers = {**answers, question["key"]: wanted.get(question["key"], open_ones[0])}
    return found


def test_an_ask_comes_of_it_that_can_be_filed(cast: Cast) -> None:
    caller = Caller(cast.alice)

    found = led(caller, {**READING, "target": "shop-prod", "place": "shop.orders", "length": "PT1H"})

    assert found["ask"] == {
        "target": "shop-prod",
        "kind": "database_user",
        "roles": ["read@shop.orders"],
        "duration": "PT1H",
        "authentication": "scram",
    }
    assert (found["still_to_say"], "the least that shows" in found["told"]) == (["reason"], True)
    assert {"key": "length", "value": "PT1H"}.items() <= found["answered"][-1].items()
    filed = caller.post("access-requests/", {**found["ask"], "reason": "Refund totals are off."})
    assert filed.status_code == 201


def test_a_project_of_atlas_asks_for_a_cluster_and_an_address(cast: Cast) -> None:
    roles.project()

    found = led(Caller(cast.alice), {**READING, "target": roles.SLUG, "place": "shop.orders", "cluster": "reports"})

    assert found["ask"]["clusters"] == ["reports"]
    assert found["still_to_say"] == ["reason", "source_addresses"]


def test_the_first_question_needs_no_answer_and_says_what_is_refused(cast: Cast) -> None:
    roles.project()

    first = asked(Caller(cast.alice))
    assert (first["question"]["key"], first["ask"], first["told"]) == ("who", None, "")
    assert first["answered"][0]["value"] == "data", "There is no other answer, so it is not asked."
    do = asked(Caller(cast.mallory), plane="data", who="me")["question"]
    assert all(one["refusal"] for one in do["choices"]), "mallory may ask for nothing."


def test_what_is_no_answer_is_said_to_be_none(cast: Cast) -> None:
    make.unread_target("shop-new")
    caller = Caller(cast.alice)

    answer = caller.post(WIZARD, {"plane": "data", "who": "me", "do": "nothing"})
    assert answer.status_code == 422
    said = "That is no answer to “What has to be done?” here. There are: read, change, action, administer."
    assert answer.json()["errors"] == {"do": [said]}
    refused = caller.post(WIZARD, {**READING, "target": "shop-new"})
    assert refused.status_code == 422
    assert "has not been read yet" in refused.json()["errors"]["target"][0]
    lone = caller.post(WIZARD, {"plane": "project"})
    assert lone.json()["errors"]["plane"][0].endswith("There are: data.")
    assert caller.post(WIZARD, {"colour": "red"}).json()["errors"].keys() == {"colour"}
