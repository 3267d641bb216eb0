"""What the policy says to a break-glass, in the form of what it says to an ask: nobody is asked, and nothing waits."""

from __future__ import annotations

from typing import Protocol

from accessrequests.domain.answering import Answering
from accessrequests.domain.break_glass import BreakGlassVerdict, evaluate_break_glass
from accessrequests.domain.language import DEFAULT_LAPSE
from accessrequests.domain.matching import Ask
from accessrequests.domain.policy import evaluate
from accessrequests.domain.rules import Rules
from accessrequests.domain.verdicts import Parts, Verdict, verdict_of


class Evaluate(Protocol):
    """One way to judge an ask."""

    def __call__(self, rules: Rules, ask: Ask, *, version: int) -> Verdict: ...


def evaluator(*, is_break_glass: bool) -> Evaluate:
    return evaluate_as_broken if is_break_glass else evaluate


def evaluate_as_broken(rules: Rules, ask: Ask, *, version: int) -> Verdict:
    """So that what is judged again later is judged like everything else, and the stricter counts."""
    return as_verdict(evaluate_break_glass(rules, ask, version=version))


def as_verdict(found: BreakGlassVerdict) -> Verdict:
    maximum = found.terms.maximum if found.terms else None
    return verdict_of(
        Parts(
            allowed=found.allowed,
            level=found.level,
            steps=(),
            maximum=maximum,
            default=found.terms.default if found.terms else None,
            total_maximum=maximum,
            reason_minimum=found.reason_minimum,
            tickets=(),
            lapses_after=DEFAULT_LAPSE,
            answering=Answering(),
            on_call=(),
            conditions=found.conditions,
            rules=found.rules,
            refusals=found.refusals,
            policy=found.policy,
            version=found.version,
        )
    )
