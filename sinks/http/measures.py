"""Tables of numbers that Prometheus reads of things with a name."""

from collections.abc import Callable, Iterable
from itertools import accumulate
from typing import Final, Generic, NamedTuple, Protocol, TypeVar

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

PREFIX: Final = "tocsin_"


class Named(Protocol):
    """Whatever has numbers: a lane, a receiver, a projection, a desk."""

    @property
    def name(self) -> str:
        """Value of the label that tells it from others."""


T_contra = TypeVar("T_contra", bound=Named, contravariant=True)


class Measure(NamedTuple, Generic[T_contra]):
    """One number of each thing, or one for each value of a second label.

    Parameters
    ----------
    name : str
        Without `PREFIX`, and without `_total`.
    say : str
        Help text.
    counts : bool
        Whether it only rises (a counter) or not (a gauge).
    of : callable
        The number, from the thing and the value of the second label.
    label : str
        Second label, empty when there is none.
    values : tuple of str
        All values of the second label.
    largest : bool
        Whether several things together have the largest of their numbers, and not the sum.
    """

    name: str
    say: str
    counts: bool
    of: Callable[[T_contra, str], float]
    label: str = ""
    values: tuple[str, ...] = ("",)
    largest: bool = False

    def family(self, things: Iterable[T_contra], by: str) -> Metric:
        """Its present samples.

        Parameters
        ----------
        things : iterable
        by : str
            Label that has the name of the thing; empty for one of which there is one alone.
        """
        kind = CounterMetricFamily if self.counts else GaugeMetricFamily
        labels = [label for label in (by, self.label) if label]
        family = kind(PREFIX + self.name, self.say, labels=labels)
        for thing in things:
            for value in self.values:
                given = [thing.name] * bool(by) + [value] * bool(self.label)
                family.add_metric(given, float(self.of(thing, value)))
        return family


def gauge(
    name: str, say: str, of: Callable[[T_contra], float], *, largest: bool = False
) -> Measure[T_contra]:
    """A number that rises and falls."""
    return Measure(name, say, counts=False, of=lambda thing, _: of(thing), largest=largest)


def counter(name: str, say: str, of: Callable[[T_contra], float]) -> Measure[T_contra]:
    """A number that only rises."""
    return Measure(name, say, counts=True, of=lambda thing, _: of(thing))


def buckets(bounds: Iterable[float], counts: Iterable[int]) -> list[tuple[str, float]]:
    """Buckets of a histogram, each with all below it, from counts of one more than the bounds.

    >>> buckets((0.5, 1.0), (3, 0, 2))
    [('0.5', 3.0), ('1.0', 3.0), ('+Inf', 5.0)]
    """
    return list(zip([*map(str, bounds), "+Inf"], accumulate(map(float, counts)), strict=True))
