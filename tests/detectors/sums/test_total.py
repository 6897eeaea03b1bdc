"""Sums over stretches: the twin, the laws, and trap T9: bursts at every train."""

from math import nan

import msgspec
import pytest

from contracts.quantities import Duration
from contracts.transition import Colour
from detectors.base.kind import Scene
from detectors.base.thresholds import Steps
from detectors.fused.limit import Limit
from detectors.fused.parameters import FusedRules
from detectors.fused.scorer import ChannelRules
from detectors.sums.total import TOTAL, Total, faults
from tests.laws.twins import beyond
from tests.testkit.kind_case import Case, Seen, keeps_the_laws, roster, run, twin_notes
from tests.testkit.kinds.sums.total import RULE, case, exits


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
