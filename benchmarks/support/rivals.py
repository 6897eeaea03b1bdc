"""The same three rules without our kernel: whole batches in numpy, single readings in river."""

from collections.abc import Sequence
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from river import stats

from contracts.batch import Batch
from contracts.transition import NEVER
from detectors.change.shift import CLIP
from detectors.fused.parameters import FROZEN_SLOT, LIMIT_SLOT, UNUSUAL_SLOT, FusedRules, table
from detectors.fused.row_layout import RUN_MOST

MEAN, VARIANCE, LEARNED, UP, DOWN, FIRST, RUN, SPARE = range(8)
_SLOTS = (LIMIT_SLOT, UNUSUAL_SLOT, FROZEN_SLOT)


class NumpyRules:
    """Limits, unusual and frozen values over batches in which no channel comes twice.

    That is numpy's best case: a channel that comes again would need another round over the batch.
    The rules have neither delays nor hysteresis, so that levels need no step of their own; what
    each reading needs lies side by side, so that a channel costs one gather and one scatter.

    Parameters
    ----------
    rules : FusedRules
        Of all channels.
    channels : int
    """

    def __init__(self, rules: FusedRules, channels: int) -> None:
        p = table([rules]).params[0]
        delays = ("limit_on_ns", "limit_off_ns", "unusual_on_ns", "unusual_off_ns", "frozen_off_ns")
        assert not any(p[name] for name in delays)
        assert np.isnan(p["rest"])
        self._p = p
        self.state = np.zeros((channels, 8))
        self.state[:, FIRST] = np.nan
        self.run_since = np.zeros(channels, np.int64)
        self.level = np.zeros((3, channels), np.uint8)
        self.gate_since = np.full(channels, NEVER)
        self._busy = np.zeros(channels, np.bool_)  # rings, or its gate is closed

    def settle(self, rows: NDArray[np.void]) -> None:
        """Take over what rows of the kernel have learned."""
        for place, name in enumerate(("mean", "variance", "learned")):
            self.state[:, place] = rows[name]

    def score(self, batch: Batch) -> list[tuple[int, ...]]:
        """Score a batch; level changes as (reading, channel, rule, was, now)."""
        p, row, value = self._p, batch.row, batch.value
        mine = self.state[row]
        mean, variance, learned = mine[:, MEAN], mine[:, VARIANCE], mine[:, LEARNED]
        off = value - mean
        score = off / np.maximum(np.sqrt(variance), p["floor"])
        warm = learned >= p["warm_up"]
        strange = self._sum_up(mine, score, warm) | ((np.abs(score) > p["band"]) & warm)
        stands = self._stands(mine, batch)
        odd = strange | stands | self._busy[row] | (value < p["calm_low"])
        odd |= value > p["calm_high"]
        places = np.flatnonzero(odd)
        seen = (strange[places], stands[places])
        transitions, shut = self._ring(batch, places, seen) if len(places) else ([], places)
        self._learn(mine, off, value, shut)
        self.state[row] = mine
        return transitions

    def _sum_up(
        self, mine: NDArray[Any], score: NDArray[Any], warm: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        """Both sums, and where one of them rings and begins anew."""
        p = self._p
        z = np.clip(score, -CLIP, CLIP)
        up = np.maximum(mine[:, UP] + z - p["k"], 0.0)
        down = np.maximum(mine[:, DOWN] - z - p["k"], 0.0)
        full: NDArray[np.bool_] = warm & (np.maximum(up, down) > p["h"])
        still = full | ~warm
        up[still] = down[still] = 0.0
        mine[:, UP], mine[:, DOWN] = up, down
        return full

    def _stands(self, mine: NDArray[Any], batch: Batch) -> NDArray[np.bool_]:
        """Runs, and where one has lasted for too long."""
        p, row = self._p, batch.row
        new = ~(np.abs(batch.value - mine[:, FIRST]) <= p["resolution"])
        since = np.where(new, batch.time_ns, self.run_since[row])
        mine[:, RUN] = np.where(new, 1.0, np.minimum(mine[:, RUN] + 1.0, RUN_MOST))
        mine[:, FIRST] = np.where(new, batch.value, mine[:, FIRST])
        self.run_since[row] = since
        return (mine[:, RUN] >= p["least"]) & (batch.time_ns - since >= p["after_ns"])  # type: ignore[no-any-return]

    def _learn(
        self, mine: NDArray[Any], off: NDArray[Any], value: NDArray[Any], shut: NDArray[Any]
    ) -> None:
        """Mean, variance and count, but for places that must not be learned."""
        a = self._p["smoothing"]
        kept = mine[shut, : LEARNED + 1].copy()
        first = mine[:, LEARNED] == 0
        step = a * off
        mine[:, VARIANCE] = (1.0 - a) * (mine[:, VARIANCE] + step * off)
        mine[:, MEAN] += step
        if first.any():
            mine[first, MEAN], mine[first, VARIANCE] = value[first], 0.0
        mine[:, LEARNED] += 1.0
        mine[shut, : LEARNED + 1] = kept

    def _ring(
        self, batch: Batch, places: NDArray[Any], seen: tuple[NDArray[Any], NDArray[Any]]
    ) -> tuple[list[tuple[int, ...]], NDArray[Any]]:
        """Levels of the few that are not calm; changes, and places that must not be learned."""
        p, row, value = self._p, batch.row[places], batch.value[places, None]
        beyond = np.where((value < p["low"]) | (value > p["high"]), [1, 2, 3, 4], 0).max(axis=1)
        strange, stands = seen[0] * p["unusual_top"], seen[1] * p["frozen_top"]
        now = np.stack([beyond, strange, stands]).astype(np.uint8)
        was = self.level[:, row]
        transitions: list[tuple[int, ...]] = [
            (int(places[i]), int(row[i]), _SLOTS[rule], int(was[rule, i]), int(now[rule, i]))
            for i, rule in zip(*np.nonzero((now != was).T), strict=True)
        ]
        self.level[:, row] = now
        calm = ~now.any(axis=0)
        since = self.gate_since[row]
        time_ns = batch.time_ns[places]
        since = np.where(calm, NEVER, np.where(since == NEVER, time_ns, since))
        self.gate_since[row] = since
        self._busy[row] = ~calm
        shut = ~calm & (time_ns - np.where(calm, 0, since) < p["relearn_ns"])
        return transitions, places[shut]


class RiverModel:
    """One channel's rules with river's mean and variance, the rest around them in plain Python.

    It begins past the warm-up, with the value that all channels have.

    river's variance is a difference of two weighted means, so its figures are not ours to the last
    bit; work and outcome are alike.
    """

    __slots__ = ("down", "first", "learned", "mean", "p", "run", "since", "up", "variance")

    def __init__(self, p: dict[str, float]) -> None:
        self.p = p
        self.mean, self.variance = stats.EWMean(p["smoothing"]), stats.EWVar(p["smoothing"])
        self.learned, self.up, self.down = 0, 0.0, 0.0
        self.first, self.run, self.since = float("nan"), 0, 0
        for _ in range(int(p["warm_up"])):
            self._learn(5.0)

    def _learn(self, value: float) -> None:
        self.mean.update(value)
        self.variance.update(value)
        self.learned += 1

    def see(self, value: float, time_ns: int) -> bool:
        """Whether a reading is beyond a limit, unusual or frozen; it is learned if not."""
        p = self.p
        odd = value < p["calm_low"] or value > p["calm_high"]
        if self.learned >= p["warm_up"]:
            sigma = max(sqrt(max(self.variance.get(), 0.0)), p["floor"])
            score = (value - self.mean.get()) / sigma
            z = min(max(score, -CLIP), CLIP)
            self.up = max(0.0, self.up + z - p["k"])
            self.down = max(0.0, self.down - z - p["k"])
            odd = odd or abs(score) > p["band"]
            if self.up > p["h"] or self.down > p["h"]:
                self.up, self.down, odd = 0.0, 0.0, True
        if abs(value - self.first) <= p["resolution"]:
            self.run += 1
            odd = odd or (self.run >= p["least"] and time_ns - self.since >= p["after_ns"])
        else:
            self.first, self.run, self.since = value, 1, time_ns
        if not odd:
            self._learn(value)
        return odd


class RiverRules:
    """One river model a channel.

    Parameters
    ----------
    rules : FusedRules
        Of all channels.
    channels : sequence of int
        Those that will come.
    """

    def __init__(self, rules: FusedRules, channels: Sequence[int]) -> None:
        record = table([rules]).params[0]
        p = {name: record[name].item() for name in record.dtype.names if record[name].ndim == 0}
        self._of = {channel: RiverModel(p) for channel in channels}

    def score(self, rows: list[int], values: list[float], times_ns: list[int]) -> int:
        """Score readings one by one; how many were beyond a limit, unusual or frozen."""
        of = self._of
        found = 0
        for row, value, time_ns in zip(rows, values, times_ns, strict=True):
            found += of[row].see(value, time_ns)
        return found
