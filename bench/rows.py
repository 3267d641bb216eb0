"""What was measured: one row for each promise, as a table for people and as JSON for machines."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

NEVER = math.inf  # of what did not come for as long as we waited


@dataclass(frozen=True, slots=True)
class Row:
    """One promise. Figures carry their unit in their name; `floor` is what the same servers take without the product."""

    name: str
    means: str
    n: int
    at_a_time: int
    ours: Mapping[str, float]
    goal: str
    is_met: bool
    floor: Mapping[str, float] = field(default_factory=dict)
    ratio: Mapping[str, float] = field(default_factory=dict)
    details: Sequence[str] = ()

    def to_json(self) -> dict[str, Any]:
        return {key: _plain(value) for key, value in asdict(self).items()}


def quantile(values: Sequence[float], percent: float) -> float:
    """By nearest rank: a value that was measured, never one in between."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]


def spread(seconds: Sequence[float], *percents: int) -> dict[str, float]:
    """Percentiles and the largest, in milliseconds."""
    found = {f"p{percent} ms": quantile(seconds, percent) * 1000 for percent in percents}
    return {**found, "max ms": max(seconds) * 1000}


def rates(measured: Sequence[float]) -> dict[str, float]:
    """The median of several rounds, and how far they lie apart."""
    return {"median /s": quantile(measured, 50), "least /s": min(measured), "most /s": max(measured)}


def ratio_of(ours: Mapping[str, float], floor: Mapping[str, float], *names: str) -> dict[str, float]:
    return {name: ours[name] / floor[name] if floor[name] else NEVER for name in names}


def shown(figures: Mapping[str, float]) -> str:
    return ", ".join(
        f"{name.rpartition(' ')[0] or name} {_number(value)}{_unit(name) if math.isfinite(value) else ''}"
        for name, value in figures.items()
    )


def as_table(rows: Sequence[tuple[Row, float]]) -> str:
    """Markdown; each row with the load average that it was measured under."""
    head = "| promise | N, at a time | ours | floor | ours ÷ floor | goal | met | load |\n|---|---|---|---|---|---|---|---|"
    lines = [
        f"| {row.name} | {row.n:,}, {row.at_a_time} | {shown(row.ours)} | {shown(row.floor) or '-'} "
        f"| {shown(row.ratio) or '-'} | {row.goal} | {'yes' if row.is_met else '**no**'} | {load:.1f} |"
        for row, load in rows
    ]
    return "\n".join([head, *lines])


def _number(value: float) -> str:
    if math.isinf(value):
        return "never"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _unit(name: str) -> str:
    unit = name.rpartition(" ")[2] if " " in name else ""
    return {"/s": "/s"}.get(unit, f" {unit}" if unit else "")


def _plain(value: Any) -> Any:
    """JSON has no infinity."""
    if isinstance(value, Mapping):
        return {key: _plain(held) for key, held in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(held) for held in value]
    return "never" if isinstance(value, float) and not math.isfinite(value) else value
