"""Made telemetry for a run: every channel at its own period, around a value that rings nothing."""

from collections.abc import Iterator
from itertools import count
from typing import Final

import numpy as np
from numpy.typing import NDArray

from configuration.lane_plan import Plan
from configuration.pack import ClassPack
from contracts.quantities import NS_PER_S
from contracts.records import Records
from detectors.base.thresholds import Steps
from ingest.encode import Encoder, Sample
from operate.plan.messages import Messages

BEGIN_S: Final = 1_780_000_000
SEED: Final = 1
POLL_READINGS: Final = 20_000  # given to the lane at once
_NOISE: Final = 1e-3  # of the room that a value has
_DIGITS: Final = 4  # gateways send no more; numbers of 17 digits are read the slow way
_MS_PER_S: Final = 1000


class MadeReadings:
    """Polls of a lane's telemetry, in order; the same for the same plan.

    Parameters
    ----------
    plan : Plan
        Of a lifeline with one lane.
    messages : Messages
    """

    def __init__(self, plan: Plan, messages: Messages) -> None:
        channels = plan.catalogue
        labels, label_of = plan.configuration.labels(channels)
        packs = [plan.packs[label] for label in labels]
        rooms = np.array([calm_room(pack) for pack in packs])[label_of]
        self._ids, self._groups = list(channels.ids), list(channels.groups())
        self._middle, self._room = rooms.mean(axis=1), np.ptp(rooms, axis=1)
        self._scale, self._offset = channels.column("scale"), channels.column("offset")
        self._period_s = np.array([pack.period.ns / NS_PER_S for pack in packs])[label_of]
        self._chance = np.random.default_rng(SEED)
        self._phase = self._chance.random(len(channels))
        self._messages = messages
        self._offset_next = 0

    @property
    def readings_s(self) -> float:
        """Of all channels together."""
        return float((1 / self._period_s).sum())

    def first(self) -> Iterator[Records]:
        """One reading of every channel."""
        yield from self._polls(np.arange(len(self._ids)), np.full(len(self._ids), float(BEGIN_S)))

    def later(self, readings: int) -> Iterator[Records]:
        """So many readings or somewhat more, of channels as they fall due."""
        step_s = POLL_READINGS / self.readings_s
        sent, done = 0, np.floor(self._phase)
        for step in count(1):
            if sent >= readings:
                return
            due = np.floor(step * step_s / self._period_s + self._phase)
            times = (due - done).astype(np.int64)
            rows = np.repeat(np.arange(len(times)), times)
            first = np.repeat(np.cumsum(times) - times, times)
            nth = done[rows] + 1 + np.arange(len(rows)) - first
            at_s = BEGIN_S + (nth - self._phase[rows]) * self._period_s[rows]
            order = np.argsort(at_s, kind="stable")
            yield from self._polls(rows[order], at_s[order])
            sent, done = sent + len(rows), due

    def _polls(self, rows: NDArray[np.int64], at_s: NDArray[np.float64]) -> Iterator[Records]:
        """Readings of some rows, in order of time."""
        time_ms = (at_s * _MS_PER_S).astype(np.int64)
        value = self._middle[rows] + self._chance.normal(0, _NOISE, len(rows)) * self._room[rows]
        raw = np.round((value - self._offset[rows]) / self._scale[rows], _DIGITS)
        for begin in range(0, len(rows), POLL_READINGS):
            part = slice(begin, begin + POLL_READINGS)
            yield self._records(rows[part], time_ms[part], raw[part])

    def _records(
        self, rows: NDArray[np.int64], time_ms: NDArray[np.int64], raw: NDArray[np.float64]
    ) -> Records:
        encoder = Encoder(1, self._messages.form, self._messages.readings)
        found: list[tuple[int, int, bytes | None]] = []
        for row, at_ms, value in zip(rows.tolist(), time_ms.tolist(), raw.tolist(), strict=True):
            sample = Sample(self._groups[row], self._ids[row], at_ms, value)
            if message := encoder.add(sample, 0.0):
                found.append((self._offset_next + len(found), at_ms, message.body))
        last_ms = int(time_ms[-1])
        for message in encoder.flush():
            found.append((self._offset_next + len(found), last_ms, message.body))
        self._offset_next += len(found)
        return Records.of(found)


def calm_room(pack: ClassPack) -> tuple[float, float]:
    """Values between which no limit of a class rings and no sensor is at its end."""
    low, high = pack.plausible.range
    if pack.limit is not None:
        low = max([low, *_steps(pack.limit.low)])
        high = min([high, *_steps(pack.limit.high)])
    return (low, high) if low < high else pack.plausible.range


def _steps(steps: Steps | None) -> list[float]:
    if steps is None:
        return []
    found = steps.array(np.nan)
    return [float(step) for step in found[~np.isnan(found)]]
