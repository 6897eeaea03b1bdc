"""Runs one kind of rule over readings, cut, restored and beside its twin.

Every kind's test file says a `Case` and a twin, and calls `keeps_the_laws` and `equals_twin`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from contracts.batch import Batch, Disposition
from contracts.transition import Transitions
from detectors.base.kind import Columns, Detector, Kind, Roster
from tests.testkit.level_twin import Gate, LevelTwin

SECOND = 1_000_000_000
SLOT = 3
FIGURES = ("observed", "expected", "low", "high", "score")


@dataclass(frozen=True)
class Reading:
    """One reading of the lane's channel `row`; `at_s` is its event time."""

    row: int
    at_s: float
    value: float
    disposition: Disposition = Disposition.SCORED


@dataclass(frozen=True)
class Case:
    """One kind with rules for some classes, on a lane, over readings in arrival order."""

    kind: Kind
    rules: Mapping[str, Any]
    roster: Roster
    readings: Sequence[Reading]

    def detector(self) -> Detector:
        """A detector that has seen nothing."""
        return self.kind.build(SLOT, self.rules, self.roster)

    def batch(self) -> tuple[Batch, NDArray[np.uint8]]:
        """All readings as one batch, and their dispositions."""
        readings = self.readings
        n = len(readings)
        batch = Batch(
            np.arange(n, dtype=np.int32),
            np.array([r.row for r in readings], np.int32),
            np.array([round(r.at_s * SECOND) for r in readings], np.int64),
            np.array([r.value for r in readings], np.float64),
            np.zeros(n, np.uint8),
        )
        return batch, np.array([r.disposition for r in readings], np.uint8)


def roster(
    classes: Mapping[str, int],
    *,
    period_s: float = 60.0,
    group_size: int = 1,
    places: NDArray[np.float64] | None = None,
) -> Roster:
    """A lane with so many channels of each class, class by class; groups of neighbours."""
    n = sum(classes.values())
    class_of = np.repeat(np.arange(len(classes)), list(classes.values()))
    groups = [f"g-{row // group_size}" for row in range(n)]
    where = np.full((n, 2), np.nan) if places is None else places
    period_ns = [round(period_s * SECOND)] * len(classes)
    return Roster(
        tuple(classes), tuple(classes), class_of.astype(np.int64), groups, period_ns, where
    )


def run(case: Case, cuts: Sequence[int] = (), restore_at: Sequence[int] = ()) -> Transitions:
    """Level changes of a case, its stream cut into spans and its detector reborn at places."""
    batch, disposition = case.batch()
    detector = case.detector()
    columns: Columns = {"value": batch.value}
    edges = sorted({0, len(batch), *cuts, *restore_at})
    found = []
    for first, last in pairwise(edges):
        if first in restore_at:
            detector = reborn(case, detector)
        found.append(detector.score(batch, disposition, (first, last), columns))
    return np.concatenate(found)


def reborn(case: Case, detector: Detector) -> Detector:
    """The same detector from a copy of its arrays."""
    arrays = {name: array.copy() for name, array in detector.arrays().items()}
    for array in arrays.values():
        array.flags.writeable = False  # as a snapshot gives them
    fresh = case.detector()
    fresh.restore(arrays, np.arange(len(case.roster.class_of)))
    return fresh


def same(one: Transitions, other: Transitions) -> bool:
    """Equal bit for bit, NaN equal to NaN."""
    assert one.dtype.names is not None  # field by field: bytes between fields mean nothing
    return len(one) == len(other) and all(
        np.array_equal(one[name], other[name], equal_nan=one[name].dtype.kind == "f")
        for name in one.dtype.names
    )


