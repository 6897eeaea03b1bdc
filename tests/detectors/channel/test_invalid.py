"""Readings of which none is valid: when that rings, and what snapshots of before hold."""

from itertools import chain

import numpy as np
import pytest

from contracts.batch import Batch, Disposition
from contracts.quantities import NS_PER_S, Duration
from contracts.transition import Transitions
from detectors.channel.invalid import Invalid, LivenessWatch
from detectors.channel.silence import SilenceWatch, Silent

BEGAN_S = 1_000
ONE = np.zeros(1, np.int64)


def watch(off_delay: str = "0 s") -> LivenessWatch:
    """Of one channel: silent after 60 s, invalid after 30 s."""
    rule = Invalid(after=Duration("30 s"), off_delay=Duration(off_delay))
    made = LivenessWatch(SilenceWatch([Silent(after=Duration("60 s"))], ONE), [rule], ONE)
    made.begin(BEGAN_S)
    return made


def hear(of: LivenessWatch, at_s: int, what: Disposition) -> Transitions:
    """Let one reading come."""
    one = Batch(
        np.zeros(1, np.int32),
        np.zeros(1, np.int32),
        np.array([at_s * NS_PER_S]),
        np.ones(1),
        np.zeros(1, np.uint8),
    )
    return of.hear(one, np.array([what], np.uint8), np.array([at_s], np.int64), (0, 1))


def told(transitions: Transitions) -> list[tuple[int, int, int]]:
    """Slot, colour and second of each level change."""
    return [
        (int(t["rule"]), int(t["now"]), int(t["time_ns"]) // NS_PER_S - BEGAN_S)
        for t in transitions
    ]


@pytest.mark.parametrize(
    "what",
    [Disposition.HELD, Disposition.NOT_FINITE, Disposition.OUT_OF_RANGE, Disposition.TOO_FAST],
)
def test_each_reason_for_which_readings_are_not_scored_rings(what: Disposition) -> None:
    channel = watch()
    for at_s in range(BEGAN_S, BEGAN_S + 30, 10):
        assert not len(hear(channel, at_s, what))
        assert not len(channel.fire(at_s))
    assert told(channel.fire(BEGAN_S + 30)) == [(4, 1, 30)]
    assert told(hear(channel, BEGAN_S + 40, Disposition.SCORED)) == [(4, 0, 40)]


def test_one_valid_reading_begins_the_wait_anew() -> None:
    channel = watch()
    reasons = chain([Disposition.HELD] * 2, [Disposition.SCORED], [Disposition.HELD] * 4)
    fired = []
    for step, what in enumerate(reasons):
        fired += told(channel.fire(BEGAN_S + 10 * step))
        hear(channel, BEGAN_S + 10 * step, what)
    assert fired == [(4, 1, 60)]


def test_the_alarm_clears_once_readings_were_valid_for_the_off_delay() -> None:
    channel = watch("20 s")
    for at_s in (0, 10, 20):
        hear(channel, BEGAN_S + at_s, Disposition.HELD)
    assert told(channel.fire(BEGAN_S + 30)) == [(4, 1, 30)]
    steps = [(40, "SCORED"), (50, "HELD"), (60, "SCORED"), (70, "SCORED"), (80, "SCORED")]
    ended = [told(hear(channel, BEGAN_S + at_s, Disposition[what])) for at_s, what in steps]
    assert ended == [[], [], [], [], [(4, 0, 80)]]


def test_a_snapshot_of_before_the_rule_is_read_and_the_rule_begins_anew() -> None:
    old = watch()
    hear(old, BEGAN_S + 10, Disposition.HELD)
    kept = {name: array for name, array in old.arrays().items() if name != "invalid"}
    channel = watch()
    channel.restore(kept, np.zeros(1, np.int64))
    assert not len(channel.fire(BEGAN_S + 69))
    assert told(channel.fire(BEGAN_S + 70)) == [(2, 1, 70)]


def test_a_run_goes_on_behind_a_snapshot() -> None:
    old = watch()
    for at_s in (0, 10):
        hear(old, BEGAN_S + at_s, Disposition.HELD)
    channel = watch()
    channel.restore({name: a.copy() for name, a in old.arrays().items()}, np.zeros(1, np.int64))
    assert told(channel.fire(BEGAN_S + 30)) == [(4, 1, 30)]
