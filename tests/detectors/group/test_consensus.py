"""Neighbours: the twin, the laws, one wrong sensor (rings alone), a common shift (T6, nothing)."""

from statistics import median

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from contracts.quantities import Duration, Sigmas
from contracts.transition import Colour
from detectors.base.kind import Scene
from detectors.base.neighbours import nearest_in_group
from detectors.channel.seasonal import SIGMA_PER_DEVIATION
from detectors.group.consensus import CONSENSUS, Consensus, faults
from tests.testkit.kind_case import SECOND, Case, Reading, keeps_the_laws, run
from tests.testkit.kinds.group.consensus import MASTS, RULE, case, heights, lane
from tests.testkit.level_twin import Gate, LevelTwin


class MastTwin:
    """One mast in plain Python."""

    def __init__(self) -> None:
        self.values = 0
        self.mean = 0.0
        self.compared = 0
        self.deviation = 0.0
        self.said: tuple[int, float, float] | None = None
        self.level = LevelTwin(RULE.on_delay.ns, RULE.off_delay.ns)
        self.gate = Gate(RULE.relearn_after.ns)

    def unit(self) -> float:
        return max(SIGMA_PER_DEVIATION * self.deviation, RULE.floor)

    def learn(self, value: float, own: float | None) -> None:
        self.values += 1
        if self.values == 1:
            self.mean = value
            return
        self.mean += (value - self.mean) / min(self.values, RULE.memory)
        if own is None:
            return
        off = abs(own)
        if self.compared >= RULE.warm_up:
            off = min(off, 3.0 * self.unit())
        self.compared += 1
        self.deviation += (off - self.deviation) / min(self.compared, RULE.memory)


def twin_notes(given: Case) -> list[tuple[float, ...]]:
    masts = [MastTwin() for _ in range(MASTS)]
    near = nearest_in_group(np.arange(MASTS), given.roster, 4)
    told: list[tuple[float, ...]] = []
    for ordinal, reading in enumerate(given.readings):
        mast, value = masts[reading.row], reading.value
        time_ns = round(reading.at_s * SECOND)
        others = [masts[i] for i in near[reading.row].tolist()]
        heard = [
            other.said[1:]
            for other in others
            if other.said is not None
            and other.values > RULE.warm_up
            and abs(time_ns - other.said[0]) <= RULE.sync.ns
        ]
        own, score, seen = None, 0.0, 0
        if len(heard) >= RULE.least and mast.values > RULE.warm_up:
            own = value - mast.mean - median(word for word, _ in heard)
        if own is not None and mast.compared >= RULE.warm_up:
            score = own / mast.unit()
            quiet = median(abs(apart) for _, apart in heard) < 2.0
            seen = Colour.YELLOW if abs(score) > RULE.band.count and quiet else 0
            held = Colour.YELLOW if abs(score) > 4.0 else 0
            if change := mast.level.advance(seen, max(seen, held), time_ns):
                told.append((ordinal, reading.row, *change, value, value - own, score))
        mast.said = (time_ns, value - mast.mean, score)
        if mast.gate.opens(calm=not seen and not mast.level.level, time_ns=time_ns):
            mast.learn(value, own)
        elif own is not None:
            mast.mean += (value - own - mast.mean) / min(mast.values, RULE.memory)
    return told


@pytest.mark.parametrize("seed", range(3))
def test_equals_its_twin(seed: int) -> None:
    given = case(seed)
    names = ("ordinal", "row", "was", "now", "onset_ns", "observed", "expected", "score")
    got = [tuple(float(transition[name]) for name in names) for transition in run(given)]
    assert got == [tuple(map(float, transition)) for transition in twin_notes(given)]
    assert got


def test_keeps_the_laws() -> None:
    keeps_the_laws(case(1))


def rung(moves: dict[tuple[int, int], float], rule: Consensus = RULE) -> list[tuple[int, int]]:
    found = run(Case(CONSENSUS, {"ground.height": rule}, lane(), heights(3, 150, moves)))
    return [(int(transition["row"]), int(transition["now"])) for transition in found]


def test_a_single_wrong_sensor_rings_alone() -> None:
    # After an hour the gate opens, and where it is now is learned as normal.
    assert rung({(60, 2): 1.0}) == [(2, Colour.YELLOW), (2, Colour.CLEAR)]


def test_trap_t6_what_moves_all_alike_rings_nothing() -> None:
    assert rung({(60, mast): -3.0 for mast in range(MASTS)}) == []


def test_trap_t7_what_comes_back_from_a_cut_rings_nothing() -> None:
    moved = heights(3, 150, {(100, mast): -3.0 for mast in range(MASTS)})
    cut = [r for r in moved if not 3600.0 <= r.at_s < 6000.0]
    assert not len(run(over(case(), cut)))
    alone = [r for r in heights(3, 150, {}) if r.row == 2 or not 3600.0 <= r.at_s < 6000.0]
    assert not len(run(over(case(), alone)))


def test_a_mended_mast_clears_though_the_area_moved_meanwhile() -> None:
    week = msgspec.structs.replace(RULE, relearn_after=Duration("7 d"))
    moves = {(60, 2): 1.0, (100, 2): -1.0, **{(70, mast): -3.0 for mast in range(MASTS)}}
    del moves[70, 2]
    moves[71, 2] = -3.0  # a minute later than the others, as everything in a city
    assert rung(moves, week) == [(2, Colour.YELLOW), (2, Colour.CLEAR)]


def test_an_area_of_which_half_moves_names_no_culprit() -> None:
    five = msgspec.structs.replace(RULE, nearest=5)
    assert rung({(60, mast): -1.0 for mast in (1, 2, 3)}, five) == []
    assert {row for row, _ in rung({(60, mast): 1.0 for mast in (2, 3)}, five)} == {2, 3}


def test_with_too_few_neighbours_nothing_is_judged() -> None:
    given = case()
    few = [r for r in given.readings if r.row in {0, 1, 2}]
    assert not len(run(over(given, few)))


def over(given: Case, readings: list[Reading]) -> Case:
    """The same case over other readings."""
    return Case(given.kind, given.rules, given.roster, readings)


def test_the_nearest_of_the_group_are_neighbours() -> None:
    near: NDArray[np.int64] = nearest_in_group(np.arange(MASTS), lane(), 3)
    assert near[0].tolist() == [1, 3, 4]  # a third of a degree of longitude is shorter here
    assert near[7].tolist() == [6, 8, 9]  # without places by their order
    assert nearest_in_group(np.arange(2), lane(), 3)[0].tolist() == [1, -1, -1]


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("least", 5, "expected at most nearest (4), got 5"),
        (
            "on_delay",
            Duration("30 s"),
            "expected a period (1 min) at least, got 30 s; what moves all would ring on those that "
            "are read first",
        ),
        ("sync", Duration("0 s"), "expected more than 0 s, got 0 s; nobody would be heard"),
        ("band", Sigmas("0 sigma"), "expected more than 0 sigma, got '0 sigma'"),
        (
            "hysteresis",
            Sigmas("5 sigma"),
            "expected below the band (5 sigma), got '5 sigma'; it could never clear, lower it",
        ),
        ("floor", 9.0, "expected a band inside the plausible width, got 9; lower it"),
    ],
)
def test_says_what_makes_no_sense(field: str, value: object, text: str) -> None:
    rule = msgspec.structs.replace(RULE, **{field: value})
    found = list(faults(rule, Scene(0.0, 20.0, Duration("1 min"))))
    assert found == [((field,), text)]
