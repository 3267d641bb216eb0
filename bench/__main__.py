"""`make bench`: measures what is promised, prints one table, writes one JSON file, and fails when a promise is not kept."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench import (
    clicks,
    ending,
    footprint,
    machine,
    outage,
    pages,
    sabotaged,
    sessions,
    sustained,
    trail,
    usable,
    world,
)
from bench.machine import TooBusy
from bench.rows import Row, as_table, shown
from bench.sizes import FULL, QUICK, Sizes
from bench.world import World

MET, MISSED, BUSY = 0, 1, 2
SETTLED_SECONDS = 8.0  # all of it is loaded, and nobody has missed the crowd on its target yet
RESULT = Path("bench/results/bench.json")
Measure = Callable[[World, Sizes], Row]


def _in_a_lived_in_house(running: World, sizes: Sizes) -> Iterator[Row]:
    with world.running() as small:
        pages.fill(small, requests=sizes.few_requests, live=sizes.few_live)
        pages.fill(running, requests=sizes.requests, live=sizes.live)
        few, many = pages.look([small, running], sizes)
    yield from pages.rows(few, many, sizes)
    yield footprint.tick(running, sizes)
    yield trail.append(running, sizes)
    yield trail.verify(running, sizes)
    running.start("relay", "worker", "worker_urgent")
    time.sleep(SETTLED_SECONDS)
    yield footprint.memory(running, f"{sizes.live:,} live")


# In this order, in one world: what is left of one does not weigh on the next.
MEASURES: Mapping[str, Measure] = {
    "usable": usable.one_by_one,
    "cycles": usable.cycles,
    "sustained": sustained.sustained,
    "calm": ending.calm,
    "storm": ending.storm,
    "outage": outage.outage,
    "sessions": sessions.sessions,
    "clicks": clicks.clicks,
    "memory": lambda running, _sizes: footprint.memory(running, "after work"),
    "start": footprint.start,
}
HOUSE = "house"


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    sizes = QUICK if options.quick else FULL
    try:
        others = machine.used_by_others() if options.busy else machine.check_quiet()
    except TooBusy as error:
        sys.stderr.write(f"{error}\n")
        return BUSY
    _say(f"Other programs use {others:.0%} of the processors; load average {machine.load():.2f}.")
    measured: list[tuple[Row, float]] = []
    for row in _measured(options, sizes):
        measured.append((row, machine.load()))
        _say(_told(row))
    report = {
        "machine": machine.described(),
        "used_by_others_before": others,
        "busy": options.busy,
        "sabotaged": options.sabotaged,
        "size": "quick" if options.quick else "full",
        "rows": [{**row.to_json(), "load": load} for row, load in measured],
    }
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(report, indent=1, ensure_ascii=False) + "\n")
    _say(f"\n{as_table(measured)}\n\nWritten to {options.json}.")
    missed = [row.name for row, _ in measured if not row.is_met]
    if missed:
        _say(f"Not kept: {', '.join(missed)}.")
    return MISSED if missed else MET


def _measured(options: argparse.Namespace, sizes: Sizes) -> Iterator[Row]:
    wanted = options.only or [*MEASURES, HOUSE]
    ones = [name for name in MEASURES if name in wanted]
    if ones:
        with world.running() as running, _hands(running, are_sabotaged=options.sabotaged):
            for name in ones:
                yield MEASURES[name](running, sizes)
    if HOUSE in wanted:
        with world.running() as running:
            yield from _in_a_lived_in_house(running, sizes)


@contextmanager
def _hands(running: World, *, are_sabotaged: bool) -> Iterator[None]:
    if not are_sabotaged:
        yield
        return
    with sabotaged.workers(running):
        yield


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    names = [*MEASURES, HOUSE]
    parser.add_argument("--quick", action="store_true", help="small numbers: shows that it runs, means little")
    parser.add_argument("--only", nargs="+", choices=names, metavar="ROW", help=f"some of: {', '.join(names)}")
    parser.add_argument("--busy", action="store_true", help="measure although other programs use the processors")
    parser.add_argument("--sabotaged", action="store_true", help="with workers that only update the row: must fail")
    parser.add_argument("--json", type=Path, default=RESULT, help=f"where the numbers go ({RESULT})")
    return parser.parse_args(arguments)


def _told(row: Row) -> str:
    parts = [f"{row.name} (N={row.n:,}, {row.at_a_time} at a time): {shown(row.ours)}"]
    if row.floor:
        parts.append(f"floor: {shown(row.floor)}")
    if row.ratio:
        parts.append(f"ratio: {shown(row.ratio)}")
    verdict = "kept" if row.is_met else "NOT KEPT"
    lines = [
        f"{'; '.join(parts)}. Goal: {row.goal}: {verdict}.",
        f"  {row.means}",
        *(f"  {one}" for one in row.details),
    ]
    return "\n".join(lines)


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # the world ends with us, however we are told to
    sys.exit(main())
