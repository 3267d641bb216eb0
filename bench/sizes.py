"""How much is measured: what the promises say, or as little as shows in a minute that each row can be measured."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Sizes:
    """Numbers of things, and seconds."""

    one_by_one: int  # approvals, each followed to its own login
    sustained: int  # grants in one round of the workers' rate
    rounds: int
    calm: int  # deadlines far enough apart to be alone
    calm_seconds: float
    storm: int
    storm_seconds: float  # as asked for: they lie up to two further apart, each counted from when its worker began
    outage: int
    outage_seconds: float
    held: int  # users who hold something open at their deadline
    click_seconds: int  # twenty presses in each
    requests: int
    live: int
    few_requests: int
    few_live: int
    looks: int  # at each page
    ticks: int
    appends: int


FULL = Sizes(
    one_by_one=100,
    sustained=120,
    rounds=3,
    calm=1_000,
    calm_seconds=250,
    storm=2_000,
    storm_seconds=13,
    outage=200,
    outage_seconds=60,
    held=25,
    click_seconds=30,
    requests=1_000_000,
    live=100_000,
    few_requests=1_000,
    few_live=100,
    looks=40,
    ticks=500,
    appends=1_000,
)
QUICK = Sizes(
    one_by_one=10,
    sustained=16,
    rounds=1,
    calm=20,
    calm_seconds=10,
    storm=40,
    storm_seconds=3,
    outage=10,
    outage_seconds=8,
    held=5,
    click_seconds=3,
    requests=10_000,
    live=1_000,
    few_requests=1_000,
    few_live=100,
    looks=5,
    ticks=50,
    appends=100,
)
