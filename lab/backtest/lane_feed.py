"""One lane of a backtest: what it is fed with, what it tells, and how it is put aside."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import msgspec
import numpy as np
from numpy.typing import NDArray

from configuration.lane_plan import Plan
from contracts.batch import Batch
from contracts.dead_letter import DeadLetter
from contracts.ports.lane_parts import Parts
from contracts.quantities import NS_PER_MS
from contracts.records import Records
from lab.backtest.column_decoder import ColumnDecoder, Window
from lab.data.readings import Readings
from lab.data.refusals import Refusals, Refused
from pipeline.lane.lane import Lane
from pipeline.snapshot.lane_state import freeze, thaw
from pipeline.snapshot.store import Snapshot

Bodies = list[bytes]


class LaneFeed:
    """One lane of a backtest.

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
        self.decoder = ColumnDecoder(self.ids, parts.decoder, windows)
        self.refusals = Refusals()
        self.lifeline, self.number = plan.lifeline, number
        self.lane = Lane(plan.name(number), replace(parts, decoder=self.decoder), _no_swap)
        self.scale = parts.catalogue.column("scale").copy()
        self.offset = parts.catalogue.column("offset").copy()

    def feed(self, readings: Readings, row: NDArray[np.int32]) -> Bodies:
        """Take readings whose lane rows are known; bodies of the alarms that they ring."""
        n = len(row)
        self.decoder.give(self._batch(readings, row))
        nowhere = np.zeros(n, np.int64)
        first = self.lane.position
        offset = np.arange(first, first + n)
        stamp_ms = readings.time_ns // NS_PER_MS
        return self.take(Records(offset, stamp_ms, nowhere, nowhere, b"", first + n))

    def look(self, readings: Readings, row: NDArray[np.int32]) -> None:
        """Keep of readings what pictures want; no rule hears of them."""
        self.decoder.look(self._batch(readings, row))

    def _batch(self, readings: Readings, row: NDArray[np.int32]) -> Batch:
        value = readings.value * self.scale[row] + self.offset[row]
        record = np.arange(len(row), dtype=np.int32)
        return Batch(record, row, readings.time_ns, value, readings.quality)

    def take(self, records: Records) -> Bodies:
        """Take records; bodies of the alarms that they ring."""
        self.lane.feed(records)
        bodies = []
        for message in self.lane.outbox.take():
            if message.kind == "alarm":
                bodies.append(message.body)
            elif message.kind == "dead_letter":
                self.refusals.add(message.body)
        return bodies

    def spans(self) -> Iterator[tuple[str, tuple[int, int, int]]]:
        """Channels with readings: how many, and the first and the newest event time in ns."""
        columns = (self.decoder.count, self.decoder.first_ns, self.decoder.last_ns)
        for name, *span in zip(self.ids, *(column.tolist() for column in columns), strict=True):
            if span[0]:
                yield name, (span[0], span[1], span[2])

    def put_aside(self) -> Snapshot:
        """Everything that the seat remembers."""
        state = freeze(self.lane)
        header = {**state.header, "heard": self.decoder.pictured()}
        header["refused"] = msgspec.to_builtins(self.refusals.found)
        header["pictured_refusals"] = msgspec.to_builtins(self.refusals.letters)
        return Snapshot(header, {**state.arrays, **self.decoder.arrays()})

    def go_on(self, state: Snapshot) -> None:
        """Be again what was put aside."""
        parts = self.lane.parts
        self.lane = thaw(self.lane.name, state, _always(parts))
        self.decoder.restore(state.arrays, state.header["heard"])
        self.refusals = Refusals(
            msgspec.convert(state.header.get("refused", {}), dict[str, Refused]),
            msgspec.convert(state.header.get("pictured_refusals", []), list[DeadLetter]),
        )


def _always(parts: Parts) -> Callable[[str], Parts]:
    return lambda config: parts


def _no_swap(config: str) -> Parts:
    msg = f"a backtest runs one configuration, not {config}"
    raise AssertionError(msg)
