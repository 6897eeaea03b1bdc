"""Novelty: the twin, the laws, what is new once and what is new in one view alone."""

import math
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from contracts.quantities import Duration
from detectors.base.kind import Scene
from detectors.base.value_memory import CELLS, distance, hear, width_heard
from detectors.channel.novelty import NOVELTY, VIEWS, Novelties, Novelty, faults
from tests.testkit.kind_case import (
    SLOT,
    Case,
    Reading,
    Seen,
    equals_twin,
    keeps_the_laws,
    roster,
    run,
)
from tests.testkit.kinds.channel.novelty import QUICK, case, stream


class Cells:
    """What one generation heard of one view, as a set of cells."""

    def __init__(self, value: float, floor: float) -> None:
        self.base, self.width = value - floor, 2.0 * floor / CELLS
        self.low = self.high = value
        self.cells: set[int] = set()
        self.hear(value)

    def hear(self, value: float) -> None:
        self.low, self.high = min(self.low, value), max(self.high, value)
        while value < self.base:
            self.base -= CELLS * self.width
            self.cells = {(cell + CELLS) // 2 for cell in self.cells}
            self.width *= 2.0
        while value >= self.base + CELLS * self.width:
            self.cells = {cell // 2 for cell in self.cells}
            self.width *= 2.0
        self.cells.add(min(int((value - self.base) / self.width), CELLS - 1))

    def far(self, value: float) -> float:
        at = math.floor((value - self.base) / self.width)
        if at in self.cells:
            return 0.0
        below = [value - (self.base + (cell + 1) * self.width) for cell in self.cells if cell < at]
        above = [self.base + cell * self.width - value for cell in self.cells if cell > at]
        return min(below + above)


class NoveltyTwin:
    """All cells, each compared."""

    def __init__(self, rule: Novelty, period_ns: int) -> None:
        del period_ns
        self.rule = rule
        self.last: list[float] = []
        self.heard: list[list[Cells]] = []  # by generation, the younger last
        self.count = [0]

    def views(self) -> list[float]:
        mean = sum_of(self.last) / len(self.last)
        squares = sum_of([(x - mean) * (x - mean) for x in self.last])
        steps = [abs(b - a) for a, b in zip(self.last[:-1], self.last[1:], strict=True)]
        spread = math.sqrt(squares / len(self.last))
        return [self.last[-1], mean, spread, sum_of(steps) / len(steps)]

    def see(self, time_ns: int, value: float) -> Seen | None:
        del time_ns
        self.last = [*self.last, value][-self.rule.window :]
        if len(self.last) < self.rule.window or sum(self.count) < self.rule.warm_up:
            return None
        shares = []
        for view, x in enumerate(self.views()):
            of = [generation[view] for generation in self.heard]
            wide = max(cells.high for cells in of) - min(cells.low for cells in of)
            far = max(min(cells.far(x) for cells in of), 0.0)
            shares.append(far / max(wide, self.rule.floor))
        score = sorted(shares)[-2] * math.sqrt(sum(self.count))
        rings = (2 if self.rule.at_most == "yellow" else 1) if score > self.rule.above else 0
        return Seen(score, rings, rings)

    def learn(self, time_ns: int, value: float) -> None:
        del time_ns, value
        if len(self.last) < self.rule.window:
            return
        if self.count[-1] >= self.rule.memory:
            self.count = [self.count[-1], 0]
        if self.count[-1] == 0:
            young = [Cells(x, self.rule.floor) for x in self.views()]
            self.heard = [*self.heard[-1:], young]
        else:
            for cells, x in zip(self.heard[-1], self.views(), strict=True):
                cells.hear(x)
        self.count[-1] += 1


def sum_of(numbers: list[float]) -> float:
    """From the first to the last: `sum` itself compensates in newer Pythons."""
    total = 0.0
    for number in numbers:
        total += number
    return total


@pytest.mark.parametrize("seed", range(3))
def test_the_kernel_equals_its_twin_bit_for_bit(seed: int) -> None:
    equals_twin(case(seed), NoveltyTwin)


@pytest.mark.parametrize(
    "words",
    [
        {"window": 12, "floor": 1e-6, "at_most": "blue"},
        {"on_delay": Duration("1 min"), "above": 0.1, "floor": 40.0},
    ],
)
def test_other_words_equal_the_twin_too(words: dict[str, Any]) -> None:
    rules = {"a.b": Novelty(**{**QUICK, **words}), "c.d": Novelty(**QUICK)}
    equals_twin(Case(NOVELTY, rules, roster({"a.b": 1, "c.d": 1}), stream(7)), NoveltyTwin)


def test_the_laws_are_kept() -> None:
    keeps_the_laws(case())


RULE = Novelty(floor=0.01, at_most="yellow", off_delay=Duration("100 min"))


def notes_of(rule: Novelty, values: NDArray[np.float64]) -> Any:
    readings = [Reading(0, 60.0 * i, float(value)) for i, value in enumerate(values)]
    return run(Case(NOVELTY, {"lift.a": rule}, roster({"lift.a": 1}), readings))


def waves(n: int = 6000, seed: int = 0) -> NDArray[np.float64]:
    """Days of 144 readings between -1 and 1, with a little noise."""
    noise = np.random.default_rng(seed).uniform(-0.05, 0.05, n)
    wave: NDArray[np.float64] = np.sin(np.arange(n) * 2 * np.pi / 144) + noise
    return wave


def test_waves_ring_nothing_once_they_are_known() -> None:
    assert not len(notes_of(RULE, waves()))


def test_a_level_that_was_never_there_rings_at_once_and_clears_though_it_stays() -> None:
    values = waves()
    values[4000:] += 5.0
    transitions = notes_of(RULE, values)
    assert [int(transition["now"]) for transition in transitions] == [2, 0]
    assert transitions[0]["ordinal"] == 4000
    assert transitions[0]["score"] > RULE.above
    assert 4100 < transitions[1]["ordinal"] < 4300


def test_a_stop_inside_the_range_rings_too() -> None:
    values = waves()
    values[4000:4040] = values[4000]
    transitions = notes_of(RULE, values)
    assert [int(transition["now"]) for transition in transitions] == [2, 0]
    assert 4000 < transitions[0]["ordinal"] <= 4000 + RULE.window


def test_the_same_again_is_not_new_until_it_is_forgotten() -> None:
    values = waves(12_000)
    for at in (28 * 144, 35 * 144, 77 * 144):
        values[at : at + 30] += 5.0
    ordinals = [
        int(transition["ordinal"]) for transition in notes_of(RULE, values) if transition["now"]
    ]
    assert ordinals == [28 * 144]
    short = msgspec.structs.replace(RULE, memory=2500)
    ordinals = [
        int(transition["ordinal"]) for transition in notes_of(short, values) if transition["now"]
    ]
    assert ordinals == [28 * 144, 77 * 144]


def test_steps_finer_than_the_floor_of_a_channel_at_rest_ring_nothing() -> None:
    values = np.full(3000, 7.0)
    values[2000:] += 0.0001
    assert not len(notes_of(RULE, values))
    values[2500:] += 1.0
    assert [
        int(transition["ordinal"]) for transition in notes_of(RULE, values) if transition["now"]
    ] == [2500]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60),
    st.floats(-1e7, 1e7),
    st.sampled_from([1e-6, 0.1, 1e3]),
)
def test_a_distance_is_at_most_a_cell_short(
    values: list[float], other: float, floor: float
) -> None:
    mine = Novelties(SLOT, {"a.b": RULE}, roster({"a.b": 1})).state[0]
    for value in values:
        hear(mine, 0, VIEWS - 1, value, floor)
        mine["count"][0] += 1
    true = min(abs(other - value) for value in values)
    cell = float(mine["width"][0, VIEWS - 1])
    slack = 1e-9 * max(abs(other), *map(abs, values))
    assert true - cell - slack <= distance(mine, VIEWS - 1, other) <= true + slack
    assert width_heard(mine, VIEWS - 1) == max(values) - min(values)
    assert all(distance(mine, VIEWS - 1, value) == 0.0 for value in values)


