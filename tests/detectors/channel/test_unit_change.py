"""Exchanged meters: the twin, the laws, and trap T4: no burst, no pump, but a meter."""

import msgspec
import pytest

from contracts.quantities import Duration
from contracts.transition import Colour
from detectors.base.kind import Scene
from detectors.channel.unit_change import UNIT_CHANGE, UnitChange, faults
from tests.testkit.kind_case import Case, Seen, equals_twin, keeps_the_laws, roster, run
from tests.testkit.kinds.channel.unit_change import RULE, case, pressures


class ChangeTwin:
    """One channel in plain Python."""

    def __init__(self, rule: UnitChange, period_ns: int) -> None:
        del period_ns
        self.rule, self.mean, self.learned = rule, 0.0, 0
        self.run: list[float] = []  # ratios matched in succession

    def see(self, time_ns: int, value: float) -> Seen | None:
        del time_ns
        ratio = None
        if self.learned >= self.rule.warm_up and abs(self.mean) > self.rule.floor:
            for one in (10.0, 0.1, 1000.0, 0.001, -1.0):
                want = one * self.mean
                if ratio is None and abs(value - want) <= self.rule.tolerance * abs(want):
                    ratio = one
        if ratio is None:
            self.run = []
        else:
            self.run = [*self.run, ratio] if self.run[-1:] == [ratio] else [ratio]
        seen = Colour.YELLOW if len(self.run) >= self.rule.confirm else 0
        return Seen(1.0 if ratio is None else ratio, seen, seen, self.mean)

    def learn(self, time_ns: int, value: float) -> None:
        del time_ns
        if len(self.run) >= self.rule.confirm:
            self.run, self.learned = [], 0
        elif self.run:
            return
        self.learned += 1
        if self.learned == 1:
            self.mean = value
        else:
            self.mean += (value - self.mean) / min(self.learned, self.rule.memory)


@pytest.mark.parametrize("seed", range(3))
def test_equals_its_twin(seed: int) -> None:
    equals_twin(case(seed), ChangeTwin)


def test_keeps_the_laws() -> None:
    keeps_the_laws(case(1))


def rung(factors: dict[int, float]) -> list[tuple[int, float]]:
    lane = roster({"water.pressure": 2})
    given = Case(UNIT_CHANGE, {"water.pressure": RULE}, lane, pressures(4, 110, factors))
    return [(int(transition["now"]), float(transition["score"])) for transition in run(given)]


@pytest.mark.parametrize("ratio", [10.0, 0.1, 1000.0, 0.001, -1.0])
def test_trap_t4_a_meter_set_anew_is_told_with_its_ratio(ratio: float) -> None:
    assert rung({80: ratio}) == [(Colour.YELLOW, ratio)]


@pytest.mark.parametrize("factor", [1.8, 0.45, 0.0, 5.0])
def test_trap_t4_a_burst_a_surge_and_a_stopped_pump_are_no_new_meters(factor: float) -> None:
    assert rung({80: factor}) == []


def test_three_strange_readings_are_not_four() -> None:
    assert rung({80: 10.0, 83: 1.0}) == []


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("warm_up", 200, "expected at most memory (100), got 200"),
        (
            "floor",
            1.0,
            "expected below the largest plausible magnitude (1), got 1; nothing would be judged",
        ),
    ],
)
def test_says_what_makes_no_sense(field: str, value: object, text: str) -> None:
    rule = msgspec.structs.replace(RULE, **{field: value})
    assert list(faults(rule, Scene(-0.1, 1.0, Duration("1 min")))) == [((field,), text)]
