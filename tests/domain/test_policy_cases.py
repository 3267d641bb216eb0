"""Guards what policies say, case by case as a table, and that preview, simulation and decision never differ."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from accessrequests.domain import extending
from accessrequests.domain.matching import EVERY_DATABASE
from accessrequests.domain.networks import Network, read_network
from accessrequests.domain.policy import (
    Ask,
    Given,
    InvalidPolicy,
    Level,
    Rules,
    Step,
    Verdict,
    evaluate,
    from_json,
    open_steps,
    parse,
    stricter,
    to_json,
)
from accessrequests.domain.window import format_duration, parse_duration
from tests.domain import policy_cases as cases

LEVELS = {level.value: level for level in Level}
ENVIRONMENTS = {"production", "staging", "development"}
STARTED = datetime(2030, 1, 1, tzinfo=UTC)


def _rows(table: str) -> list[list[str]]:
    lines = [line for line in table.splitlines() if line.strip() and not line.startswith("--")]
    return [[cell.strip() for cell in line.split("|", maxsplit=3)] for line in lines]


def _list(text: str) -> list[str]:
    return [word for word in text.split(",") if word]


def _steps(text: str) -> list[dict[str, Any]]:
    pairs = [step.split(".") for step in text.replace(",", " ").split()]
    return [{"group": group, "people": int(people)} for people, group in pairs]


def _values(words: Sequence[str]) -> dict[str, str]:
    return dict(word.partition("=")[::2] for word in words)


def _rule(name: str, match: str, says: str) -> dict[str, Any]:
    matched = {key: _list(value) for key, value in _values(match.split()).items()}
    said = _values(says.split())
    if "deny" in said:
        return {"name": name, "match": matched, "deny": True}
    rule: dict[str, Any] = {
        "name": name,
        "match": matched,
        "eligible": _list(said["eligible"]),
        "approvals": _steps(said["approvals"]),
        "maximum": said["maximum"],
        "reason_minimum": int(said.get("reason", 0)),
    }
    for key, named in {"lapses": "lapses_after", "remind": "remind_after", "total": "total_maximum"}.items():
        rule |= {named: said[key]} if key in said else {}
    rule |= {key: said[key] for key in ("default", "fallback") if key in said}
    rule |= {key: True for key in ("in_sequence", "step_up", "unscoped") if key in said}
    if "ticket" in said:
        rule["ticket"] = {"pattern": said["ticket"]}
    if "escalate" in said:
        rule["escalate"] = dict(zip(("after", "to"), said["escalate"].split("."), strict=True))
    if "on_call" in said:
        schedule, role, maximum = said["on_call"].split(".")
        rule["on_call"] = {"schedule": schedule, "roles": [role], "maximum": maximum}
    if "authentication" in said:
        rule["authentication"] = _list(said["authentication"])
    return rule | ({"widest_ipv4": int(said["ipv4"])} if "ipv4" in said else {})


DOCUMENTS = {cells[0]: _rule(*cells) for cells in _rows(cases.RULES)}


def _policy(names: str) -> Rules:
    return parse({"name": "cases", "rules": [DOCUMENTS[name] for name in names.split()]})


def _network(text: str) -> Network:
    network = read_network(text)
    assert network is not None
    return network


def _ask(who: str, text: str) -> Ask:
    said = _values(text.split())
    level = next((LEVELS[word] for word in said if word in LEVELS), Level.READ)
    changes: dict[str, Any] = {
        "target": said.get("target", "shop-prod"),
        "environment": next((word for word in said if word in ENVIRONMENTS), "production"),
        "level": level,
        "groups": frozenset(who.replace("+", " ").split()),
        "duration": parse_duration(said.get("for", "PT20M")),
        "reason_length": None if said.get("reason") == "?" else int(said.get("reason", 10)),
        "is_unscoped": "all-clusters" in said,
        "authentication": said.get("with"),
        "kind": said.get("kind", "database_user"),
        "roles": frozenset(_list(said.get("roles", ""))),
        "on_call": frozenset(_list(said.get("duty", ""))),
        "ticket": None if said.get("ticket", "?") == "?" else said["ticket"],
    }
    if "on" in said:
        changes["databases"] = EVERY_DATABASE if said["on"] == "*" else frozenset(_list(said["on"]))
    if "from" in said:
        changes["networks"] = tuple(_network(one) for one in _list(said["from"]))
    return Ask(**changes)


def _as_expected(expected: str, verdict: Verdict) -> str:
    """The verdict, in the words of the table and of those things only that the row speaks of."""
    if not verdict.allowed:
        return f"no: {', '.join(dict.fromkeys(refusal.rule for refusal in verdict.refusals))}"
    said = [f"{step.needed}.{step.group}" for step in verdict.steps] or ["at once"]
    assert verdict.automatic == (not verdict.steps)
    answering, escalate = verdict.answering, verdict.answering.escalate
    words = {
        "max": _written(verdict.maximum),
        "total": _written(verdict.total_maximum),
        "default": _written(verdict.default),
        "reason": str(verdict.reason_minimum),
        "lapses": _written(verdict.lapses_after),
        "remind": _written(answering.remind_after),
        "escalate": f"{_written(escalate.after)}.{escalate.to}" if escalate else "none",
        "fallback": answering.fallback or "none",
    }
    flags = {
        "in-sequence": answering.in_sequence,
        "at-the-same-time": not answering.in_sequence,
        "step-up": answering.step_up,
        "no-step-up": not answering.step_up,
    }
    for word in expected.split():
        key = word.partition("=")[0]
        said += [f"{key}={words[key]}"] if key in words else []
        said += [word] if flags.get(key) else []
    return " ".join(said)


def _written(length: timedelta | None) -> str:
    return "none" if length is None else format_duration(length)


@pytest.mark.parametrize(("policy", "who", "asks", "answer"), _rows(cases.DECISIONS))
def test_decides(policy: str, who: str, asks: str, answer: str) -> None:
    verdict = evaluate(_policy(policy), _ask(who, asks), version=1)

    assert _as_expected(answer, verdict) == answer
    assert all(refusal.sentence in verdict.sentences for refusal in verdict.refusals)


@pytest.mark.parametrize(("needed", "given", "still"), _rows(cases.PEOPLE))
def test_counts_distinct_people(needed: str, given: str, still: str) -> None:
    steps = [Step(step["group"], step["people"]) for step in _steps(needed)]
    people = [
        Given(name, frozenset(_list(groups))) for name, _, groups in (word.partition(":") for word in given.split())
    ]

    assert " ".join(f"{step.needed}.{step.group}" for step in open_steps(steps, people)) == still


@pytest.mark.parametrize(("maximum", "total", "held", "more"), _rows(cases.EXTENSIONS))
def test_extends_up_to_the_total(maximum: str, total: str, held: str, more: str) -> None:
    rule = {**DOCUMENTS["owners"], "maximum": maximum} | ({} if total == "none" else {"total_maximum": total})
    ask = _ask("engineering", "for=PT10M")
    verdict = evaluate(parse({"name": "p", "rules": [rule]}), ask, version=1)
    ends = STARTED + parse_duration(held)

    longest = extending.longest(verdict, starts_at=STARTED, expires_at=ends)

    assert _written(longest or None) == more
    if longest:
        assert extending.capped(verdict, starts_at=STARTED, expires_at=ends, length=longest) == verdict
    over = longest + timedelta(seconds=1)
    assert (
        longest == verdict.maximum
        or not extending.capped(verdict, starts_at=STARTED, expires_at=ends, length=over).allowed
    )


def _unknown() -> Iterator[object]:
    rule = DOCUMENTS["read"]
    yield from ({}, {"name": "p"}, {"name": "p", "rules": []}, {"name": "p", "rules": [{}]}, None, "", [], 0, False)
    yield {"name": "p", "rules": [rule], "version": 1}
    yield {"name": "p", "rules": [{**rule, "automatic": True}]}
    yield {"name": "p", "rules": [{**rule, "match": {"owner": ["x"]}}]}
    yield {"name": "p", "rules": [{**rule, "match": {"kinds": ["everything"]}}]}
    yield {"name": "p", "rules": [{**rule, "match": {"levels": ["delegating"]}}]}
    yield {"name": "p", "rules": [{**rule, "approvals": [{"group": "a", "people": 1, "any_of": []}]}]}
    yield {"name": "p", "rules": [{**rule, "authentication": ["magic"]}]}
    yield {"name": "p", "rules": [{**rule, "maximum": "forever"}]}
    yield {"name": "p", "rules": [{**rule, "deny": "yes"}]}
    yield {"name": "p", "rules": [rule], "publishing": {"approvals": [], "alone": True}}


@pytest.mark.parametrize("document", list(_unknown()))
def test_refuses_an_empty_document_and_whatever_it_does_not_know(document: object) -> None:
    with pytest.raises(InvalidPolicy) as caught:
        parse(document)
    assert all(sentence.endswith((".", "?")) for sentence in caught.value.sentences)


def test_there_are_cases_enough() -> None:
    tables = (cases.DECISIONS, cases.PEOPLE, cases.EXTENSIONS)

    assert sum(len(_rows(table)) for table in tables) >= 120
    assert {name for row in _rows(cases.DECISIONS) for name in row[0].split()} == set(DOCUMENTS)


def _asks(number: int) -> Iterator[tuple[Rules, Ask]]:
    """Random policies and asks of the table's own words, the same ones every time."""
    chance = random.Random(20_301_122)
    written = _rows(cases.DECISIONS)
    names = sorted(DOCUMENTS)
    policies = [_policy(" ".join(chance.sample(names, chance.randint(1, 4)))) for _ in range(200)]
    asks = [_ask(who, text) for _, who, text, _ in written]
    for _ in range(number):
        ask, other = chance.choice(asks), chance.choice(asks)
        mixed = dataclasses.replace(
            ask,
            level=other.level,
            environment=other.environment,
            groups=ask.groups | other.groups,
            databases=other.databases,
            duration=other.duration,
        )
        yield chance.choice(policies), mixed


def test_preview_simulation_and_decision_agree_on_ten_thousand_asks() -> None:
    answers = set()
    for rules, ask in _asks(10_000):
        preview = evaluate(rules, ask, version=3)
        pinned = from_json(to_json(preview))
        decision = stricter(pinned, evaluate(rules, ask, version=3))
        assert preview == pinned == decision
        answers.add((preview.allowed, preview.automatic))

    assert answers == {(True, True), (True, False), (False, False)}
