"""Sequences of states: doors that mostly go round."""

from typing import Any

import numpy as np

from contracts.quantities import Duration
from detectors.channel.sequence import SEQUENCE, Repeats, StateSequence
from tests.testkit.kind_case import Case, Reading, roster

DOOR: dict[str, Any] = {
    "states": {"0": "closed", "1": "opening", "2": "open", "3": "closing"},
    "allowed": ["closed>opening", "opening>open", "open>closing", "closing>closed"],
    "at_most": {"opening": Duration("10 s"), "closing": Duration("10 s")},
    "at_least": {"open": Duration("2 s")},
}
AGAIN = Repeats(of="closing>opening", more_than=3, within=Duration("60 s"))


def door(**more: Any) -> StateSequence:
    """The rule of a lift's door, with some words more."""
    allowed = [*DOOR["allowed"], *(["closing>opening"] if "repeats" in more else [])]
    return StateSequence(**{**DOOR, "allowed": allowed, **more})


def stream(seed: int, n: int = 1200) -> list[Reading]:
    """Doors that mostly go round, sometimes back, astray, to no state, or stay."""
    chance = np.random.default_rng(seed)
    readings, codes = [], [0, 2]
    clock = [0.0, 0.5]
    for _ in range(n):
        row = int(chance.integers(2))
        draw = chance.random()
        if draw < 0.7:
            codes[row] = (codes[row] + 1) % 4
        elif draw < 0.85 and codes[row] == 3:
            codes[row] = 1
        elif draw < 0.9:
            codes[row] = int(chance.integers(0, 6))
        clock[row] += float(chance.choice([0.5, 1.0, 4.0, 15.0], p=[0.2, 0.5, 0.2, 0.1]))
        readings.append(Reading(row, clock[row], float(codes[row])))
    return readings


def case(seed: int = 0) -> Case:
    """Two doors that open again while they close, too often."""
    rule = door(repeats=AGAIN, off_delay=Duration("3 s"))
    return Case(SEQUENCE, {"lift.door": rule}, roster({"lift.door": 2}), stream(seed))
