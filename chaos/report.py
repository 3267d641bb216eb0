"""The figures of a run and what was found wrong, as sentences and as one line of JSON."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from chaos.life import Life

GOAL_SECONDS = 10.0
Away = tuple[float, float]  # from when to when a part was away


@dataclass
class Report:
    """Of one run. `lost`, `doubled`, `orphans` and `told_wrong` are sentences; empty is good."""

    seed: int
    rounds: dict[str, int] = field(default_factory=dict)
    steps: int = 0
    steps_not_met: list[str] = field(default_factory=list)
    lives: dict[str, int] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    orphans: list[str] = field(default_factory=list)
    told_wrong: list[str] = field(default_factory=list)
    chain: list[str] = field(default_factory=list)
    lags: list[float] = field(default_factory=list)
    lags_after_return: list[float] = field(default_factory=list)
    slack_posted_twice: int = 0
    incidents: list[str] = field(default_factory=list)
    not_brought_about: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def count(self, lives: Sequence[Life], away: Sequence[Away]) -> None:
        self.lives = {
            "begun": len(lives),
            "used": sum(life.usable_at > 0 for life in lives),
            "on Atlas": sum(life.plan.is_atlas and life.usable_at > 0 for life in lives),
            "approved in Slack": sum(life.was_pressed and life.grant_id > 0 for life in lives),
            "passwords lost on their way and made anew": sum(life.lost_passwords > 0 for life in lives),
            "whose time was over before they were usable": sum(life.is_over and not life.usable_at for life in lives),
        }
        for life in lives:
            if life.refused_at:
                self.lags.append(max(0.0, life.refused_at - life.ends_at))
                self.lags_after_return.append(lag_after_return(life.ends_at, life.refused_at, away))

    @property
    def wrong(self) -> list[str]:
        found = [*self.lost, *self.doubled, *self.orphans, *self.told_wrong, *self.chain, *self.not_brought_about]
        late = quantile(self.lags_after_return, 99)
        if late > GOAL_SECONDS:
            found.append(f"The lag after return is {late:.2f} s at p99; {GOAL_SECONDS:.0f} s are promised.")
        return found

    def as_text(self) -> str:
        lines = [
            f"seed {self.seed}, {self.seconds:.0f} s",
            f"rounds: {_listed(self.rounds)}; named steps: {self.steps}, of which nobody came by {len(self.steps_not_met)}",
            f"incidents: {', '.join(self.incidents) or 'none'}",
            f"accesses: {_listed(self.lives)}",
            f"lost: {len(self.lost)}; doubled: {len(self.doubled)}; orphans: {len(self.orphans)}",
            f"told wrong or not: {len(self.told_wrong)}; chain: {'broken' if self.chain else 'intact'}",
            f"refused after the end: {_spread(self.lags)}",
            f"refused after the end, or after the return of what was away then: {_spread(self.lags_after_return)}",
            f"messages that stand in Slack twice: {self.slack_posted_twice}",
            *(f"WRONG: {sentence}" for sentence in self.wrong),
        ]
        return "\n".join(lines)

    def as_json(self) -> str:
        shown: dict[str, Any] = {
            "seed": self.seed,
            "seconds": round(self.seconds),
            "rounds": self.rounds,
            "steps": self.steps,
            "steps_not_met": self.steps_not_met,
            "incidents": self.incidents,
            "lives": self.lives,
            "lag": _figures(self.lags),
            "lag_after_return": _figures(self.lags_after_return),
            "slack_posted_twice": self.slack_posted_twice,
            "wrong": self.wrong,
        }
        return json.dumps(shown)


def lag_after_return(ends_at: float, refused_at: float, away: Sequence[Away]) -> float:
    """How long after the end, or after the last return of something that was away between the end and the refusal."""
    returns = [back for gone, back in away if gone < refused_at and back > ends_at]
    return max(0.0, refused_at - max([ends_at, *(min(back, refused_at) for back in returns)]))


def quantile(values: Sequence[float], percent: int) -> float:
    """The smallest value that so many percent do not exceed; 0 where there is none."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)] if ordered else 0.0


def _figures(values: Sequence[float]) -> dict[str, float]:
    shown = {f"p{percent}": round(quantile(values, percent), 3) for percent in (50, 95, 99)}
    return {"n": len(values), **shown, "max": round(max(values, default=0.0), 3)}


def _spread(values: Sequence[float]) -> str:
    figures = _figures(values)
    return f"N={figures['n']} p50 {figures['p50']} s, p95 {figures['p95']} s, p99 {figures['p99']} s, most {figures['max']} s"


def _listed(counts: dict[str, int]) -> str:
    return ", ".join(f"{number} {what}" for what, number in counts.items())
