"""What companions explain: the twin, the laws, temperature and residual current (T11)."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from contracts.batch import Disposition
from contracts.quantities import Duration, Sigmas
from detectors.base.kind import Roster, Scene
from detectors.group.regress import REGRESS, Regress, faults
from tests.testkit.kind_case import FIGURES, SECOND, Case, Reading, keeps_the_laws, roster, run
from tests.testkit.kinds.group.regress import WORDS, case, stream, warmth
from tests.testkit.level_twin import Gate, LevelTwin


@dataclass
class RegressTwin:
    """One channel, from the docstring: lists of lists, and Kulhavy's formula as it is written."""

    rule: Regress
    t: list[float] = field(default_factory=list)
    origins: list[float] = field(default_factory=list)
    p: list[list[float]] = field(default_factory=list)
    learned: int = 0
    s: float = 0.0

    def see(self, x: list[float], value: float) -> tuple[float, float]:
        """Expected value and `u`."""
        if not self.learned:
            self.origins = list(x)
            n = len(x) + 1
            self.t = [value] + [0.0] * len(x)
            self.p = [[1e6 if i == j else 0.0 for j in range(n)] for i in range(n)]
        self.f = [1.0] + [a - b for a, b in zip(x, self.origins, strict=True)]
        expected = self.t[0]
        for coefficient, one in list(zip(self.t, self.f, strict=True))[1:]:
            expected += coefficient * one
        self.u = max(1.2533141373155003 * self.s, self.rule.floor)
        return expected, self.u

    def learn(self, error: float) -> None:
        forget, f = self.rule.forget, self.f
        self.learned += 1
        if self.learned > self.rule.warm_up:
            error = max(-3 * self.u, min(error, 3 * self.u))
        g = [0.0 for _ in f]
        z = 0.0
        for i, row in enumerate(self.p):
            for a, b in zip(row, f, strict=True):
                g[i] += a * b
            z += f[i] * g[i]
        c = forget - (1 - forget) / z
        w = c / (1 + c * z)
        for i in range(len(f)):
            self.t[i] += g[i] * error / (1 + z)
            for j in range(i + 1):
                self.p[i][j] = self.p[j][i] = self.p[i][j] - w * g[i] * g[j]
        n = self.learned - self.rule.warm_up // 2
        if n > 0:
            self.s += max(1 / n, 1 - forget) * (abs(error) - self.s)


@dataclass
class Lane:
    """Twins of a lane: who says what, and what is told of it."""

    rules: Mapping[str, Regress]
    roster: Roster
    make: type[RegressTwin] = RegressTwin
    said: dict[int, tuple[int, float]] = field(default_factory=dict)
    twins: dict[int, tuple[RegressTwin, LevelTwin, Gate]] = field(default_factory=dict)

    def words(self, row: int, time_ns: int, rule: Regress) -> list[float] | None:
        found = []
        for name in rule.on:
            lane = enumerate(zip(self.roster.groups, self.roster.class_of, strict=True))
            one = min(
                (r for r, (group, label) in lane
                 if r != row and group == self.roster.groups[row]
                 and self.roster.classes[label] == name),
                default=-1,
            )  # fmt: skip
            at, word = self.said.get(one, (-(10**18), math.nan))
            if math.isnan(word) or abs(time_ns - at) > rule.sync.ns:
                return None
            found.append(word)
        return found

    def hear(self, reading: Reading) -> tuple[Any, ...] | None:
        row, time_ns = reading.row, round(reading.at_s * SECOND)
        self.said[row] = (time_ns, reading.value)
        rule = self.rules.get(self.roster.classes[self.roster.class_of[row]])
        x = self.words(row, time_ns, rule) if rule else None
        if rule is None or x is None:
            return None
        fresh = (
            self.make(rule),
            LevelTwin(rule.on_delay.ns, rule.off_delay.ns),
            Gate(rule.relearn_after.ns),
        )
        twin, level, gate = self.twins.setdefault(row, fresh)
        expected, unit = twin.see(x, reading.value)
        error, breached, told = reading.value - expected, 0, None
        if twin.learned >= rule.warm_up:
            score, band = error / unit, rule.band.count
            judged = {"both": abs(score), "above": score, "below": -score}[rule.side]
            top = ["blue", "yellow"].index(rule.at_most) + 1
            breached = top if judged > band else 0
            held = top if judged > band - rule.hysteresis.count else breached
            if change := level.advance(breached, held, time_ns):
                figures = (expected, expected - band * unit, expected + band * unit, score)
                told = (row, *change, time_ns, reading.value, *figures)
        if gate.opens(calm=breached == 0 and level.level == 0, time_ns=time_ns):
            twin.learn(error)
        return told


def equals_twins(case: Case) -> None:
    lane, expected = Lane(case.rules, case.roster), []
    for ordinal, reading in enumerate(case.readings):
        if reading.disposition is Disposition.SCORED and (transition := lane.hear(reading)):
            expected.append((ordinal, *transition))
    names = ("ordinal", "row", "was", "now", "onset_ns", "time_ns", *FIGURES)
    got = [tuple(transition[name].item() for name in names) for transition in run(case)]
    assert got == expected


