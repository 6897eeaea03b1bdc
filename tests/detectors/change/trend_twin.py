"""One channel's slow movement, in plain Python."""

import itertools
import math
import statistics

import msgspec
import numpy as np

from detectors.base.thresholds import Steps
from detectors.change.trend import Trend
from tests.testkit.kind_case import Seen
from tests.testkit.kinds.change.trend import DAY_S

Days = list[tuple[int, float]]  # days before the last one as numbers up to 0, and their medians


def middle_slope(days: Days, width: int, complete: float) -> float:
    inside = [(t, y) for t, y in days if -t < width]
    size = math.ceil(width / 61)
    if len(inside) < complete * width:
        return math.nan
    points = []
    for _, block in itertools.groupby(inside, lambda day: -day[0] // size):
        ts, ys = zip(*block, strict=True)
        points.append((statistics.median(ts), statistics.median(ys)))
    pairs = itertools.combinations(points, 2)
    slopes = [(y2 - y1) / (t2 - t1) for (t1, y1), (t2, y2) in pairs]
    return statistics.median(slopes) if slopes else math.nan


def parted(values: list[float]) -> int:
    """Place at which two means leave the least squares."""
    within = [
        sum((y - statistics.fmean(part)) ** 2 for part in (values[:i], values[i:]) for y in part)
        for i in range(1, len(values))
    ]
    return 1 + within.index(min(within))


def step_of(days: Days, rate: float, side: int) -> float:
    last = days[-2 * side :]
    if len(last) < 2 * side:
        return 0.0
    apart = [abs(y2 - y1) for (_, y1), (_, y2) in itertools.pairwise(last)]
    if side == 3 and max(apart) > apart[2]:
        return 0.0
    if side > 3 and parted([y for _, y in last]) != side:
        return 0.0
    t = [statistics.median(day[0] for day in half) for half in (last[:side], last[side:])]
    y = [statistics.median(day[1] for day in half) for half in (last[:side], last[side:])]
    return (y[1] - y[0]) - (0.0 if math.isnan(rate) else rate) * (t[1] - t[0])


def jumps_of(days: Days, side: int) -> float:
    values = [y for _, y in days]
    moved = [
        statistics.median(values[i + side : i + 2 * side]) - statistics.median(values[i : i + side])
        for i in range(len(values) - 2 * side)
    ]
    if len(moved) < 30:
        return math.nan
    middle = statistics.median(moved)
    return 1.4826 * statistics.median(abs(jump - middle) for jump in moved)


def end_of(days: Days) -> float:
    last = days[-13:]
    if len(last) < 13:
        return math.nan
    spans = [(one, other) for one, other in zip(last[:-3], last[3:], strict=True)]
    rates = [(y2 - y1) / (t2 - t1) for (t1, y1), (t2, y2) in spans]
    if min(rates) * max(rates) <= 0:
        return math.nan
    x = [t2 - (t2 - t1) / 2 for (t1, _), (t2, _) in spans]
    w = [abs(1 / rate) for rate in rates]
    if w[0] < 1.5 * w[-1]:
        return math.nan
    xm, ym = sum(x) / 10, sum(w) / 10
    xx = sum((a - xm) * (a - xm) for a in x)
    xy = sum((a - xm) * (b - ym) for a, b in zip(x, w, strict=True))
    yy = sum((b - ym) * (b - ym) for b in w)
    if xy >= 0 or xy * xy < 0.8 * xx * yy:
        return math.nan
    root = xm - ym * xx / xy
    return root if root > 0 else math.nan


def colour_of(score: float, steps: Steps | None) -> int:
    given = msgspec.structs.astuple(steps or Steps())
    return max((c for c, s in enumerate(given, 1) if s is not None and score > s), default=0)


class TrendTwin:
    def __init__(self, rule: Trend, period_ns: int) -> None:
        del period_ns
        self.rule = rule
        self.way = {"both": 0, "up": 1, "down": -1}[rule.way]
        self.day: int | None = None
        self.today: list[float] = []
        self.base: float | None = None
        self.days: dict[int, np.float32] = {}

    def see(self, time_ns: int, value: float) -> Seen | None:
        local_s = time_ns / 10**9 + self.rule.utc_hours * 3600
        day = math.floor(local_s / DAY_S)
        seen = None
        if self.day is not None and day > self.day:
            seen = self.judge(self.day)
        if day != self.day:
            self.day, self.today = day, []
        if self.rule.from_hour <= (local_s - day * DAY_S) / 3600 < self.rule.to_hour:
            self.today.append(value)
        return seen

    def judge(self, newest: int) -> Seen | None:
        self.days.pop(newest - 400, None)
        if not self.today:
            return None
        stride = 1
        while math.ceil(len(self.today) / stride) > 64:
            stride *= 2
        median = statistics.median(self.today[::stride])
        self.base = median if self.base is None else self.base
        self.days[newest] = np.float32(median - self.base)
        kept = sorted(day for day in self.days if day > newest - 400)
        days = [(day - newest, float(self.days[day])) for day in kept]
        step = self.level(days, newest, kept)
        return self.colours(days, step)

    def level(self, days: Days, newest: int, kept: list[int]) -> float:
        width, complete = self.rule.over.ns // (86400 * 10**9), self.rule.complete
        step = step_of(days, middle_slope(days, width, complete), self.rule.step_days)
        given = msgspec.structs.astuple(self.rule.step or Steps())
        mildest = min((s for s in given if s is not None), default=math.inf)
        band = self.rule.step_band.count
        if (
            abs(step) > mildest
            and band
            and not abs(step) > band * jumps_of(days, self.rule.step_days)
        ):
            return 0.0
        if abs(step) > mildest:
            for i, day in enumerate(kept[: -self.rule.step_days]):
                days[i] = (days[i][0], days[i][1] + step)
                self.days[day] = np.float32(float(self.days[day]) + step)
        return step

    def colours(self, days: Days, step: float) -> Seen | None:
        rule = self.rule
        velocity, short, long = (
            middle_slope(days, width, rule.complete) * 365.25
            for width in (rule.over.ns // (86400 * 10**9), 30, 90)
        )
        left = end_of(days)
        if not math.isnan(left) and self.way * (days[-1][1] - days[-2][1]) < 0:
            left = math.nan
        along = self.way or float(np.sign(short))
        moved = [x * self.way if self.way else abs(x) for x in (velocity, step)]
        width = rule.over.ns // (86400 * 10**9)
        earlier = [(t + width, y) for t, y in days if t <= -width]
        changed = velocity - middle_slope(earlier, width, rule.complete) * 365.25
        soon = msgspec.structs.astuple(rule.failure_within or Steps())
        colours = (
            colour_of(moved[0], rule.velocity),
            colour_of((short - long) * along, rule.acceleration),
            colour_of(moved[1], rule.step),
            max((c for c, s in enumerate(soon, 1) if s is not None and left < s), default=0),
            colour_of(changed * self.way if self.way else abs(changed), rule.velocity_change),
        )
        worst = max(colours)
        told = (velocity, short - long, step, velocity, changed)[colours.index(worst)]
        if worst == 0 and math.isnan(velocity):
            return None
        return Seen(told if worst else velocity, worst, worst, expected=left)

    def learn(self, time_ns: int, value: float) -> None:
        """Nothing: days are counted as they come."""
