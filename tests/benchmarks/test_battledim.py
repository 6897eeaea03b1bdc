"""Alarms at random times are held against leaks as those of a rule are."""

from datetime import timedelta

import pytest

from benchmarks.quality_data.battledim import (
    AFTER,
    BEGIN,
    DAY,
    END,
    Leak,
    by_chance,
    held_against,
    lucky_row,
    weekdays,
)

LEAKS = [
    Leak(f"p{i}", BEGIN + AFTER + 28 * i * DAY, BEGIN + AFTER + (28 * i + 14) * DAY, wanted=True)
    for i in range(3)
]


def test_one_alarm_at_random_tells_a_leak_as_often_as_leaks_cover_time() -> None:
    drawn = by_chance(1, LEAKS)
    told = [delay for one in drawn for delay in one.delays.values() if delay is not None]
    covered = 3 * AFTER / (END - BEGIN - AFTER)
    assert len(told) / len(drawn) == pytest.approx(covered, abs=0.04)
    assert lucky_row(drawn, LEAKS)[2].endswith(" of 3")
    assert all(one.false + len([d for d in one.delays.values() if d]) == 1 for one in drawn)


def test_alarms_are_counted_by_the_day_of_the_week() -> None:
    """The year began on a Tuesday."""
    rung = [BEGIN, BEGIN + 4 * DAY, BEGIN + 11 * DAY + timedelta(hours=23)]
    assert weekdays(rung) == ["0", "1", "0", "0", "0", "2", "0"]
    assert held_against(rung[:1], LEAKS).false == 1