def single(rule: Regress, readings: list[Reading]) -> Case:
    lane = roster({"power.residual": 1, "power.temperature": 1}, group_size=2)
    return Case(REGRESS, {"power.residual": rule}, lane, readings)


@pytest.mark.parametrize("seed", range(3))
def test_the_kernel_equals_its_twin_and_keeps_the_laws(seed: int) -> None:
    equals_twins(case(seed))
    keeps_the_laws(case(seed))


def test_two_companions_and_delays_equal_the_twin_too() -> None:
    readings = []
    chance = np.random.default_rng(7)
    for step in range(500):
        a, b = float(chance.normal(5, 2)), float(chance.normal(100, 30))
        value = 3.0 * a - 0.2 * b + float(chance.normal(0, 0.1)) + 4.0 * (step % 90 > 84)
        for row, one in ((2, b), (1, a), (0, value)):
            readings.append(Reading(row, 60.0 * step + row, one))
    words = {**WORDS, "on": ["p.a", "p.b"], "side": "above", "at_most": "blue", "forget": 0.98}
    rule = Regress(**words, on_delay=Duration("1 min"), off_delay=Duration("2 min"))
    lane = roster({"p.y": 1, "p.a": 1, "p.b": 1}, group_size=3)
    two = Case(REGRESS, {"p.y": rule}, lane, readings)
    equals_twins(two)
    keeps_the_laws(two)


def test_t11_temperature_drives_the_residual_current_and_nothing_rings() -> None:
    for seed in range(3):
        assert not len(run(single(Regress(**WORDS), stream(seed, steps=2400))))


def test_t11_a_leak_that_the_temperature_does_not_explain_rings() -> None:
    leak = dict.fromkeys(range(1500, 1520), 6.0)  # far less than a day's swing of 19 mA
    told = run(single(Regress(**WORDS), stream(1, steps=2400, leaks=leak)))
    steps = [int(transition["time_ns"]) // (60 * SECOND) for transition in told]
    assert [int(transition["now"]) for transition in told] == [2, 0]
    assert 1500 <= steps[0] <= 1501
    assert 1520 <= steps[1] <= 1521


class Plain(RegressTwin):
    """Forgets in every other direction too."""

    def learn(self, error: float) -> None:
        super().learn(error)
        wear = 1 / self.rule.forget
        self.p = [[one * wear for one in row] for row in self.p]


def test_a_long_still_time_does_not_wear_out_what_is_known() -> None:
    chance, readings = np.random.default_rng(3), []
    for step in range(6000):
        swing = warmth(step) if step < 800 else 30.0 + 3.0 * math.sin(step / 38)
        t = swing if step < 800 or step >= 5800 else 20.0 + float(chance.normal(0, 0.01))
        readings.append(Reading(1, 60.0 * step, t))
        readings.append(Reading(0, 60.0 * step + 1, 1.2 * t + float(chance.normal(0, 0.4))))
    still = single(Regress(**{**WORDS, "forget": 0.99}), readings)
    assert not len(run(still))
    plain = Lane(still.rules, still.roster, make=Plain)
    assert any(plain.hear(reading) for reading in readings)


def test_a_companion_that_is_silent_or_in_another_group_lets_nothing_be_judged() -> None:
    readings = [r for r in stream(1) if r.row == 0]
    assert not len(run(single(Regress(**WORDS), readings)))
    apart = roster({"power.residual": 1, "power.temperature": 1})
    leaks = dict.fromkeys(range(300, 310), 50.0)
    rule = Regress(**WORDS)
    assert not len(run(Case(REGRESS, {"power.residual": rule}, apart, stream(1, leaks=leaks))))


def test_later_rules_see_the_residual() -> None:
    one = case()
    batch, disposition = one.batch()
    columns = {"value": batch.value}
    one.detector().score(batch, disposition, (0, len(batch)), columns)
    known = columns["regressed"][~np.isnan(columns["regressed"])]
    assert len(known) > 1000
    assert abs(float(np.median(known))) < 0.5


def test_the_state_is_as_large_as_the_docstring_says() -> None:
    arrays = single(Regress(**WORDS), []).detector().arrays()
    told = [arrays[f"regress.{name}"] for name in ("state", "levels", "said", "said_at")]
    assert sum(one.nbytes for one in told) == 160


@pytest.mark.parametrize(
    ("words", "path", "text"),
    [
        ({"on": ["temperature"]}, ("on", "0"), "expected a class such as"),
        ({"on": ["p.t", "p.t"]}, ("on",), "each class once"),
        ({"band": Sigmas("0 sigma")}, ("band",), "more than 0 sigma"),
        ({"hysteresis": Sigmas("5 sigma")}, ("hysteresis",), "could never clear"),
        ({"floor": 100.0}, ("floor",), "inside the plausible width"),
        ({"warm_up": 4}, ("warm_up",), "at least 8 for 1 companions"),
    ],
)
def test_words_that_make_no_sense_are_found(
    words: dict[str, Any], path: tuple[str, ...], text: str
) -> None:
    where, said = next(faults(Regress(**{**WORDS, **words}), Scene(0, 300, Duration("1 min"))))
    assert where == path
    assert text in said
