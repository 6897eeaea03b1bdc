"""Fast code against its slow, obvious twin, bit for bit."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from contracts.batch import Batch, Disposition
from contracts.quantities import NS_PER_S, Duration, Rate, Sigmas
from contracts.transition import NEVER
from detectors.base.level import advance_level, advance_one
from detectors.base.thresholds import OnDelays, Steps
from detectors.channel.invalid import Invalid, LivenessWatch
from detectors.channel.silence import SilenceWatch, Silent
from detectors.fused.frozen import Frozen
from detectors.fused.limit import DaySides, Limit, Sides
from detectors.fused.parameters import FusedRules
from detectors.fused.scorer import ChannelRules
from detectors.fused.unusual import Sums, Unusual
from ingest.admit import Admission, Plausible
from tests.laws.twins import AdmissionTwin, FusedTwin, LivenessTwin, SilenceTwin

pytestmark = pytest.mark.slow

CHANNELS = 3
FEW = settings(max_examples=40, deadline=None)
DELAYS = st.sampled_from([Duration(text) for text in ("0 s", "2 s", "5 s")])
# Around every threshold, exactly on them, and far off.
VALUES = st.one_of(
    st.sampled_from([0.0, 0.8, 0.9, 1.2, 1.6, 2.0, 2.1, 5.0, 8.0, 9.0, 10.0]),
    st.floats(-1.0, 11.0),
    st.floats(4.9, 5.1),
)
PLAUSIBLE = Plausible(
    range=(0.0, 10.0),
    fastest=Rate("2 per s"),
    future=Duration("3 s"),
    back_fill=Duration("20 s"),
)


def batch(rows: list[int], times_ns: list[int], values: list[float], quality: list[int]) -> Batch:
    return Batch(
        np.arange(len(rows), dtype=np.int32),
        np.array(rows, np.int32),
        np.array(times_ns, np.int64),
        np.array(values, np.float64),
        np.array(quality, np.uint8),
    )


def bits(values: list[float] | NDArray[np.float64]) -> list[int]:
    """Float bits, all NaN alike."""
    array = np.where(np.isnan(np.asarray(values)), np.nan, np.asarray(values, np.float64))
    return [int(word) for word in array.view(np.int64)]


DAYS = DaySides(
    saturday=Sides(high=Steps(yellow=5.0)),
    sunday=Sides(low=Steps(blue=4.0, red=0.9), high=Steps(orange=8.0)),
    eve=Sides(low=Steps(blue=4.9)),
)

READING = st.tuples(
    st.integers(0, CHANNELS - 1),
    st.integers(-30, 6),  # event time against the record's, s
    st.integers(0, 4),  # the record's against the one before, s
    st.one_of(VALUES, st.sampled_from([np.nan, np.inf])),
    st.sampled_from([0, 0, 0, 1, 2]),
)


@FEW
@given(st.lists(READING, min_size=1, max_size=120), st.booleans())
def test_admission(readings: list[tuple[int, int, int, float, int]], shelved: bool) -> None:
    stamps = np.cumsum([100, *[reading[2] for reading in readings]])[1:] * NS_PER_S
    rows = [reading[0] for reading in readings]
    times = [int(s) + r[1] * NS_PER_S for s, r in zip(stamps, readings, strict=True)]
    admission = Admission([PLAUSIBLE], np.zeros(CHANNELS, np.int64))
    twins = [AdmissionTwin(PLAUSIBLE) for _ in range(CHANNELS)]
    if shelved:
        admission.shelve(1, shelved=True)
        twins[1].shelved = True
    readings_of = batch(rows, times, [r[3] for r in readings], [r[4] for r in readings])
    disposition = np.zeros(len(rows), np.uint8)
    half = len(rows) // 2
    for span in ((0, half), (half, len(rows))):
        admission.admit(readings_of, stamps.astype(np.int64), span, disposition)
    wanted = [
        twins[row].admit(int(stamp), time_ns, value, quality)
        for stamp, row, time_ns, (_, _, _, value, quality) in zip(
            stamps, rows, times, readings, strict=True
        )
    ]
    assert [Disposition(int(got)) for got in disposition] == wanted


FROZEN = [
    Frozen(after=Duration("4 s"), at_most="blue", least=2),
    Frozen(after=Duration("2 s"), at_most="yellow", resolution=0.05, off_delay=Duration("3 s")),
    Frozen(after=Duration("1 s"), at_most="blue", resolution=0.2, rest=5.0),
]


BY_COLOUR = OnDelays(yellow=Duration("4 s"), red=Duration("0 s"))


@st.composite
def fused_rules(draw: st.DrawFn) -> FusedRules:
    low = Steps(blue=2.0, yellow=1.6, orange=draw(st.sampled_from([None, 1.2])), red=0.8)
    limit = Limit(
        low=low,
        high=draw(st.sampled_from([None, Steps(orange=8.0, red=9.0)])),
        on_delay=draw(DELAYS),
        on_delays=draw(
            st.sampled_from([None, OnDelays(yellow=Duration("4 s"), red=Duration("0 s"))])
        ),
        off_delay=draw(DELAYS),
        hysteresis=draw(st.sampled_from([0.0, 0.1, 0.5])),
        days=draw(st.sampled_from([None, DAYS])),
        calendar={"1970-01-05": "sunday", "1970-01-10": "eve"},
    )
    unusual = Unusual(
        model="ewma",
        smoothing=draw(st.sampled_from([0.05, 0.3, 1.0])),
        band=Sigmas("3 sigma"),
        floor=draw(st.sampled_from([0.001, 0.05])),
        warm_up=draw(st.sampled_from([2, 5])),
        at_most=draw(st.sampled_from(["blue", "yellow"])),
        on_delay=draw(DELAYS),
        off_delay=draw(DELAYS),
        hysteresis=draw(st.sampled_from([Sigmas("0 sigma"), Sigmas("1 sigma")])),
        relearn_after=draw(st.sampled_from([Duration("0 s"), Duration("4 s")])),
        sums=draw(st.sampled_from([None, Sums(h=Sigmas("4.6 sigma")), Sums(k=Sigmas("1 sigma"))])),
    )
    return FusedRules(limit, unusual, draw(st.sampled_from([None, *FROZEN])))


@FEW
@given(
    fused_rules(),
    st.lists(
        st.tuples(
            st.integers(0, CHANNELS - 1),
            st.sampled_from([0, 1, 2, 3, 40_000]),
            VALUES,
            st.sampled_from([1, 1, 1, 6]),  # times in a row
        ),
        min_size=1,
        max_size=120,
    ),
)
def test_the_fused_row(rules: FusedRules, drawn: list[tuple[int, int, float, int]]) -> None:
    readings = [one[:3] for one in drawn for _ in range(one[3])]
    rows = [row for row, _, _ in readings]
    times = (np.cumsum([step for _, step, _ in readings]) * NS_PER_S).tolist()
    values = [value for _, _, value in readings]
    together = batch(rows, times, values, [0] * len(rows))
    scorer = ChannelRules([rules], np.zeros(CHANNELS, np.int64))
    scores = np.full(len(rows), np.nan)
    disposition = np.zeros(len(rows), np.uint8)
    transitions = scorer.score(together, disposition, (0, len(rows)), scores)
    silent = ChannelRules([rules], np.zeros(CHANNELS, np.int64))  # the way without scores
    assert len(silent.score(together, disposition, (0, len(rows)))) == len(transitions)
    assert silent.rows.tobytes() == scorer.rows.tobytes()
    assert rules.limit is not None
    assert rules.unusual is not None
    twins = [FusedTwin(rules.limit, rules.unusual, rules.frozen) for _ in range(CHANNELS)]
    wanted_scores, wanted = [], []
    for ordinal, (row, time_ns, value) in enumerate(zip(rows, times, values, strict=True)):
        score, changes = twins[row].see(time_ns, value)
        wanted_scores.append(score)
        wanted += [(ordinal, row, *change) for change in changes]
    assert bits(scores) == bits(wanted_scores)
    keys = ("ordinal", "row", "rule", "was", "now", "onset_ns")
    assert [tuple(int(transition[key]) for key in keys) for transition in transitions] == [
        w[:6] for w in wanted
    ]
    for place, name in enumerate(("observed", "expected", "low", "high", "score"), 6):
        assert bits(transitions[name]) == bits([told[place] for told in wanted]), name
    for row, twin in enumerate(twins):
        if twin.learned:
            state = [twin.mean, twin.variance, twin.up, twin.down]
            mine = scorer.rows[row]
            assert bits([mine[name] for name in ("mean", "variance", "up", "down")]) == bits(state)


@FEW
@given(
    st.integers(1, 4),
    DELAYS,
    DELAYS,
    st.lists(st.tuples(st.sampled_from([0, 1, 2, 5]), st.integers(0, 2)), max_size=60),
)
def test_one_word_is_enough_for_one_colour(
    top: int, on: Duration, off: Duration, steps: list[tuple[int, int]]
) -> None:
    """The level of four colours, of which one is used, against that of one."""
    octets = np.zeros(64, np.uint8)
    words = np.full(8, NEVER)
    wait, level, time_ns = NEVER, 0, 0
    for step, seen in steps:
        time_ns += step * NS_PER_S
        breached, held = (top if seen == 2 else 0), (top if seen else 0)
        reading, delays = (breached, held, time_ns), (on.ns, off.ns)
        onset = wait if level == 0 else NEVER
        was = level
        wait, level = advance_one(wait, level, reading, delays)
        assert advance_level(words, octets, (0, 8), reading, delays) == level
        if level != was:
            assert (time_ns if words[0] == NEVER else words[0]) == (
                time_ns if onset == NEVER else onset
            )


STEPS = st.lists(
    st.tuples(st.sampled_from(["hear", "fire"]), st.integers(0, CHANNELS - 1), st.integers(0, 4)),
    max_size=80,
)


@FEW
@given(STEPS)
def test_silence(steps: list[tuple[str, int, int]]) -> None:
    watch = SilenceWatch([Silent(after=Duration("5 s"))], np.zeros(CHANNELS, np.int64))
    twins = [SilenceTwin(5, 100) for _ in range(CHANNELS)]
    watch.begin(100)
    now_s = 100
    for what, row, step in steps:
        now_s += step
        if what == "hear":
            heard = batch([row], [now_s * NS_PER_S], [1.0], [0])
            lane_time_s = np.array([now_s], np.int64)
            woken = watch.hear(heard, np.zeros(1, np.uint8), lane_time_s, (0, 1))
            assert len(woken) == twins[row].hear(now_s)
            continue
        assert watch.bound_s(now_s) <= min(
            (t.heard_s + t.after_s for t in twins if not t.silent), default=1 << 62
        )
        fired = [(int(n["time_ns"]) // NS_PER_S, int(n["row"])) for n in watch.fire(now_s)]
        due = [(twin.fire(now_s), row) for row, twin in enumerate(twins)]
        assert fired == sorted((at, row) for at, row in due if at is not None)


HEARD = st.lists(
    st.tuples(
        st.sampled_from(["valid", "bad", "bad", "bad", "repeat", "fire"]),
        st.integers(0, CHANNELS - 1),
        st.integers(0, 3),
    ),
    max_size=120,
)
DESTINY = {
    "valid": Disposition.SCORED,
    "bad": Disposition.OUT_OF_RANGE,
    "repeat": Disposition.DUPLICATE,
}


@FEW
@given(HEARD, st.sampled_from([2, 5, 7]), st.sampled_from([0, 3]))
def test_silence_and_invalid_readings(
    steps: list[tuple[str, int, int]], after_s: int, off_s: int
) -> None:
    one = np.zeros(CHANNELS, np.int64)
    rule = Invalid(after=Duration(f"{after_s} s"), off_delay=Duration(f"{off_s} s"))
    watch = LivenessWatch(SilenceWatch([Silent(after=Duration("5 s"))], one), [rule], one)
    twins = [LivenessTwin(SilenceTwin(5, 100), after_s, off_s) for _ in range(CHANNELS)]
    watch.begin(100)
    now_s = 100
    for what, row, step in steps:
        bound_s = watch.bound_s(now_s)
        now_s += step
        due = [
            (at, name, row, rings)
            for row, t in enumerate(twins)
            for at, name, rings in t.fire(now_s)
        ]
        fired = watch.fire(now_s)
        assert [_told(n) for n in fired] == sorted(due, key=_in_order)
        assert all(at >= bound_s for at, *_ in due)
        if what != "fire":
            heard = batch([row], [now_s * NS_PER_S], [1.0], [0])
            disposition = np.array([DESTINY[what]], np.uint8)
            ended = watch.hear(heard, disposition, np.array([now_s], np.int64), (0, 1))
            known = what != "repeat"
            wanted = twins[row].hear(now_s, valid=what == "valid") if known else []
            assert [(name, rings) for _, name, _, rings in map(_told, ended)] == [
                (name, False) for name in wanted
            ]


@FEW
@given(HEARD, st.sampled_from([2, 5, 7]))
def test_nothing_rings_before_the_bound_of_readings_to_come(
    steps: list[tuple[str, int, int]], after_s: int
) -> None:
    one = np.zeros(CHANNELS, np.int64)
    rule = Invalid(after=Duration(f"{after_s} s"), off_delay=Duration("0 s"))
    watch = LivenessWatch(SilenceWatch([Silent(after=Duration("5 s"))], one), [rule], one)
    twins = [LivenessTwin(SilenceTwin(5, 100), after_s, 0) for _ in range(CHANNELS)]
    watch.begin(100)
    come = [(what, row, step) for what, row, step in steps if what != "fire"]
    if not come:
        return
    now_s = 100 + np.cumsum([step for *_, step in come])
    disposition = np.array([DESTINY[what] for what, *_ in come], np.uint8)
    n = len(come)
    rows = [row for _, row, _ in come]
    readings = batch(rows, (now_s * NS_PER_S).tolist(), [1.0] * n, [0] * n)
    bound_s = watch.bound_before_s(readings, disposition, now_s, (0, n))
    fired: list[int] = []
    for (what, row, _), at_s in zip(come, now_s.tolist(), strict=True):
        fired += [at for twin in twins for at, *_ in twin.fire(at_s)]
        if what != "repeat":
            twins[row].hear(at_s, valid=what == "valid")
    fired += [at for twin in twins for at, *_ in twin.fire(1 << 40)]
    assert bound_s <= min(fired)
    if all(what == "valid" for what, *_ in come):
        assert bound_s == min(fired), "idle: it is the first deadline when all readings are valid"


def _told(transition: np.void) -> tuple[int, str, int, bool]:
    name = {2: "silent", 4: "invalid"}[int(transition["rule"])]
    return (
        int(transition["time_ns"]) // NS_PER_S,
        name,
        int(transition["row"]),
        bool(transition["now"]),
    )


def _in_order(told: tuple[int, str, int, bool]) -> tuple[int, bool, int]:
    return told[0], told[1] == "invalid", told[2]
