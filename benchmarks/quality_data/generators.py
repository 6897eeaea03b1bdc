"""Trouble that generators make, through the packs that the product ships.

Packs were looked at with seeds from 1 on; seeds from 201 on judge. `--seeds=5` takes fewer.
"""

import sys
from collections.abc import Callable, Sequence
from typing import NamedTuple

from benchmarks.quality_data.judging import Judged, judge
from benchmarks.support.claims import Claim, Part, writes
from lab.generators import creep, crowd, elevator, excavation, grid
from lab.generators.made import Made
from runtime.installation import CONFIGS

FIRST, SEEDS = 201, 20
FOUND, FALSE = 90.0, 0.1  # goals, set before a seed that judges was run
HEAD = ["trouble", "found", "delay p50", "delay p95", "left p5", "missed, some of it"]
NOISE = ["generator", "channel-years", "false alarms", "a channel-year", "a desk-day", "most often"]
Makes = Callable[[int], Made]


class Plan(NamedTuple):
    """A generator's pack, and what is made of one seed for it."""

    pack: str
    makes: Sequence[Makes]


PLANS = {
    "grid": Plan(
        "power",
        [lambda seed: grid.make(grid.Grid(seed)), lambda seed: grid.make(grid.with_history(seed))],
    ),
    "pit": Plan("pit", [lambda seed: excavation.make(excavation.Excavation(seed))]),
    "ground": Plan("subsidence", [lambda seed: creep.make(creep.Creep(seed))]),
    "lift": Plan("elevator", [lambda seed: elevator.make(elevator.Elevator(seed))]),
    "station": Plan(
        "metro",
        [
            lambda seed: crowd.make(crowd.Crowd(seed)),
            lambda seed: crowd.make(crowd.of_days(seed)),
            lambda seed: crowd.make(crowd.of_cameras(seed)),
        ],
    ),
}


def measure() -> Part:
    """Every generator through its pack."""
    found = {name: _judged(plan, _seeds()) for name, plan in PLANS.items()}
    claims = [claim for name, judged in found.items() for claim in _claims(name, judged)]
    return Part(
        {
            "generators": (HEAD, [row for name, one in found.items() for row in one.rows(name)]),
            "generators noise": (NOISE, [one.noise(name) for name, one in found.items()]),
        },
        tuple(claims),
    )


def _seeds() -> range:
    words = [word.partition("=")[2] for word in sys.argv if word.startswith("--seeds=")]
    if words and writes():
        sys.exit("generators: expected all seeds for the page; leave out --seeds or --write")
    return range(FIRST, FIRST + (int(words[0]) if words else SEEDS))


def _judged(plan: Plan, seeds: range) -> Judged:
    judged = Judged()
    for makes in plan.makes:
        judge(CONFIGS / plan.pack, {seed: makes(seed) for seed in seeds}, judged)
    return judged


def _claims(name: str, judged: Judged) -> list[Claim]:
    share = 100.0 * judged.found / judged.of
    noise = judged.false.total() / judged.desk_days
    return [
        Claim(f"made trouble of a {name} found by its pack", share, FOUND, "%", "at least"),
        Claim(f"false alarms on a made {name}", noise, FALSE, "a desk-day", "at most"),
    ]
