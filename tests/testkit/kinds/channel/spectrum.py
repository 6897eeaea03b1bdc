"""Spectra: vibration of a machine whose bearing fails."""

import math
from collections.abc import Callable
from typing import Any, Final

import numpy as np

from contracts.batch import Disposition
from contracts.quantities import Duration, Sigmas
from detectors.channel.spectrum import SPECTRUM, Spectrum
from tests.testkit.kind_case import Case, Reading, roster

PERIOD_S: Final = 0.01
FRAME: Final = 64
WORDS: dict[str, Any] = {
    "bands": {"shaft": [4.0, 12.0], "blade": [20.0, 40.0]},
    "band": Sigmas("6 sigma"),
    "floor": 0.001,
    "at_most": "yellow",
    "frame": FRAME,
    "hop": 32,
    "warm_up": 40,
    "memory": 400,
}
WARM: dict[str, Any] = {**WORDS, "given": "pump.temperature", "sync": Duration("5 s")}
Shape = Callable[[float], float]


def shaking(seed: int, seconds: float, more: Shape, warmth: Shape | None = None) -> list[Reading]:
    """A pump: shaft at 8 Hz, blades at 30 Hz by `more`, noise; all by 4 % a degree of `warmth`.

    Row 0 shakes, row 1 says every second how warm it is.
    """
    chance = np.random.default_rng(seed)
    n = round(seconds / PERIOD_S)
    noise = chance.normal(0, 0.05, n)
    readings = []
    for i in range(n):
        at = i * PERIOD_S
        if warmth is not None and i % 100 == 0:
            readings.append(Reading(1, at, warmth(at) + float(chance.normal(0, 0.1))))
        strength = math.exp(0.04 * (warmth(at) - 20.0)) if warmth else 1.0
        shaft = 0.3 * math.sin(2 * math.pi * 8.1 * at)
        blades = 0.1 * (1 + more(at)) * math.sin(2 * math.pi * 30.3 * at)
        readings.append(Reading(0, at, strength * (shaft + blades + float(noise[i]))))
    return readings


def day(at: float) -> float:
    """Warmth of a day of 40 s, 12 to 32 degrees."""
    return 22.0 + 10.0 * math.sin(2 * math.pi * at / 40)


def case(seed: int = 0) -> Case:
    """Two pumps beside their thermometers, blades worn for a while, then for good."""
    lane = roster({"pump.vibration": 2, "pump.temperature": 2}, period_s=PERIOD_S)
    lane = type(lane)(
        lane.labels, lane.classes, lane.class_of, ["a", "b", "a", "b"], lane.period_ns, lane.places
    )
    readings = []
    for pump in range(2):
        worn = shaking(
            seed * 2 + pump,
            70.0,
            lambda at: 2.0 * (35 < at < 41) + 1.5 * (at > 55),
            lambda at: day(2 * at),
        )
        chance = np.random.default_rng(seed + 50)
        for one in worn:
            kept = one.row == 1 or chance.random() > 0.002
            far = one.at_s + 0.2 * (one.at_s > 30.0)  # a gap empties the ring
            held = Disposition.HELD if chance.random() < 0.0005 else Disposition.SCORED
            if kept:
                readings.append(Reading(2 * one.row + pump, far, one.value, held))
    readings.sort(key=lambda one: (one.at_s, one.row))
    rule = Spectrum(**WARM, envelope=True, relearn_after=Duration("6 s"))
    return Case(SPECTRUM, {"pump.vibration": rule}, lane, readings)
