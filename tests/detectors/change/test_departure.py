"""Departures: the twin, the laws, a wandering channel, a creeping fault, a new normal."""

import math
from itertools import accumulate
from typing import Any

import numpy as np
import pytest

from contracts.quantities import Duration, Sigmas
from detectors.base.kind import Scene
from detectors.change.departure import DEPARTURE, Departure, Departures, faults
from tests.testkit.kind_case import Case, Reading, Seen, equals_twin, keeps_the_laws, roster, run
from tests.testkit.kinds.change.departure import WORDS, case, case_of


class DepartureTwin:
    """As the docstring of `Departure` says it."""

    def __init__(self, rule: Departure, period_ns: int) -> None:
        del period_ns
        self.rule = rule
        self.n, self.f, self.m, self.v, self.d = 0, 0.0, 0.0, 0.0, 0.0

    def see(self, time_ns: int, value: float) -> Seen | None:
        del time_ns
        if self.n == 0:
            self.f = self.m = value
        self.f += max(self.rule.smoothing, 1 / (self.n + 1)) * (value - self.f)
        self.d = self.f - self.m
        if self.n < self.rule.warm_up:
            return None
        unit = max(math.sqrt(self.v), self.rule.floor)
        size, band = abs(self.d) / unit, self.rule.band.count
        top = ["blue", "yellow"].index(self.rule.at_most) + 1
        counts = {"both": True, "above": self.d >= 0, "below": self.d <= 0}[self.rule.side]
        breached = top if counts and size > band else 0
        held = top if counts and size > band - self.rule.hysteresis.count else 0
        return Seen(self.d / unit, breached, held, self.m, band * unit, self.f, away=size > band)

    def learn(self, time_ns: int, value: float) -> None:
        del time_ns
        self.n += 1
        self.m += (value - self.m) / min(self.n, self.rule.memory)
        behind = self.n - self.rule.memory
        if 0 < behind <= self.rule.settle:
            self.v += (self.d * self.d - self.v) / behind

    def adopt(self) -> None:
        self.m = self.f


@pytest.mark.parametrize(
    "words",
    [
        {},
        {"side": "above", "settle": 30},
        {"side": "below", "at_most": "blue", "smoothing": 0.05, "on_delay": Duration("3 min")},
    ],
)
def test_the_kernel_equals_its_twin_and_keeps_the_laws(words: dict[str, Any]) -> None:
    rule = Departure(
        **{**WORDS, **words}, relearn_after=Duration("30 min"), off_delay=Duration("5 min")
    )
    for seed in range(3):
        equals_twin(case_of(seed, rule), DepartureTwin)
    keeps_the_laws(case_of(0, rule))


def told(rule: Departure, values: list[float]) -> list[tuple[int, int]]:
    """Place and colour of each level change of one channel read once a minute."""
    readings = [Reading(0, 60.0 * i, value) for i, value in enumerate(values)]
    transitions = run(Case(DEPARTURE, {"m": rule}, roster({"m": 1}), readings))
    return [(int(transition["ordinal"]), int(transition["now"])) for transition in transitions]


def noise(seed: int, n: int) -> list[float]:
    return [float(x) for x in np.random.default_rng(seed).normal(0.0, 1.0, n)]


def wander(seed: int, n: int) -> list[float]:
    """As a temperature that hangs on its last value."""
    return list(accumulate(noise(seed, n), lambda last, step: 0.98 * last + 0.2 * step))


PLAIN = Departure(band=Sigmas("5 sigma"), floor=0.001, at_most="yellow")


def test_what_single_readings_hardly_show_rings_soon_when_it_lasts() -> None:
    for seed in range(5):
        values = noise(seed, 2000)
        for i in range(1500, 1600):
            values[i] += 2.5
        changes = told(PLAIN, values)
        assert [colour for _, colour in changes] == [2, 0]
        assert 1500 < changes[0][0] < 1540
        assert 1600 <= changes[1][0] < 1620


def test_a_channel_that_wanders_gets_room_and_one_that_stands_still_is_judged_finely() -> None:
    assert all(told(PLAIN, wander(seed, 3000)) == [] for seed in range(5))
    still = [0.01 * x for x in noise(1, 3000)]
    assert told(PLAIN, [x + 0.02 * (i >= 2500) for i, x in enumerate(still)])[0][1] == 2


def test_a_fault_that_creeps_cannot_widen_its_own_band_once_the_deviation_is_settled() -> None:
    creeping = [x + 0.02 * max(i - 1000, 0) for i, x in enumerate(noise(2, 3000))]
    settled = Departure(band=Sigmas("5 sigma"), floor=0.001, at_most="yellow", settle=300)
    assert told(settled, creeping)[0][0] < 1300


def test_what_lasts_is_the_new_normal_and_the_next_departure_rings_anew() -> None:
    rule = Departure(
        band=Sigmas("5 sigma"),
        floor=0.001,
        at_most="blue",
        side="above",
        relearn_after=Duration("2 h"),
    )
    steps = [3.0 * ((i >= 1000) + (i >= 1400) - 2 * (i >= 1800) + (i >= 2200)) for i in range(2600)]
    changes = told(rule, [x + y for x, y in zip(noise(3, 2600), steps, strict=True)])
    rung = [at for at, colour in changes if colour]
    assert len(rung) == 3
    assert all(0 < at - begun < 20 for at, begun in zip(rung, (1000, 1400, 2200), strict=True))


def test_other_columns_are_judged() -> None:
    one = case_of(0, Departure(**{**WORDS, "of": "seasonal"}))
    batch, disposition = one.batch()
    columns = {"value": np.zeros(len(batch)), "seasonal": batch.value}
    found = one.detector().score(batch, disposition, (0, len(batch)), columns)
    assert len(found) == len(run(case())) > 2


def test_the_state_is_what_it_says() -> None:
    assert Departures.STATE.itemsize == 32


@pytest.mark.parametrize(
    ("words", "path", "text"),
    [
        ({"band": Sigmas("0 sigma")}, ("band",), "more than 0 sigma"),
        ({"hysteresis": Sigmas("4 sigma")}, ("hysteresis",), "it could never clear"),
        ({"memory": 5}, ("memory",), "more than 1 / smoothing (5)"),
        ({"warm_up": 45}, ("warm_up",), "10 or more behind memory (40)"),
        ({"floor": 2.5}, ("floor",), "inside the plausible width"),
    ],
)
def test_words_that_make_no_sense_are_found(
    words: dict[str, Any], path: tuple[str, ...], text: str
) -> None:
    scene = Scene(0.0, 10.0, Duration("1 min"))
    assert not list(faults(Departure(**WORDS), scene))
    where, said = next(faults(Departure(**{**WORDS, **words}), scene))
    assert where == path
    assert text in said
