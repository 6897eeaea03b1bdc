"""Who is on duty when."""

import pytest

from alarms.duty.roster import Roster, Shift
from contracts.civil_time import CITY
from tests.alarms.duty.city import at, desk

STREET = desk("street", "street", people=[])
DAY = Shift(desk="street", people=["Li"], begins="08:00", ends="20:00")
NIGHTS = Shift(desk="street", people=["Wu"], begins="20:00", ends="08:00", days=["sun", "fri"])


def _on_duty(shifts: list[Shift], text: str) -> list[str]:
    return Roster([STREET], shifts, CITY).on_duty("street", at(text))


def test_a_weekly_shift_holds_from_its_beginning_to_just_before_its_end() -> None:
    assert _on_duty([DAY], "2026-03-02T07:59:59") == []
    assert _on_duty([DAY], "2026-03-02T08:00") == ["Li"]
    assert _on_duty([DAY], "2026-03-02T19:59:59") == ["Li"]
    assert _on_duty([DAY], "2026-03-02T20:00") == []


def test_a_shift_over_midnight_goes_on_the_next_day_and_over_the_end_of_the_week() -> None:
    assert _on_duty([NIGHTS], "2026-03-07T07:00") == ["Wu"]  # Saturday, since Friday
    assert _on_duty([NIGHTS], "2026-03-02T07:00") == ["Wu"]  # Monday, since Sunday
    assert _on_duty([NIGHTS], "2026-03-03T07:00") == []  # Tuesday
    assert _on_duty([NIGHTS], "2026-03-06T19:59:59") == []
    assert _on_duty([NIGHTS], "2026-03-06T20:00") == ["Wu"]


def test_shifts_that_overlap_add_up_and_who_is_always_there_comes_first() -> None:
    late = Shift(desk="street", people=["He"], begins="19:00", ends="22:00")
    assert _on_duty([DAY, late], "2026-03-02T19:30") == ["He", "Li"]
    always = desk("street", "street", people=["phone"])
    assert Roster([always], [DAY], CITY).on_duty("street", at("2026-03-02T12:00")) == [
        "Li",
        "phone",
    ]


def test_a_dated_shift_takes_the_place_of_the_weekly_one_while_it_lasts() -> None:
    feast = Shift(desk="street", people=["Hu"], begins="2026-02-15T08:00", ends="2026-02-16T08:00")
    closed = Shift(desk="street", people=[], begins="2026-02-16T08:00", ends="2026-02-17T00:00")
    assert _on_duty([DAY, feast, closed], "2026-02-15T09:00") == ["Hu"]
    assert _on_duty([DAY, feast, closed], "2026-02-16T09:00") == []
    assert _on_duty([DAY, feast, closed], "2026-02-17T09:00") == ["Li"]


def test_a_time_with_an_offset_is_that_moment() -> None:
    shift = Shift(
        desk="street", people=["Hu"], begins="2026-02-15T00:00Z", ends="2026-02-15T01:00Z"
    )
    assert _on_duty([shift], "2026-02-15T08:30") == ["Hu"]
    assert _on_duty([shift], "2026-02-15T09:00") == []


def test_the_next_time_that_somebody_is_there() -> None:
    roster = Roster([STREET], [DAY], CITY)
    assert roster.next_on_duty_s("street", at("2026-03-02T23:00")) == at("2026-03-03T08:00")
    assert roster.next_on_duty_s("street", at("2026-03-02T07:00")) == at("2026-03-02T08:00")
    assert roster.next_on_duty_s("nobody", at("2026-03-02T07:00")) is None


def test_what_is_no_time_is_refused() -> None:
    for begins, ends in (("8", "20:00"), ("2026-02-15T08:00", "2026-02-15T08:00"), ("25:00", "1")):
        shift = Shift(desk="street", people=["Li"], begins=begins, ends=ends)
        with pytest.raises(ValueError, match=r"."):
            Roster([STREET], [shift], CITY)
