"""How far a lane is behind, in seconds."""

import math
import time

import pytest

from contracts.ports.status import UNHEARD_S, LaneStatus


def lane(position: int = 10, end: int = 10, heard_s: float = 0.0) -> LaneStatus:
    """A lane that heard a broker so long ago, and took a record an hour ago."""
    return LaneStatus(
        "water-0",
        phase="running",
        position=position,
        end=end,
        answered_at_s=time.monotonic() - heard_s,
        taken_ms=int((time.time() - 3600) * 1000),
    )


def test_an_idle_lane_is_not_behind_whatever_the_age_of_its_newest_record() -> None:
    assert lane().lag_s == 0
    assert lane(heard_s=UNHEARD_S / 2).lag_s == 0


def test_nothing_is_said_before_a_broker_has_said_where_the_log_ends() -> None:
    assert math.isnan(LaneStatus("water-0").lag_s)


def test_a_lane_whose_broker_is_away_falls_behind_although_nothing_is_known_to_wait() -> None:
    assert lane(heard_s=100).lag_s == pytest.approx(100, abs=5)


def test_a_lane_that_has_no_room_for_more_does_not_say_that_brokers_are_away() -> None:
    status = lane(end=11, heard_s=100)
    assert math.isnan(status.lag)
    status.unasked_at_s = time.monotonic() - 99
    assert status.answer_age_s == pytest.approx(1, abs=0.5)
    assert (status.lag, status.blind) == (1, "")


def test_what_waits_came_after_the_newest_record_taken() -> None:
    assert lane(end=11).lag_s == pytest.approx(3600, abs=5)


def test_what_waits_came_after_nothing_waited() -> None:
    status = lane(end=11)
    status.caught_up_at_s = time.monotonic() - 50
    assert status.lag_s == pytest.approx(50, abs=5)


def test_a_lane_that_has_taken_nothing_counts_from_its_beginning() -> None:
    status = lane(end=11)
    status.taken_ms, status.began_at_s = 0, time.monotonic() - 70
    assert status.lag_s == pytest.approx(70, abs=5)


def test_a_sender_whose_clock_is_ahead_makes_no_negative_lag() -> None:
    status = lane(end=11)
    status.taken_ms = int((time.time() + 3600) * 1000)
    assert status.lag_s == 0
