"""Balances: the twin, the laws, a leak that no meter sees, words that are too old."""

from typing import Any

import msgspec
import numpy as np
import pytest

from contracts.quantities import Duration
from contracts.transition import Colour
from detectors.base.kind import Scene
from detectors.base.thresholds import Steps
from detectors.group.balance import BALANCE, Balance, faults
from detectors.group.equation import STEPS_MAX, parse, work_out
from tests.testkit.kind_case import SECOND, Case, Reading, keeps_the_laws, roster, run
from tests.testkit.kinds.group.balance import RULE, case, lane, stream
from tests.testkit.level_twin import LevelTwin


def twin_notes(given: Case) -> list[tuple[float, ...]]:
    """The equation by hand, over everything that was ever heard."""
    heard: dict[int, list[tuple[int, float]]] = {row: [] for row in range(8)}
    levels = {row: LevelTwin(RULE.on_delay.ns, RULE.off_delay.ns) for row in (0, 1)}
    told: list[tuple[float, ...]] = []
    for ordinal, reading in enumerate(given.readings):
        now = round(reading.at_s * SECOND)
        heard[reading.row].append((now, reading.value))
        if reading.row > 1:
            continue
        group = [row for row in range(8) if row % 2 == reading.row]
        fresh = all(heard[row] and now - heard[row][-1][0] <= RULE.sync.ns for row in group)
        if not fresh or len(heard[group[3]]) < 2:
            continue
        inflow, one, two, tank = (heard[row] for row in group)
        (before_at, before), (at, volume) = tank[-2:]
        if at - before_at > 2 * RULE.sync.ns:
            continue
        rate = (volume - before) / ((at - before_at) / 1e9)
        out = one[-1][1] + two[-1][1]
        residual = inflow[-1][1] - out - 3600.0 * rate
        half = 4.0 + 0.02 * (abs(inflow[-1][1]) + abs(out))
        score = abs(residual) / half
        seen = 2 if score > 2 else int(score > 1)
        held = 2 if score > 2 - 0.2 else int(score > 1 - 0.2)
        if change := levels[reading.row].advance(seen, max(seen, held), now):
            told.append((ordinal, reading.row, *change, residual, -half, half, score))
    return told


@pytest.mark.parametrize("seed", range(4))
def test_equals_its_twin(seed: int) -> None:
    given = case(seed)
    names = ("ordinal", "row", "was", "now", "onset_ns", "observed", "low", "high", "score")
    got = [tuple(float(transition[name]) for name in names) for transition in run(given)]
    assert got == [tuple(map(float, transition)) for transition in twin_notes(given)]
    assert got


def test_keeps_the_laws() -> None:
    keeps_the_laws(case(1))


def rung(leaks: dict[int, float], rule: Balance = RULE) -> list[tuple[int, int]]:
    found = run(Case(BALANCE, {"water.inflow": rule}, lane(), stream(3, leaks)))
    return [(int(transition["row"]), int(transition["now"])) for transition in found]


def test_a_leak_that_no_meter_sees_rings_on_the_anchor() -> None:
    assert rung({60: 30.0}) == [(0, Colour.YELLOW)]
    assert rung({60: 12.0})[0] == (0, Colour.BLUE)


def test_flows_that_swing_by_a_tenth_ring_nothing_while_they_balance() -> None:
    assert rung({}) == []


def test_words_that_are_too_old_are_no_balance() -> None:
    hasty = msgspec.structs.replace(RULE, sync=Duration("1 s"))
    assert rung({60: 30.0}, hasty) == []


def test_a_tank_heard_again_after_hours_is_no_imbalance() -> None:
    # The flows net 60 m3/h for the last half hour of a gap, so the mean over the gap is less.
    readings, volume = [], 500.0
    for minute in range(300):
        net = 0.0 if minute < 200 else 60.0
        volume += net / 60.0
        if not 60 <= minute < 230:
            readings.append(Reading(2, minute * 60.0, volume))
        readings.append(Reading(1, minute * 60.0 + 1, 50.0))
        readings.append(Reading(0, minute * 60.0 + 2, 50.0 + net))
    hasty = msgspec.structs.replace(RULE, on_delay=Duration("0 s"))
    one_each = roster({"water.inflow": 1, "water.outflow": 1, "water.volume": 1}, group_size=3)
    assert not len(run(Case(BALANCE, {"water.inflow": hasty}, one_each, readings)))


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("a - b", [5.0, 3.0], 2.0),
        ("-(a + b) * 2 / c", [1.0, 2.0, 4.0], -1.5),
        ("3600 * v.rate - 1e3", [0.5], 800.0),
        ("a - (b - c) - a", [1.0, 5.0, 2.0], -3.0),
    ],
)
def test_equations_come_out_as_in_python(text: str, values: list[float], expected: float) -> None:
    program = parse(text)
    found = work_out(program.codes, program.operands, np.array(values), np.empty(STEPS_MAX))
    assert found == expected


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("a - open('x')", "got \"open('x')\" at column 5"),
        ("a ** 2", "got 'a ** 2' at column 1"),
        ("a - ", "got 'a -', which breaks off or is garbled at column 4"),
        ("a - (b", "which breaks off or is garbled at column 5"),
        ("a # - b", "got '#' at column 3"),
        ("1 - 2", "expected a name at least, got '1 - 2'"),
        ("a - 1e999", "at column 5"),
        ("a.speed", "got 'a.speed' at column 1"),
        ("True", "got 'True' at column 1"),
        ("a" * 201, "got 201"),
        ("+".join("a" * 60), "got 119"),
    ],
)
def test_what_is_no_equation_is_said_with_its_column(text: str, end: str) -> None:
    with pytest.raises(ValueError, match="expected") as caught:
        parse(text)
    assert str(caught.value).endswith(end)


@pytest.mark.parametrize(
    ("changes", "path", "text"),
    [
        (
            {"equation": "inflow - ouflow"},
            ("where",),
            "expected a class for 'ouflow' of the equation, got none",
        ),
        (
            {"by": Steps(blue=0.5)},
            ("by",),
            "expected rising steps of 1 or more, in tolerances, got 0.5",
        ),
        (
            {"sync": Duration("0 s")},
            ("sync",),
            "expected more than 0 s, got 0 s; no two are read at once",
        ),
        ({"by": Steps()}, ("by",), "expected a step, got none; add one or drop the rule"),
    ],
)
def test_says_what_makes_no_sense(changes: dict[str, Any], path: Any, text: str) -> None:
    rule = msgspec.structs.replace(RULE, **changes)
    assert (path, text) in list(faults(rule, Scene(0.0, 500.0, Duration("1 min"))))
