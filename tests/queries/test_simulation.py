"""Guards the replay of past requests under a draft: its numbers are those of judging each one by itself."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accessrequests.domain.policy import parse
from accessrequests.models import AccessRequest, PolicyVersion
from accessrequests.queries import asked_before, asks, simulation
from accessrequests.queries.simulation import Simulation
from tests import glass, make
from tests.make import Cast

STRICTER: dict[str, Any] = {
    "name": "stricter",
    "rules": [
        make.rule("prod", match={}, maximum="PT3H", reason_minimum=0),
        make.rule("change", match={"levels": ["write", "admin"]}, approvals=[{"group": "security", "people": 1}]),
        make.rule("no-customers", match={"databases": ["nothing"]}, deny=True),
        make.rule("short-in-dev", match={"environments": ["development"]}, deny=True),
    ],
}


def _in_force() -> dict[str, Any]:
    rules: dict[str, Any] = PolicyVersion.objects.latest("version").rules
    return rules


def _run(document: dict[str, Any]) -> Simulation:
    return simulation.run(
        in_force=parse(_in_force()),
        draft=parse(document),
        since=make.now() - timedelta(days=30),
        progress=lambda _: None,
    )


def _past(cast: Cast, number: int) -> None:
    """Many requests that were decided long ago, of several kinds."""
    kinds = [
        make.submit(cast.alice),
        make.submit(cast.bob, duration=timedelta(hours=5)),
        make.submit(cast.alice, roles=("readWrite@shop",)),
        make.submit(cast.alice, target="shop-dev"),
        make.submit(cast.alice, grantee="bob"),
    ]
    copies = []
    for count in range(number):
        row = AccessRequest.objects.get(pk=kinds[count % len(kinds)].pk)
        row.pk, row.state, row.decided_at = None, "cancelled", row.filed_at
        copies.append(row)
    AccessRequest.objects.bulk_create(copies)


def _brute_force(document: dict[str, Any]) -> Counter[str]:
    """Each request judged again by itself, nothing kept from one to the next."""
    counted: Counter[str] = Counter()
    for row in AccessRequest.objects.all():
        said = []
        for rules in (_in_force(), document):
            version = PolicyVersion(version=1, rules=rules)
            asked = asked_before.asked_of(row, at=make.now())
            considered = asks.consider(requester=row.requester, asked=asked, at=make.now(), version=version)
            said.append(considered.verdict)
        counted[simulation.difference(*said)] += 1
    del counted[""]
    return counted


def test_says_which_would_change_and_why(cast: Cast) -> None:
    _past(cast, 0)

    found = _run(STRICTER)

    assert (found.total, found.done) == (5, 5)
    assert found.kinds == {"refused": 2}
    assert [(one.access_request.target.slug, one.before, one.after) for one in found.changed] == [
        ("shop-dev", "at once", "refused"),
        ("shop-prod", "1 of data-owners", "refused"),
    ]
    assert found.changed[0].why == "Rule short-in-dev denies read on shop-dev. Ask for less, or elsewhere."
    assert found.changed[1].why == "Rule prod allows at most 3 hours. Ask for a shorter time."


def test_the_policy_in_force_changes_nothing(cast: Cast) -> None:
    _past(cast, 3)

    found = _run(_in_force())

    assert (found.done, found.same, found.changed) == (8, 8, [])


def test_counts_what_judging_each_by_itself_counts_in_few_questions(cast: Cast) -> None:
    _past(cast, 55)
    with CaptureQueriesContext(connection) as captured:
        found = _run(STRICTER)

    assert found.done == 60
    assert dict(found.kinds) == dict(_brute_force(STRICTER))
    assert len(captured) <= 6


def test_tells_how_far_it_is_and_reads_a_thousand(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    _past(cast, 995)
    steps: list[tuple[int, int]] = []

    found = simulation.run(
        in_force=parse(_in_force()),
        draft=parse(STRICTER),
        since=make.now() - timedelta(days=30),
        progress=lambda so_far: steps.append((so_far.done, so_far.total)),
    )

    assert steps == [(250, 1000), (500, 1000), (750, 1000), (1000, 1000), (1000, 1000)]
    assert len(found.changed) == simulation.MOST_SHOWN
    assert sum(found.kinds.values()) == 400


def test_a_loosened_rule_shows_as_allowed_or_asking_less(cast: Cast) -> None:
    _past(cast, 0)
    make.publish(STRICTER)

    found = _run({"name": "loose", "rules": [make.rule("any", match={}, approvals=[])]})

    assert found.kinds == {"allowed": 2, "asks less": 3}


def test_leaves_out_who_broke_the_glass_because_they_asked_nobody(cast: Cast) -> None:
    make.submit(cast.alice)
    glass.broken(cast.frank)

    assert _run(STRICTER).total == 1


def test_judges_the_newest_when_there_are_too_many(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulation, "MOST_AT_ONCE", 2)
    _past(cast, 7)

    found = _run(STRICTER)

    assert (found.total, found.done, found.left_out) == (2, 2, 10)
    assert found.left_out_words.startswith("Only the newest 2 are judged. 10 older ones were left out")
