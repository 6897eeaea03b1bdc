"""Consecutive Arrow messages of one schema to columns, all at once."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from contracts.batch import Refused
from contracts.errors import DecodeError
from ingest.arrow.stream import BatchReader, columns_of, open_batches
from ingest.columns import Columns, join, nothing
from ingest.id_table import IdTable
from ingest.limits import DecodeLimits

# What a run holds at most: few enough readings to stay in the processor's cache.
_READINGS_MAX: Final = 16_384
_BYTES_MAX: Final = 16 << 20
_OPENED_MAX: Final = 4


@dataclass(frozen=True, slots=True)
class _Message:
    """A message that waits: its record, and its batches, not validated yet."""

    record: int
    batches: list[pa.RecordBatch]
    readings: int


class ArrowRun:
    """Collects messages, so that Arrow and numpy work on all of them at once.

    A message costs some 20 calls, whatever it holds; collected, it costs those that open it. If
    anything is wrong with any of them, each is decoded alone, and says what is wrong with it.

    Parameters
    ----------
    table : IdTable
        Lane rows by channel id.
    limits : DecodeLimits
        Bounds of one message.
    offsets : int64, shape (n,)
        Kafka offset of each record.

    Attributes
    ----------
    waiting : list
        Messages taken but not given back yet; a plain list, since every JSON message looks at it.
    opened : list of bytes
        Some of the messages that could be opened, from which others can be read faster.
    """

    def __init__(self, table: IdTable, limits: DecodeLimits, offsets: NDArray[np.int64]) -> None:
        self._table = table
        self._limits = limits
        self._offsets = offsets
        self._schema: pa.Schema | None = None
        self.waiting: list[_Message] = []
        self.opened: list[bytes] = []
        self._readings = 0
        self._bytes = 0

    def add(self, record: int, payload: bytes) -> list[Columns]:
        """Take one more message; what is ready comes back, in order.

        Raises
        ------
        DecodeError
            When the message cannot be opened; those that wait go on waiting.
        """
        offset = int(self._offsets[record])
        schema, batches = open_batches(payload, offset, self._schema, self._limits)
        message = _Message(record, batches, sum(batch.num_rows for batch in batches))
        if not message.readings or pa.types.is_dictionary(schema.field("channel").type):
            alone = self._alone(message)
            return [*self.take_any(), alone]
        if len(self.opened) < _OPENED_MAX:
            self.opened.append(payload)
        full = (
            self._readings + message.readings > _READINGS_MAX
            or self._bytes + len(payload) > _BYTES_MAX
        )
        ready = self.take_any() if full or schema is not self._schema else []
        self._schema = schema
        self.waiting.append(message)
        self._readings += message.readings
        self._bytes += len(payload)
        return ready

    def take_any(self) -> list[Columns]:
        """Columns of all messages that wait, if any does."""
        waiting, self.waiting = self.waiting, []
        self._readings = self._bytes = 0
        if not waiting:
            return []
        whole = self._together(waiting) if len(waiting) > 1 else None
        return [join(list(self._one_by_one(waiting))) if whole is None else whole]

    def _together(self, waiting: list[_Message]) -> Columns | None:
        """Columns of sound messages; None when anything is wrong with any."""
        table = pa.Table.from_batches([batch for message in waiting for batch in message.batches])
        try:
            table.validate(full=True)
            (batch,) = table.combine_chunks().to_batches()
            columns = BatchReader(batch, (0, 0), self._table, self._limits).columns(0)
        except (pa.ArrowException, ValueError, DecodeError):
            return None
        records = np.array([message.record for message in waiting], np.int32)
        record = np.repeat(records, [message.readings for message in waiting])
        return replace(columns, record=record)

    def _one_by_one(self, waiting: Iterable[_Message]) -> Iterable[Columns]:
        for message in waiting:
            try:
                yield self._alone(message)
            except DecodeError as error:
                yield nothing(Refused(message.record, str(error.reason), error.detail))

    def _alone(self, message: _Message) -> Columns:
        carried = (message.record, int(self._offsets[message.record]))
        return columns_of(message.batches, carried, self._table, self._limits)
