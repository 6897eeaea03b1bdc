"""Shifts: the twin, the laws, one sigma for long, one wild reading, and a budget kept."""

import math
from typing import Any

import numpy as np
import pytest

from contracts.quantities import Duration, Sigmas
from detectors.base.kind import Scene
from detectors.change.shift import SHIFT, FalseAlarms, Shift, Shifts, faults, thresholds
from tests.testkit.kind_case import Case, Reading, Seen, equals_twin, keeps_the_laws, roster, run
from tests.testkit.kinds.change.shift import WORDS, case_of


class ShiftTwin:
    """As the docstring of `Shift` says it."""

    def __init__(self, rule: Shift, period_ns: int) -> None:
        self.rule = rule
        band, self.h = thresholds(rule, period_ns)
        self.reach = band * math.sqrt(rule.smoothing / (2 - rule.smoothing))
        self.n, self.m, self.s, self.q = 0, 0.0, 0.0, 1.0
        self.e, self.up, self.down = 0.0, 0.0, 0.0

    def sigma(self) -> float:
        return max(math.sqrt(self.s / (1 - self.q)), self.rule.floor)

    def see(self, time_ns: int, value: float) -> Seen | None:
        del time_ns
        if self.n < self.rule.warm_up:
            return None
        t = (value - self.m) / (self.sigma() * math.sqrt(1 + self.q))
        v = 1 / self.q - 1
        z = min((8 * v + 1) / (8 * v + 3) * math.sqrt(v * math.log(1 + t * t / v)), 5.0)
        z = z if t >= 0 else -z
        self.e += self.rule.smoothing * (z - self.e)
        self.up = max(0.0, self.up + z - self.rule.k.count)
        self.down = max(0.0, self.down - z - self.rule.k.count)
        above = max(self.e / self.reach, self.up / self.h)
        below = max(-self.e / self.reach, self.down / self.h)
        score = above if above >= below else -below
        colour = 0
        if abs(score) > 1:
            colour = ["blue", "yellow"].index(self.rule.at_most) + 1
            self.e, self.up, self.down = 0.0, 0.0, 0.0
        return Seen(score, colour, colour, self.m)

    def learn(self, time_ns: int, value: float) -> None:
        del time_ns
        self.n += 1
        if self.n == 1:
            self.m, self.s, self.q = value, 0.0, 1.0
            return
        d = value - self.m
        if self.n > self.rule.warm_up:
            most = 5 * self.sigma()
            d = min(max(d, -most), most)
        a = 1 / min(self.n, self.rule.memory)
        self.m += a * d
        self.s = (1 - a) * (self.s + a * d * d)
        self.q = (1 - a) * (1 - a) * self.q + a * a


@pytest.mark.parametrize(
    "words",
    [
        {},
        {"charts": "ewma", "h": None, "smoothing": 0.2},
        {"charts": "cusum", "band": None, "k": Sigmas("0.25 sigma"), "at_most": "blue"},
        {"band": None, "h": None, "false_alarms": FalseAlarms(per_day=3, channels=9)},
    ],
)
def test_the_kernel_equals_its_twin_and_keeps_the_laws(words: dict[str, Any]) -> None:
    rule = Shift(**{**WORDS, **words}, relearn_after=Duration("1 h"), off_delay=Duration("5 min"))
    for seed in range(3):
        # A logarithm is in it, and all sums hang on it.
        equals_twin(case_of(seed, rule), ShiftTwin, ulps=4)
    keeps_the_laws(case_of(0, rule))


def told(rule: Shift, values: list[float]) -> list[tuple[int, int]]:
    """Place and colour of each level change of one channel."""
    readings = [Reading(0, 60.0 * i, value) for i, value in enumerate(values)]
    transitions = run(Case(SHIFT, {"m": rule}, roster({"m": 1}), readings))
    return [(int(transition["ordinal"]), int(transition["now"])) for transition in transitions]


def noise(seed: int, n: int) -> list[float]:
    return [float(x) for x in np.random.default_rng(seed).normal(0.0, 1.0, n)]


