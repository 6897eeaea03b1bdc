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
from contracts.quantities import NS_PER_MS
from contracts.records import Records
from lab.backtest.checkpoint import Checkpoint, Position
from lab.backtest.column_decoder import Window
from lab.backtest.lane_feed import Bodies, LaneFeed
from lab.backtest.result import BacktestResult, ResultBuilder, Sum
from lab.data import recording
from lab.data.open_data import Data
from lab.data.readings import Names, Readings
from lab.data.refusals import Refusals

NOWHERE: Final = -1
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Step:
    """Some readings, and what each lane is to do with those that are its own.

    Parameters
    ----------
    count, unknown_ids : int
        Readings or records, and readings of them that no lane has.
    time_ns : int
        Event time that is reached behind it.
    work : sequence of (int, callable)
        Seat, and what gives the bodies of the alarms that it rings.
    """

    count: int
    unknown_ids: int
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


class LaneFeeds:
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
    here : dict of int to LaneFeed
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
        self.here: dict[int, LaneFeed] = {}
        for place in range(share[0], self.count, share[1]):
            self.here[place] = LaneFeed(*self._places.lanes[place], windows)
            _convert(self.here[place], names, configuration)

    def feed(self, feed: int, readings: Readings) -> Bodies:
        """Let a seat take readings that are all its own; bodies of what it rings."""
        return self.here[feed].feed(readings, self._places.row_of[readings.code])

    def step(self, block: Readings) -> Step:
        """A block shared out."""
        at = self._places.seat_of[block.code]
        mine = np.bincount(at + 1, minlength=self.count + 1)
        feeds = [i for i in np.flatnonzero(mine[1:]).tolist() if i in self.here]
        work = [(i, partial(self._take, i, block, at)) for i in feeds]
        return Step(len(block), int(mine[0]), int(block.arrival_ns[-1]), work)

    def _take(self, feed: int, block: Readings, at: NDArray[np.int16]) -> Bodies:
        places = np.flatnonzero(at == feed)
        return self.feed(feed, block if len(places) == len(block) else block.take(places))

    def look(self, block: Readings) -> None:
        """Keep of a block what pictures want; no rule hears of it."""
        at = self._places.seat_of[block.code]
        for i, feed in self.here.items():
            mine = block.take(np.flatnonzero(at == i))
            feed.look(mine, self._places.row_of[mine.code])

    def step_of_records(self, lifeline: str, chunk: list[tuple[int, Records]]) -> Step:
        """Records of a recording, shared out."""
        place = {(feed.lifeline, feed.number): i for i, feed in self.here.items()}
        mine = [(place[lifeline, n], r) for n, r in chunk if (lifeline, n) in place]
        time_ns = max(int(records.timestamp_ms[-1]) for _, records in chunk) * NS_PER_MS
        count = sum(len(records) for _, records in chunk)
        return Step(count, 0, time_ns, [(i, partial(self.here[i].take, r)) for i, r in mine])

    def sum_up(self, unknown_ids: int) -> Sum:
        """What the lanes say at their end."""
        total: Counter[str] = Counter()
        refusals = Refusals()
        spans: dict[str, tuple[int, int, int]] = {}
        points: dict[int, dict[str, list[tuple[int, float]]]] = {}
        for feed in self.here.values():
            total.update(feed.lane.accounts.summary())
            refusals.merge(feed.refusals.found)
            refusals.keep(feed.refusals.letters)
            spans.update(feed.spans())
            for window, found in feed.decoder.pictured().items():
                points.setdefault(window, {}).update(found)
        counted = dict(total)
        letters = refusals.letters
        return Sum(counted, unknown_ids, spans, points, refusals.found, letters=letters)


def lanes(configuration: Configuration) -> list[tuple[Plan, int]]:
    """All lanes that have channels, with the plan of their lifeline."""
    plans = [plan_of(configuration, lifeline) for lifeline in configuration.partitions]
    return [(plan, number) for plan in plans for number in sorted(set(plan.lane_of.tolist()))]


def _convert(feed: LaneFeed, names: Names, configuration: Configuration) -> None:
    """Turn declared units into those of the classes."""
    classes = feed.lane.parts.catalogue.classes()
    for row, (name, class_name) in enumerate(zip(feed.ids, classes, strict=True)):
        if unit := names.units.get(name):
            into = configuration.packs[class_name].unit
            feed.scale[row], feed.offset[row] = slope_and_zero(unit, into)


def steps(feeds: LaneFeeds, data: Data) -> Iterator[Step]:
    """All readings, as the seats take them: equal data and equal seats give equal steps."""
    for block in data.blocks():
        yield feeds.step(block)
    for path in data.recordings:
        lifeline = recording.lifeline_of(path)
        for chunk in recording.chunks(path):
            yield feeds.step_of_records(lifeline, chunk)


def heard(feeds: LaneFeeds, data: Data, progress: Progress, told: ResultBuilder) -> Sum:
    """Everything through the lanes.

    Parameters
    ----------
    feeds : LaneFeeds
    data : Data
    progress : callable
        Told how many readings have been taken, and the event time in ns that was reached.
    told : ResultBuilder
        Takes what the lanes tell.
    """
    reached = Position()
    for step in steps(feeds, data):
        for feed, act in step.work:
            told.add(feed, act())
        reached = reached.behind(step.count, step.unknown_ids)
        progress(reached.taken, step.time_ns)
    return feeds.sum_up(reached.unknown_ids)


def heard_on(feeds: LaneFeeds, data: Data, progress: Progress, unfinished: Checkpoint) -> Sum:
    """As `heard`, from where an interrupted run put everything aside; this one does so too."""
    with unfinished.alone():
        return _going_on(feeds, data, progress, unfinished)


def _going_on(feeds: LaneFeeds, data: Data, progress: Progress, unfinished: Checkpoint) -> Sum:
    reached = unfinished.restore(feeds.here)
    for step in islice(steps(feeds, data), reached.steps, None):
        for feed, act in step.work:
            unfinished.tell(feed, act())
        reached = reached.behind(step.count, step.unknown_ids)
        progress(reached.taken, step.time_ns)
        if unfinished.due():
            unfinished.keep(feeds.here, reached)
    unfinished.keep(feeds.here, reached)
    return feeds.sum_up(reached.unknown_ids)


def look(configuration: Configuration, data: Data, windows: Sequence[Window]) -> None:
    """Read everything once more for pictures, without scoring: points of the windows are filled.

    Parameters
    ----------
    configuration : Configuration
        Only channels that are fed.
    data : Data
    windows : sequence of Window
    """
    feeds = LaneFeeds(configuration, data.names, windows)
    for block in data.blocks():
        feeds.look(block)
    for path in data.recordings:
        lifeline = recording.lifeline_of(path)
        place = {feed.number: feed for feed in feeds.here.values() if feed.lifeline == lifeline}
        for chunk in recording.chunks(path):
            for number, records in chunk:
                if number in place:
                    place[number].decoder.decode(records)
    for feed in feeds.here.values():
        for number, points in feed.decoder.pictured().items():
            windows[number].points.update(points)


class BacktestRun:
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

    def run(self, progress: Progress) -> BacktestResult:
        """Everything through the lanes, in this process, with nothing put aside."""
        feeds = LaneFeeds(self.configuration, self.data.names, self.windows)
        told = ResultBuilder()
        found = heard(feeds, self.data, progress, told)
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
