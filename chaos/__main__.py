"""`make chaos`: one world, people in it all the time, and everything that goes wrong in a year within minutes."""

from __future__ import annotations

import argparse
import random
import signal
import sys
import time
from pathlib import Path

from chaos import invariants
from chaos.crowd import Crowd
from chaos.incidents import INCIDENTS, Incidents
from chaos.life import Town, problems_of
from chaos.orders import Deed, Step
from chaos.report import Away, Report
from chaos.rounds import Rounds, worth_a_round
from chaos.world import ChaosWorld
from sandbox.processes import scratch_directory

CALM_SECONDS = 30.0  # to learn which steps there are


def main() -> int:
    options = _options()
    signal.signal(signal.SIGTERM, _interrupt)
    report = Report(seed=options.seed)
    say(f"seed {options.seed}")
    begun = time.monotonic()
    with scratch_directory() as directory:
        world = ChaosWorld(directory)
        try:
            world.start()
            world.prepare()
            say(f"the world runs after {time.monotonic() - begun:.0f} s")
            _break(world, options, report)
        finally:
            report.seconds = time.monotonic() - begun
            if report.wrong or not report.lives:
                _keep_logs(world, options.logs)
            world.end()
    say(report.as_text())
    if options.json:
        with options.json.open("a", encoding="utf-8") as file:
            file.write(report.as_json() + "\n")
    return 1 if report.wrong else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20, help="so many of kill -9, and so many of SIGSTOP")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().getrandbits(32))
    parser.add_argument("--seconds", type=float, default=900.0, help="no new round or incident after so long")
    parser.add_argument("--at-a-time", type=int, default=10, help="how many people have or want access at any moment")
    parser.add_argument(
        "--incidents", default="all", help=f"all, none, or some of {','.join(INCIDENTS)}, with commas between"
    )
    parser.add_argument("--json", type=Path, help="append the figures to this file")
    parser.add_argument("--logs", type=Path, help="where the logs go when something was wrong")
    return parser.parse_args()


def _break(world: ChaosWorld, options: argparse.Namespace, report: Report) -> None:
    town, targets = Town(world), invariants.Targets(world)
    dave = town.people["dave"]
    until = time.monotonic() + options.seconds
    before = targets.everything()
    chance = random.Random(options.seed)
    crowd = Crowd(town, chance=random.Random(options.seed), at_a_time=options.at_a_time)
    away: list[Away] = []
    try:
        crowd.begin()
        if options.rounds:
            away += _rounds(world, options, report, chance, until)
        incidents = Incidents(world, say=say)
        for name in _wanted(options.incidents):
            if time.monotonic() < until:
                away.append(incidents.happen(name))
        lives = crowd.end()
        report.orphans = invariants.await_quiet(dave, lives, targets, before)
        report.lost = problems_of(lives)
        report.doubled = invariants.doubled(lives)
        report.told_wrong = invariants.wrong_in_trails(dave, lives)
        report.chain = invariants.wrong_with_chain(dave)
        report.slack_posted_twice = invariants.posted_twice(world)
        report.incidents, report.not_brought_about = incidents.happened, incidents.wrong
        report.count(lives, away)
    finally:
        town.close()
        targets.close()


def _rounds(
    world: ChaosWorld, options: argparse.Namespace, report: Report, chance: random.Random, until: float
) -> list[Away]:
    with world.orders.writing_down():
        time.sleep(CALM_SECONDS)
    steps: list[Step] = worth_a_round(world.orders.written_down())
    say(f"{len(steps)} named steps")
    rounds = Rounds(world, chance, steps, say=say)
    rounds.run({Deed.KILL: options.rounds, Deed.STOP: options.rounds}, until=until)
    report.rounds = {deed.value: rounds.count(deed) for deed in (Deed.KILL, Deed.STOP)}
    met = {(done.hit.part, done.hit.step) for done in rounds.done}
    report.steps = len(steps)
    report.steps_not_met = [f"{part}: {step}" for part, step in steps if (part, step) not in met]
    return [(done.hit.at, done.back_at) for done in rounds.done]


def _wanted(names: str) -> list[str]:
    if names == "none":
        return []
    return list(INCIDENTS) if names == "all" else names.split(",")


def _keep_logs(world: ChaosWorld, place: Path | None) -> None:
    if place is None:
        return
    place.mkdir(parents=True, exist_ok=True)
    for log in world.places.logs.glob("*.log"):
        (place / log.name).write_bytes(log.read_bytes())
    say(f"the logs are in {place}")


def _interrupt(*_signal: object) -> None:
    raise KeyboardInterrupt


def say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
