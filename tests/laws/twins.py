"""Admission, the fused row and liveness in plain Python, written from what their docs say."""

from collections import deque
from dataclasses import dataclass, field
from math import isfinite, isnan, nan, sqrt
from typing import Any

from contracts.batch import Disposition, Quality
from contracts.civil_time import day_type
from detectors.base.thresholds import COLOURS, Steps
from detectors.fused.frozen import Frozen
from detectors.fused.limit import Limit
from detectors.fused.unusual import Unusual
from ingest.admit import Plausible
from tests.testkit.level_twin import Gate, LevelTwin


@dataclass
class AdmissionTwin:
    """What is remembered of one channel to judge its readings."""

    plausible: Plausible
    times: deque[int] = field(default_factory=lambda: deque(maxlen=4))
    last: tuple[int, float] | None = None
    shelved: bool = False

    def admit(self, stamp_ns: int, time_ns: int, value: float, quality: int) -> Disposition:
        """The reading's one disposition."""
        by_time = [
            (Disposition.FUTURE, time_ns - stamp_ns > self.plausible.future.ns),
            (Disposition.DUPLICATE, time_ns in self.times),
            (Disposition.BACK_FILLED, stamp_ns - time_ns > self.plausible.back_fill.ns),
            (Disposition.LATE, bool(self.times) and time_ns < self.times[-1]),
        ]
        for disposition, holds in by_time:
            if holds:
                return disposition
        self.times.append(time_ns)
        if quality == Quality.BAD or self.shelved:
            return Disposition.HELD
        return self._by_value(time_ns, value)

    def _by_value(self, time_ns: int, value: float) -> Disposition:
        bounds = self.plausible
        if not isfinite(value):
            return Disposition.NOT_FINITE
        if not bounds.range[0] <= value <= bounds.range[1]:
            return Disposition.OUT_OF_RANGE
        before, self.last = self.last, (time_ns, value)
        if before is None or bounds.fastest is None:
            return Disposition.SCORED
        fast = abs(value - before[1]) > bounds.fastest.per_s * ((time_ns - before[0]) / 1e9)
        return Disposition.TOO_FAST if fast else Disposition.SCORED


def beyond(steps: Steps | None, value: float, sign: int, back: float) -> int:
    """Worst colour whose threshold, moved inwards, the value lies beyond; sign -1 for low."""
    worst = 0
    for number, colour in enumerate(COLOURS, 1):
        step = None if steps is None else getattr(steps, colour)
        if step is not None and (value < step + back if sign < 0 else value > step - back):
            worst = number
    return worst


