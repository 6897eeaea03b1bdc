"""Alarms at random times are held against leaks as those of a rule are."""

from datetime import timedelta
from pathlib import Path

import pytest

from benchmarks.quality_data.battledim import (
    AFTER,
    BEGIN,
    DAY,
    END,
    PACK,
    Leak,
    by_chance,
    held_against,
    lucky_row,
    weekdays,
)
from benchmarks.quality_data.battledim_nested import nested, pieces, reword

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


def test_a_leak_has_no_part_in_the_choice_of_the_words_that_judge_it() -> None:
    told = [leak.begin + DAY for leak in LEAKS]
    arms = {"for the first alone": told[:1], "for the others": told[1:], "loud": [*told, BEGIN] * 3}
    rung, chosen = nested(arms, LEAKS)
    assert chosen[0] == "for the others"
    assert told[0] not in rung
    assert [len(pieces(LEAKS)), pieces(LEAKS)[0][0], pieces(LEAKS)[-1][1]] == [3, BEGIN, END]


def test_words_are_put_where_the_pack_has_them(tmp_path: Path) -> None:
    path = tmp_path / "inlet_flow.yaml"
    path.write_text((PACK / "water" / "inlet_flow.yaml").read_text(encoding="utf-8"))
    reword(path, (4.5, 288, 4032, "5 d"))
    text = path.read_text(encoding="utf-8")
    assert "band: 4.5 sigma\n" in text
    assert "warm_up: 4608" in text
    with pytest.raises(ValueError, match="expected `band: 4 sigma` once"):
        reword(path, (4.5, 288, 4032, "5 d"))
