"""Discords: the twin, the laws, a shape that was never there, nights of rest, brute force."""

import math
from typing import Any

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from contracts.quantities import Duration
from detectors.base.kind import Scene
from detectors.base.score_quantile import BUCKETS
from detectors.channel.discord import DISCORD, Discord, Discords, faults
from detectors.channel.left_profile import nearest
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
from tests.testkit.kinds.channel.discord import QUICK, case, stream


class DiscordTwin:
    """All windows of the history, each compared in full."""

    def __init__(self, rule: Discord, period_ns: int) -> None:
        del period_ns
        self.rule = rule
        self.values: list[float] = []
        self.open: list[bool] = []  # by reading, whether its window may be a neighbour
        self.last: int | None = None
        self.whole = 0
        self.weights = [0.0] * BUCKETS
        self.learned = 0
        self.distance = math.nan

    def normal(self, end: int) -> list[float]:
        window = self.values[end - self.rule.window + 1 : end + 1]
        mean = sum_of(window) / len(window)
        spread = math.sqrt(sum_of([(x - mean) * (x - mean) for x in window]) / len(window))
        scale = 1.0 / max(spread, self.rule.floor)
        return [(x - mean) * scale for x in window]

    def see(self, time_ns: int, value: float) -> Seen | None:
        torn = self.last is None or time_ns - self.last > self.rule.gap.ns
        self.whole = 1 if torn else self.whole + 1
        self.last = time_ns
        self.values.append(value)
        self.open.append(False)
        here, m, h = len(self.values) - 1, self.rule.window, self.rule.history
        self.distance = math.nan
        if self.whole >= m and len(self.values) >= h:
            mine = self.normal(here)
            ends = [e for e in range(here - h + m, here - m + 1) if self.open[e]]
            squares = [
                sum_of([(a - b) * (a - b) for a, b in zip(mine, self.normal(e), strict=True)])
                for e in ends
            ]
            self.distance = math.sqrt(min(squares)) if squares else math.nan
        if math.isnan(self.distance) or self.learned < self.rule.warm_up:
            return None
        score = self.distance / self.usual()
        top = 2 if self.rule.at_most == "yellow" else 1
        breached = top if score > self.rule.times else 0
        held = top if score > self.rule.times - self.rule.hysteresis else 0
        return Seen(score, breached, held)

    def edge(self) -> float:
        return 2.0 * math.sqrt(self.rule.window) / BUCKETS

    def usual(self) -> float:
        share, total = 1.0 - self.rule.quantile, sum(self.weights)
        farther = (k for k in reversed(range(BUCKETS)) if sum(self.weights[k:]) > share * total)
        return float(next(farther) + 1) * self.edge()

    def learn(self, time_ns: int, value: float) -> None:
        del time_ns, value
        self.open[-1] = self.whole >= self.rule.window
        self.count()

    def count(self) -> None:
        if math.isnan(self.distance):
            return
        self.weights[min(int(self.distance / self.edge()), BUCKETS - 1)] += 1.0
        self.learned += 1
        if sum(self.weights) >= 2 * self.rule.memory:
            self.weights = [weight * 0.5 for weight in self.weights]


def sum_of(numbers: list[float]) -> float:
    """From the first to the last: `sum` itself compensates in newer Pythons."""
    total = 0.0
    for number in numbers:
        total += number
    return total


@pytest.mark.parametrize("seed", range(3))
def test_the_kernel_equals_its_twin_bit_for_bit(seed: int) -> None:
    equals_twin(case(seed), DiscordTwin)


@pytest.mark.parametrize(
    "words",
    [
        {"window": 13, "history": 41, "at_most": "blue"},
        {
            "on_delay": Duration("3 min"),
            "off_delay": Duration("5 min"),
            "relearn_after": Duration("5 min"),
        },
    ],
)
def test_other_words_equal_the_twin_too(words: dict[str, Any]) -> None:
    rules = {"a.b": Discord(**{**QUICK, **words}), "c.d": Discord(**QUICK)}
    equals_twin(Case(DISCORD, rules, roster({"a.b": 1, "c.d": 1}), stream(7)), DiscordTwin)


def test_the_laws_are_kept() -> None:
    keeps_the_laws(case())


RULE = Discord(window=48, history=48 * 10, floor=0.02, warm_up=1000, at_most="yellow")


def notes_of(rule: Discord, values: NDArray[np.float64]) -> Any:
    readings = [Reading(0, 60.0 * i, float(value)) for i, value in enumerate(values)]
    rule = msgspec.structs.replace(rule, gap=Duration("3 min"))
    return run(Case(DISCORD, {"lift.a": rule}, roster({"lift.a": 1}), readings))


def days(n: int, seed: int = 0) -> NDArray[np.float64]:
    """Days of 48 readings with a peak in the morning, one in the evening, and a flat night."""
    hour = np.arange(48 * n) % 48 / 2
    shape = np.exp(-((hour - 8) ** 2) / 2) + 0.8 * np.exp(-((hour - 18) ** 2) / 3)
    active = hour >= 5
    noise = np.random.default_rng(seed).normal(0, 0.03, len(hour))
    return np.where(active, shape + noise, 0.0)


