"""Rolling sums: the twin, the laws, what a window holds, and what is told of it."""

from collections import defaultdict
from math import nan

import msgspec
import numpy as np
import pytest

from contracts.quantities import Duration
from contracts.transition import Colour
from detectors.base.kind import Scene
from detectors.base.level_step import severity
from detectors.sums.rolling_sum import (
    HOUR_NS,
    MINUTE_NS,
    ROLLING_SUM,
    RollingSum,
    Window,
    faults,
    finding,
    windows_of,
)
from tests.testkit.kind_case import (
    Case,
    Reading,
    Seen,
    equals_twin,
    keeps_the_laws,
    reborn,
    roster,
    run,
)
from tests.testkit.kinds.sums.rolling_sum import RULE, RULES, added, case
from tests.testkit.level_twin import LevelTwin

MINUTE_S = 60.0


class RollingSumTwin:
    """One channel in plain Python: every slice is kept for ever."""

    def __init__(self, rule: RollingSum, period_ns: int) -> None:
        del period_ns
        self.rule = rule
        self.slices: dict[int, float] = defaultdict(float)
        self.before: tuple[int, float] | None = None
        self.level = LevelTwin(rule.on_delay.ns, rule.off_delay.ns)

    def add(self, time_ns: int, value: float) -> None:
        """Put what a reading adds, or what the one before stood for, into its slices."""
        every = self.rule.every.ns
        if self.rule.add == "readings":
            self.slices[time_ns // every] += value
            return
        if self.before is not None and (strength := self.strength(self.before[1])):
            began, ended = self.before[0], min(time_ns, self.before[0] + self.rule.gap.ns)
            unit = HOUR_NS if self.rule.add == "amount" else MINUTE_NS
            for number in range(began // every, -(-ended // every)):
                stood = min(ended, (number + 1) * every) - max(began, number * every)
                self.slices[number] += strength * (stood / unit)
        self.before = (time_ns, value)

    def strength(self, value: float) -> float:
        """What a reading adds in a unit of time."""
        if self.rule.add == "amount":
            return value
        high, low = self.rule.above, self.rule.below
        beyond = value - high if high is not None else low - value if low is not None else nan
        return max(beyond, 0.0) if self.rule.add == "dose" else float(beyond > 0)

    def totals(self, time_ns: int) -> list[float]:
        """Sum of each window, the shortest first."""
        newest = time_ns // self.rule.every.ns
        found = []
        for ns, _ in windows_of(self.rule):
            total = 0.0
            for number in range(newest - 1, newest - ns // self.rule.every.ns, -1):
                total += float(np.float32(self.slices[number]))
            found.append(total + self.slices[newest])
        return found

    def see(self, time_ns: int, value: float) -> Seen:
        self.add(time_ns, value)
        totals = self.totals(time_ns)
        bounds = [self.rule.over[key].array(np.inf) for _, key in windows_of(self.rule)]
        back = self.rule.hysteresis
        seen = [severity(total, one, back) for total, one in zip(totals, bounds, strict=True)]
        breached, held = max(one for one, _ in seen), max(other for _, other in seen)
        self.level.advance(breached, held, time_ns)
        now = self.level.level
        ranks = [
            3 if now and total > one[now - 1] else 2 if of[0] >= now else int(of[1] >= now)
            for total, one, of in zip(totals, bounds, seen, strict=True)
        ]
        total = totals[ranks.index(max(ranks))]
        return Seen(total, breached, held, nan, nan, total)

    def learn(self, time_ns: int, value: float) -> None:
        """Nothing is learned."""


@pytest.mark.parametrize("seed", range(3))
def test_equals_its_twin(seed: int) -> None:
    equals_twin(case(seed), RollingSumTwin)


@pytest.mark.parametrize("seed", range(3))
def test_what_stands_for_a_time_equals_its_twin(seed: int) -> None:
    given = added(seed)
    equals_twin(given, RollingSumTwin)
    assert {int(told["row"]) for told in run(given)} == {0, 1, 2}


def test_keeps_the_laws() -> None:
    keeps_the_laws(case(1), changes=6)
    keeps_the_laws(added(1), changes=6)


def by_minute(*stretches: tuple[int, float]) -> list[Reading]:
    """Readings of one channel a minute: so many of each value."""
    values = [value for many, value in stretches for _ in range(many)]
    return [Reading(0, MINUTE_S * minute, value) for minute, value in enumerate(values)]


def told(rule: RollingSum, readings: list[Reading]) -> list[tuple[int, str, float]]:
    """Minute, colour and sum of each level change."""
    changes = run(Case(ROLLING_SUM, {"a.b": rule}, roster({"a.b": 1}), readings))
    return [
        (
            int(change["time_ns"]) // MINUTE_NS,
            Colour(change["now"]).word,
            round(float(change["observed"]), 6),
        )
        for change in changes
    ]


def test_a_signal_of_four_windows_is_one_rule() -> None:
    """The national rain signals: blue 50 mm in 12 h, yellow in 6 h, orange in 3 h, red 100 mm."""
    rule = RollingSum(
        over={
            "12 h": Window(blue=50.0),
            "6 h": Window(yellow=50.0),
            "3 h": Window(orange=50.0, red=100.0),
        }
    )
    long_rain = told(rule, by_minute((720, 0.081), (120, 0.0)))
    assert [colour for _, colour, _ in long_rain] == ["blue", "clear"]
    assert long_rain[0][0] == 617  # 618 minutes of it
    drizzle_then_burst = told(rule, by_minute((360, 0.1), (120, 1.0), (900, 0.0)))
    colours = [colour for _, colour, _ in drizzle_then_burst]
    assert colours[:4] == ["blue", "yellow", "orange", "red"]
    assert colours[-1] == "clear"


def test_a_window_never_counts_more_than_its_length() -> None:
    rule = RollingSum(over={"1 h": Window(blue=59.5)})
    steady = told(rule, by_minute((240, 1.0)))
    assert steady[0] == (59, "blue", 60.0)
    assert {total for _, _, total in steady} == {60.0, 56.0}  # what is left when a slice begins
    assert not told(msgspec.structs.replace(rule, over={"1 h": Window(blue=60.0)}), by_minute(
        (240, 1.0)
    ))  # fmt: skip


def test_rain_across_two_stretches_of_the_clock_is_one_sum() -> None:
    """What stretches from midnight on cut in two: 20 mm on either side of a full hour."""
    rule = RollingSum(over={"1 h": Window(yellow=35.0)})
    burst = by_minute((40, 0.0), (40, 1.0), (60, 0.0))
    assert told(rule, burst)[0] == (75, "yellow", 36.0)


def test_what_nobody_measured_is_not_added() -> None:
    """A reading stands for three minutes at most, whatever comes after it."""
    rule = msgspec.structs.replace(RULES["stores.vaccine"], gap=Duration("3 min"))
    rule = msgspec.structs.replace(
        rule, over={"4 h": Window(blue=20.0)}, on_delay=Duration("0 s"), hysteresis=0.0
    )
    hot = [Reading(0, MINUTE_S * minute, 10.0) for minute in (0, 60, 120, 180, 200, 201)]
    assert told(rule, hot) == [(200, "blue", 24.0)]


def test_the_sum_is_a_column_for_other_rules() -> None:
    given = case(0)
    batch, disposition = given.batch()
    columns = {"value": batch.value}
    given.detector().score(batch, disposition, (0, len(batch)), columns)
    twin = RollingSumTwin(RULE, 0)
    mine = np.flatnonzero(batch.row == 0)
    expected = []
    for i in mine:
        twin.add(int(batch.time_ns[i]), float(batch.value[i]))
        expected.append(twin.totals(int(batch.time_ns[i]))[0])
    assert columns["rolling_sum"][mine].tolist() == expected


def test_a_threshold_that_changes_keeps_the_sums() -> None:
    given = case(0)
    batch, disposition = given.batch()
    half = len(batch) // 3
    detector = given.detector()
    detector.score(batch, disposition, (0, half), {"value": batch.value})
    over = {key: Window(red=1e6) for key in RULE.over}
    other = Case(
        ROLLING_SUM,
        {"weather.rain": msgspec.structs.replace(RULE, over=over)},
        given.roster,
        given.readings,
    )
    assert reborn(other, detector).arrays()["rolling_sum.slices"].any()
    fewer = {"1 h": RULE.over["1 h"]}
    shorter = msgspec.structs.replace(other.rules["weather.rain"], over=fewer)
    anew = Case(ROLLING_SUM, {"weather.rain": shorter}, given.roster, given.readings)
    assert not reborn(anew, detector).arrays()["rolling_sum.slices"].any()


def test_tells_the_window_and_its_threshold() -> None:
    changes = run(case(0))
    worst = changes[int(np.argmax(changes["now"]))]
    found = finding(RULE, worst)
    assert found.name == "sum"
    assert found.figures["within"] in {1800.0, 3600.0, 10_800.0}
    assert found.figures["observed"] > found.figures["threshold"]
    cold = run(added(0))
    of_time = next(one for one in cold if one["row"] == 2 and one["now"] > 0)
    figures = finding(RULES["stores.frozen"], of_time).figures
    assert figures["threshold"] in {900.0, 1800.0, 3600.0}  # seconds
    assert figures["bound"] == 6.0
    assert figures["observed"] == 60.0 * float(of_time["observed"])


SCENE = Scene(0.0, 20.0, Duration("1 min"))
ONE_HOUR = {"1 h": Window(blue=10.0)}


@pytest.mark.parametrize(
    ("changes", "path", "text"),
    [
        ({"over": {}}, ("over",), "expected 1 to 6 windows, got 0"),
        (
            {"over": {"an hour": Window(blue=10.0)}},
            ("over", "an hour"),
            "expected a time such as `500 ms`, `30 s`, `5 min`, `2 h`, `1 d` or `3 periods`, "
            "got 'an hour'",
        ),
        (
            {"over": {"12 min": Window(blue=10.0)}},
            ("over", "12 min"),
            "expected 4 to 1440 whole slices of 5 min, got 12 min; change it or `every`",
        ),
        (
            {"over": {"3 periods": Window(blue=10.0)}},
            ("over", "3 periods"),
            "expected 4 to 1440 whole slices of 5 min, got 3 periods; change it or `every`",
        ),
        (
            {"over": {"1 h": Window(blue=10.0), "60 min": Window(red=20.0)}},
            ("over", "60 min"),
            "expected windows that differ, got 1 h again; drop one",
        ),
        ({"every": Duration("0 s")}, ("every",), "expected more than 0 s, got 0 s"),
        (
            {"over": {"1 h": Window()}},
            ("over", "1 h"),
            "expected a threshold, got none; add one or drop the window",
        ),
        (
            {"over": {"1 h": Window(blue=10.0, red=9.0)}},
            ("over", "1 h"),
            "expected rising steps from blue to red; a milder one never rings alone",
        ),
        (
            {"hysteresis": 10.0},
            ("over", "1 h"),
            "expected steps above the hysteresis (10), got 10; it would never clear",
        ),
        (
            {"over": {"1 h": Window(blue=1300.0)}},
            ("over", "1 h"),
            "expected below what a window can hold at most (1220), got 1300; it could never ring",
        ),
        (
            {"over": {"1 h": Window(blue=10.0), "3 h": Window(blue=9.0)}},
            ("over", "1 h", "blue"),
            "expected below that of 3 h (9), got 10; the longer window would ring before it",
        ),
        (
            {"above": 3.0},
            ("above",),
            "expected none with `add: readings`, got 3; drop it, or add dose or time",
        ),
        (
            {"add": "dose"},
            (),
            "expected one of above and below, beyond which it adds, got none",
        ),
        (
            {"add": "time", "above": 3.0, "gap": Duration("30 s")},
            ("gap",),
            "expected at least the period (1 min), got 30 s; part of the time would not be counted",
        ),
        (
            {"add": "time", "above": 3.0, "over": {"1 h": Window(blue=60.0)}},
            ("over", "1 h"),
            "expected below what a window can hold at most (60), got 60; it could never ring",
        ),
        (
            {"add": "dose", "above": 19.0, "over": {"1 h": Window(blue=61.0)}},
            ("over", "1 h"),
            "expected below what a window can hold at most (60), got 61; it could never ring",
        ),
    ],
)
def test_says_what_makes_no_sense(
    changes: dict[str, object], path: tuple[str, ...], text: str
) -> None:
    rule = RollingSum(over=ONE_HOUR, gap=Duration("3 min"))
    rule = msgspec.structs.replace(rule, **changes)
    assert list(faults(rule, SCENE)) == [(path, text)]


def test_every_case_is_without_faults() -> None:
    assert not list(faults(RULE, SCENE))
    for rule in RULES.values():
        assert not list(faults(rule, Scene(0.0, 500.0, Duration("1 min"))))