LONG = Shift(
    floor=0.01,
    at_most="yellow",
    band=Sigmas("5 sigma"),
    h=Sigmas("12 sigma"),
    off_delay=Duration("40 min"),
)


@pytest.mark.parametrize("by", [1.5, -1.5])
def test_a_shift_that_no_single_reading_shows_rings_soon_and_until_it_ends(by: float) -> None:
    for seed in range(5):
        values = noise(seed, 3000)
        for i in range(2000, 2600):
            values[i] += by
        changes = told(LONG, values)
        assert [colour for _, colour in changes] == [2, 0]
        assert 2002 <= changes[0][0] <= 2030  # 12 / (1.5 - 0.5) readings, on the mean
        assert 2600 <= changes[1][0] <= 2680


def test_one_wild_reading_and_a_quantised_flat_channel_are_no_shift() -> None:
    values = noise(3, 3000)
    values[2000] = 1000.0
    assert told(LONG, values) == []
    flat = [39.08 if i % 700 else 39.10 for i in range(3000)]
    assert told(Shift(floor=0.02, at_most="blue", band=LONG.band, h=LONG.h), flat) == []


def test_a_shift_is_not_learned_while_it_rings_but_after_its_time() -> None:
    values = [*noise(4, 1500), *(x + 3.0 for x in noise(5, 2000))]
    state: dict[str, float] = {}
    for relearn in ("10 h", "60 d"):
        rule = Shift(
            **{**WORDS, "floor": 0.01},
            off_delay=Duration("40 min"),
            relearn_after=Duration(relearn),
        )
        readings = [Reading(0, 60.0 * i, value) for i, value in enumerate(values)]
        one = Case(SHIFT, {"m": rule}, roster({"m": 1}), readings)
        (batch, disposition), detector = one.batch(), one.detector()
        detector.score(batch, disposition, (0, len(batch)), {"value": batch.value})
        state[relearn] = float(detector.arrays()["shift.state"]["mean"][0])
    assert abs(state["60 d"]) < 0.5
    assert state["10 h"] > 2.5


def test_other_columns_are_judged() -> None:
    rule = Shift(**{**WORDS, "of": "seasonal"})
    one = case_of(0, rule)
    batch, disposition = one.batch()
    columns = {"value": np.zeros(len(batch)), "seasonal": batch.value}
    found = one.detector().score(batch, disposition, (0, len(batch)), columns)
    assert len(found) == len(run(case_of(0, Shift(**WORDS)))) > 2


def test_the_state_is_what_it_says() -> None:
    assert Shifts.STATE.itemsize == 56


SCENE = Scene(0.0, 10.0, Duration("1 min"))


@pytest.mark.parametrize(
    ("words", "path", "text"),
    [
        ({"k": Sigmas("0 sigma")}, ("k",), "sums would only grow"),
        ({"on_delay": Duration("1 min")}, ("on_delay",), "has waited already"),
        ({"warm_up": 300}, ("warm_up",), "at most memory (200)"),
        ({"floor": 2.0}, ("floor",), "inside the plausible width"),
        ({"h": None}, ("h",), "or write `false_alarms`"),
        ({"band": None}, ("band",), "expected a threshold, got none"),
        ({"h": Sigmas("4.5 sigma")}, ("h",), "one wild reading would ring"),
        ({"band": Sigmas("2 sigma")}, ("band",), "more than 2.18 sigma"),
        ({"false_alarms": FalseAlarms(per_day=1, channels=9)}, ("band",), "none beside"),
        (
            {"band": None, "h": None, "false_alarms": FalseAlarms(per_day=99, channels=6)},
            ("false_alarms",),
            "got one in 87.2727",
        ),
    ],
)
def test_words_that_make_no_sense_are_found(
    words: dict[str, Any], path: tuple[str, ...], text: str
) -> None:
    where, said = next(faults(Shift(**{**WORDS, **words}), SCENE))
    assert where == path
    assert text in said


@pytest.mark.parametrize("words", [{}, {"charts": "ewma", "h": None}])
def test_sensible_words_pass(words: dict[str, Any]) -> None:
    assert not list(faults(Shift(**{**WORDS, **words}), SCENE))
