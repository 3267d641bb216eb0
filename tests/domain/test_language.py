"""Guards the JSON Schema of policies: editors take what the reader takes, and mark what it refuses."""

from __future__ import annotations

import copy
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema_rs import Draft202012Validator, meta

from accessrequests.domain.kinds import ACCESS_KINDS
from accessrequests.domain.language import POLICY, RULE, schema
from accessrequests.domain.policy import InvalidPolicy, parse
from accessrequests.models.access_requests import AccessKind
from tests.domain.test_rules import PRODUCTION_READ, policy_of

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "policy.yaml"
VALIDATOR = Draft202012Validator(schema())
PUBLISHING = {"approvals": [{"group": "security", "people": 2}]}
WHOLE: dict[str, Any] = {**policy_of(), "publishing": PUBLISHING}
DENIAL: dict[str, Any] = {"name": "p", "rules": [{"name": "r", "match": {}, "deny": True}]}


def _mappings(document: Any) -> Iterator[dict[str, Any]]:
    """Every mapping of a document, in place."""
    if isinstance(document, dict):
        yield document
        for held in document.values():
            yield from _mappings(held)
    if isinstance(document, list):
        for held in document:
            yield from _mappings(held)


def _spoilt() -> Iterator[dict[str, Any]]:
    """The whole language with one thing wrong, once for each key of each mapping: misspelt, or of no form at all."""
    for number, mapping in enumerate(_mappings(WHOLE)):
        for key in mapping:
            for change in ("misspelt", "formless"):
                spoilt = copy.deepcopy(WHOLE)
                there = list(_mappings(spoilt))[number]
                held = there.pop(key)
                there[f"{key}x" if change == "misspelt" else key] = held if change == "misspelt" else 7.5
                yield spoilt


def _blocks() -> list[str]:
    """Every example of the page on policies: a whole one, or some rules of one."""
    page = (EXAMPLE.parents[1] / "policies.md").read_text(encoding="utf-8")
    return [textwrap.dedent(block) for block in re.findall(r"^ *```yaml\n(.*?)^ *```$", page, re.DOTALL | re.MULTILINE)]


@pytest.mark.parametrize("block", _blocks())
def test_the_examples_of_the_page_on_policies_are_policies(block: str) -> None:
    written = yaml.safe_load(block)
    whole = {"name": "p", "rules": written} if isinstance(written, list) else written
    document = whole if "rules" in whole else {"name": "p", "rules": policy_of()["rules"], **whole}

    parse(document)
    assert VALIDATOR.is_valid(document)


def test_every_key_has_an_example() -> None:
    shown = " ".join(_blocks())

    assert [key for key in {**RULE, **POLICY} if f"{key}:" not in shown] == []


def _is_read(document: object) -> bool:
    try:
        parse(document)
    except InvalidPolicy:
        return False
    return True


def test_the_schema_is_one() -> None:
    assert meta.is_valid(schema())


@pytest.mark.parametrize("document", [WHOLE, DENIAL, yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))])
def test_both_take_what_is_a_policy(document: dict[str, Any]) -> None:
    assert _is_read(document)
    assert VALIDATOR.is_valid(document)


def test_both_refuse_whatever_is_misspelt_or_of_no_form() -> None:
    spoilt = list(_spoilt())

    assert len(spoilt) > 2 * len({*RULE, *POLICY})
    assert [document for document in spoilt if _is_read(document)] == []
    assert [document for document in spoilt if VALIDATOR.is_valid(document)] == []


@pytest.mark.parametrize("key", [name for name, key in RULE.items() if key.needed])
def test_both_want_the_same_keys(key: str) -> None:
    document = policy_of()
    del document["rules"][0][key]

    assert not _is_read(document)
    assert not VALIDATOR.is_valid(document)


def test_speaks_of_every_key_and_of_every_kind() -> None:
    rule = schema()["properties"]["rules"]["items"]

    assert set(PRODUCTION_READ) == set(RULE) == set(rule["properties"])
    assert all(held["description"] for held in rule["properties"].values())
    assert tuple(kind.value for kind in AccessKind) == ACCESS_KINDS
