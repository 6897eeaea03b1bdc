"""The same two rules without our kernel: whole batches in numpy, single readings in river."""

from collections.abc import Sequence
from math import sqrt
from typing import Any

import numpy as np
from numpy.typing import NDArray
from river import stats

from contracts.batch import Batch
from contracts.transition import NEVER
from detectors.parameters import Rules, table

MEAN, VARIANCE, LEARNED, SPARE = range(4)


class NumpyRules:
    """Limits and unusual values over batches in which no channel comes twice.

    That is numpy's best case: a channel that comes again would need another round over the batch.
    The rules have neither delays nor hysteresis, so that levels need no step of their own; mean,
    variance and count lie side by side, so that a channel costs one gather and one scatter.

    Parameters
    ----------
    rules : Rules
        Of all channels.
    channels : int
    """

    def __init__(self, rules: Rules, channels: int) -> None:
        p = table([rules]).params[0]
        assert not p["on_ns"].any()
        assert not p["off_ns"].any()
        self._p = p
        self.state = np.zeros((channels, 4))
        self.level = np.zeros((2, channels), np.uint8)
        self.gate_since = np.full(channels, NEVER)
        self._busy = np.zeros(channels, np.bool_)  # rings, or its gate is closed

    def score(self, batch: Batch) -> list[tuple[int, ...]]:
        """Score a batch; level changes as (reading, channel, rule, was, now)."""
        p, row, value = self._p, batch.row, batch.value
        mine = self.state[row]
        mean, variance, learned = mine[:, MEAN], mine[:, VARIANCE], mine[:, LEARNED]
        off = value - mean
        score = off / np.maximum(np.sqrt(variance), p["floor"])
        odd = (np.abs(score) > p["band"]) & (learned >= p["warm_up"])
        odd |= self._busy[row]
        odd |= value < p["calm_low"]
        odd |= value > p["calm_high"]
        places = np.flatnonzero(odd)
        notes, shut = self._ring(batch, places, score, learned) if len(places) else ([], places)
        kept = mine[shut].copy()
        first = learned == 0
        step = p["smoothing"] * off
        mine[:, VARIANCE] = (1.0 - p["smoothing"]) * (variance + step * off)
        mine[:, MEAN] += step
        if first.any():
            mine[first, MEAN], mine[first, VARIANCE] = value[first], 0.0
        mine[:, LEARNED] += 1.0
        mine[shut] = kept
        self.state[row] = mine
        return notes

    def _ring(
        self, batch: Batch, places: NDArray[Any], score: NDArray[Any], learned: NDArray[Any]
    ) -> tuple[list[tuple[int, ...]], NDArray[Any]]:
        """Levels of the few that are not calm; changes, and places that must not be learned."""
        p, row, value = self._p, batch.row[places], batch.value[places, None]
        beyond = np.where((value < p["low"]) | (value > p["high"]), [1, 2, 3, 4], 0).max(axis=1)
        warm = learned[places] >= p["warm_up"]
        strange = np.where(warm & (np.abs(score[places]) > p["band"]), p["top"], 0)
        now = np.stack([beyond, strange]).astype(np.uint8)
        was = self.level[:, row]
        notes = [
            (int(places[i]), int(row[i]), int(rule), int(was[rule, i]), int(now[rule, i]))
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
        return notes, places[shut]


class RiverRules:
    """The same findings with river's statistics, one pair of objects a channel.

    river's variance is a difference of two weighted means, so its figures are not ours to the
    last bit; work and outcome are alike.

    Parameters
    ----------
    rules : Rules
        Of all channels.
    channels : sequence of int
        Those that will come.
    """

    def __init__(self, rules: Rules, channels: Sequence[int]) -> None:
        p = table([rules]).params[0]
        a = float(p["smoothing"])
        self._bounds = tuple(float(p[name]) for name in ("calm_low", "calm_high", "band", "floor"))
        self._warm_up = int(p["warm_up"])
        self._of = {c: [stats.EWMean(a), stats.EWVar(a), 0] for c in channels}

    def score(self, rows: list[int], values: list[float]) -> int:
        """Score readings one by one; how many were beyond a limit or unusual."""
        low, high, band, floor = self._bounds
        warm_up, of = self._warm_up, self._of
        found = 0
        for row, value in zip(rows, values, strict=True):
            mine = of[row]
            mean, variance, learned = mine
            odd = value < low or value > high
            if learned >= warm_up:
                spread = max(sqrt(max(variance.get(), 0.0)), floor)
                odd = odd or abs(value - mean.get()) / spread > band
            if odd:
                found += 1
                continue
            mean.update(value)
            variance.update(value)
            mine[2] = learned + 1
        return found
