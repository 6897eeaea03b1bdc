"""Admission, the fused row and silence in plain Python, written from what their docs say."""

from collections import deque
from dataclasses import dataclass, field
from math import isfinite, nan, sqrt

from contracts.batch import Destiny, Quality
from contracts.day_types import day_type
from detectors.limit import COLOURS, Limit, Steps
from detectors.unusual import Unusual
from ingest.plausible import Plausible
from tests.detectors.level_twin import Gate, LevelTwin

NS_PER_S = 1_000_000_000


@dataclass
class AdmissionTwin:
    """What is remembered of one channel to judge its readings."""

    plausible: Plausible
    times: deque[int] = field(default_factory=lambda: deque(maxlen=4))
    last: tuple[int, float] | None = None
    shelved: bool = False

    def admit(self, stamp_ns: int, time_ns: int, value: float, quality: int) -> Destiny:
        """The reading's one destiny."""
        by_time = [
            (Destiny.FUTURE, time_ns - stamp_ns > self.plausible.future.ns),
            (Destiny.DUPLICATE, time_ns in self.times),
            (Destiny.BACK_FILLED, stamp_ns - time_ns > self.plausible.back_fill.ns),
            (Destiny.LATE, bool(self.times) and time_ns < self.times[-1]),
        ]
        for destiny, holds in by_time:
            if holds:
                return destiny
        self.times.append(time_ns)
        if quality == Quality.BAD or self.shelved:
            return Destiny.HELD
        return self._by_value(time_ns, value)

    def _by_value(self, time_ns: int, value: float) -> Destiny:
        bounds = self.plausible
        if not isfinite(value):
            return Destiny.NOT_FINITE
        if not bounds.range[0] <= value <= bounds.range[1]:
            return Destiny.OUT_OF_RANGE
        before, self.last = self.last, (time_ns, value)
        if before is None or bounds.fastest is None:
            return Destiny.SCORED
        fast = abs(value - before[1]) > bounds.fastest.per_s * ((time_ns - before[0]) / 1e9)
        return Destiny.TOO_FAST if fast else Destiny.SCORED


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
    """Limit and unusual value of one channel."""

    limit: Limit
    unusual: Unusual
    mean: float = nan
    variance: float = 0.0
    learned: int = 0

    def __post_init__(self) -> None:
        self.limit_level = LevelTwin(self.limit.on_delay.ns, self.limit.off_delay.ns)
        self.unusual_level = LevelTwin(self.unusual.on_delay.ns, self.unusual.off_delay.ns)
        self.gate = Gate(self.unusual.relearn_after.ns)

    def see(self, time_ns: int, value: float) -> tuple[float, list[tuple[int, ...]]]:
        """Score against the state before the value, and (slot, was, now, onset) of each change."""
        day = day_type(time_ns, self.limit.utc_offset.ns, self.limit.calendar)
        limit = self.limit.on(day)
        breached = max(self._sides(limit, value, 0.0))
        held = max(breached, *self._sides(limit, value, limit.hysteresis))
        score, strange, near = self._score(value)
        changes: list[tuple[int, ...]] = []
        if change := self.limit_level.advance(breached, held, time_ns):
            changes.append((0, *change))
        if change := self.unusual_level.advance(strange, near, time_ns):
            changes.append((1, *change))
        calm = not (breached or strange or self.limit_level.level or self.unusual_level.level)
        if self.gate.opens(calm=calm, time_ns=time_ns):
            self._learn(value)
        return score, changes

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
