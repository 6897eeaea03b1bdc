"""Changes of the normal: twins, river's own tests, the laws, noise that is no change."""

import math
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from river import drift

from contracts.quantities import Duration
from detectors.base.kind import Scene
from detectors.change.adwin import Adwin, sizes
from detectors.change.drift import DRIFT, Drift, PageHinkley, faults
from tests.testkit.kind_case import Case, Reading, Seen, equals_twin, keeps_the_laws, roster, run
from tests.testkit.kinds.change.drift import BRIEF, HINKLEY, case_of, values

WINDOW = Adwin(span=1.0, window=400, every=8)


class HinkleyTwin:
    """As the docstring of `PageHinkley` says it."""

    def __init__(self, test: PageHinkley) -> None:
        self.test = test
        self.begin()

    def begin(self) -> None:
        self.n, self.m, self.u, self.l = 0, 0.0, 0.0, 0.0
        self.least_u, self.most_l = math.inf, -1.0

    def take(self, x: float) -> tuple[bool, float, float]:
        self.n += 1
        self.m += (1 / self.n) * (x - self.m)
        d = x - self.m
        self.u = self.test.forget * self.u + d - self.test.slack
        self.l = self.test.forget * self.l + d + self.test.slack
        self.least_u, self.most_l = min(self.least_u, self.u), max(self.most_l, self.l)
        above, below = self.u - self.least_u, self.most_l - self.l
        score = {"both": max(above, below), "above": above, "below": below}[self.test.side]
        mean, changed = self.m, self.n >= self.test.least and score > self.test.threshold
        if changed:
            self.begin()
        return changed, mean, score


class AdwinTwin:
    """As the docstring of `Adwin` says it, over a list of buckets `(n, t, v)`, oldest first."""

    def __init__(self, test: Adwin) -> None:
        self.test = test
        self.buckets: list[tuple[int, float, float]] = []
        self.ticks = 0

    def take(self, x: float) -> tuple[bool, float, float]:
        self.buckets.append((1, x, 0.0))
        self.merge()
        self.ticks += 1
        found = self.cut() if self.ticks % self.test.every == 0 else None
        cut = found
        while cut:
            del self.buckets[0]
            cut = self.cut()
        return (True, found[0], found[1] - found[0]) if found else (False, math.nan, math.nan)

    def merge(self) -> None:
        size = 1
        while len(mine := [i for i, b in enumerate(self.buckets) if b[0] == size]) > 5:
            if size == 2 ** (sizes(self.test.window) - 1):
                del self.buckets[mine[0]]
                return
            (_, t1, v1), (_, t2, v2) = (self.buckets[i] for i in mine[:2])
            off = t1 / size - t2 / size
            self.buckets[mine[0] : mine[1] + 1] = [(2 * size, t1 + t2, v1 + v2 + size * off**2 / 2)]
            size *= 2

    def cut(self) -> tuple[float, float] | None:
        n, total, spread = 0, 0.0, 0.0
        for width, t, v in self.buckets:
            if n:
                off = total / n - t / width
                spread += n * width * off * off / (n + width)
            n, total, spread = n + width, total + t, spread + v
        if n <= self.test.least:
            return None
        d = math.log(2 * math.log(n) / self.test.chance)
        n0, t0, part = 0, 0.0, self.test.part
        for width, t, _ in self.buckets:
            n0, t0 = n0 + width, t0 + t
            n1 = n - n0
            if min(n0, n1) < part:
                continue
            q = 1 / (n0 - part + 1) + 1 / (n1 - part + 1)
            reach = math.sqrt(2 * q * (spread / n) * d) + 2 * q * d * self.test.span / 3
            if abs(t0 / n0 - (total - t0) / n1) > reach:
                return t0 / n0, (total - t0) / n1
        return None


class DriftTwin:
    """Either test as the bench wants it."""

    def __init__(self, rule: Drift, period_ns: int) -> None:
        del period_ns
        self.rule = rule
        self.test: HinkleyTwin | AdwinTwin
        if rule.page_hinkley is not None:
            self.test = HinkleyTwin(rule.page_hinkley)
        else:
            assert rule.adwin is not None
            self.test = AdwinTwin(rule.adwin)

    def see(self, time_ns: int, value: float) -> Seen:
        del time_ns
        changed, expected, score = self.test.take(value)
        colour = ["blue", "yellow"].index(self.rule.at_most) + 1 if changed else 0
        return Seen(score, colour, colour, expected)

    def learn(self, time_ns: int, value: float) -> None:
        """Nothing: `see` has learned it."""


@pytest.mark.parametrize(
    "rule",
    [
        Drift(page_hinkley=HINKLEY, off_delay=BRIEF),
        Drift(page_hinkley=PageHinkley(threshold=6.0, side="below"), at_most="yellow"),
        Drift(adwin=WINDOW, off_delay=BRIEF),
        Drift(adwin=Adwin(span=0.5, window=100, every=1, part=1), off_delay=Duration("0 s")),
    ],
)
def test_the_kernel_equals_its_twin_and_keeps_the_laws(rule: Drift) -> None:
    for seed in range(2):
        equals_twin(case_of(seed, rule), DriftTwin)
    keeps_the_laws(case_of(0, rule))


def told(rule: Drift, stream: list[float]) -> list[int]:
    """Readings that tell of a change."""
    at_once = Drift(page_hinkley=rule.page_hinkley, adwin=rule.adwin, off_delay=Duration("0 s"))
    readings = [Reading(0, 60.0 * i, value) for i, value in enumerate(stream)]
    transitions = run(Case(DRIFT, {"m": at_once}, roster({"m": 1}), readings))
    return [int(transition["ordinal"]) for transition in transitions if transition["now"]]