def test_a_day_of_another_shape_rings_and_the_days_around_it_do_not() -> None:
    values = days(60)
    values[48 * 50 + 20 : 48 * 50 + 30] = values[48 * 50 + 20]  # the forenoon's fall is missing
    transitions = notes_of(RULE, values)
    assert [int(transition["now"]) for transition in transitions] == [2, 0]
    assert 48 * 50 + 20 < transitions[0]["ordinal"] < 48 * 50 + 48
    assert transitions[1]["ordinal"] < 48 * 52
    assert transitions[0]["score"] > 1.2


def test_the_same_fault_rings_again_and_one_that_stays_is_learned() -> None:
    values = days(70)
    for day in (50, 55):
        values[48 * day + 20 : 48 * day + 30] = 1.0
    assert [int(transition["now"]) for transition in notes_of(RULE, values)] == [2, 0, 2, 0]
    patient = msgspec.structs.replace(RULE, relearn_after=Duration("60 min"))
    values = days(70)
    for day in range(50, 70):
        values[48 * day + 20 : 48 * day + 30] = 1.0
    transitions = notes_of(patient, values)
    assert transitions[-1]["now"] == 0
    assert transitions[-1]["ordinal"] < 48 * 55


def test_t1_rest_and_t4_another_unit_ring_nothing() -> None:
    values = days(60)
    values[48 * 40 : 48 * 41] = 0.0  # a whole day off, like the nights
    values[48 * 30 :] *= 10.0  # a shape is a shape in any unit
    values[48 * 20 :] += 3.0
    assert not len(notes_of(RULE, values))


def test_readings_that_did_not_come_ring_nothing() -> None:
    values = days(60)
    readings = [Reading(0, 60.0 * i, float(v)) for i, v in enumerate(values) if i % 700 > 20]
    rule = msgspec.structs.replace(RULE, gap=Duration("3 min"))
    assert not len(run(Case(DISCORD, {"a.b": rule}, roster({"a.b": 1}), readings)))


@pytest.mark.parametrize(("m", "seed"), [(8, 0), (20, 1), (64, 2)])
def test_distances_are_those_of_brute_force(m: int, seed: int) -> None:
    h, chance = 400, np.random.default_rng(seed)
    values = np.cumsum(chance.normal(0, 1, h + 37))
    rule = Discord(window=m, history=h, floor=1e-9, at_most="blue", gap=Duration("1 h"))
    lane = Case(
        DISCORD,
        {"a.b": rule},
        roster({"a.b": 1}),
        [Reading(0, 60.0 * i, float(v)) for i, v in enumerate(values)],
    )
    detector = Discords(SLOT, lane.rules, lane.roster)
    batch, disposition = lane.batch()
    detector.score(batch, disposition, (0, len(batch)), {"value": batch.value})
    windows = np.lib.stride_tricks.sliding_window_view(values[-h:], m)
    normal = windows - windows.mean(axis=1, keepdims=True)
    normal /= normal.std(axis=1, keepdims=True)
    squares = ((normal[:-m] - normal[-1]) ** 2).sum(axis=1)
    assert math.isclose(nearest(detector.state[0], m, h), math.sqrt(squares.min()), rel_tol=1e-9)
    stumpy_agrees(values[-h:], m, math.sqrt(squares.min()))


def stumpy_agrees(values: NDArray[np.float64], m: int, distance: float) -> None:
    """Beside the package stumpy, where it is installed: Tocsin does not need it."""
    try:
        import stumpy  # noqa: PLC0415
    except ImportError:
        return
    assert math.isclose(
        stumpy.mass(values[-m:], values)[: -2 * m + 1].min(), distance, rel_tol=1e-6
    )


def test_a_restore_with_another_window_begins_anew() -> None:
    lane = roster({"a.b": 1, "c.d": 1})
    small = Discord(**{**QUICK, "window": 8, "history": 41})
    before = Case(DISCORD, {"a.b": Discord(**QUICK), "c.d": Discord(**QUICK)}, lane, stream(1))
    batch, disposition = before.batch()
    old = before.detector()
    old.score(batch, disposition, (0, len(batch)), {"value": batch.value})
    new = Discords(SLOT, {"a.b": Discord(**QUICK), "c.d": small}, lane)
    new.restore(old.arrays(), np.arange(2))
    assert new.state["kept"][0] > 0
    assert new.state["kept"][1] == 0


@pytest.mark.parametrize(
    ("words", "path", "text"),
    [
        ({"history": 35}, ("history",), "expected at least three windows (36)"),
        ({"warm_up": 200}, ("warm_up",), "expected at most memory (150)"),
        ({"quantile": 0.999}, ("warm_up",), "expected at least 1000 distances"),
        ({"floor": 0.5}, ("floor",), "every window would be flat"),
        ({"gap": Duration("10 s")}, ("gap",), "expected at least the period (60 s)"),
    ],
)
def test_words_that_make_no_sense_are_found(
    words: dict[str, Any], path: tuple[str, ...], text: str
) -> None:
    found = list(faults(Discord(**{**QUICK, **words}), Scene(0.0, 1.0, Duration("60 s"))))
    assert [where for where, _ in found] == [path]
    assert text in found[0][1]


def test_sensible_words_pass() -> None:
    assert not list(faults(Discord(**QUICK), Scene(0.0, 1.0, Duration("60 s"))))
