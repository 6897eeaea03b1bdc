"""Joint rules: the twin, the laws, two witnesses of a burst, one alone."""

import gc
from dataclasses import replace

import numpy as np
import pytest

from contracts.quantities import Duration
from contracts.transition import Colour, Transitions
from detectors.base.kind import Scene
from detectors.group.joint import JOINT, Joint, Some, faults
from tests.testkit.kind_case import SECOND, SLOT, Case, keeps_the_laws, run, same
from tests.testkit.kinds.group.joint import (
    BURST,
    PRESSURE,
    SLOTS,
    TOGETHER,
    Together,
    case,
    lane,
    stream,
)
from tests.testkit.level_twin import LevelTwin


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
            "expected rules that readings advance, got joint, silent or invalid; "
            "they ring by the lane's time, not by a reading",
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


def test_groups_by_number_are_groups_by_name() -> None:
    """A lane's roster has numbers, of which none needs to be the place of anything."""
    given = case(2)
    number = {"g-0": 7, "g-1": 3}
    groups = np.array([number[str(group)] for group in given.roster.groups], np.int32)
    numbered = replace(given, roster=replace(given.roster, groups=groups))
    assert same(run(numbered), run(given))
    assert len(run(given))


def test_keeps_no_python_object_of_a_channel() -> None:
    detector = JOINT.build(SLOT, {PRESSURE: BURST}, lane(500))
    held = gc.get_referents(detector)
    for _ in range(3):
        held = [one for given in held for one in (given, *gc.get_referents(given))]
    assert max(len(one) for one in held if isinstance(one, list | dict | tuple | set)) < 500
