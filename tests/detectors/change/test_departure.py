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
        self.farthest, self.settling = 0.0, 0

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
        if self.rule.back_share and self.is_over(size > band, size):
            breached = held = 0
        return Seen(self.d / unit, breached, held, self.m, band * unit, self.f, away=size > band)

    def is_over(self, away: bool, size: float) -> bool:
        """Whether the short mean has come back by enough, and is left to settle."""
        share = self.rule.back_share
        if self.settling and not away:
            self.settling = 0
        elif self.settling:
            if self.d * self.farthest > 0 and abs(self.d) <= abs(self.farthest) * (1 + share) / 2:
                self.settling -= 1
                if not self.settling:
                    self.m = self.f
                return True
            self.settling, self.farthest = 0, self.d
        if not size > self.rule.band.count - self.rule.hysteresis.count:
            self.farthest = 0.0
            return False
        if self.d * self.farthest <= 0 or abs(self.d) > abs(self.farthest):
            self.farthest = self.d
        if abs(self.d) < share * abs(self.farthest):
            self.settling = round(5 / self.rule.smoothing)
            return True
        return False

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
        {"back_share": 0.5},
        {"back_share": 0.8, "side": "above", "hysteresis": Sigmas("0 sigma")},
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


BACK = Departure(band=Sigmas("5 sigma"), floor=0.001, at_most="yellow", back_share=0.5)


def steps(*, seed: int, n: int, **at: float) -> list[float]:
    """Noise whose mean is another from some readings on: `at_1500=2.0`."""
    level = np.zeros(n)
    for name, height in at.items():
        level[int(name.removeprefix("at_")) :] = height
    return [x + float(mean) for x, mean in zip(noise(seed, n), level, strict=True)]


@pytest.mark.parametrize("seed", range(3))
def test_a_level_that_settles_elsewhere_is_told_once_and_then_the_new_normal(seed: int) -> None:
    values = steps(seed=seed, n=3000, at_1500=8.0, at_1800=2.5, at_2400=6.5)
    changes = told(BACK, values)
    assert [colour for _, colour in changes] == [2, 0, 2]
    assert 1800 < changes[1][0] < 1820, "it ends when it comes back, not where it settles"
    assert 2400 < changes[2][0] < 2420, "what is 4 above the new normal rings, 6.5 above the old"
    old = told(PLAIN, values)
    assert [colour for _, colour in old] == [2], "without it the alarm goes on to the end"


def test_what_moves_away_again_before_it_has_settled_rings_again() -> None:
    changes = told(BACK, steps(seed=1, n=2200, at_1500=8.0, at_1600=3.0, at_1620=8.0))
    assert [colour for _, colour in changes[:3]] == [2, 0, 2]
    assert 1620 < changes[2][0] < 1640


def test_what_comes_back_inside_the_band_is_no_new_normal() -> None:
    rule = Departure(
        **{name: getattr(BACK, name) for name in ("band", "floor", "at_most", "back_share")},
        side="above",
    )
    values = steps(seed=2, n=2600, at_1500=8.0, at_1560=0.0, at_2000=2.5)
    changes = told(rule, values)
    assert [colour for _, colour in changes][:3] == [2, 0, 2]
    assert 2000 < changes[2][0] < 2040, "judged from where it was before all of it"


def test_snapshots_of_releases_without_a_way_back_are_read() -> None:
    one = case_of(0, Departure(**{**WORDS, "back_share": 0.5}))
    batch, disposition = one.batch()
    learned = one.detector()
    learned.score(batch, disposition, (0, len(batch)), {"value": batch.value})
    arrays = {
        name: array.copy()
        for name, array in learned.arrays().items()
        if not name.endswith(".excursions")
    }
    heir: Any = one.detector()
    heir.restore(arrays, np.arange(len(one.roster.class_of)))
    assert heir.relearning == 0
    assert np.array_equal(heir.state, arrays["departure.state"])
    assert not heir.excursions["settling"].any()


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
