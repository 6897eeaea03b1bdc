"""What kernels find in messages of a poll, before their channel ids are looked up."""

from typing import NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from contracts.batch import UNKNOWN
from ingest.columns import Columns, only
from ingest.id_table import IdTable


class Found(NamedTuple):
    """What a kernel writes: which messages it read, then reading by reading.

    `bounds` holds both ends of each channel id.
    """

    read: NDArray[np.bool_]
    record: NDArray[np.int32]
    bounds: NDArray[np.int64]
    time_ns: NDArray[np.int64]
    raw: NDArray[np.float64]
    quality: NDArray[np.uint8]

    @classmethod
    def room(cls, messages: int, readings: int) -> Self:
        """Room for so much; what no reading fills costs nothing."""
        return cls(
            np.zeros(messages, np.bool_),
            np.empty(readings, np.int32),
            np.empty(2 * readings, np.int64),
            np.empty(readings, np.int64),
            np.empty(readings, np.float64),
            np.empty(readings, np.uint8),
        )

    def of_known(self, count: int, text: NDArray[np.uint8], table: IdTable) -> Columns:
        """Columns of the first `count` readings; a message with an unknown id counts as unread."""
        record = self.record[:count]
        row = table.rows_between(text, self.bounds[: 2 * count])
        columns = Columns(record, row, self.time_ns[:count], self.raw[:count], self.quality[:count])
        strange = record[row == UNKNOWN]
        if not len(strange):
            return columns
        self.read[strange] = False
        return only(columns, self.read[record])