def test_a_restore_with_another_window_begins_anew() -> None:
    lane = roster({"a.b": 1, "c.d": 1})
    wide = Novelty(**{**QUICK, "window": 12})
    before = Case(NOVELTY, {"a.b": wide, "c.d": wide}, lane, stream(1))
    batch, disposition = before.batch()
    old = before.detector()
    old.score(batch, disposition, (0, len(batch)), {"value": batch.value})
    new = Novelties(SLOT, {"a.b": wide, "c.d": Novelty(**QUICK)}, lane)
    new.restore(old.arrays(), np.arange(2))
    assert new.state["kept"][0] > 0
    assert new.state["kept"][1] == 0


@pytest.mark.parametrize(
    ("words", "path", "text"),
    [
        ({"warm_up": 300}, ("warm_up",), "expected at most memory (200)"),
        ({"floor": 1.0}, ("floor",), "nothing would be far"),
    ],
)
def test_words_that_make_no_sense_are_found(
    words: dict[str, Any], path: tuple[str, ...], text: str
) -> None:
    found = list(faults(Novelty(**{**QUICK, **words}), Scene(0.0, 1.0, Duration("60 s"))))
    assert [where for where, _ in found] == [path]
    assert text in found[0][1]


def test_sensible_words_pass() -> None:
    assert not list(faults(Novelty(**QUICK), Scene(0.0, 1.0, Duration("60 s"))))


def test_an_infinite_value_is_passed_over() -> None:
    values = waves()
    spiked = values.copy()
    spiked[100], spiked[5000] = np.inf, -np.inf
    heard = notes_of(RULE, np.where(np.isfinite(spiked), spiked, np.nan))
    assert np.array_equal(notes_of(RULE, spiked), heard)
