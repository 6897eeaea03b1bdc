"""Groups of channels in plain Python: rows of last words, T2, SPE, levels."""

import math
from typing import Any

import numpy as np

from contracts.batch import Disposition
from detectors.group.multivariate import MOST, Multivariate
from detectors.group.principal import spe_limit, t2_limit
from tests.testkit.kind_case import SECOND, Case
from tests.testkit.level_twin import Gate, LevelTwin


def total(numbers: Any) -> float:
    """From the first to the last: `sum` itself compensates in newer Pythons."""
    found = 0.0
    for number in numbers:
        found += number
    return found


class GroupTwin:
    """One group: its channels, the anchor first, and all its clean rows."""

    def __init__(self, rule: Multivariate, floors: list[float]) -> None:
        self.rule, self.floors = rule, floors
        self.clean: list[list[float]] = []
        self.model: Any = None

    def make(self) -> None:
        rows, p = self.clean[-self.rule.train :], len(self.floors)
        first = len(self.clean) % self.rule.train  # the order in which a ring holds them
        rows = rows[len(rows) - first :] + rows[: len(rows) - first]
        n = len(rows)
        mean = [total(row[i] for row in rows) / n for i in range(p)]
        spread = [
            [
                total((r[i] - mean[i]) * (r[j] - mean[j]) for r in rows) / (n - 1)
                for j in range(i + 1)
            ]
            for i in range(p)
        ]
        scale = [1.0 / math.sqrt(spread[i][i] + self.floors[i] * self.floors[i]) for i in range(p)]
        both = np.eye(p)
        for i in range(p):
            for j in range(i):
                both[i, j] = both[j, i] = spread[i][j] * scale[i] * scale[j]
        variance, columns = np.linalg.eigh(both)
        order = list(range(p - 1, -1, -1))
        variance = variance[order]
        parts = [columns[:, k].tolist() for k in order]
        kept, share = 0, 0.0
        while share < self.rule.keep * p and kept < p:
            share += float(variance[kept])
            kept += 1
        kept = min(kept, p - 1)
        limits = (
            t2_limit(n, kept, self.rule.quantile),
            spe_limit(variance[kept:], self.rule.quantile),
        )
        self.model = (kept, mean, scale, parts, variance.tolist(), limits)

    def judge(self, x: list[float]) -> tuple[float, float, float]:
        """Score, and value and expected value of the channel that adds most."""
        kept, mean, scale, parts, variance, limits = self.model
        p = len(x)
        z = [(x[i] - mean[i]) * scale[i] for i in range(p)]
        t = [total(parts[j][i] * z[i] for i in range(p)) for j in range(kept)]
        t2 = total(t[j] * t[j] / variance[j] for j in range(kept)) / limits[0]
        left = list(z)
        for j in range(kept):
            left = [left[i] - t[j] * parts[j][i] for i in range(p)]
        spe = total(r * r for r in left) / limits[1]
        if spe >= t2:
            adds = [r * r for r in left]
        else:
            adds = [
                z[i] * total(t[j] * parts[j][i] / variance[j] for j in range(kept))
                for i in range(p)
            ]
        most = adds.index(max(adds))
        return max(t2, spe), x[most], mean[most] + (z[most] - left[most]) / scale[most]

    def learn(self, x: list[float]) -> None:
        self.clean.append(x)
        more = len(self.clean) - self.rule.train
        if more >= 0 and more % self.rule.retrain == 0:
            self.make()


def group_notes(case: Case) -> list[tuple[Any, ...]]:
    """Level changes as `run` tells them, of a case whose rules all judge `value`."""
    classes = [case.roster.classes[i] for i in case.roster.class_of]
    said: dict[int, tuple[int, float]] = {}
    groups: dict[int, tuple[list[int], GroupTwin, LevelTwin, Gate]] = {}
    for name, rule in case.rules.items():
        for group in dict.fromkeys(case.roster.groups):
            inside = [r for r, g in enumerate(case.roster.groups) if g == group]
            mine = [r for r in inside if classes[r] == name][:1]
            rows = mine + [r for r in inside if classes[r] in rule.with_classes and r not in mine]
            rows = rows[:MOST]
            if not mine or len(rows) < 2:
                continue
            floors = [rule.floor] + [rule.with_classes[classes[r]] for r in rows[1:]]
            level = LevelTwin(rule.on_delay.ns, rule.off_delay.ns)
            gate = Gate(rule.relearn_after.ns)
            groups[mine[0]] = (rows, GroupTwin(rule, floors), level, gate)
    told: list[tuple[Any, ...]] = []
    for ordinal, reading in enumerate(case.readings):
        if reading.disposition is not Disposition.SCORED or math.isnan(reading.value):
            continue
        time_ns = round(reading.at_s * SECOND)
        said[reading.row] = (time_ns, reading.value)
        if reading.row in groups:
            transition = _see(groups[reading.row], said, time_ns)
            told += [(ordinal, reading.row, *transition)] if transition else []
    return told


def _see(group: Any, said: dict[int, tuple[int, float]], time_ns: int) -> tuple[Any, ...] | None:
    rows, twin, level, gate = group
    rule, breached, transition = twin.rule, 0, None
    if any(r not in said or abs(said[r][0] - time_ns) > rule.sync.ns for r in rows):
        return None
    x = [said[r][1] for r in rows]
    if twin.model is not None:
        top = 2 if rule.at_most == "yellow" else 1
        score, value, expected = twin.judge(x)
        breached = top if score > rule.times else 0
        held = top if score > rule.times - rule.hysteresis else 0
        if change := level.advance(breached, held, time_ns):
            transition = (*change, time_ns, value, expected, math.nan, math.nan, score)
    if gate.opens(calm=breached == 0 and level.level == 0, time_ns=time_ns):
        twin.learn(x)
    return transition
