"""What desks are told, withheld and how soon they answer, by figures that were computed by hand."""

import numpy as np

from alarms.duty.case import Facts
from alarms.duty.kpi import DAY_S, WINDOW_S, Period, rates
from alarms.performance.counts import AnswerCounts, Counts, DeskCounts
from contracts.desk.performance import LevelAnswers
from tests.alarms.duty.city import DESKS, NOON, duty, situation
from tests.testkit.desk.told import notice

BEGINS = NOON - NOON % WINDOW_S
DESK = "power-310101"


def at(second: int) -> str:
    """RFC 3339, a second of the day that begins at noon UTC+8."""
    hours, rest = divmod(second, 3_600)
    return f"2026-03-02T{12 + hours:02d}:{rest // 60:02d}:{rest % 60:02d}+08:00"


def test_a_flood_begins_with_the_eleventh_notice_of_a_window_and_ends_before_a_calm_one() -> None:
    """Windows of 11, 5, 4: a flood of two windows."""
    counts = DeskCounts()
    for number in range(10):
        counts.tell(BEGINS + number)
    assert not counts.flooded(BEGINS + 10)
    counts.tell(BEGINS + 11)
    assert counts.flooded(BEGINS + 12)
    assert counts.flooded(BEGINS + WINDOW_S), "the window before had 11"
    for number in range(5):
        counts.tell(BEGINS + WINDOW_S + number)
    assert counts.flooded(BEGINS + 2 * WINDOW_S), "the window before had 5"
    for number in range(4):
        counts.tell(BEGINS + 2 * WINDOW_S + number)
    assert not counts.flooded(BEGINS + 3 * WINDOW_S)
    assert (counts.told, counts.floods) == (20, 1)


def test_floods_are_those_that_the_measures_find_afterwards() -> None:
    chance = np.random.default_rng(7)
    crowded = chance.integers(0, 11 * 3_600, 12)[:, None] + chance.integers(0, 1_200, (12, 25))
    times = np.sort(crowded.ravel() % (11 * 3_600))
    told = [notice(number, at=at(int(second))) for number, second in enumerate(times)]
    found = rates(told, DESK, Period(BEGINS, BEGINS + DAY_S // 2))
    counts = DeskCounts()
    for second in times:
        counts.tell(BEGINS + int(second))
    assert counts.floods == len(found.floods) > 3
    assert counts.told == found.notices


def test_answers_are_counted_by_their_share_of_the_clock() -> None:
    counts = AnswerCounts()
    for took_s in (0, 75, 300, 301, 9_000):
        counts.answer(took_s, 300)
    assert counts.counts == [2, 0, 1, 1, 0, 1]
    assert counts.shares == (0 + 75 + 300 + 301 + 9_000) / 300


def test_duty_counts_what_it_tells_what_it_withholds_and_the_first_answer_of_each_call() -> None:
    """Orange calls the district and its trade, who have 5 minutes, and informs two of the city."""
    told = duty()
    told.changed(situation(1), "new", 1, Facts(), NOON)
    told.changed(situation(2), "new", 1, Facts(maintenance="WO-1", until="x"), NOON)
    told.acknowledged("i-0000000000000001", "Li", NOON + 150)
    told.assigned("i-0000000000000001", "Li", (), NOON + 400)
    found = dict(told.counts.desks())
    for desk in ("district", "district-water", "city", "city-water"):
        assert found[desk].withheld == {"maintenance": 1}
    assert {name: one.told for name, one in found.items()} == {
        **dict.fromkeys(("district", "city", "city-water"), 1),
        "district-water": 2,  # the hand-over too: Li is no desk, and it was called first
    }
    assert told.counts.levels() == (LevelAnswers("district", 2, (0, 2, 0, 0, 0, 0), 1.0),)


def test_an_escalated_call_is_answered_late_by_who_was_called_first() -> None:
    told = duty()
    told.changed(situation(1), "new", 1, Facts(), NOON)
    told.advance(NOON + 600)
    told.acknowledged("i-0000000000000001", "Li", NOON + 750)
    assert told.counts.levels() == (
        LevelAnswers("city", 2, (0, 2, 0, 0, 0, 0), 1.0),
        LevelAnswers("district", 2, (0, 0, 0, 0, 2, 0), 5.0),
    )


def test_counts_go_on_behind_a_restart_and_desks_that_are_gone_are_let_go() -> None:
    told = duty()
    told.changed(situation(1), "new", 1, Facts(), NOON)
    again = duty()
    again.restore(told.state())
    assert again.counts.state() == told.counts.state()
    told.acknowledged("i-0000000000000001", "Li", NOON + 60)
    again.acknowledged("i-0000000000000001", "Li", NOON + 60)
    assert again.counts.state() == told.counts.state()
    fewer = Counts()
    fewer.restore(told.counts.state(), {"district"})
    assert [name for name, _ in fewer.desks()] == ["district"]
    assert len([desk for desk in DESKS if desk.id == "district"]) == 1


def test_a_snapshot_of_an_earlier_release_has_no_counts() -> None:
    told = duty()
    told.changed(situation(1), "new", 1, Facts(), NOON)
    state = told.state()
    del state["counts"]
    for case in state["cases"]:
        for clock in case["clocks"]:
            del clock["told_s"]
    told.restore(state)
    told.acknowledged("i-0000000000000001", "Li", NOON + 60)
    assert told.counts.levels() == ()