def keeps_the_laws(case: Case, *, changes: int = 2) -> None:
    """Cut, Restore, Identity and Bounds over a case that must ring `changes` times at least."""
    whole = run(case)
    assert len(whole) >= changes, f"idle: {len(whole)} level changes"
    n = len(case.readings)
    chance = np.random.default_rng(1)
    assert same(run(case), whole), "two runs differ"
    for _ in range(5):
        cuts = chance.integers(0, n, 7).tolist()
        assert same(run(case, cuts), whole), f"cut at {cuts}"
        assert same(run(case, (), cuts), whole), f"restored at {cuts}"
    ones = range(0, n, max(n // 200, 1))
    assert same(run(case, ones, ones), whole), "cut and restored everywhere"
    bounded(case)


def bounded(case: Case) -> None:
    """State does not grow with readings, and every name begins with the kind's."""
    batch, disposition = case.batch()
    detector = case.detector()
    before = {name: array.nbytes for name, array in detector.arrays().items()}
    assert all(name.startswith(f"{case.kind.name}.") for name in before), before
    detector.score(batch, disposition, (0, len(batch)), {"value": batch.value})
    assert {name: array.nbytes for name, array in detector.arrays().items()} == before


@dataclass(frozen=True)
class Seen:
    """What a twin makes of one reading: figures, worst colour breached, worst colour held.

    `observed` is the reading itself unless said otherwise; `away` closes the gate though nothing
    is breached.
    """

    score: float
    breached: int
    held: int
    expected: float = float("nan")
    half: float = float("nan")
    observed: float | None = None
    away: bool = False


class Twin(Protocol):
    """One channel's rule in plain Python."""

    def see(self, time_ns: int, value: float) -> Seen | None:
        """Judge a reading against the state before it; None while there is no judgement."""

    def learn(self, time_ns: int, value: float) -> None:
        """Take a reading that the gate let through into the state."""


@runtime_checkable
class Counting(Protocol):
    """A twin that counts the scores of breaches too, the first of each run."""

    def count(self) -> None:
        """Take the score that was seen last into what is usual."""


@runtime_checkable
class Adopting(Protocol):
    """A twin that does something else when its gate opens by age than when all is calm."""

    def adopt(self) -> None:
        """Take what lasts for the new normal."""


@runtime_checkable
class Gated(Protocol):
    """A twin with learning gates of its own."""

    def offer(self, time_ns: int, value: float, *, calm: bool) -> None:
        """Learn a reading, or leave it."""


def _figures(seen: Seen, value: float) -> tuple[float, ...]:
    """Figures of a level change, in the order of `FIGURES`."""
    observed = value if seen.observed is None else seen.observed
    band = (seen.expected - seen.half, seen.expected + seen.half)
    return (observed, seen.expected, *band, seen.score)


def _take(twin: Twin, gate: Gate, reading: tuple[int, float], *, calm: bool) -> None:
    """Let a twin learn what its gate lets through, or count what it does not."""
    if isinstance(twin, Gated):
        twin.offer(*reading, calm=calm)
        return
    first = gate.closed is None
    if not gate.opens(calm=calm, time_ns=reading[0]):
        if first and isinstance(twin, Counting):
            twin.count()
    elif gate.closed is not None and isinstance(twin, Adopting):
        twin.adopt()
    else:
        twin.learn(*reading)


def twin_notes(case: Case, make: Any) -> list[tuple[Any, ...]]:
    """Level changes by twins: `make(rule, period_ns)` gives the twin of one channel.

    A rule without `relearn_after` learns everything.
    """
    places: dict[int, tuple[Twin, LevelTwin, Gate]] = {}
    told = []
    for ordinal, reading in enumerate(case.readings):
        name = case.roster.classes[case.roster.class_of[reading.row]] if reading.row >= 0 else ""
        if name not in case.rules or reading.disposition is not Disposition.SCORED:
            continue
        rule = case.rules[name]
        if reading.row not in places:
            period_ns = case.roster.period_ns[case.roster.classes.index(name)]
            gate = Gate(rule.relearn_after.ns if hasattr(rule, "relearn_after") else None)
            level = LevelTwin(rule.on_delay.ns, rule.off_delay.ns)
            places[reading.row] = (make(rule, period_ns), level, gate)
        twin, level, gate = places[reading.row]
        time_ns, value = round(reading.at_s * SECOND), float(reading.value)
        seen = twin.see(time_ns, value)
        if seen and (change := level.advance(seen.breached, seen.held, time_ns)):
            told.append((ordinal, reading.row, *change, time_ns, *_figures(seen, value)))
        calm = not (seen and (seen.breached or seen.away)) and level.level == 0
        _take(twin, gate, (time_ns, value), calm=calm)
    return told


def equals_twin(case: Case, make: Any, *, ulps: int = 0) -> None:
    """The kernel's level changes equal those of its twins: bit for bit, or within some ulps."""
    expected = twin_notes(case, make)
    got = run(case)
    keys = ["ordinal", "row", "was", "now", "onset_ns", "time_ns"]
    assert [tuple(int(transition[key]) for key in keys) for transition in got] == [
        told[: len(keys)] for told in expected
    ]
    for i, name in enumerate(FIGURES):
        mine = np.array([told[len(keys) + i] for told in expected], np.float64)
        theirs = np.ascontiguousarray(got[name])
        if ulps:
            np.testing.assert_array_max_ulp(theirs, mine, ulps)
        else:
            apart = mine.view(np.int64) != theirs.view(np.int64)
            apart &= ~(np.isnan(mine) & np.isnan(theirs))
            assert not apart.any(), (name, mine[apart][:3], theirs[apart][:3])
