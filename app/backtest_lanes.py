"""One configuration over files: the same lanes and kernels as live, fed with columns."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from app.backtest_data import Data
from app.backtest_ear import Ear, Window
from app.compose import Plan, plan_of
from app.configuration import Configuration
from app.units import slope_and_zero
from contracts.alarm import Alarm, decode_alarm
from contracts.batch import Batch
from contracts.errors import ConfigError
from contracts.machine import Parts
from contracts.records import Records
from ingest import recording
from ingest.readings import Readings
from pipeline.lane import Lane

NS_PER_MS: Final = 1_000_000
NOWHERE: Final = -1
Progress = Callable[[int, int], None]


@dataclass
class Trial:
    """What one configuration made of files.

    Parameters
    ----------
    configuration : Configuration
        Without the channels that the files have no readings for.
    alarms : list of Alarm
        Revisions by `detected`.
    accounting : dict of str to int
    strangers : int
        Readings of channels that the catalogue lacks.
    spans : dict of str to (int, int, int)
        By channel: readings, first and newest event time in ns.
    """

    configuration: Configuration
    alarms: list[Alarm] = field(default_factory=list)
    accounting: dict[str, int] = field(default_factory=dict)
    strangers: int = 0
    spans: dict[str, tuple[int, int, int]] = field(default_factory=dict)


class Seat:
    """One lane of a backtest, and what it told.

    Parameters
    ----------
    plan : Plan
    number : int
        Of the lane.
    windows : sequence of Window
    """

    def __init__(self, plan: Plan, number: int, windows: Sequence[Window]) -> None:
        parts = plan.parts(number)
        self.ids = parts.catalogue.ids
        self.ear = Ear(self.ids, parts.decoder, windows)
        self.lifeline, self.number = plan.lifeline, number
        self.lane = Lane(plan.name(number), replace(parts, decoder=self.ear), _no_swap)
        self.alarms: list[Alarm] = []
        self.scale = parts.catalogue.column("scale").copy()
        self.offset = parts.catalogue.column("offset").copy()
        self._next = 0

    def feed(self, readings: Readings, row: NDArray[np.int32]) -> None:
        """Take readings whose lane rows are known."""
        n = len(row)
        value = readings.value * self.scale[row] + self.offset[row]
        record = np.arange(n, dtype=np.int32)
        self.ear.give(Batch(record, row, readings.time_ns, value, readings.quality))
        nowhere = np.zeros(n, np.int64)
        offset = np.arange(self._next, self._next + n)
        self._next += n
        stamp_ms = readings.time_ns // NS_PER_MS
        self.take(Records(offset, stamp_ms, nowhere, nowhere, b"", self._next))

    def play(self, path: Path) -> None:
        """Take the lane's records of a recording."""
        for records in recording.read(path, self.number):
            self.take(records)

    def take(self, records: Records) -> None:
        """Take records, and keep the alarms that they ring."""
        self.lane.feed(records)
        told = self.lane.outbox.take()
        self.alarms += [decode_alarm(m.body) for m in told if m.kind == "alarm"]


def _no_swap(config: str) -> Parts:
    msg = f"a backtest runs one configuration, not {config}"
    raise AssertionError(msg)


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
        self._data = data
        self._recorded = [(recording.lifeline_of(path), path) for path in data.recordings]
        lifelines = {lifeline for lifeline, _ in self._recorded}
        self.configuration = _only_fed(configuration, data, lifelines)
        self.seats: list[Seat] = []
        self._seat_of = np.full(len(data.names.ids) + 1, NOWHERE, np.int16)
        self._row_of = np.zeros(len(data.names.ids) + 1, np.int32)
        code_of = {name: code for code, name in enumerate(data.names.ids)}
        for lifeline in self.configuration.partitions:
            plan = plan_of(self.configuration, lifeline)
            for number in sorted(set(plan.lane_of.tolist())):
                seat = Seat(plan, number, windows)
                self._place(seat, code_of)
                self.seats.append(seat)

    def _place(self, seat: Seat, code_of: dict[str, int]) -> None:
        """Note where the seat's channels sit, and turn declared units into theirs."""
        packs = self.configuration.packs
        classes = seat.lane.parts.catalogue.classes()
        for row, (name, class_name) in enumerate(zip(seat.ids, classes, strict=True)):
            if (code := code_of.get(name)) is None:
                continue
            self._seat_of[code], self._row_of[code] = len(self.seats), row
            if unit := self._data.names.units.get(name):
                into = packs[class_name].unit
                seat.scale[row], seat.offset[row] = slope_and_zero(unit, into)

    def run(self, progress: Progress) -> Trial:
        """Everything through the lanes.

        Parameters
        ----------
        progress : callable
            Told how many readings have been taken, and the event time in ns that was reached.
        """
        trial = Trial(self.configuration)
        taken = 0
        for block in self._data.blocks():
            trial.strangers += self._feed(block)
            taken += len(block)
            progress(taken, int(block.arrival_ns[-1]))
        for lifeline, path in self._recorded:
            for seat in self.seats:
                if seat.lifeline == lifeline:
                    seat.play(path)
        return self._sum_up(trial)

    def _feed(self, block: Readings) -> int:
        """Share a block out to its lanes; the number of readings that have none."""
        at = self._seat_of[block.code]
        mine = np.bincount(at + 1, minlength=len(self.seats) + 1)
        for i in np.flatnonzero(mine[1:]).tolist():
            part = block if mine[i + 1] == len(block) else block.take(np.flatnonzero(at == i))
            self.seats[i].feed(part, self._row_of[part.code])
        return int(mine[0])

    def _sum_up(self, trial: Trial) -> Trial:
        total: Counter[str] = Counter()
        for seat in self.seats:
            trial.alarms += seat.alarms
            total.update(seat.lane.accounts.summary())
            columns = (seat.ear.count, seat.ear.first_ns, seat.ear.last_ns)
            for name, *span in zip(seat.ids, *(c.tolist() for c in columns), strict=True):
                if span[0]:
                    trial.spans[name] = (span[0], span[1], span[2])
        trial.alarms.sort(key=lambda alarm: datetime.fromisoformat(alarm.detected))
        trial.accounting = dict(total)
        return trial


def _only_fed(configuration: Configuration, data: Data, recorded: set[str]) -> Configuration:
    """The configuration without the channels that there are no readings of."""
    catalogue = configuration.catalogue
    fed = np.isin(catalogue.ids, data.channels())
    whole = [name.split(".", 1)[0] in recorded for name in catalogue.classes()]
    keep: NDArray[np.bool_] = fed | np.array(whole, np.bool_)
    if not keep.any():
        named = ", ".join(data.channels()[:5])
        msg = f"backtest: expected readings of channels of the catalogue, got {named}…"
        raise ConfigError(msg, "say in columns.yaml which channel is behind which name")
    return configuration.with_channels(catalogue.take(keep))
