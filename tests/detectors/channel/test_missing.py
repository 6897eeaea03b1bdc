"""Counted readings: the twin, the laws, heartbeats, uploads in batches, back-fill, duplicates."""

from typing import Any

import numpy as np
import pytest

from contracts.batch import Disposition
from contracts.quantities import Duration
from detectors.base.kind import Kind, Scene
from detectors.base.thresholds import COLOURS, Steps
from detectors.channel.missing import LATE, MISSING, REPEATED, Late, Missing, Repeated, faults
from tests.testkit.kind_case import SECOND, Case, Reading, keeps_the_laws, roster, run
from tests.testkit.kinds.channel.missing import GAPS, HOUR, WORTHLESS, case
from tests.testkit.level_twin import LevelTwin

TWICE = Repeated(over=HOUR, above=Steps(yellow=0.1, orange=0.3), hysteresis=0.02)
AFTER = Late(over=HOUR, above=Steps(blue=0.1), off_delay=Duration("10 min"))
EVERY: list[tuple[Kind, Any]] = [(MISSING, GAPS), (REPEATED, TWICE), (LATE, AFTER)]


class CountTwin:
    """One channel's counted readings in plain Python: all of them, by slice."""

    def __init__(self, kind: Kind, rule: Any, period_s: float) -> None:
        self.kind, self.rule, self.period_s = kind, rule, period_s
        self.slice_ns = rule.over.ns // 12
        self.fault = {"repeated": Disposition.DUPLICATE, "late": Disposition.LATE}.get(kind.name)
        self.first: int | None = None
        self.newest = 0
        self.counted: list[tuple[int, bool]] = []  # slice, and whether it is a fault

    def share(self, disposition: Disposition, time_ns: int) -> float | None:
        number = time_ns // self.slice_ns
        if self.first is None and disposition is Disposition.SCORED:
            self.first = self.newest = number
        good = (Disposition.SCORED, Disposition.BACK_FILLED, Disposition.LATE, *WORTHLESS)
        if self.first is None or disposition not in (*good, self.fault):
            return None
        self.newest = max(self.newest, number)
        if disposition is self.fault:
            self.counted.append((self.newest, True))
        elif number > self.newest - 13:
            self.counted.append((number, False))
        if disposition is not Disposition.SCORED or self.newest - 12 <= self.first:
            return None
        judged = [bad for number, bad in self.counted if 1 <= self.newest - number <= 12]
        if self.kind is MISSING:
            return judged.count(False) / float(self.rule.over.ns / (self.period_s * SECOND))
        return judged.count(True) / len(judged) if judged else None

    def seen(self, share: float) -> tuple[int, int]:
        sign = -1 if self.kind is MISSING else 1
        given = self.rule.below if self.kind is MISSING else self.rule.above
        steps = [(c, getattr(given, word)) for c, word in enumerate(COLOURS, 1)]
        known = [(c, sign * step) for c, step in steps if step is not None]
        breached = max((c for c, step in known if sign * share > step), default=0)
        back = self.rule.hysteresis
        held = max((c for c, step in known if sign * share > step - back), default=0)
        return breached, max(breached, held)


def equals_its_twin(case: Case, period_s: float = 300.0) -> None:
    """As `equals_twin`, over readings of every disposition."""
    ((_, rule),) = case.rules.items()
    twins: dict[int, tuple[CountTwin, LevelTwin]] = {}
    told = []
    for ordinal, reading in enumerate(case.readings):
        if reading.row < 0:
            continue
        fresh = CountTwin(case.kind, rule, period_s), LevelTwin(rule.on_delay.ns, rule.off_delay.ns)
        twin, level = twins.setdefault(reading.row, fresh)
        time_ns = round(reading.at_s * SECOND)
        share = twin.share(reading.disposition, time_ns)
        if share is not None and (change := level.advance(*twin.seen(share), time_ns)):
            told.append((ordinal, reading.row, *change, reading.value, share))
    keys = ("ordinal", "row", "was", "now", "onset_ns", "observed", "score")
    assert [tuple(transition[key].item() for key in keys) for transition in run(case)] == told


@pytest.mark.parametrize(("kind", "rule"), EVERY)
def test_the_kernel_equals_its_twin_and_keeps_the_laws(kind: Kind, rule: Any) -> None:
    for seed in range(3):
        equals_its_twin(case(seed, kind, rule))
    keeps_the_laws(case(0, kind, rule))


def told(kind: Kind, rule: Any, readings: list[Reading], period_s: float = 300) -> list[int]:
    """Colours of one channel's level changes."""
    here = Case(kind, {"water.q": rule}, roster({"water.q": 1}, period_s=period_s), readings)
    return [int(transition["now"]) for transition in run(here)]


