"""Joint rules: the twin, the laws, two witnesses of a burst, one alone."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from contracts.batch import Batch
from contracts.quantities import Duration
from contracts.transition import Colour, Transitions
from detectors.base.kind import Columns, Detector, Kind, Listener, Roster, Scene
from detectors.base.thresholds import Steps
from detectors.channel.slope import FALL, RISE, Fall, Rise
from detectors.group.joint import JOINT, Joint, Some, faults
from tests.testkit.kind_case import SECOND, SLOT, Case, Reading, keeps_the_laws, roster, run
from tests.testkit.level_twin import LevelTwin

PRESSURE, FLOW = "water.pressure", "water.flow"
SLOTS = {"fall": 4, "rise": 5}
BURST = Joint(
    all_of=["water.pressure.fall", "water.flow.rise"],
    within=Duration("3 min"),
    colour="orange",
    off_delay=Duration("2 min"),
)
STEEP = Fall(over=Duration("4 min"), by=Steps(yellow=0.06), least=3)
SURGE = Rise(over=Duration("4 min"), by=Steps(yellow=40.0), least=3)


class Together:
    """Slopes and the joint rule over them, as a lane runs them."""

    def __init__(self, slot: int, rules: Mapping[str, Any], lane: Roster) -> None:
        lane = replace(lane, slots=SLOTS)
        self._parts: list[Detector] = [
            FALL.build(SLOTS["fall"], _of_class(lane, PRESSURE, STEEP), lane),
            RISE.build(SLOTS["rise"], _of_class(lane, FLOW, SURGE), lane),
            JOINT.build(slot, rules, lane),
        ]
        self.others: list[Transitions] = []

    def score(
        self, batch: Batch, disposition: NDArray[np.uint8], span: tuple[int, int], columns: Columns
    ) -> Transitions:
        """Level changes of the joint rule alone; those of the others are kept."""
        *others, joint = self._parts
        said = np.concatenate([one.score(batch, disposition, span, columns) for one in others])
        self.others.append(said)
        assert isinstance(joint, Listener)
        joint.hear(said)
        return joint.score(batch, disposition, span, columns)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """State of all."""
        return {
            f"joint.{name}": array for one in self._parts for name, array in one.arrays().items()
        }

    def restore(self, arrays: Mapping[str, NDArray[Any]], old_row: NDArray[np.int64]) -> None:
        """State of all."""
        mine = {name.removeprefix("joint."): array for name, array in arrays.items()}
        for one in self._parts:
            one.restore(mine, old_row)


def _of_class(lane: Roster, name: str, rule: Any) -> dict[str, Any]:
    """The rule for a class and all of its variants."""
    labels = zip(lane.labels, lane.classes, strict=True)
    return {label: rule for label, class_name in labels if class_name == name}


TOGETHER = Kind("joint", Joint, Together, "joint")


def lane(groups: int = 2) -> Roster:
    """Two pressures and a flow in each group."""
    made = roster({PRESSURE: 2 * groups, FLOW: groups})
    names = [f"g-{row % groups}" for row in range(3 * groups)]
    return replace(made, groups=names, slots=SLOTS)


def stream(events: list[tuple[int, int]], n: int = 120, groups: int = 2) -> list[Reading]:
    """A reading a minute of each channel; at (minute, row) a channel moves for five minutes."""
    chance = np.random.default_rng(5)
    level = np.array([0.3] * 2 * groups + [100.0] * groups)
    moves = np.array([-0.03] * 2 * groups + [20.0] * groups)
    readings = []
    for minute in range(n):
        for row in chance.permutation(3 * groups).tolist():
            if any(at <= minute < at + 5 and row == which for at, which in events):
                level[row] += moves[row]
            elif any(minute == at + 20 and row == which for at, which in events):
                level[row] -= 5 * moves[row]
            readings.append(Reading(row, minute * 60.0 + row, float(level[row])))
    return readings


def case(seed: int = 0) -> Case:
    """Bursts at random times in both groups."""
    chance = np.random.default_rng(seed)
    starts = np.sort(chance.integers(5, 110, 6)).tolist()
    events = [(at + int(chance.integers(-4, 5)), at % 2 + 4) for at in starts]
    events += [(at, at % 2) for at in starts]
    return Case(TOGETHER, {PRESSURE: BURST}, lane(), stream(events))


def said_by_others(given: Case) -> Transitions:
    """Level changes of the slopes."""
    detector = given.detector()
    batch, disposition = given.batch()
    detector.score(batch, disposition, (0, len(batch)), {"value": batch.value})
    assert isinstance(detector, Together)
    return np.concatenate(detector.others)


def twin_notes(given: Case) -> list[tuple[int, ...]]:
    """Every anchor looked at by every reading, every witness kept by name."""
    rule = given.rules[PRESSURE]
    said = said_by_others(given)
    names = {slot: name for name, slot in SLOTS.items()}
    colour: dict[tuple[str, int], int] = {}
    eased: dict[tuple[str, str], int] = {}
    clock: dict[str, int] = {}
    levels: dict[str, LevelTwin] = {}
    anchors = {"g-0": 0, "g-1": 1}
    told: list[tuple[int, ...]] = []
    for ordinal, reading in enumerate(given.readings):
        group, time_ns = given.roster.groups[reading.row], round(reading.at_s * SECOND)
        mine = said[said["ordinal"] == ordinal]
        for transition in mine:
            klass = given.roster.classes[given.roster.class_of[reading.row]]
            term = f"{klass}.{names[int(transition['rule'])]}"
            colour[term, reading.row] = int(transition["now"])
            if not transition["now"] and not any(
                c for (t, r), c in colour.items() if t == term and given.roster.groups[r] == group
            ):
                eased[group, term] = max(clock.get(group, time_ns), time_ns)
        if not len(mine) and reading.row not in anchors.values():
            continue
        clock[group] = now = max(clock.get(group, time_ns), time_ns)
        rung = 0
        for term in rule.terms:
            rings = any(
                c for (t, r), c in colour.items() if t == term and given.roster.groups[r] == group
            )
            rung += rings or now - eased.get((group, term), -(2**62)) < rule.within.ns
        level = levels.setdefault(group, LevelTwin(rule.on_delay.ns, rule.off_delay.ns))
        seen = int(Colour.ORANGE) if rung >= rule.least else 0
        if change := level.advance(seen, seen, now):
            told.append((ordinal, anchors[group], *change, now, rung))
    return told


@pytest.mark.parametrize("seed", range(4))
def test_equals_its_twin(seed: int) -> None:
    given = case(seed)
    got = run(given)
    keys = ("ordinal", "row", "was", "now", "onset_ns", "time_ns", "observed")
    assert [tuple(int(transition[key]) for key in keys) for transition in got] == twin_notes(given)
    assert len(got)


def test_keeps_the_laws() -> None:
    keeps_the_laws(case(1))


def rung(events: list[tuple[int, int]], rule: Joint = BURST) -> list[tuple[int, int]]:
    """Row and colour of what a rule tells."""
    found = run(Case(TOGETHER, {PRESSURE: rule}, lane(), stream(events)))
    return [(int(transition["row"]), int(transition["now"])) for transition in found]


def test_a_burst_has_two_witnesses() -> None:
    assert rung([(20, 0), (21, 4)]) == [(0, Colour.ORANGE), (0, Colour.CLEAR)]


def test_any_channel_of_the_class_is_a_witness_and_the_anchor_tells() -> None:
    assert rung([(20, 3), (21, 5)])[0] == (1, Colour.ORANGE)  # row 3 is the second pressure of g-1


def test_one_witness_alone_is_none() -> None:
    assert rung([(20, 0), (60, 4)]) == []  # both, but forty minutes apart
    assert rung([(20, 0), (21, 5)]) == []  # both, but in different groups


def test_any_of_them_is_enough() -> None:
    either = Joint(any_of=list(BURST.terms), colour="yellow")
    assert [colour for _, colour in rung([(20, 0)], either)] == [Colour.YELLOW, Colour.CLEAR]


def test_some_of_them_are_enough_and_the_worst_level_counts() -> None:
    terms = ["water.pressure.fall", "water.flow.rise", "water.flow.fall"]
    two = Joint(some=Some(of=terms, least=2), colour="red", within=Duration("3 min"))
    assert rung([(20, 0), (21, 4)], two)[0] == (0, Colour.RED)
    strict = Joint(all_of=list(BURST.terms), colour="red", at_least="orange")
    assert rung([(20, 0), (21, 4)], strict) == []


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        (Joint(colour="red"), "expected one of all, any and some, got none; write one"),
        (
            Joint(colour="red", all_of=["a.b.fall"], any_of=["a.b.rise"]),
            "expected one of all, any and some, got all and any; write one",
        ),
        (Joint(colour="red", all_of=[]), "expected 1 to 16 rules, got 0; name what must ring"),
        (
            Joint(colour="red", all_of=["a.b.fall", "a.b.fall"]),
            "expected each rule once, got 'a.b.fall' again; keep one",
        ),
        (
            Joint(colour="red", some=Some(of=["a.b.fall"], least=2)),
            "expected at most the 1 rules named, got 2; it could never ring",
        ),
        (
            Joint(colour="red", all_of=["a.b.silent"]),
            "expected rules that readings advance, got joint or silent; "
            "a silence rings by the lane's time, not by a reading",
        ),
    ],
)
def test_says_what_makes_no_sense(rule: Joint, text: str) -> None:
    assert [said for _, said in faults(rule, Scene(0.0, 1.0, Duration("1 min")))] == [text]


def test_a_witness_that_is_restored_still_rings() -> None:
    events = [(20, 0), (21, 4)]
    given = Case(TOGETHER, {PRESSURE: BURST}, lane(), stream(events))
    rows = len(given.readings)
    assert [int(n["now"]) for n in run(given, (), [rows // 120 * 24])] == [3, 0]
    assert SLOT not in SLOTS.values()
