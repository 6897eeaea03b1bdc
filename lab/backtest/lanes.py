"""One configuration over files: the same lanes and kernels as live, fed with columns."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from typing import Final

import numpy as np
from numpy.typing import NDArray

from configuration.configuration import Configuration
from configuration.lane_plan import Plan, plan_of
from configuration.yaml.units import slope_and_zero
from contracts.errors import ConfigError
from contracts.records import Records
from lab.backtest.checkpoint import Reached, Unfinished
from lab.backtest.column_decoder import Window
from lab.backtest.lane_feed import Bodies, Seat
from lab.backtest.result import Sum, Told, Trial
from lab.data import recording
from lab.data.open_data import Data
from lab.data.readings import Names, Readings

NS_PER_MS: Final = 1_000_000
NOWHERE: Final = -1
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Step:
    """Some readings, and what each lane is to do with those that are its own.

    Parameters
    ----------
    count, strangers : int
        Readings or records, and readings of them that no lane has.
    time_ns : int
        Event time that is reached behind it.
    work : sequence of (int, callable)
        Seat, and what gives the bodies of the alarms that it rings.
    """

    count: int
    strangers: int
    time_ns: int
    work: Sequence[tuple[int, Callable[[], Bodies]]]


class Places:
    """Where every channel of some files sits.

    Parameters
    ----------
    configuration : Configuration
        Only channels that are fed.
    names : Names

    Attributes
    ----------
    lanes : list of (Plan, int)
        All lanes that have channels, with the plan of their lifeline.
    seat_of, row_of : int16 and int32, shape (channels,)
        By number of a channel: its lane's place in `lanes`, `NOWHERE` for strangers, and its row.
    """

    def __init__(self, configuration: Configuration, names: Names) -> None:
        self.lanes = lanes(configuration)
        self.seat_of = np.full(len(names.ids) + 1, NOWHERE, np.int16)
        self.row_of = np.zeros(len(names.ids) + 1, np.int32)
        code_of = {name: code for code, name in enumerate(names.ids)}
        for place, (plan, number) in enumerate(self.lanes):
            ids = np.array(plan.catalogue.ids, object)[plan.lane_of == number]
            for row, name in enumerate(ids.tolist()):
                if (code := code_of.get(name)) is not None:
                    self.seat_of[code], self.row_of[code] = place, row


class Seats:
    """Lanes of one configuration, fed with readings of some files.

    Parameters
    ----------
    configuration : Configuration
        Only channels that are fed.
    names : Names
        Numbers of channels in the files, and the units declared there.
    windows : sequence of Window
    share : (int, int)
        Which lanes are here: `(1, 3)` has the second of every three.

    Attributes
    ----------
    here : dict of int to Seat
        By their place among all lanes of the configuration.
    """

    def __init__(
        self,
        configuration: Configuration,
        names: Names,
        windows: Sequence[Window] = (),
        share: tuple[int, int] = (0, 1),
    ) -> None:
        self._places = Places(configuration, names)
        self.count = len(self._places.lanes)
        self.here: dict[int, Seat] = {}
        for place in range(share[0], self.count, share[1]):
            self.here[place] = Seat(*self._places.lanes[place], windows)
            _convert(self.here[place], names, configuration)

    def feed(self, seat: int, readings: Readings) -> Bodies:
        """Let a seat take readings that are all its own; bodies of what it rings."""
        return self.here[seat].feed(readings, self._places.row_of[readings.code])

    def step(self, block: Readings) -> Step:
        """A block shared out."""
        at = self._places.seat_of[block.code]
        mine = np.bincount(at + 1, minlength=self.count + 1)
        seats = [i for i in np.flatnonzero(mine[1:]).tolist() if i in self.here]
        work = [(i, partial(self._take, i, block, at)) for i in seats]
        return Step(len(block), int(mine[0]), int(block.arrival_ns[-1]), work)

    def _take(self, seat: int, block: Readings, at: NDArray[np.int16]) -> Bodies:
        places = np.flatnonzero(at == seat)
        return self.feed(seat, block if len(places) == len(block) else block.take(places))

    def step_of_records(self, lifeline: str, chunk: list[tuple[int, Records]]) -> Step:
        """Records of a recording, shared out."""
        place = {(seat.lifeline, seat.number): i for i, seat in self.here.items()}
        mine = [(place[lifeline, n], r) for n, r in chunk if (lifeline, n) in place]
        time_ns = max(int(records.timestamp_ms[-1]) for _, records in chunk) * NS_PER_MS
        count = sum(len(records) for _, records in chunk)
        return Step(count, 0, time_ns, [(i, partial(self.here[i].take, r)) for i, r in mine])

    def sum_up(self, strangers: int) -> Sum:
        """What the lanes say at their end."""
        total: Counter[str] = Counter()
        spans: dict[str, tuple[int, int, int]] = {}
        points: dict[int, dict[str, list[tuple[int, float]]]] = {}
        for seat in self.here.values():
            total.update(seat.lane.accounts.summary())
            spans.update(seat.spans())
            for window, found in seat.ear.pictured().items():
                points.setdefault(window, {}).update(found)
        return Sum(dict(total), strangers, spans, points)


def lanes(configuration: Configuration) -> list[tuple[Plan, int]]:
    """All lanes that have channels, with the plan of their lifeline."""
    plans = [plan_of(configuration, lifeline) for lifeline in configuration.partitions]
    return [(plan, number) for plan in plans for number in sorted(set(plan.lane_of.tolist()))]


def _convert(seat: Seat, names: Names, configuration: Configuration) -> None:
    """Turn declared units into those of the classes."""
    classes = seat.lane.parts.catalogue.classes()
    for row, (name, class_name) in enumerate(zip(seat.ids, classes, strict=True)):
        if unit := names.units.get(name):
            into = configuration.packs[class_name].unit
            seat.scale[row], seat.offset[row] = slope_and_zero(unit, into)


def steps(seats: Seats, data: Data) -> Iterator[Step]:
    """All readings, as the seats take them: equal data and equal seats give equal steps."""
    for block in data.blocks():
        yield seats.step(block)
    for path in data.recordings:
        lifeline = recording.lifeline_of(path)
        for chunk in recording.chunks(path):
            yield seats.step_of_records(lifeline, chunk)


def heard(seats: Seats, data: Data, progress: Progress, told: Told) -> Sum:
    """Everything through the lanes.

    Parameters
    ----------
    seats : Seats
    data : Data
    progress : callable
        Told how many readings have been taken, and the event time in ns that was reached.
    told : Told
        Takes what the lanes tell.
    """
    reached = Reached()
    for step in steps(seats, data):
        for seat, act in step.work:
            told.add(seat, act())
        reached = reached.behind(step.count, step.strangers)
        progress(reached.taken, step.time_ns)
    return seats.sum_up(reached.strangers)


def heard_on(seats: Seats, data: Data, progress: Progress, unfinished: Unfinished) -> Sum:
    """As `heard`, from where an interrupted run put everything aside; this one does so too."""
    with unfinished.alone():
        return _going_on(seats, data, progress, unfinished)


def _going_on(seats: Seats, data: Data, progress: Progress, unfinished: Unfinished) -> Sum:
    reached = unfinished.restore(seats.here)
    for step in islice(steps(seats, data), reached.steps, None):
        for seat, act in step.work:
            unfinished.tell(seat, act())
        reached = reached.behind(step.count, step.strangers)
        progress(reached.taken, step.time_ns)
        if unfinished.due():
            unfinished.keep(seats.here, reached)
    unfinished.keep(seats.here, reached)
    return seats.sum_up(reached.strangers)


class Hall:
    """All lanes of one configuration that have readings in some files.

    Parameters
    ----------
    configuration : Configuration
    data : Data
    windows : sequence of Window
    """

    def __init__(
        self, configuration: Configuration, data: Data, windows: Sequence[Window] = ()
    ) -> None:
        self.data, self.windows = data, windows
        self.configuration = _only_fed(configuration, data)

    def run(self, progress: Progress) -> Trial:
        """Everything through the lanes, in this process, with nothing put aside."""
        seats = Seats(self.configuration, self.data.names, self.windows)
        told = Told()
        found = heard(seats, self.data, progress, told)
        return told.trial(self.configuration, [found], self.windows)


def _only_fed(configuration: Configuration, data: Data) -> Configuration:
    """The configuration without the channels that there are no readings of."""
    catalogue = configuration.catalogue
    recorded = {recording.lifeline_of(path) for path in data.recordings}
    fed = np.isin(catalogue.ids, data.channels())
    whole = [name.split(".", 1)[0] in recorded for name in catalogue.classes()]
    keep: NDArray[np.bool_] = fed | np.array(whole, np.bool_)
    if not keep.any():
        named = ", ".join(data.channels()[:5])
        msg = f"backtest: expected readings of channels of the catalogue, got {named}…"
        raise ConfigError(msg, "say in columns.yaml which channel is behind which name")
    return configuration.with_channels(catalogue.take(keep))
