"""Charts as plain shapes: numbers in, rectangles out. The page draws them as SVG, and says the same in a table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from accessrequests.queries.charts import Lag, Live, Numbers, Wait
from accessrequests.web import shown

WIDTH, HEIGHT, BASE = 640, 200, 170
TOP = 20
GAP = 0.3
MOST_LABELS = 7
# Of the bars that stand side by side: classes of the stylesheet.
TONES = ("", "soft", "warn")
HALF = 44  # of a label, which would be cut off nearer to the edge


@dataclass(frozen=True, slots=True)
class Bar:
    """One rectangle. `tone` is a class of the stylesheet."""

    x: int
    y: int
    width: int
    height: int
    tone: str
    words: str


@dataclass(frozen=True, slots=True)
class Label:
    """One word under the base line."""

    x: int
    words: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A drawing, what it says in one sentence, and its numbers as a table."""

    name: str
    title: str
    says: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    bars: Sequence[Bar]
    labels: Sequence[Label]
    top: str

    @property
    def legend(self) -> Sequence[tuple[str, str]]:
        """The tone of each bar of a group with the column that it shows; nothing where there is one bar only."""
        used = {bar.tone for bar in self.bars}
        return [
            (tone, self.columns[place]) for place, tone in enumerate(TONES, start=1) if tone in used and len(used) > 1
        ]

    @property
    def is_empty(self) -> bool:
        return not any(bar.height for bar in self.bars)


def of_health(numbers: Numbers) -> list[Chart]:
    return [_waits(numbers.waits), _lags(numbers.lags), _live(numbers.live)]


def _waits(waits: Sequence[Wait]) -> Chart:
    said = [(f"{one.day:%d %b}", seconds(one.median), seconds(one.p95), str(one.decisions)) for one in waits]
    pairs = [(one.median, one.p95) for one in waits]
    says = f"On {waits[-1].day:%d %B}, half were decided within {said[-1][1]}." if waits else "Nothing was decided yet."
    return chart(
        name="waits",
        title="From ask to decision",
        says=says,
        columns=("Day", "Median", "95 of 100 within", "Decisions"),
        rows=said,
        values=pairs,
        top=seconds(max((one.p95 for one in waits), default=0)),
    )


def _lags(lags: Sequence[Lag]) -> Chart:
    total = sum(lag.week for lag in lags)
    kept = sum(lag.week for lag in lags[:2])
    says = f"{kept} of {total} in seven days were cut off within a second" if total else "Nothing ended in seven days"
    if lags and lags[-1].week:
        says += f"; {lags[-1].week} {'is' if lags[-1].week == 1 else 'are'} still open"
    return chart(
        name="lags",
        title="How late access was cut off",
        says=f"{says}.",
        columns=("After its end, up to", "Last 24 hours", "Last 7 days"),
        rows=[(lag.words, str(lag.day), str(lag.week)) for lag in lags],
        values=[(lag.day, lag.week) for lag in lags],
        top=str(max((lag.week for lag in lags), default=0)),
    )


def _live(live: Sequence[Live]) -> Chart:
    says = f"{live[-1].grants} lived at some time of today." if live else "No access has lived yet."
    return chart(
        name="live",
        title="Access that lived, by day",
        says=says,
        columns=("Day", "Grants"),
        rows=[(f"{one.day:%d %b}", str(one.grants)) for one in live],
        values=[(one.grants,) for one in live],
        top=str(max((one.grants for one in live), default=0)),
    )


def chart(
    *,
    name: str,
    title: str,
    says: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[str]],
    values: Sequence[Sequence[float]],
    top: str,
) -> Chart:
    """Bars side by side; the last of each group is the paler one behind when there are two."""
    largest = max((value for group in values for value in group), default=0) or 1
    slot = WIDTH / max(1, len(values))
    bars, labels = [], []
    every = -(-len(values) // MOST_LABELS) or 1
    for number, (group, row) in enumerate(zip(values, rows, strict=True)):
        width = slot * (1 - GAP) / len(group)
        for place, value in enumerate(group):
            height = round((BASE - TOP) * value / largest)
            x = round(slot * (number + GAP / 2) + width * place)
            tone = TONES[place]
            words = f"{row[0]}: {row[min(place + 1, len(row) - 1)]}"
            bars.append(Bar(x, BASE - height, max(1, round(width)), height, tone, words))
        if number % every == 0:
            labels.append(Label(min(max(HALF, round(slot * (number + 0.5))), WIDTH - HALF), row[0]))
    return Chart(name, title, says, columns, rows, bars, labels, top)


def seconds(value: float) -> str:
    return shown.time_words(timedelta(seconds=value)) if value >= 1 else f"{value:.1f} s"