@dataclass
class FusedTwin:
    """Limit, unusual and frozen values of one channel."""

    limit: Limit
    unusual: Unusual
    frozen: Frozen | None = None
    mean: float = nan
    variance: float = 0.0
    learned: int = 0
    up: float = 0.0
    down: float = 0.0
    run: list[tuple[int, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.limit_level = LevelTwin(self.limit.waits().tolist(), self.limit.off_delay.ns)
        self.unusual_level = LevelTwin(self.unusual.on_delay.ns, self.unusual.off_delay.ns)
        self.frozen_level = LevelTwin(0, self.frozen.off_delay.ns if self.frozen else 0)
        self.gate = Gate(self.unusual.relearn_after.ns)

    def see(self, time_ns: int, value: float) -> tuple[float, list[tuple[Any, ...]]]:
        """Score against the state before the value, and what each change tells."""
        day = day_type(time_ns, self.limit.utc_offset.ns, self.limit.calendar)
        limit = self.limit.on(day)
        self.limit_level.on_ns = limit.waits().tolist()
        breached = max(self._sides(limit, value, 0.0))
        held = max(breached, *self._sides(limit, value, limit.hysteresis))
        score, strange, told = self._unusual(time_ns, value)
        changes: list[tuple[Any, ...]] = []
        if change := self.limit_level.advance(breached, held, time_ns):
            changes.append((0, *change, value, *self._band(self.unusual.band.count), score))
        stands, stood = self._frozen(time_ns, value)
        changes += told + stood
        levels = (self.limit_level, self.unusual_level, self.frozen_level)
        calm = not (breached or strange or stands or any(each.level for each in levels))
        if self.gate.opens(calm=calm, time_ns=time_ns):
            self._learn(value)
        return score, changes

    def _unusual(self, time_ns: int, value: float) -> tuple[float, int, list[tuple[Any, ...]]]:
        """Score, colour breached, and what a change tells."""
        score, strange, near = self._score(value)
        told = (*self._band(self.unusual.band.count), score)
        if total := self._sum_up(score):
            assert self.unusual.sums is not None
            if not strange:
                told = (*self._band(self.unusual.sums.k.count), total)
            strange = near = COLOURS.index(self.unusual.at_most) + 1
        self.unusual_level.on_ns = 0 if total else self.unusual.on_delay.ns  # a sum has waited
        change = self.unusual_level.advance(strange, near, time_ns)
        return score, strange, [(1, *change, value, *told)] if change else []

    def _frozen(self, time_ns: int, value: float) -> tuple[int, list[tuple[Any, ...]]]:
        """Colour breached, and what a change tells."""
        stands = self._stands(time_ns, value)
        change = self.frozen_level.advance(stands, stands, time_ns)
        if change is None:
            return stands, []
        was, now, onset = change
        begun = self.run[0][0] if now else onset
        if not now:
            self.run[0] = (time_ns, self.run[0][1])
        return stands, [(3, was, now, begun, value, nan, nan, nan, float(len(self.run)))]

    @staticmethod
    def _sides(limit: Limit, value: float, back: float) -> tuple[int, int]:
        return beyond(limit.low, value, -1, back), beyond(limit.high, value, 1, back)

    def _score(self, value: float) -> tuple[float, int, int]:
        rule = self.unusual
        if self.learned < rule.warm_up:
            return nan, 0, 0
        score = (value - self.mean) / max(sqrt(self.variance), rule.floor)
        top = COLOURS.index(rule.at_most) + 1
        strange = top if abs(score) > rule.band.count else 0
        back = rule.band.count - rule.hysteresis.count
        return score, strange, top if abs(score) > back else strange

    def _band(self, sigmas: float) -> tuple[float, float, float]:
        """Expected, low and high, so many deviations around the mean."""
        if self.learned < self.unusual.warm_up:
            return nan, nan, nan
        half = sigmas * max(sqrt(self.variance), self.unusual.floor)
        return self.mean, self.mean - half, self.mean + half

    def _sum_up(self, score: float) -> float:
        """The sum that rings, 0 for none."""
        sums = self.unusual.sums
        if sums is None or isnan(score):
            return 0.0
        z = min(max(score, -5.0), 5.0)
        self.up = max(0.0, self.up + z - sums.k.count)
        self.down = max(0.0, self.down - z - sums.k.count)
        if max(self.up, self.down) <= sums.h.count:
            return 0.0
        rings = self.up if self.up >= self.down else -self.down
        self.up = self.down = 0.0
        return rings

    def _stands(self, time_ns: int, value: float) -> int:
        """Colour of a run that has lasted for too long."""
        rule = self.frozen
        if rule is None:
            return 0
        if not self.run or abs(value - self.run[0][1]) > rule.resolution:
            self.run = []
        self.run.append((time_ns, value))
        since, first = self.run[0]
        if len(self.run) < rule.least or time_ns - since < rule.after.ns:
            return 0
        if rule.rest is not None and abs(first - rule.rest) <= rule.resolution:
            return 0
        return COLOURS.index(rule.at_most) + 1

    def _learn(self, value: float) -> None:
        a = self.unusual.smoothing
        if self.learned == 0:
            self.mean = value
        else:
            off = value - self.mean
            self.mean += a * off
            self.variance = (1.0 - a) * (self.variance + a * off * off)
        self.learned += 1


@dataclass
class SilenceTwin:
    """Who was heard when, on lane time in seconds."""

    after_s: int
    heard_s: int
    silent: bool = False

    def hear(self, lane_time_s: int) -> bool:
        """Whether this reading ends a silence."""
        was, self.silent, self.heard_s = self.silent, False, lane_time_s
        return was

    def fire(self, lane_time_s: int) -> int | None:
        """Deadline that has passed, once."""
        deadline = self.heard_s + self.after_s
        if self.silent or deadline > lane_time_s:
            return None
        self.silent = True
        return deadline


@dataclass
class LivenessTwin:
    """One channel that is heard, silent, or sends nothing valid; lane time in seconds.

    Parameters
    ----------
    silence : SilenceTwin
    after_s, off_s : int
        Of the rule `invalid`.
    """

    silence: SilenceTwin
    after_s: int
    off_s: int
    run: list[int] = field(default_factory=list)  # invalid readings since the last valid one
    valid_s: int | None = None  # first valid reading after the last invalid one, while it rings
    invalid: bool = False

    def hear(self, lane_time_s: int, *, valid: bool) -> list[str]:
        """Rules whose alarm this reading ends."""
        ended = ["silent"] if self.silence.hear(lane_time_s) else []
        if not valid:
            self.valid_s = None
            if not self.invalid:
                self.run.append(lane_time_s)
            return ended
        self.run = []
        if self.invalid:
            self.valid_s = lane_time_s if self.valid_s is None else self.valid_s
            if lane_time_s - self.valid_s >= self.off_s:
                self.invalid, self.valid_s = False, None
                ended.append("invalid")
        return ended

    def fire(self, lane_time_s: int) -> list[tuple[int, str, bool]]:
        """What rings and ends up to now, as (when, rule, whether it rings)."""
        told = []
        silent_s = self.silence.fire(lane_time_s)
        deadline_s = self.run[0] + self.after_s if self.run else None
        if deadline_s is not None and deadline_s <= lane_time_s:
            if silent_s is None or deadline_s < silent_s:
                self.invalid = len(self.run) >= 2
                told += [(deadline_s, "invalid", True)] if self.invalid else []
            self.run = []
        if silent_s is not None:
            told.append((silent_s, "silent", True))
            told += [(silent_s, "invalid", False)] if self.invalid else []
            self.run, self.valid_s, self.invalid = [], None, False
        return told
