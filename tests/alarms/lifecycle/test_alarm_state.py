"""Alarms are answered as ISA-18.2 has it, held against a table that was written apart."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from alarms.lifecycle import repeats
from alarms.lifecycle.alarm_state import AlarmAnswers, AnswerRules, Mark, Who
from contracts.desk.answer import Answer
from tests.alarms.lifecycle.made import GAS, START_S, WATER, ZONE, revision

pytestmark = pytest.mark.slow

LI = Who("li.wei", "duty", "seen")
ID = "a-0000000000000001"
COLOURS = ["blue", "yellow", "orange", "red"]

# Annunciated states of ISA-18.2-2016, figure 3, by their letters: A normal, B unacknowledged,
# C acknowledged, D returned unacknowledged, E latched unacknowledged, F latched acknowledged,
# G shelved, H suppressed by design, I out of service. Columns: what the process, the person or the
# design does; the second half holds back and lets be heard what stands. `-` stays.
#            appears returns  acks   resets  shelves  unshelves suppresses unsuppresses leaves comes
PLAIN = """
A            B       -        -      -       -        -         -          -            -      -
B            -       D        C      -       G        -         H          -            I      -
C            -       A        -      -       G        -         H          -            I      -
D            B       -        A      -       -        -         -          -            -      -
G            -       A        -      -       -        B         -          -            -      -
H            -       A        -      -       -        -         -          B            -      -
I            -       A        -      -       -        -         -          -            -      B
"""
LATCHING = """
A            B       -        -      -       -        -         -          -            -      -
B            -       E        C      -       -        -         -          -            -      -
C            -       F        -      -       -        -         -          -            -      -
D            B       -        A      -       -        -         -          -            -      -
E            B       -        F      D       -        -         -          -            -      -
F            B       -        -      A       -        -         -          -            -      -
"""
HOLDS: dict[str, tuple[Mark, bool]] = {
    "suppresses": ("suppressed", True),
    "unsuppresses": ("suppressed", False),
    "leaves": ("out_of_service", True),
    "comes back": ("out_of_service", False),
}
EVENTS = ("appears", "returns", "acks", "resets", "shelves", "unshelves", *HOLDS)
TOLD = {"appears": "active", "returns": "cleared", "shelves": "shelved", "unshelves": "active"}
STATES = {
    "A": "normal",
    "B": "unacknowledged",
    "C": "acknowledged",
    "D": "returned unacknowledged",
    "E": "latched unacknowledged",
    "F": "latched acknowledged",
    "G": "shelved",
    "H": "suppressed",
    "I": "out of service",
}


def table(text: str) -> dict[tuple[str, str], str]:
    rows = [line.split() for line in text.strip().splitlines()]
    return {
        (row[0], event): row[0] if following == "-" else following
        for row in rows
        for event, following in zip(EVENTS, row[1:], strict=True)
    }


class Bench:
    """One rule of one channel, and a person who answers."""

    def __init__(self, **rules: Any) -> None:
        self.answers = AlarmAnswers(AnswerRules(**rules), ZONE)
        self.time_s, self.number, self.revision, self.last = START_S, 1, 0, ID

    @property
    def id(self) -> str:
        return f"a-{self.number:016x}"

    def tell(self, state: str, colour: str = "yellow", after_s: int = 3600, **more: Any) -> None:
        self.time_s += after_s
        self.revision += 1
        alarm = revision(self.revision, state, colour, id=self.id, **more)
        self.taken, self.last = self.answers.take(alarm, self.time_s), self.id
        if state == "cleared":
            self.number, self.revision = self.number + 1, 0

    def drive(self, event: str) -> None:
        if event in TOLD:
            self.tell(TOLD[event])
        elif event in HOLDS:
            mark, on = HOLDS[event]
            self.answers.mark(self.last, mark, on=on)
        elif self.answers.is_open(self.last):
            answer = self.answers.acknowledge if event == "acks" else self.answers.reset
            answer(self.last, LI, self.time_s)

    def state(self) -> str:
        return self.answers.answer(self.last).state if self.answers.is_open(self.last) else "normal"


@pytest.mark.parametrize(("latching", "written"), [(False, PLAIN), (True, LATCHING)])
@given(events=st.lists(st.sampled_from(EVENTS), min_size=40, max_size=60))
def test_it_is_the_machine_of_the_standard(latching: bool, written: str, events: list[str]) -> None:
    oracle, letter = table(written), "A"
    bench = Bench(latched=["water.pressure/limit"] if latching else [])
    for event in events:
        stands, held = letter in "BCGHI", letter in "GHI"
        possible = {
            "appears": not stands,
            "returns": stands,
            "shelves": stands and not latching and not held,
            "unshelves": letter == "G",
            "suppresses": letter in "BC" and not latching,
            "unsuppresses": letter == "H",
            "leaves": letter in "BC" and not latching,
            "comes back": letter == "I",
        }
        if not possible.get(event, True):
            continue
        bench.drive(event)
        letter = oracle[letter, event]
        assert bench.state() == STATES[letter], event
        assert len(bench.answers) == (letter != "A")


def test_a_worse_colour_wants_another_acknowledgement_and_a_milder_one_does_not() -> None:
    bench = Bench()
    bench.tell("active", "yellow")
    bench.answers.acknowledge(ID, LI, bench.time_s)
    bench.answers.confirm(ID, LI, bench.time_s)
    bench.tell("active", "blue")
    bench.tell("active", "yellow")
    assert bench.answers.answer(ID).confirmed
    bench.tell("active", "orange")
    answer = bench.answers.answer(ID)
    assert (answer.acknowledged, answer.confirmed) == (False, False)


def test_an_answer_names_who_gave_it() -> None:
    bench = Bench()
    bench.tell("active")
    answer = bench.answers.acknowledge(ID, LI, START_S)
    assert (answer.by, answer.role, answer.reason) == tuple(LI)
    assert answer.at == "2026-03-01T08:00:00+08:00"
    again = bench.answers.acknowledge(ID, Who("zhao.min"), START_S + 1)
    assert again == answer  # who was first stands


def test_only_what_is_acknowledged_is_confirmed() -> None:
    bench = Bench()
    bench.tell("active")
    assert not bench.answers.confirm(ID, LI, START_S).confirmed
    bench.answers.acknowledge(ID, LI, START_S)
    assert bench.answers.confirm(ID, LI, START_S).confirmed


def test_what_guards_life_stays_until_a_person_lets_go_of_it() -> None:
    bench = Bench()
    guard: dict[str, Any] = {"channel": GAS, "class_name": "gas.methane", "life_safety": True}
    bench.tell("active", "red", **guard)
    bench.tell("cleared", **guard)
    bench.answers.acknowledge(ID, LI, bench.time_s)
    assert bench.state() == "latched acknowledged"
    answer = bench.answers.reset(ID, LI, bench.time_s)
    assert (answer.state, answer.active) == ("normal", False)
    assert not bench.answers.is_open(ID)


def test_what_guards_life_is_never_held_back() -> None:
    bench = Bench()
    bench.tell("active", "red", channel=GAS, life_safety=True)
    for mark in ("suppressed", "out_of_service"):
        answer = bench.answers.mark(ID, mark)
        assert answer.state == "unacknowledged"


@pytest.mark.parametrize(
    ("mark", "state"), [("suppressed", "suppressed"), ("out_of_service", "out of service")]
)
def test_what_is_held_back_ends_unheard_and_what_is_heard_again_asks_again(
    mark: Any, state: str
) -> None:
    bench = Bench()
    bench.tell("active")
    bench.answers.acknowledge(ID, LI, bench.time_s)
    assert bench.answers.mark(ID, mark).state == state
    assert bench.answers.mark(ID, mark, on=False).state == "unacknowledged"
    bench.answers.mark(ID, mark)
    bench.tell("cleared")
    assert bench.taken is not None
    assert bench.taken.answer.state == "normal"
    assert not bench.answers.is_open(ID)


def test_a_rule_that_rings_again_has_one_open_alarm_and_counts() -> None:
    bench = Bench()
    bench.tell("active")
    bench.tell("cleared")
    bench.tell("active")
    assert bench.taken is not None
    assert bench.taken.replaced == ID
    assert not bench.answers.is_open(ID)
    answer = bench.answers.answer(bench.id)
    assert (answer.alarms, answer.state, answer.chattering) == (2, "unacknowledged", False)


def test_three_times_in_a_minute_is_chattering_and_an_hour_later_no_more() -> None:
    bench, told = Bench(), []
    for after_s in (3600, 29, 29, 29, 3600):
        bench.tell("active", after_s=after_s)
        told.append(bench.answers.answer(bench.id).chattering)
        bench.tell("cleared", after_s=1)
    assert told == [False, False, True, True, False]
    assert bench.answers.repeats.chattering == 2


def test_another_rule_of_the_channel_does_not_chatter_with_it() -> None:
    bench = Bench()
    for number in range(3):
        alarm = revision(1, id=f"a-{number:016x}")
        rule = msgspec.structs.replace(alarm.rule, name=f"rule-{number}")
        bench.answers.take(msgspec.structs.replace(alarm, rule=rule), START_S + number)
    assert len(bench.answers) == 3
    assert bench.answers.repeats.chattering == 0


@pytest.mark.parametrize(("lasts_s", "acknowledged"), [(30, False), (31, False), (30, True)])
def test_what_is_over_before_anybody_could_answer_is_fleeting(
    lasts_s: int, acknowledged: bool
) -> None:
    bench = Bench()
    bench.tell("active")
    if acknowledged:
        bench.answers.acknowledge(ID, LI, bench.time_s)
    bench.tell("cleared", after_s=lasts_s)
    assert bench.taken is not None
    assert bench.taken.answer.fleeting is (lasts_s == 30 and not acknowledged)


def test_what_comes_twice_or_late_changes_nothing() -> None:
    bench = Bench()
    first, over = revision(1), revision(2, "cleared")
    assert bench.answers.take(over, START_S) is None
    assert bench.answers.take(first, START_S) is not None
    assert bench.answers.take(first, START_S + 5) is None
    bench.answers.acknowledge(ID, LI, START_S)
    assert bench.answers.take(over, START_S + 9) is not None
    before = bench.answers.state()
    for again in (first, over):
        assert bench.answers.take(again, START_S + 10) is None
    assert bench.answers.state() == before
    with pytest.raises(KeyError):
        bench.answers.acknowledge(ID, LI, START_S)


def test_memory_of_repeats_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeats, "REMEMBERED_MAX", 2)
    bench = Bench()
    for number in range(5):
        alarm = revision(1, id=f"a-{number:016x}", channel=f"{WATER}-{number}")
        bench.answers.take(alarm, START_S)
    assert len(bench.answers) == 5  # none is forgotten that somebody must answer
    assert len(bench.answers.repeats.state()["known"]) == 2
    late = revision(1, id="a-0000000000000000", channel=f"{WATER}-0")
    assert bench.answers.take(late, START_S + 9) is None


@given(
    st.lists(st.tuples(st.integers(0, 3), st.sampled_from(["active", "shelved", "cleared"]))),
    st.integers(0, 30),
)
def test_a_restored_one_goes_on_as_if_nothing_had_been(
    told: list[tuple[int, str]], cut: int
) -> None:
    rules = AnswerRules(latched=["water.pressure/limit"])
    whole, restored = AlarmAnswers(rules, ZONE), AlarmAnswers(rules, ZONE)
    answers: list[Answer | None] = []
    for number, (colour, state) in enumerate(told):
        if number == cut:
            restored.restore(msgspec.json.decode(msgspec.json.encode(whole.state())))
        alarm = revision(number + 1, state, COLOURS[colour], id=f"a-{number // 5:016x}")
        taken = whole.take(alarm, START_S + number)
        answers.append(taken and taken.answer)
        if number >= cut:
            assert restored.take(alarm, START_S + number) == taken
    if len(told) > cut:
        assert restored.state() == whole.state()
