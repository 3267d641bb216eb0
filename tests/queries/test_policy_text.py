"""Guards the checking of a policy's text: each wrong thing with its line, and what cannot work here pointed out."""

from __future__ import annotations

import textwrap
from typing import Any

import pytest
import yaml

from accessrequests.domain.policy import parse
from accessrequests.queries import policy_advice, policy_text
from sandbox import catalogue
from tests import make
from tests.make import Cast

TEXT = """\
name: example
rules:
  - name: production-read
    match: {environment: [production], levels: [reed]}
    eligible: [engineering]
    approvals:
      - group: data-owners
        people: one
    maximum: PT8H
    ticket:
      patern: OPS-[0-9]+
  - name: short
    match: {}
"""


def _wrong(text: str) -> list[str]:
    checked = policy_text.check(textwrap.dedent(text))
    assert checked.rules is None
    return list(map(str, checked.wrong))


def test_names_line_and_column_and_what_was_meant() -> None:
    assert _wrong(TEXT) == [
        "line 4, column 13: Rule production-read, match: the key environment is unknown, did you mean environments?",
        (
            "line 4, column 48: Rule production-read, match: the key levels must be a list of read, write and admin. "
            "Did you mean read?"
        ),
        "line 8, column 17: Rule production-read, approvals: the key people must be a number from 1 to 20.",
        "line 11, column 7: Rule production-read, ticket: the key patern is unknown, did you mean pattern?",
        (
            r"line 11, column 7: Rule production-read, ticket: the key pattern is missing. Write a pattern of letters, "
            r"digits, [A-Z], \d, +, *, ?, {2,5} and |, like OPS-[0-9]+."
        ),
        (
            "line 12, column 5: Rule short: the key approvals is missing. Write a list of group and people, empty for "
            "automatic access."
        ),
        "line 12, column 5: Rule short: the key eligible is missing. Write a list with at least one group.",
        "line 12, column 5: Rule short: the key maximum is missing. Write a length like PT8H.",
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name: [", "line 1, column 8: The document is not YAML: expected the node content"),
        ("name: a\nname: b", "line 2, column 1: The document is not YAML: the key name is written"),
        ("", "line 1, column 1: The policy: write it as keys with values (name, rules, custom_roles, publishing)."),
        ("just words", "line 1, column 1: The policy: write it as keys"),
        ("7: 8", "line 1, column 1: The policy: the key 7 is unknown. Use only name, rules, custom_roles, publishing."),
        ("name: x\x00", "line 1, column 1: The document is not YAML: "),
        ("# " + "x" * policy_text.LARGEST, "line 1, column 1: It is longer than 200,000 characters."),
    ],
)
def test_refuses_what_is_no_document(text: str, said: str) -> None:
    assert policy_text.check(text).rules is None
    assert _wrong(text)[0].startswith(said)


def test_reads_what_is_a_policy_and_doubts_nothing_that_works_here(cast: Cast) -> None:
    document = catalogue.policy_document()
    document["rules"] = [rule for rule in document["rules"] if "ecommerce-" not in str(rule["match"])]

    checked = policy_text.check(yaml.safe_dump(document, sort_keys=False))

    assert checked.rules == parse(document)
    assert (checked.document, checked.wrong, checked.doubts) == (document, (), ())


def _doubts(*rules: dict[str, Any], **top: Any) -> list[str]:
    document = {"name": "p", "rules": list(rules), **top}
    return [finding.sentence for finding in policy_advice.advise(parse(document))]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"match": {"environments": ["prodction"]}},
            "Rule r, match: there is no environment called prodction, did you mean production?",
        ),
        (
            {"match": {"environments": ["prod"]}},
            "Rule r, match: there is no environment called prod, did you mean production?",
        ),
        (
            {"step_up": True},
            "Rule r: 1 of data-owners must approve with a second factor, and nobody of its 2 people has one. They add it",
        ),
        ({"match": {"targets": ["nowhere"]}}, "Rule r, match: there is no target called nowhere."),
        (
            {"match": {"environments": ["staging"], "targets": ["shop-prod"]}},
            "Rule r, match: none of these targets is in these environments, so the rule never matches.",
        ),
        (
            {"match": {"targets": ["shop-prod"], "kinds": ["project_role"]}},
            "Rule r, match: no target that it is about offers project_role, so the rule never matches.",
        ),
        (
            {"match": {"targets": ["shop-prod"], "databases": ["shopp"]}},
            "Rule r, match: there is no database called shopp, did you mean shop?",
        ),
        ({"eligible": ["enginering"]}, "Rule r: there is no group called enginering, did you mean engineering?"),
        (
            {"approvals": [{"group": "security", "people": 5}]},
            "Rule r: 5 different people of security must approve, and it has 1.",
        ),
        ({"approvals": [{"group": "owners", "people": 1}]}, "Rule r: there is no group called owners"),
        (
            {"escalate": {"after": "PT9H", "to": "security"}},
            "Rule r: a request lapses before anybody else may answer it. Escalate sooner, or let it wait longer.",
        ),
        ({"fallback": "nobody-here"}, "Rule r: there is no group called nobody-here."),
        (
            {"break_glass": {"eligible": ["on-call"], "tells": ["securty"], "review_by": ["security"]}},
            "Rule r: there is no group called securty, did you mean security?",
        ),
    ],
)
def test_points_out_what_cannot_work_here(cast: Cast, changes: dict[str, Any], said: str) -> None:
    found = _doubts(make.rule("r", **changes))

    assert len(found) == 1 or "on-call" in str(changes), found
    assert any(sentence.startswith(said) for sentence in found), found


def test_points_out_whose_own_request_nobody_could_complete(cast: Cast) -> None:
    owners = [{"group": "data-owners", "people": 2}]
    alone = make.rule("r", approvals=owners)
    said = "Rule r: when bob or grace asks, too few others are there who may approve."

    assert [one for one in _doubts(alone) if one.startswith("Rule r: when")] == [
        f"{said} Add people to a group, or name a fallback."
    ]
    assert _doubts(make.rule("r", approvals=owners, fallback="security")) == []
    assert _doubts(make.rule("r", approvals=owners, deny=True)) == []


def test_points_out_a_group_that_is_empty_and_a_publishing_that_cannot_be(cast: Cast) -> None:
    for name in ("carol",):
        make.apply(name, active=False)

    assert _doubts(make.rule("r"), publishing={"approvals": [{"group": "security", "people": 1}]}) == [
        "The policy, publishing: nobody is in the group security, so nobody of it can approve."
    ]