def on_time(
    first: int, behind: int, disposition: Disposition = Disposition.SCORED
) -> list[Reading]:
    """Readings of every five minutes, each a little off."""
    return [
        Reading(0, 300.0 * i + 50 * (i % 3), float(i), disposition) for i in range(first, behind)
    ]


def test_all_that_comes_on_time_rings_nothing() -> None:
    for kind, rule in EVERY:
        assert told(kind, rule, on_time(0, 500)) == []


def test_missing_readings_ring_and_clear_an_hour_after_they_are_back() -> None:
    thin = [reading for reading in on_time(100, 200) if reading.value % 2]
    transitions = [*on_time(0, 100), *thin, *on_time(200, 300)]
    assert told(MISSING, GAPS, transitions) == [2, 0]


def test_t1_values_that_stand_still_are_not_missing() -> None:
    assert told(MISSING, GAPS, [Reading(0, 300.0 * i, 0.0) for i in range(600)]) == []


def test_t2_a_channel_that_reports_changes_besides_heartbeats_rings_nothing() -> None:
    chance = np.random.default_rng(1)
    beats = {900.0 * i for i in range(600)}
    times = sorted(beats | set(chance.uniform(0, 300_000, 900).tolist()))
    rule = Missing(over=Duration("12 h"), below=Steps(blue=0.9))
    assert told(MISSING, rule, [Reading(0, at_s, 1.0) for at_s in times], 900) == []


def test_t3_a_day_in_one_upload_rings_nothing() -> None:
    """Readings are judged by event time: that they all arrive at midnight says nothing."""
    whole = on_time(0, 288 * 3)
    for kind, rule in EVERY:
        assert told(kind, rule, whole) == []


def test_t3_what_is_back_filled_or_late_was_not_missing() -> None:
    late = [*on_time(0, 100), *on_time(112, 113), *on_time(100, 112, Disposition.LATE)]
    assert told(MISSING, GAPS, [*late, *on_time(113, 200)])[-1] == 0
    back = [*on_time(0, 100), *on_time(100, 150, Disposition.BACK_FILLED), *on_time(150, 300)]
    assert told(MISSING, GAPS, back) == []
    assert told(MISSING, GAPS, [*on_time(0, 100), *on_time(150, 300)]) == [4, 2, 0]


def test_t3_duplicates_fill_no_gap_and_ring_by_their_own_rule() -> None:
    half = [reading for reading in on_time(0, 200) if reading.value % 2]
    pair = (Disposition.SCORED, Disposition.DUPLICATE)
    double = [Reading(0, r.at_s, r.value, disposition) for r in half for disposition in pair]
    assert told(MISSING, GAPS, double) == [2]
    assert told(REPEATED, TWICE, double) == [3]
    assert told(LATE, AFTER, double) == []


def test_t3_disorder_rings_by_its_own_rule_and_clears() -> None:
    mixed = on_time(0, 100)
    for i in range(100, 150, 2):
        mixed += [*on_time(i + 1, i + 2), *on_time(i, i + 1, Disposition.LATE)]
    mixed += on_time(150, 250)
    assert told(LATE, AFTER, mixed) == [1, 0]
    assert told(MISSING, GAPS, mixed) == []


def test_t3_a_clock_at_1970_or_in_the_future_rings_nothing() -> None:
    jumps = [
        Reading(0, 0.0, 1.0, Disposition.BACK_FILLED),
        Reading(0, 9e8, 1.0, Disposition.FUTURE),
    ]
    for kind, rule in EVERY:
        assert told(kind, rule, [*jumps, *on_time(9000, 9200), *jumps, *on_time(9200, 9400)]) == []


@pytest.mark.parametrize(
    ("rule", "path", "text"),
    [
        (Missing(over=HOUR, below=Steps()), ("below",), "got none"),
        (Missing(over=HOUR, below=Steps(red=1.2)), ("below",), "between 0 and 1"),
        (Missing(over=HOUR, below=Steps(blue=0.2, red=0.4)), ("below",), "falling shares"),
        (Missing(over=HOUR, below=Steps(blue=0.99)), ("below",), "beside the edge"),
        (Repeated(over=HOUR, above=Steps(blue=0.4, red=0.2)), ("above",), "rising shares"),
        (Late(over=Duration("5 min"), above=Steps(red=0.2)), ("over",), "at least 12 periods"),
        (
            Late(over=HOUR, above=Steps(red=0.2), hysteresis=0.2),
            ("hysteresis",),
            "it never clears",
        ),
    ],
)
def test_words_that_make_no_sense_are_found(rule: Any, path: tuple[str, ...], text: str) -> None:
    where, said = next(faults(rule, Scene(0.0, 1.0, Duration("60 s"))))
    assert where == path
    assert text in said


def test_sensible_words_pass() -> None:
    for _, rule in EVERY:
        assert not list(faults(rule, Scene(0.0, 1.0, Duration("60 s"))))
