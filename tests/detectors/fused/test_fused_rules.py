"""What sums and frozen values ring on, what they tell, and rows of older snapshots."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from msgspec import structs
from numpy.typing import NDArray

from contracts.batch import Batch
from contracts.quantities import Duration, Sigmas
from contracts.transition import NEVER, Transitions
from detectors.base.thresholds import OnDelays, Steps
from detectors.fused.frozen import Frozen
from detectors.fused.limit import Limit
from detectors.fused.parameters import FROZEN_SLOT, UNUSUAL_SLOT, FusedRules
from detectors.fused.row_layout import ROW
from detectors.fused.scorer import ROWS, WAITS, ChannelRules, calmed
from detectors.fused.unusual import Sums, Unusual

MINUTE = 60 * 10**9
FROZEN_FOR = Duration("7 min")
STANDS = Frozen(after=Duration("5 min"), at_most="blue")
NOISE = (0.9, -1.1, 0.4, -0.6, 1.2, -0.8)


def unusual(**words: object) -> Unusual:
    usual = {
        "smoothing": 0.02,
        "band": Sigmas("5 sigma"),
        "floor": 1.0,
        "warm_up": 30,
        "at_most": "blue",
        "off_delay": Duration("10 min"),
    }
    return Unusual(model="ewma", **{**usual, **words})  # type: ignore[arg-type]


def scored(
    rules: FusedRules, values: Sequence[float], minutes: Sequence[float] = ()
) -> tuple[Transitions, ChannelRules]:
    """Level changes of one channel, a reading a minute."""
    n = len(values)
    times = np.array(minutes or range(n), np.float64) * MINUTE
    batch = Batch(
        np.arange(n, dtype=np.int32),
        np.zeros(n, np.int32),
        times.astype(np.int64),
        np.array(values, np.float64),
        np.zeros(n, np.uint8),
    )
    scorer = ChannelRules([rules], np.zeros(1, np.int64))
    return scorer.score(batch, np.zeros(n, np.uint8), (0, n)), scorer


def noisy(n: int, shift: float = 0.0) -> list[float]:
    return [100.0 + NOISE[i % 6] + shift for i in range(n)]


def test_a_small_deviation_that_lasts_rings_by_its_sum_alone() -> None:
    values = noisy(60) + noisy(40, 2.5)
    alone, _ = scored(FusedRules(None, unusual()), values)
    assert not len(alone)
    transitions, _ = scored(FusedRules(None, unusual(sums=Sums())), values)
    first = transitions[0]
    assert (int(first["rule"]), int(first["now"])) == (UNUSUAL_SLOT, 1)
    assert 60 < first["ordinal"] < 75


def test_what_a_sum_tells_is_true_of_the_reading_that_filled_it() -> None:
    for way in (1.0, -1.0):
        transitions, _ = scored(
            FusedRules(None, unusual(sums=Sums())), noisy(60) + noisy(40, way * 2.5)
        )
        told = transitions[0]
        assert not told["low"] <= told["observed"] <= told["high"]
        assert told["high"] - told["expected"] == pytest.approx(0.5, rel=0.15)  # k of a sigma
        assert way * told["score"] > 8.0


def test_a_sum_waits_for_no_delay_and_its_colour_stays_for_the_off_delay() -> None:
    rule = unusual(sums=Sums(), on_delay=Duration("30 min"))
    transitions, _ = scored(FusedRules(None, rule), noisy(60) + noisy(14, 2.5) + noisy(40))
    rung, cleared = transitions
    assert rung["ordinal"] < 74
    assert int(cleared["now"]) == 0
    assert cleared["time_ns"] - rung["time_ns"] >= 10 * MINUTE


def test_one_wild_reading_fills_no_sum() -> None:
    rule = unusual(sums=Sums(), band=Sigmas("90 sigma"))
    transitions, _ = scored(FusedRules(None, rule), [*noisy(60), 160.0, *noisy(10)])
    assert not len(transitions)


def test_a_deviation_that_lasts_is_no_longer_one_once_it_was_learned() -> None:
    rule = unusual(sums=Sums(), relearn_after=Duration("1 h"))
    transitions, scorer = scored(FusedRules(None, rule), noisy(60) + noisy(600, 2.5))
    assert [int(level) for level in transitions["now"]][-1] == 0
    assert float(scorer.rows["mean"][0]) == pytest.approx(102.5, abs=0.3)


STILL = Frozen(after=Duration("10 min"), at_most="yellow")


def test_a_value_that_stands_rings_when_its_time_is_up_and_began_when_it_did() -> None:
    transitions, _ = scored(FusedRules(None, None, STILL), [1.0, 2.0, *[3.0] * 14, 4.0])
    rung, cleared = transitions
    assert (int(rung["rule"]), int(rung["now"])) == (FROZEN_SLOT, 2)
    assert (int(rung["time_ns"]), int(rung["onset_ns"])) == (12 * MINUTE, 2 * MINUTE)
    assert (rung["observed"], rung["score"]) == (3.0, 11.0)
    assert (int(cleared["now"]), int(cleared["ordinal"])) == (0, 16)


def test_values_within_the_resolution_of_the_first_stand_and_a_creeping_one_does_not() -> None:
    rule = Frozen(after=Duration("10 min"), at_most="blue", resolution=0.1)
    assert len(scored(FusedRules(None, None, rule), [3.0, 3.05, 2.95] * 6)[0]) == 1
    assert not len(scored(FusedRules(None, None, rule), [3.0 + 0.02 * i for i in range(40)])[0])


def test_a_channel_may_stand_at_rest() -> None:
    rule = Frozen(after=Duration("10 min"), at_most="blue", rest=0.0)
    assert not len(scored(FusedRules(None, None, rule), [0.0] * 40)[0])
    assert len(scored(FusedRules(None, None, rule), [1.0] * 40)[0]) == 1


def test_two_readings_alike_at_both_ends_of_a_gap_say_nothing() -> None:
    minutes = [0, 1, 2, 300, 301]
    assert not len(scored(FusedRules(None, None, STILL), [1.0, 2.0, 3.0, 3.0, 4.0], minutes)[0])


def test_no_two_alarms_of_a_run_have_one_onset() -> None:
    """A colour that another configuration cleared rings again later."""
    transitions, scorer = scored(FusedRules(None, None, STILL), [3.0] * 12)
    longer = FusedRules(None, None, Frozen(after=Duration("15 min"), at_most="yellow"))
    other = ChannelRules([longer], np.zeros(1, np.int64))
    other.restore(scorer.arrays(), np.array([0]))
    n = 30
    time_ns = np.arange(12, 12 + n) * MINUTE
    index, still = np.arange(n, dtype=np.int32), np.full(n, 3.0)
    batch = Batch(index, np.zeros(n, np.int32), time_ns, still, np.zeros(n, np.uint8))
    later = other.score(batch, np.zeros(n, np.uint8), (0, n))
    onsets = [
        int(transition["onset_ns"]) for transition in (*transitions, *later) if transition["now"]
    ]
    assert len(set(onsets)) == len(onsets) == 2


def whole_rows() -> NDArray[np.void]:
    """Two rows as snapshots held them before they came in halves: one rings, one waits."""
    octets = ("limit_level", "limit_fall_to", "unusual_level", "unusual_fall_to", "pending")
    names: list[Any] = [("rules", np.int64), ("learned", np.int64)]
    names += [*((name, np.uint8) for name in octets), ("spare", np.uint8, (3,))]
    names += [("mean", np.float64), ("variance", np.float64), ("gate_since", np.int64)]
    for rule in ("limit", "unusual"):
        names += [(f"{rule}_since", np.int64, (4,)), (f"{rule}_fall", np.int64)]
    rows = np.zeros(2, names)
    assert rows.itemsize == 128
    for name in ("gate_since", "limit_since", "limit_fall", "unusual_since", "unusual_fall"):
        rows[name] = NEVER
    rows["learned"], rows["mean"], rows["variance"] = 500, 100.0, 4.0
    rows["unusual_level"] = [1, 0]
    rows["unusual_fall"] = [7 * MINUTE, NEVER]
    rows["unusual_since"][1, 0] = 9 * MINUTE
    rows["gate_since"] = [5 * MINUTE, 9 * MINUTE]
    return rows


def test_rows_of_snapshots_that_held_them_whole_are_taken_over() -> None:
    limit = Limit(high=Steps(red=200.0))
    scorer = ChannelRules([FusedRules(limit, unusual(), STILL)], np.zeros(3, np.int64))
    scorer.restore({ROWS: whole_rows()}, np.array([1, 0, -1]))
    assert scorer.rows.dtype == ROW
    assert scorer.rows["mean"].tolist() == [100.0, 100.0, 0.0]
    assert scorer.rows["unusual_level"].tolist() == [0, 1, 0]
    assert scorer.rows["busy"].tolist() == [1, 1, 0]
    assert scorer.waits["unusual_wait"].tolist() == [9 * MINUTE, 7 * MINUTE, NEVER]
    assert scorer.waits["gate_since"].tolist() == [9 * MINUTE, 5 * MINUTE, NEVER]
    calm = calmed({ROWS: whole_rows()})
    assert not calm[ROWS]["busy"].any()
    assert (calm[WAITS].view(np.int64) == NEVER).all()


@pytest.mark.parametrize(
    ("now", "learned", "sums", "run"),
    [
        (FusedRules(None, unusual(), Frozen(after=FROZEN_FOR, at_most="blue")), 60, True, 1),
        (FusedRules(None, unusual(band=Sigmas("9 sigma"), floor=2.0), STANDS), 60, True, 1),
        (FusedRules(None, unusual(smoothing=0.1), STANDS), 0, False, 1),
        (FusedRules(None, unusual(), STANDS, "bar"), 0, False, 0),
        (FusedRules(None, unusual(sums=Sums(k=Sigmas("1 sigma"))), STANDS), 60, False, 1),
    ],
)
def test_a_mean_and_a_run_are_kept_while_they_mean_the_same(
    now: FusedRules, learned: int, sums: bool, run: int
) -> None:
    now = now if now.unusual is None or now.unusual.sums else replace_sums(now)
    before = FusedRules(None, unusual(sums=Sums()), STANDS)
    _, one = scored(before, [*noisy(59), 102.5])
    arrays = {name: array.copy() for name, array in one.arrays().items()}
    heir = ChannelRules([before, now], np.array([0, 1]))
    heir.restore(arrays, np.array([0, 0]))
    assert heir.rows[0].tobytes() == one.rows[0].tobytes(), "its class did not change"
    assert heir.rows["learned"].tolist() == [60, learned]
    assert bool(heir.rows["up"][1]) is sums
    assert heir.rows["run"][1] == run
    gone = {"unusual": 1} if not learned else {}
    gone |= {"sums": 1} if learned and not sums else {}
    assert heir.relearning == {**gone, **({} if run else {"frozen": 1})}


def replace_sums(rules: FusedRules) -> FusedRules:
    """The same with the usual sums."""
    assert rules.unusual is not None
    return replace(rules, unusual=structs.replace(rules.unusual, sums=Sums()))


BY_COLOUR = Limit(
    high=Steps(yellow=10.0, orange=20.0, red=30.0),
    on_delay=Duration("10 min"),
    on_delays=OnDelays(orange=Duration("5 min"), red=Duration("0 s")),
)


@pytest.mark.parametrize(
    ("value", "told"),
    [
        (11.0, [(10, 2)]),
        (21.0, [(5, 3)]),
        (31.0, [(0, 4)]),
        (9.0, []),
    ],
)
def test_a_colour_may_wait_for_a_time_of_its_own(value: float, told: list[tuple[int, int]]) -> None:
    """Yellow after ten minutes, orange after five, red at once: in one rule."""
    found, _ = scored(FusedRules(BY_COLOUR, None), [value] * 12)
    assert [(int(one["time_ns"]) // MINUTE, int(one["now"])) for one in found] == told


def test_a_worse_colour_that_waits_longer_comes_behind_a_milder_one() -> None:
    waits = OnDelays(yellow=Duration("2 min"), red=Duration("6 min"))
    limit = Limit(high=Steps(yellow=10.0, red=30.0), on_delays=waits)
    found, _ = scored(FusedRules(limit, None), [40.0] * 9)
    assert [(int(one["time_ns"]) // MINUTE, int(one["now"])) for one in found] == [(2, 2), (6, 4)]
    assert [one // MINUTE for one in limit.waits().tolist()] == [2, 2, 6, 6]
