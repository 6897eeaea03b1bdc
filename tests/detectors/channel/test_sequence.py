"""States in sequence: the twin, the laws, a door, a breaker, heartbeats, batches."""

import math
from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest

from contracts.batch import Disposition
from contracts.quantities import Duration
from detectors.base.kind import Scene
from detectors.channel.sequence import SEQUENCE, Colours, Repeats, StateSequence, faults
from tests.testkit.kind_case import (
    Case,
    Reading,
    Seen,
    equals_twin,
    keeps_the_laws,
    roster,
    run,
    same,
)
from tests.testkit.kinds.channel.sequence import AGAIN, DOOR, case, door, stream

RANK = {"blue": 1, "yellow": 2, "orange": 3, "red": 4}


class SequenceTwin:
    def __init__(self, rule: StateSequence, period_ns: int) -> None:
        del period_ns
        self.rule = rule
        self.words = {float(code): word for code, word in rule.states.items()}
        self.code = self.before = float("nan")
        self.heard = False
        self.began: int = 0
        self.beginning_seen = False
        self.wrong_way = False
        self.again: list[int] = []

    def see(self, time_ns: int, value: float) -> Seen:
        rule, colours = self.rule, self.rule.colours
        now, was = self.words.get(value), self.words.get(self.code)
        lasted = time_ns - self.began if self.heard else 0
        bad: list[str] = []
        if self.heard and was in rule.at_most and lasted > rule.at_most[str(was)].ns:
            bad.append(colours.too_long)
        if not self.heard:
            self.began, self.wrong_way = time_ns, now is None
        elif now != was:
            bad += self.change(was, now, time_ns)
        if self.wrong_way:
            bad.append(colours.forbidden)
        if rule.repeats is not None:
            recent = [at for at in self.again if time_ns - at <= rule.repeats.within.ns]
            if len(recent) > rule.repeats.more_than:
                bad.append(colours.repeats)
        self.heard, self.code = True, value
        worst = max((RANK[word] for word in bad), default=0)
        return Seen(lasted / 10**9, worst, worst, expected=self.before)

    def change(self, was: str | None, now: str | None, time_ns: int) -> list[str]:
        rule, arrow = self.rule, f"{was}>{now}"
        least = rule.at_least.get(str(was), Duration("0 s")).ns
        short = self.beginning_seen and time_ns - self.began < least
        known = was is not None and now is not None
        self.wrong_way = now is None or (known and bool(rule.allowed) and arrow not in rule.allowed)
        if rule.repeats is not None and arrow == rule.repeats.of:
            self.again.append(time_ns)
        self.began, self.beginning_seen = time_ns, True
        codes = [code for code, word in self.words.items() if word == was]
        self.before = codes[0] if codes else float("nan")
        return [rule.colours.too_short] if short else []

    def learn(self, time_ns: int, value: float) -> None:
        """Nothing is learned."""


@pytest.mark.parametrize("seed", range(3))
def test_the_kernel_equals_its_twin_and_keeps_the_laws(seed: int) -> None:
    equals_twin(case(seed), SequenceTwin)
    keeps_the_laws(case(seed))


@pytest.mark.parametrize(
    "words",
    [
        {"on_delay": Duration("2 s"), "at_least": {}},
        {"allowed": []},
        {"states": {"0": "shut", "1": "moving", "2": "open", "3": "moving"}, "allowed": []},
        {"colours": Colours(forbidden="blue", too_long="red", too_short="orange")},
    ],
)
def test_other_words_equal_the_twin_too(words: dict[str, Any]) -> None:
    if words.get("states"):
        words = {**words, "at_most": {"moving": Duration("10 s")}}
    rule = door(**words)
    equals_twin(Case(SEQUENCE, {"a.b": rule}, roster({"a.b": 2}), stream(5)), SequenceTwin)


def told(rule: StateSequence, *steps: tuple[float, float]) -> list[tuple[int, int]]:
    """Ordinal and colour of each level change of one channel."""
    readings = [Reading(0, at, code) for at, code in steps]
    transitions = run(Case(SEQUENCE, {"a.b": rule}, roster({"a.b": 1}), readings))
    return [(int(transition["ordinal"]), int(transition["now"])) for transition in transitions]


ROUND = ((0.0, 0.0), (100.0, 1.0), (104.0, 2.0), (120.0, 3.0), (124.0, 0.0))


def test_a_good_door_rings_nothing_however_long_it_stays_closed() -> None:
    assert told(door(), *ROUND, (9e5, 0.0), (9e5 + 1, 1.0)) == []


