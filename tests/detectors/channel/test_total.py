"""Sums over stretches: the twin, the laws, and trap T9: bursts at every train."""

from math import nan

import msgspec
import numpy as np
import pytest

from contracts.quantities import Duration
from contracts.transition import Colour
from detectors.base.kind import Scene
from detectors.base.thresholds import Steps
from detectors.channel.total import TOTAL, Total, faults
from detectors.fused.limit import Limit
from detectors.fused.parameters import FusedRules
from detectors.fused.scorer import ChannelRules
from tests.laws.twins import beyond
from tests.testkit.kind_case import Case, Reading, Seen, keeps_the_laws, roster, run, twin_notes

RULE = Total(
    over=Duration("10 min"),
    low=Steps(blue=100.0),
    high=Steps(yellow=2500.0, orange=3300.0),
    least=5,
    off_delay=Duration("10 min"),
    hysteresis=100.0,
)


def exits(seed: int, minutes: int, surge: tuple[int, int] = (0, 0)) -> list[Reading]:
    """Exits a minute: 400 of each train, every three minutes, nearly none between them."""
    chance = np.random.default_rng(seed)
    readings = []
    for minute in range(minutes):
        many = 3.8 if surge[0] <= minute < surge[1] else 1.0
        mean = many * (400.0 if minute % 3 == 0 else 10.0)
        for row in (0, 1):
            if chance.random() > 0.02:
                count = float(chance.poisson(mean if row == 0 else 200.0))
                readings.append(Reading(row, 60.0 * minute + 7 * row, count))
    return readings


def case(seed: int = 0) -> Case:
    """A surge of 3.8 times for half an hour, and a station that closes behind it."""
    readings = exits(seed, 240, (100, 130))
    closed = [Reading(r.row, r.at_s, 0.0 if r.at_s > 180 * 60 else r.value) for r in readings]
    return Case(TOTAL, {"metro.exits": RULE}, roster({"metro.exits": 2}), closed)


class TotalTwin:
    """One channel in plain Python: all readings are kept by stretch."""

    def __init__(self, rule: Total, period_ns: int) -> None:
        del period_ns
        self.rule = rule
        self.stretches: dict[int, list[float]] = {}

    def see(self, time_ns: int, value: float) -> Seen | None:
        stretch = time_ns // self.rule.over.ns
        judged = None
        if stretch not in self.stretches and len(self.stretches) > 1:
            last = list(self.stretches.values())[-1]
            judged = sum(last) if len(last) >= self.rule.least else None
        self.stretches.setdefault(stretch, []).append(value)
        if judged is None:
            return None
        sides = ((self.rule.low, -1), (self.rule.high, 1))
        breached = max(beyond(steps, judged, way, 0.0) for steps, way in sides)
        held = max(beyond(steps, judged, way, self.rule.hysteresis) for steps, way in sides)
        return Seen(judged, breached, max(breached, held), nan, nan)

    def learn(self, time_ns: int, value: float) -> None:
        """Nothing is learned."""


@pytest.mark.parametrize("seed", range(3))
def test_equals_its_twin(seed: int) -> None:
    given = case(seed)
    keys = ("ordinal", "row", "was", "now", "onset_ns", "time_ns")
    got = [
        (*(int(transition[key]) for key in keys), float(transition["observed"]))
        for transition in run(given)
    ]
    assert got == [(*told[: len(keys)], told[-1]) for told in twin_notes(given, TotalTwin)]
    assert got


def test_keeps_the_laws() -> None:
    keeps_the_laws(case(1))


def test_trap_t9_trains_are_no_surges_and_a_surge_is_one() -> None:
    assert RULE.high is not None
    assert RULE.high.yellow is not None
    lane = roster({"metro.exits": 2})
    calm, surge = exits(5, 240), exits(5, 240, (100, 130))
    single = Limit(high=Steps(yellow=RULE.high.yellow / 10))  # the same, for one minute
    by_reading = ChannelRules([FusedRules(single, None)], lane.class_of)
    batch, disposition = Case(TOTAL, {"metro.exits": RULE}, lane, calm).batch()
    assert len(by_reading.score(batch, disposition, (0, len(batch)))) > 100  # every train rings
    assert not len(run(Case(TOTAL, {"metro.exits": RULE}, lane, calm)))
    told = run(Case(TOTAL, {"metro.exits": RULE}, lane, surge))
    assert [(int(n["row"]), int(n["now"])) for n in told] == [(0, Colour.ORANGE), (0, 0)]


@pytest.mark.parametrize(
    ("changes", "path", "text"),
    [
        (
            {"over": Duration("7 min")},
            ("over",),
            "expected a day to hold a whole number of them, got 7 min",
        ),
        (
            {"over": Duration("4 min")},
            ("over",),
            "expected 5 readings of 1 min in it, got 4 min; nothing would be judged",
        ),
        (
            {"low": None, "high": None},
            (),
            "expected a threshold under low or high, got none; add one or drop the rule",
        ),
        (
            {"high": Steps(blue=9.0, red=3.0)},
            ("high",),
            "expected rising steps from blue to red; a milder one never rings alone",
        ),
    ],
)
def test_says_what_makes_no_sense(
    changes: dict[str, object], path: tuple[str, ...], text: str
) -> None:
    rule = msgspec.structs.replace(RULE, **changes)
    assert list(faults(rule, Scene(0.0, 1e5, Duration("1 min")))) == [(path, text)]
