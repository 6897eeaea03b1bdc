"""Who falls silent, and what outages of the brokers do to the wait."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.batch import Batch, Disposition
from contracts.quantities import NS_PER_S, Duration
from detectors.channel.silence import OUTAGES_MAX, SilenceWatch, Silent

BEGAN_S = 1_000
AFTER_S = 60
CHANNELS = 3


def watch(channels: int = CHANNELS) -> SilenceWatch:
    """Of some channels that are silent after a minute."""
    made = SilenceWatch([Silent(after=Duration(f"{AFTER_S} s"))], np.zeros(channels, np.int64))
    made.begin(BEGAN_S)
    return made


def hear(of: SilenceWatch, row: int, at_s: int) -> None:
    """Let one reading come."""
    one = Batch(
        np.zeros(1, np.int32),
        np.full(1, row, np.int32),
        np.array([at_s * NS_PER_S]),
        np.ones(1),
        np.zeros(1, np.uint8),
    )
    of.hear(one, np.array([Disposition.SCORED], np.uint8), np.array([at_s], np.int64), (0, 1))


def rung(of: SilenceWatch, at_s: int) -> list[tuple[int, int]]:
    """Row and second of each silence that rings by a lane time."""
    return [(int(t["row"]), int(t["time_ns"]) // NS_PER_S) for t in of.fire(at_s)]


def test_an_outage_and_as_much_again_is_not_the_channels_silence() -> None:
    lane = watch()
    assert lane.outage(BEGAN_S + 20, 25).tolist() == []
    # Early: who is heard behind the outage is waited for as always.
    assert lane.bound_s(BEGAN_S + 20) == BEGAN_S + 20 + AFTER_S
    assert rung(lane, BEGAN_S + AFTER_S + 49) == []
    assert rung(lane, BEGAN_S + AFTER_S + 50) == [(row, BEGAN_S + 110) for row in range(CHANNELS)]


def test_producers_are_given_half_a_minute_to_come_back_after_a_long_outage() -> None:
    lane = watch()
    assert lane.outage(BEGAN_S, 3600).tolist() == [0, 1, 2]  # their waits would have ended
    assert rung(lane, BEGAN_S + AFTER_S + 3629) == []
    assert len(rung(lane, BEGAN_S + AFTER_S + 3630)) == CHANNELS


def test_who_is_heard_after_an_outage_is_waited_for_as_always() -> None:
    lane = watch()
    lane.outage(BEGAN_S, 100)
    hear(lane, 1, BEGAN_S + 101)
    assert rung(lane, BEGAN_S + 160) == []
    assert rung(lane, BEGAN_S + 161) == [(1, BEGAN_S + 161)]
    assert rung(lane, BEGAN_S + 189) == []
    assert rung(lane, BEGAN_S + 500) == [(0, BEGAN_S + 190), (2, BEGAN_S + 190)]


@pytest.mark.parametrize("seconds", [1, 25, 30, 31, 100])
def test_readings_kept_in_an_outage_that_come_in_parts_put_nothing_off(seconds: int) -> None:
    lane = watch()
    lane.outage(BEGAN_S, seconds)
    hear(lane, 1, BEGAN_S + seconds // 2)
    hear(lane, 2, BEGAN_S + seconds)
    until_s = BEGAN_S + seconds + min(seconds, 30) + AFTER_S
    assert rung(lane, until_s - 1) == []
    assert rung(lane, until_s) == [(row, until_s) for row in range(CHANNELS)]


def plain_deadline_s(heard_s: int, outages: list[tuple[int, int]]) -> int:
    """When a channel rings that was heard last at a second, written as one would say it."""
    longer_s, ended_s = 0, 0
    for lane_time_s, seconds in outages:
        began_s = max(lane_time_s, ended_s)
        ended_s = began_s + seconds
        if heard_s <= ended_s:
            longer_s += ended_s - max(began_s, heard_s) + min(seconds, 30)
    return heard_s + AFTER_S + longer_s


@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(1, 60)), min_size=1, max_size=5),
    st.lists(st.integers(0, 400), min_size=CHANNELS, max_size=CHANNELS),
)
def test_any_outages_and_readings_agree_with_what_one_would_say(
    steps: list[tuple[int, int]], heard: list[int]
) -> None:
    lane, at_s, outages = watch(), BEGAN_S, []
    for step_s, seconds in steps:
        at_s += step_s
        lane.outage(at_s, seconds)
        outages.append((at_s, seconds))
    heard_s = [at_s + more_s for more_s in heard]
    for row, second in enumerate(heard_s):
        hear(lane, row, second)
    expected = sorted(
        (plain_deadline_s(second, outages), row) for row, second in enumerate(heard_s)
    )
    assert lane.bound_s(at_s) <= expected[0][0]
    found = [(second, row) for at in range(at_s, at_s + 900) for row, second in rung(lane, at)]
    assert found == expected


def test_short_outages_again_and_again_do_not_put_a_finding_off_for_ever() -> None:
    lane = watch(1)
    for at_s in range(BEGAN_S, BEGAN_S + 1000, 20):
        if rung(lane, at_s):
            assert at_s < BEGAN_S + 2 * AFTER_S
            return
        lane.outage(at_s, 3)
    pytest.fail("a channel that says nothing never rang")


def test_a_restart_changes_nothing_of_it() -> None:
    lane, next_life = watch(), watch()
    hear(lane, 2, BEGAN_S + 5)
    lane.outage(BEGAN_S + 5, 25)
    hear(lane, 0, BEGAN_S + 40)
    lane.outage(BEGAN_S + 45, 10)
    kept = {name: array.copy() for name, array in lane.arrays().items()}
    next_life.restore(kept, np.arange(CHANNELS))
    assert next_life.bound_s(BEGAN_S + 45) == lane.bound_s(BEGAN_S + 45)
    for at_s in range(BEGAN_S + 45, BEGAN_S + 300, 7):
        assert rung(next_life, at_s) == rung(lane, at_s)


def test_outages_are_remembered_within_a_bound_the_newest_ones() -> None:
    lane = watch(1)
    for at_s in range(3 * OUTAGES_MAX):
        lane.outage(BEGAN_S + at_s, 1)
    assert len(lane.arrays()["silence_outages"]) == OUTAGES_MAX
    assert rung(lane, BEGAN_S + AFTER_S + 2 * OUTAGES_MAX) == [(0, BEGAN_S + 188)]


def test_snapshots_of_before_know_of_no_outage() -> None:
    lane, next_life = watch(), watch()
    kept = {name: a.copy() for name, a in lane.arrays().items() if name != "silence_outages"}
    next_life.outage(BEGAN_S, 5)
    next_life.restore(kept, np.arange(CHANNELS))
    assert next_life.bound_s(BEGAN_S) == BEGAN_S + AFTER_S
