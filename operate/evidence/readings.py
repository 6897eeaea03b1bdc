"""Readings that a lane scored on the way to an alarm, each with its score."""

from collections import deque
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from contracts.batch import Batch, Disposition, Quality
from contracts.catalogue import Catalogue
from contracts.ports.lane_parts import Arrays, Scorer, Span
from contracts.quantities import NS_PER_S
from contracts.transition import Transitions
from pipeline.lane.lane import Lane

READINGS_KEPT: Final = 10_000  # of each channel, the newest


class ScoredReading(NamedTuple):
    """One reading as its lane saw it.

    Parameters
    ----------
    time_ns : int
        Event time, nanoseconds since 1970 UTC.
    value : float
        In the unit of the channel's class; NaN when the source gave none.
    quality : int
    disposition : int
    score : float
        NaN where no rule gave one.
    """

    time_ns: int
    value: float
    quality: int
    disposition: int
    score: float

    def cells(self) -> tuple[str, ...]:
        """As cells of a CSV file."""
        seconds, rest = divmod(self.time_ns, NS_PER_S)
        whole = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        return (
            f"{whole}.{rest:09d}Z",
            repr(self.value),
            Quality(self.quality).name.lower(),
            Disposition(self.disposition).word,
            "" if np.isnan(self.score) else repr(self.score),
        )


class Readings:
    """The newest readings of some channels."""

    def __init__(self, channels: frozenset[str]) -> None:
        self.of = {name: deque[ScoredReading](maxlen=READINGS_KEPT) for name in sorted(channels)}
        self.lane: Lane | None = None  # whose they are: a shadow's scorer sees them again


class WitnessedScorer:
    """A lane's scorer that shows the readings of some channels to a witness.

    Parameters
    ----------
    scorer : Scorer
        Scores as it would without this one around it.
    catalogue : Catalogue
        Of the lane.
    readings : Readings
    """

    def __init__(self, scorer: Scorer, catalogue: Catalogue, readings: Readings) -> None:
        self._scorer = scorer
        self._readings = readings
        rows = ((catalogue.row_of.get(name), name) for name in readings.of)
        self._names = {row: name for row, name in rows if row is not None}
        self._rows = np.array(sorted(self._names), np.int64)

    def score(
        self,
        batch: Batch,
        disposition: NDArray[np.uint8],
        span: Span,
        scores: NDArray[np.float64] | None = None,
    ) -> Transitions:
        """Score the readings of a span, and keep those of the channels in question."""
        if scores is None:
            scores = np.full(len(batch), np.nan)
        transitions = self._scorer.score(batch, disposition, span, scores)
        lane = self._readings.lane
        if lane is not None and lane.parts.scorer is self:
            for place in self._places(batch, span):
                self._readings.of[self._names[int(batch.row[place])]].append(
                    ScoredReading(
                        int(batch.time_ns[place]),
                        float(batch.value[place]),
                        int(batch.quality[place]),
                        int(disposition[place]),
                        float(scores[place]),
                    )
                )
        return transitions

    def _places(self, batch: Batch, span: Span) -> Iterator[int]:
        places = np.arange(*span)
        yield from places[np.isin(batch.row[places], self._rows)].tolist()

    def interrupt(self, rows: NDArray[np.int32]) -> None:
        """Begin the on-delays of some channels anew."""
        self._scorer.interrupt(rows)

    def accept(self, row: int) -> frozenset[int]:
        """Let what a channel's rules learned begin anew."""
        return self._scorer.accept(row)

    def warm(self, arrays: Arrays, old_row: NDArray[np.int64]) -> None:
        """Take over what was learned elsewhere."""
        self._scorer.warm(arrays, old_row)

    def time_by(self, clock: Callable[[], float]) -> None:
        """Measure from now on what each kind of rule takes."""
        self._scorer.time_by(clock)

    def seconds(self) -> dict[str, float]:
        """Time that scoring has taken, by kind of rule."""
        return self._scorer.seconds()

    def relearning(self) -> dict[str, int]:
        """Channels that learn anew since the state was last taken over, by rule."""
        return self._scorer.relearning()

    def arrays(self) -> Arrays:
        """State of the rules."""
        return self._scorer.arrays()

    def restore(self, arrays: Arrays, old_row: NDArray[np.int64]) -> None:
        """Take over state of rows."""
        self._scorer.restore(arrays, old_row)