def river_told(test: Any, stream: list[float]) -> list[int]:
    found = []
    for i, value in enumerate(stream):
        test.update(value)
        if test.drift_detected:
            found.append(i)
    return found


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize(("side", "mode"), [("both", "both"), ("above", "up"), ("below", "down")])
def test_page_hinkley_is_rivers_to_the_last_bit(seed: int, side: Any, mode: str) -> None:
    river: Any = drift.PageHinkley(
        min_instances=20, delta=0.1, threshold=8.0, alpha=0.999, mode=mode
    )
    ours = PageHinkley(threshold=8.0, slack=0.1, forget=0.999, least=20, side=side)
    stream = values(seed, 3000)
    assert told(Drift(page_hinkley=ours), stream) == river_told(river, stream)
    readings = [Reading(0, 60.0 * i, value) for i, value in enumerate(stream[:700])]
    one = Case(DRIFT, {"m": Drift(page_hinkley=ours)}, roster({"m": 1}), readings)
    (batch, disposition), detector, river = one.batch(), one.detector(), river.clone()
    for i, value in enumerate(stream[:700]):
        river.update(value)
        detector.score(batch, disposition, (i, i + 1), {"value": batch.value})
        sums = detector.arrays()["drift.state"]["sums"][0]
        mine = [float(sums[name]) for name in ("mean", "up", "down", "smallest", "largest")]
        theirs = [river._x_mean.get(), river._sum_increase, river._sum_decrease]
        assert mine == [*theirs, river._min_increase, river._max_decrease]


@pytest.mark.parametrize("seed", range(5))
def test_adwin_tells_every_change_where_rivers_own_window_does(seed: int) -> None:
    stream = values(seed, 3000)
    river: Any = drift.ADWIN
    window = river()._helper  # around it river forgets everything at each change
    theirs = [i for i, value in enumerate(stream) if window.update(value)]
    assert told(Drift(adwin=Adwin(span=1.0, window=100_000)), stream) == theirs
    assert len(theirs) > 3


def test_each_change_is_told_soon_and_only_once_by_the_window() -> None:
    for seed in range(5):
        changes = told(Drift(adwin=Adwin(span=1.0)), values(seed, 1800))
        assert changes[0] in range(600, 664)
        assert next(n for n in changes if n >= 1200) in range(1200, 1264)


@pytest.mark.parametrize("rule", [Drift(page_hinkley=HINKLEY), Drift(adwin=Adwin(span=1.0))])
def test_noise_and_one_wild_reading_are_no_change(rule: Drift) -> None:
    chance = np.random.default_rng(4)
    stream = [float(x) for x in chance.normal(1.0, 0.25, 20_000)]
    stream[5000] = 6.0
    assert told(rule, stream) == []


def test_the_signal_stays_for_its_delay_and_says_what_was_expected() -> None:
    transitions = run(case_of(0, Drift(adwin=Adwin(span=1.0, every=8), off_delay=Duration("1 h"))))
    mine = [transition for transition in transitions if transition["row"] == 0]
    assert [int(transition["now"]) for transition in mine[:2]] == [1, 0]
    assert int(mine[1]["time_ns"]) - int(mine[0]["time_ns"]) >= 3600 * 10**9
    assert abs(float(mine[0]["expected"]) - 1.0) < 0.1
    assert float(mine[0]["score"]) > 0.3


def test_the_window_never_grows_beyond_its_size_and_the_state_is_what_it_says() -> None:
    rule = Drift(adwin=Adwin(span=1e9, window=100))
    detector: Any = Case(DRIFT, {"m": rule}, roster({"m": 1}), []).detector()
    assert detector.state.itemsize + 64 == 120 + 16 + 104 * sizes(100)
    readings = [Reading(0, 60.0 * i, float(i % 7)) for i in range(2000)]
    batch, disposition = Case(DRIFT, {"m": rule}, roster({"m": 1}), readings).batch()
    held = []
    for first, last in pairwise(range(0, 2001, 50)):
        detector.score(batch, disposition, (first, last), {"value": batch.value})
        held.append(int((detector.state["window"]["count"][0] << np.arange(sizes(100))).sum()))
    assert 100 <= min(held[4:]) <= max(held) <= 5 * 31 + 16


@pytest.mark.parametrize(
    ("rule", "path", "text"),
    [
        (Drift(), (), "`page_hinkley` or `adwin`"),
        (Drift(page_hinkley=HINKLEY, adwin=WINDOW), (), "one of them"),
        (Drift(adwin=WINDOW, on_delay=Duration("1 min")), ("on_delay",), "told but once"),
        (
            Drift(page_hinkley=PageHinkley(threshold=1, slack=9)),
            ("page_hinkley", "slack"),
            "below the plausible width (5), got 9",
        ),
        (Drift(adwin=Adwin(span=6)), ("adwin", "span"), "at most the plausible width (5), got 6"),
        (Drift(adwin=Adwin(span=1, window=100, least=60)), ("adwin", "window"), "at least 120"),
    ],
)
def test_words_that_make_no_sense_are_found(rule: Drift, path: tuple[str, ...], text: str) -> None:
    where, said = next(faults(rule, Scene(0.0, 5.0, Duration("1 min"))))
    assert where == path
    assert text in said
