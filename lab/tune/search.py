"""The search of `tocsin tune`: trials of other figures, and which of them is the best."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import direct

from configuration.configuration import Configuration
from lab.backtest.lanes import BacktestRun
from lab.backtest.result import BacktestResult
from lab.data.labels import Event
from lab.data.open_data import Data
from lab.reports.progress import Progress
from lab.tune.folds import Part, Seen, seen
from lab.tune.space import Space

REFUSED: Final = 4.0
OVER: Final = 2.0
DELAY_WEIGHT: Final = 0.1


@dataclass(frozen=True)
class Tried:
    """One set of figures and what it did.

    Parameters
    ----------
    values : tuple of float
        In the order of the space's parameters.
    seen : tuple of Seen
        By part; the first is the one that the search looks at.
    """

    values: tuple[float, ...]
    seen: tuple[Seen, ...]


def cost(found: Seen, budget: float, patience_s: float) -> float:
    """What the search makes small.

    Inside the budget it is the share of missed events and, with a tenth of its weight, how much
    of an event has passed when it rings; beyond the budget always more, by how much beyond.

    Parameters
    ----------
    found : Seen
    budget : float
        False alarms per channel-year.
    patience_s : float
        Delay that counts half.
    """
    if found.false_rate > budget:
        return OVER + 1 - budget / found.false_rate
    delay = found.delay_s or 0.0
    waited = delay / (delay + patience_s) if delay > 0 else 0.0
    missed = 1 - found.found / found.events
    return missed + DELAY_WEIGHT * waited


class Search:
    """Runs configurations over the readings, each set of figures once.

    Parameters
    ----------
    space : Space
    data : Data
    events : sequence of Event
    parts : sequence of Part
    """

    def __init__(
        self, space: Space, data: Data, events: Sequence[Event], parts: Sequence[Part]
    ) -> None:
        self._space, self._data = space, data
        self._events, self._parts = events, parts
        self.tried: list[Tried] = []
        self._known: dict[str, Tried | None] = {}

    def run(self, budget: float, patience_s: float, most: int, progress: Progress) -> Tried:
        """Try at most so many sets of figures; the best of them.

        The present figures are always tried. DIRECT (D. R. Jones, C. D. Perttunen and B. E.
        Stuckman, 1993, J. Optimization Theory and Applications 79, 157-181) then divides the box
        of bounds; it uses no chance, so the same call finds the same.
        """
        self._take(self._space.present, progress)

        def worth(values: NDArray[np.float64]) -> float:
            if len(self.tried) >= most:
                return REFUSED
            found = self._take(values.tolist(), progress)
            return REFUSED if found is None else cost(found.seen[0], budget, patience_s)

        bounds = [(p.bound.low, p.bound.high) for p in self._space.parameters]
        direct(worth, bounds, maxfun=most, locally_biased=False, vol_tol=0.0, len_tol=1e-3)
        return min(self.tried, key=lambda t: self._rank(t, budget, patience_s))

    def _rank(self, tried: Tried, budget: float, patience_s: float) -> tuple[float, float, float]:
        """By cost, then fewer false alarms, then nearer to what is in force."""
        parameters = self._space.parameters
        moved = sum(
            abs(value - p.present) / (p.bound.high - p.bound.low)
            for value, p in zip(tried.values, parameters, strict=True)
        )
        first = tried.seen[0]
        return cost(first, budget, patience_s), first.false_rate, moved

    def _take(self, values: Sequence[float], progress: Progress) -> Tried | None:
        """One set of figures over all readings; None when the configuration is refused."""
        key = repr(self._space.written(values))
        if key not in self._known:
            configuration = self._space.configuration(values)
            self._known[key] = None
            if configuration is not None:
                result = run_over(configuration, self._data, self._space, progress)
                found = tuple(seen(result, self._events, part) for part in self._parts)
                self._known[key] = Tried(tuple(values), found)
                self.tried.append(Tried(tuple(values), found))
        return self._known[key]


def run_over(
    configuration: Configuration, data: Data, space: Space, progress: Progress
) -> BacktestResult:
    """The lifelines that are tuned over the readings; the others would ring the same anyway."""
    lifelines = {parameter.bound.file.split("/", 1)[0] for parameter in space.parameters}
    catalogue = configuration.catalogue
    mine = [name.split(".", 1)[0] in lifelines for name in catalogue.classes()]
    configuration = configuration.with_channels(catalogue.take(np.array(mine, np.bool_)))
    before = progress.taken
    return BacktestRun(configuration, data).run(lambda n, time_ns: progress(before + n, time_ns))


def frontier(tried: Sequence[Tried]) -> list[Tried]:
    """The trade-off: trials of which no other has fewer false alarms and finds as many, as soon.

    By false alarms, rising.
    """
    best: dict[tuple[float, ...], Tried] = {}
    for candidate in tried:
        best.setdefault(_figures(candidate), candidate)
    kept = [key for key in best if not any(_better(other, key) for other in best)]
    return [best[key] for key in sorted(kept)]


def _figures(tried: Tried) -> tuple[float, float, float]:
    first = tried.seen[0]
    return first.false_rate, -first.found, first.delay_s or 0.0


def _better(one: Sequence[float], other: Sequence[float]) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))
