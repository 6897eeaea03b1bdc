"""What a kind of rule is to the rest of the house: words in YAML, and a detector of them."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from contracts.batch import Batch
from contracts.quantities import Duration
from contracts.transition import Finding, Transitions
from detectors.base.findings import only
from detectors.false_alarm_rate.rate import FalseAlarmRate, no_promise

Columns = dict[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Roster:
    """The channels of a lane as detectors see them, in row order.

    Parameters
    ----------
    labels : sequence of str
        Names of the classes of the lifeline, and of the variants that overrides make of them;
        rules are kept by label.
    classes : sequence of str
        Class of each label; a class comes again for each of its variants.
    class_of : int64, shape (n,)
        Index into `labels` and `classes` of every channel.
    groups : sequence of str, or int32, shape (n,)
        Group of every channel: its name, or a number that stands for it. A lane has numbers, for
        a text of each of a million channels would be a Python object of each.
    period_ns : sequence of int
        Reporting period of every label.
    places : float64, shape (n, 2)
        Longitude and latitude, degrees, NaN where unknown.
    slots : mapping of str to int
        Number of each rule in level changes, by name.
    units : mapping of str to str
        Unit of each class.
    """

    labels: Sequence[str]
    classes: Sequence[str]
    class_of: NDArray[np.int64]
    groups: Sequence[str] | NDArray[np.int32]
    period_ns: Sequence[int]
    places: NDArray[np.float64]
    slots: Mapping[str, int] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)

    def rows_of(self, rules: Mapping[str, Any]) -> NDArray[np.int64]:
        """Rows of the channels whose label is in `rules`, rising."""
        wanted = np.array([label in rules for label in self.labels], np.bool_)
        return np.flatnonzero(wanted[self.class_of]) if len(self.class_of) else np.empty(0, int)


class Detector(Protocol):
    """All rules of one kind on one lane."""

    def score(
        self,
        batch: Batch,
        disposition: NDArray[np.uint8],
        span: tuple[int, int],
        columns: Columns,
    ) -> Transitions:
        """Judge the readings of a span that are to be scored, in order.

        Each is judged against the state before it; level changes come back by rising ordinal.

        Parameters
        ----------
        columns : dict of str to float64, shape (n,)
            Values by name: `value` as measured, and what models before this one made of it
            (`seasonal`, the residual of the seasonal profile), NaN where there is none. A model
            adds its own.
        """

    def arrays(self) -> Mapping[str, NDArray[Any]]:
        """State to be put into a snapshot, under names that begin with the kind; not a copy."""

    def restore(self, arrays: Mapping[str, NDArray[Any]], old_row: NDArray[np.int64]) -> None:
        """Take over state from a snapshot; what is not in it begins anew."""


@runtime_checkable
class Listener(Protocol):
    """A detector that judges what other rules say."""

    def hear(self, transitions: Transitions) -> None:
        """Take the level changes of the rules before it, of the span that is scored next."""


@runtime_checkable
class Remembering(Protocol):
    """A detector that tells state by what it means, as every `RowRule` does."""

    relearning: int
    """Channels whose state the last `restore` let begin anew, because it means something else."""


class Scene(NamedTuple):
    """What surrounds a rule in its class: plausible range in the class's unit, and period."""

    low: float
    high: float
    period: Duration


# A place inside the rule's own words, and what is wrong there.
Fault = tuple[tuple[str, ...], str]


def no_faults(rule: Any, scene: Scene) -> Iterator[Fault]:
    """Nothing to find beyond the bounds of each field."""
    del rule, scene
    return iter(())


def no_references(rule: Any) -> Iterator[tuple[tuple[str, ...], str]]:
    """Most kinds name no rule of another class."""
    del rule
    return iter(())


def no_rate(rule: Any, transition: Any) -> float:
    """Most kinds do not say how fast the value moves."""
    del rule, transition
    return math.nan


@dataclass(frozen=True)
class Kind:
    """One kind of rule.

    Parameters
    ----------
    name : str
        Its key in a class file, and the alarm's rule name.
    config : type of msgspec.Struct
        What an engineer writes.
    build : callable
        Detector from (slot, rules by class, roster).
    detects : str
        Detector class of the domain notes, `D1` to `D12`.
    fields : frozenset of str
        Figures its sentences may use: some of observed, expected, low, high, score, threshold.
    faults : callable
        What makes no sense in (rule, scene) although every field by itself is allowed; lengths
        are in time already.
    makes : str
        Column that it adds for later kinds, empty when it adds none.
    refers : callable
        Places inside the rule's words and rules of other classes named there, `<class>.<rule>`.
    false_alarm_rate : callable
        How often a rule rings on clean data, lengths in time already; None where it promises
        nothing.
    findings : tuple of str
        Names of what it can find, each with a sentence of its own; one without a name where it
        finds one thing.
    finding : callable
        Which of them a level change that rings is, from (rule, level change).
    rate : callable
        How fast the value moves at a level change, in the unit of the class per second, from
        (rule, level change); NaN where the kind does not know.
    """

    name: str
    config: type[Any]
    build: Callable[[int, Mapping[str, Any], Roster], Detector]
    detects: str
    fields: frozenset[str] = field(default=frozenset({"observed", "score"}))
    faults: Callable[[Any, Scene], Iterator[Fault]] = no_faults
    makes: str = ""
    refers: Callable[[Any], Iterator[tuple[tuple[str, ...], str]]] = no_references
    false_alarm_rate: Callable[[Any, Scene], FalseAlarmRate | None] = no_promise
    findings: tuple[str, ...] = ("",)
    finding: Callable[[Any, Any], Finding] = only
    rate: Callable[[Any, Any], float] = no_rate

    @property
    def learns(self) -> bool:
        """Whether it has a learning gate, so that it can begin anew."""
        return "relearn_after" in self.config.__struct_fields__
