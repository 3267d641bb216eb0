"""A verdict as plain values: what is pinned on a request, and what the API shows."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from accessrequests.domain import answering as asking
from accessrequests.domain import conditions as terms
from accessrequests.domain import tickets
from accessrequests.domain.approvals import Step
from accessrequests.domain.privileges import Level
from accessrequests.domain.verdicts import Refusal, Verdict
from accessrequests.domain.window import format_duration, parse_duration


def to_json(verdict: Verdict) -> dict[str, Any]:
    return {
        "allowed": verdict.allowed,
        "automatic": verdict.automatic,
        "level": verdict.level.value,
        "steps": list(map(_step, verdict.steps)),
        "maximum": _written(verdict.maximum),
        "default": _written(verdict.default),
        "total_maximum": _written(verdict.total_maximum),
        "reason_minimum": verdict.reason_minimum,
        "tickets": [tickets.to_json(ticket) for ticket in verdict.tickets],
        "lapses_after": format_duration(verdict.lapses_after),
        **asking.to_json(verdict.answering),
        "on_call": list(verdict.on_call),
        **terms.to_json(verdict.conditions),
        "sentences": list(verdict.sentences),
        "rules": list(verdict.rules),
        "refusals": [{"rule": refusal.rule, "sentence": refusal.sentence} for refusal in verdict.refusals],
        "policy": {"name": verdict.policy, "version": verdict.version},
    }


def from_json(values: Mapping[str, Any]) -> Verdict:
    """What `to_json` wrote, of earlier versions too; keys that other layers added (people of a step) are passed over."""
    maximum = _read(values["maximum"])
    return Verdict(
        allowed=values["allowed"],
        automatic=values["automatic"],
        level=Level(values["level"]),
        steps=tuple(Step(step["group"], step["needed"], step.get("turn", 0)) for step in values["steps"]),
        maximum=maximum,
        default=_read(values.get("default")),
        # Before extensions had a cap of their own, none went past the maximum.
        total_maximum=_read(values["total_maximum"]) if "total_maximum" in values else maximum,
        reason_minimum=values["reason_minimum"],
        tickets=tuple(map(tickets.from_json, values.get("tickets", []))),
        lapses_after=parse_duration(values["lapses_after"]),
        answering=asking.from_json(values),
        on_call=tuple(values.get("on_call", [])),
        conditions=terms.from_json(values),
        sentences=tuple(values["sentences"]),
        rules=tuple(values["rules"]),
        refusals=tuple(Refusal(rule=one["rule"], sentence=one["sentence"]) for one in values["refusals"]),
        policy=values["policy"]["name"],
        version=values["policy"]["version"],
    )


def _step(step: Step) -> dict[str, Any]:
    return {"group": step.group, "needed": step.needed, **({"turn": step.turn} if step.turn else {})}


def _written(length: timedelta | None) -> str | None:
    return None if length is None else format_duration(length)


def _read(text: str | None) -> timedelta | None:
    return None if text is None else parse_duration(text)
