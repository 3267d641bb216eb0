"""A policy as somebody wrote it: read, checked against what there is here, and every remark with its line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from accessrequests.domain.policy import InvalidPolicy, Rules, parse
from accessrequests.domain.tables import Finding
from accessrequests.queries import yaml_text
from accessrequests.queries.policy_advice import advise
from accessrequests.queries.yaml_text import Place, Unreadable, Written

LARGEST = 200_000
_TOP = Place(1, 1)


@dataclass(frozen=True, slots=True)
class Remark:
    """One sentence on a document, and where it points to."""

    line: int
    column: int
    sentence: str

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {self.sentence}"


@dataclass(frozen=True, slots=True)
class Checked:
    """What a text comes to. Without rules it is no policy, and `wrong` says why."""

    document: Mapping[str, Any]
    rules: Rules | None
    wrong: tuple[Remark, ...] = ()
    doubts: tuple[Remark, ...] = ()


def check(text: str) -> Checked:
    """Read the text and say everything that is wrong with it, or else what is doubtful about it here."""
    if len(text) > LARGEST:
        return _unread(f"It is longer than {LARGEST:,} characters. Make it shorter.")
    try:
        written = yaml_text.read(text)
    except Unreadable as error:
        return _unread(f"The document is not YAML: {error.problem}.", error.place)
    try:
        rules = parse(written.values)
    except InvalidPolicy as error:
        return Checked({}, None, wrong=_placed(written, error.findings))
    return Checked(dict(written.values), rules, doubts=_placed(written, advise(rules)))


def _unread(sentence: str, place: Place = _TOP) -> Checked:
    return Checked({}, None, wrong=(Remark(place.line, place.column, sentence),))


def _placed(written: Written, findings: list[Finding] | tuple[Finding, ...]) -> tuple[Remark, ...]:
    remarks = []
    for finding in findings:
        place = written.place_of(finding)
        remarks.append(Remark(place.line, place.column, finding.sentence))
    return tuple(sorted(remarks, key=lambda remark: (remark.line, remark.column, remark.sentence)))