def test_a_door_that_opens_for_too_long_rings_at_a_heartbeat_and_at_its_end() -> None:
    assert told(door(), *ROUND[:2], (111.0, 1.0), (112.0, 2.0), (113.0, 2.0)) == [(2, 2), (4, 0)]
    assert told(door(), *ROUND[:2], (112.0, 2.0), (115.0, 2.0)) == [(2, 2), (3, 0)]


def test_a_forbidden_transition_rings_until_its_state_is_left_by_a_good_one() -> None:
    rule = door(off_delay=Duration("10 s"))
    steps = ((130.0, 2.0), (150.0, 2.0), (160.0, 3.0), (165.0, 0.0), (171.0, 0.0))
    assert told(rule, *ROUND, *steps) == [(5, 3), (9, 0)]


def test_the_first_state_is_never_too_short_but_can_be_too_long() -> None:
    assert told(door(), (0.0, 2.0), (1.0, 3.0)) == []
    assert told(door(), (0.0, 1.0), (11.0, 2.0)) == [(1, 2)]


def test_a_door_that_opens_again_and_again_rings_once_more_than_three() -> None:
    rule = door(repeats=AGAIN, allowed=[*DOOR["allowed"], "closing>opening", "opening>closing"])
    again = [(float(at), 3.0 if at // 2 % 2 == 0 else 1.0) for at in range(0, 20, 2)]
    assert told(rule, *again, (21.0, 2.0), (80.0, 3.0)) == [(7, 1), (11, 0)]
    slow = [(at * 5.5, code) for at, code in again]
    assert told(msgspec.structs.replace(rule, at_most={}), *slow) == []


def test_a_code_without_a_meaning_rings_and_any_state_may_follow() -> None:
    assert told(door(), (0.0, 0.0), (5.0, 7.0), (6.0, 7.0), (7.0, 2.0)) == [(1, 3), (3, 0)]


def test_t2_and_t3_heartbeats_batches_and_repeats_change_nothing() -> None:
    beats = [(at + beat, code) for at, code in ROUND for beat in (0.0, 1.0, 3.0)]
    assert told(door(), *beats) == []
    readings = [Reading(0, *step) for step in ROUND]
    late = [Reading(0, 101.0, 3.0, Disposition.LATE), Reading(0, 104.0, 0.0, Disposition.DUPLICATE)]
    readings[3:3] = late
    assert not len(run(Case(SEQUENCE, {"a.b": door()}, roster({"a.b": 1}), readings)))


@pytest.mark.parametrize(
    ("words", "path", "text"),
    [
        ({"states": {"0": "shut"}}, ("states",), "expected 2 to 16 codes"),
        ({"states": {"0": "closed", "x": "open"}}, ("states", "x"), "whole number"),
        ({"states": {"0": "closed", "9": "open"}}, ("states", "9"), "plausible range"),
        ({"states": {"0": "closed", "1": "a>b"}}, ("states", "1"), "a word without '>'"),
        ({"allowed": ["closed>up"]}, ("allowed",), "two different ones of the states"),
        ({"allowed": ["open>open"]}, ("allowed",), "two different ones of the states"),
        ({"at_most": {"up": Duration("1 s")}}, ("at_most", "up"), "expected one of the states"),
        ({"at_most": {"open": Duration("1 s")}}, ("at_least", "open"), "no stay would be right"),
        (
            {"repeats": Repeats(of="open>up", more_than=1, within=Duration("1 s"))},
            ("repeats", "of"),
            "two different ones of the states",
        ),
        (
            {"repeats": Repeats(of="open>opening", more_than=1, within=Duration("1 s"))},
            ("repeats", "of"),
            "expected one of `allowed`",
        ),
        ({"on_delay": Duration("1 s")}, ("on_delay",), "it would never ring"),
    ],
)
def test_words_that_make_no_sense_are_found(
    words: dict[str, Any], path: tuple[str, ...], text: str
) -> None:
    rule = StateSequence(**{**DOOR, **words})
    found = [(where, said) for where, said in faults(rule, Scene(0.0, 5.0, Duration("1 s")))]
    assert any(where == path and text in said for where, said in found), found


def test_sensible_words_pass() -> None:
    assert not list(faults(door(repeats=AGAIN), Scene(0.0, 5.0, Duration("1 s"))))


def test_repeats_are_remembered_when_another_class_counts_more_of_them() -> None:
    """The ring of times is as long as the largest rule of the lane needs."""
    rule = door(repeats=AGAIN, off_delay=Duration("3 s"))
    many = Repeats(of="closing>opening", more_than=8, within=Duration("60 s"))
    lane = roster({"lift.door": 2, "lift.gate": 1})
    before = Case(SEQUENCE, {"lift.door": rule, "lift.gate": rule}, lane, stream(1))
    after = replace(before, rules={"lift.door": rule, "lift.gate": door(repeats=many)})
    batch, disposition = before.batch()
    whole = run(before)
    assert len(whole) > 8, "idle"
    for at in (whole["ordinal"][3:-1] - 1).tolist():
        old, new = before.detector(), after.detector()
        old.score(batch, disposition, (0, at), {"value": batch.value})
        new.restore(old.arrays(), np.arange(3))
        told = new.score(batch, disposition, (at, len(batch)), {"value": batch.value})
        assert same(told, whole[whole["ordinal"] >= at])


def found(rule: StateSequence, *steps: tuple[float, float]) -> list[tuple[str, float, float]]:
    """Name of what rings first on one channel, its state before, and the bound that was passed."""
    readings = [Reading(0, at, code) for at, code in steps]
    rung = run(Case(SEQUENCE, {"a.b": rule}, roster({"a.b": 1}), readings))
    told = [(one, SEQUENCE.finding(rule, one)) for one in rung if one["now"] > one["was"]]
    return [
        (finding.name, float(one["expected"]), finding.figures.get("threshold", math.nan))
        for one, finding in told
    ]


BREAKER = StateSequence(
    states={"0": "open", "1": "closed", "2": "tripped", "3": "reclosing"},
    allowed=["open>closed", "closed>open", "tripped>reclosing", "reclosing>closed"],
    at_most={"reclosing": Duration("1 min")},
    at_least={"open": Duration("5 s")},
    repeats=Repeats(of="reclosing>closed", more_than=1, within=Duration("1 h")),
)


def test_a_breaker_that_trips_is_told_with_the_state_before_even_after_a_delay() -> None:
    late = msgspec.structs.replace(BREAKER, on_delay=Duration("3 s"), at_least={})
    steps = ((0.0, 1.0), (10.0, 2.0), (20.0, 2.0))
    assert found(BREAKER, *steps)[0][:2] == ("order", 1.0)
    assert found(late, *steps)[0][:2] == ("order", 1.0), "not tripped, then tripped"


def test_what_lasts_what_was_too_short_and_what_repeats_are_told_apart() -> None:
    closed, tripped = (0.0, 0.0), (10.0, 1.0)
    stuck = found(BREAKER, (0.0, 2.0), (10.0, 3.0), (75.0, 3.0))
    assert stuck == [("stuck", 2.0, 60.0)]
    overdue = found(BREAKER, (0.0, 2.0), (10.0, 3.0), (75.0, 1.0))
    assert overdue == [("overdue", 3.0, 60.0)]
    short = found(BREAKER, (0.0, 1.0), (10.0, 0.0), (12.0, 1.0))
    assert short == [("too_short", 0.0, 5.0)]
    once = ((20.0, 2.0), (21.0, 3.0), (22.0, 1.0))
    again = [(20.0 * i + at, code) for i in range(2) for at, code in once]
    free = msgspec.structs.replace(BREAKER, allowed=[])
    assert found(free, closed, tripped, *again)[-1] == ("repeats", 3.0, 1.0)
    assert found(BREAKER, closed, (10.0, 7.0))[0][0] == "unknown"


def test_a_state_that_an_older_snapshot_left_without_the_one_before_is_told_alone() -> None:
    rule = msgspec.structs.replace(BREAKER, on_delay=Duration("3 s"), at_least={})
    readings = [Reading(0, 0.0, 1.0), Reading(0, 10.0, 2.0), Reading(0, 20.0, 2.0)]
    case_ = Case(SEQUENCE, {"a.b": rule}, roster({"a.b": 1}), readings)
    batch, disposition = case_.batch()
    detector, later = case_.detector(), case_.detector()
    detector.score(batch, disposition, (0, 2), {"value": batch.value})
    arrays = {name: np.array(array) for name, array in detector.arrays().items()}
    arrays["sequence.state"]["spare"] = 0  # what releases before left there
    later.restore(arrays, np.arange(1))
    (rung,) = later.score(batch, disposition, (2, 3), {"value": batch.value})
    assert SEQUENCE.finding(rule, rung).name == "entered"
