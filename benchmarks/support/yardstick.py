"""How fast this machine is right now: ns a reading of the C reference on a small case."""

import time
from statistics import median

import numpy as np

from benchmarks.support.reference import CRules
from contracts.batch import Batch, Disposition
from contracts.quantities import Sigmas
from detectors.base.thresholds import Steps
from detectors.fused.limit import Limit
from detectors.fused.parameters import FusedRules
from detectors.fused.unusual import Unusual

CHANNELS, ROWS, ROUNDS = 1_000, 100_000, 15


def yardstick_ns() -> float | None:
    """Median ns a reading, None without a C compiler."""
    rules = FusedRules(Limit(low=Steps(2.0, 1.6, 1.2, 0.8)), _unusual())
    try:
        arm = CRules(rules, CHANNELS)
    except FileNotFoundError:
        return None
    chance = np.random.default_rng(1)
    row = chance.integers(0, CHANNELS, ROWS).astype(np.int32)
    value, quality = chance.normal(5.0, 0.05, ROWS), np.zeros(ROWS, np.uint8)
    time_ns, record = np.zeros(ROWS, np.int64), np.arange(ROWS, dtype=np.int32)
    batch = Batch(record, row, time_ns, value, quality)
    scored = np.full(ROWS, Disposition.SCORED, np.uint8)
    taken = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        arm.score(batch, scored)
        taken.append(time.perf_counter() - began)
    return median(taken[1:]) * 1e9 / ROWS


def _unusual() -> Unusual:
    return Unusual(
        model="ewma",
        band=Sigmas("6 sigma"),
        smoothing=0.05,
        floor=0.05,
        warm_up=2,
        at_most="yellow",
    )
