"""Kafka payloads to batches: one JSON reading, an array of them, or an Arrow IPC stream each."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit
from numpy.typing import NDArray

from contracts.batch import UNKNOWN, Batch, Refused
from contracts.errors import ConfigError, DecodeError
from contracts.records import Records
from ingest.arrow.run import ArrowRun
from ingest.arrow.scan import Forms
from ingest.columns import Columns, join, merge, nothing
from ingest.id_table import IdTable
from ingest.json.reading import JsonRun
from ingest.json.scan import scan
from ingest.limits import DecodeLimits, Reason

__all__ = ["DecodeLimits", "Decoder"]

_CONTINUATION = b"\xff\xff\xff\xff"
_JSON = frozenset({b"{", b"["})
_SPACE = b" \t\n\r"
# Readings collected before numpy takes them over: small enough to stay in the processor's cache.
_RUN = 1024


class Decoder:
    """Turns the records of one lane into readings, or says why it cannot.

    Parameters
    ----------
    ids : pa.Array
        Channel ids in row order, `string` or `large_string`; their bytes are shared.
    scale, offset : float64, shape (rows,) or (1,)
        By lane row, or the same for all: value = raw × scale + offset.
    limits : DecodeLimits
        Bounds of one message.

    Raises
    ------
    ConfigError
        When a channel id of the lane is longer than `limits.channel_bytes`.

    Examples
    --------
    >>> decoder = Decoder(pa.array(["a"]), np.array([2.0]), np.array([1.0]), DecodeLimits())
    >>> body = b'{"channel": "a", "time": "1970-01-01T00:00:01Z", "value": 3}'
    >>> batch = decoder.decode(Records.of([(7, 1000, body), (8, 1000, None)]))
    >>> batch.value.tolist(), batch.refused[0].reason
    ([7.0], 'empty')
    """

    def __init__(
        self,
        ids: pa.Array,
        scale: NDArray[np.float64],
        offset: NDArray[np.float64],
        limits: DecodeLimits,
    ) -> None:
        self._table = IdTable(ids)
        if self._table.longest > limits.channel_bytes:
            long = pc.greater(pc.binary_length(ids), limits.channel_bytes)
            channel, most = ids[pc.index(long, True).as_py()].as_py(), limits.channel_bytes
            msg = f"catalogue: expected ids of at most {most} bytes, got {channel!r}"
            raise ConfigError(msg)
        self._forms = Forms(self._table, limits)
        self._scale, self._offset = _fixed(scale), _fixed(offset)
        self._limits = limits

    def decode(self, records: Records) -> Batch:
        """Readings in arrival order; a message with any fault is refused whole.

        Every record gives at least one reading or one entry in `refused`.
        """
        columns, read = scan(records, self._table, self._limits)
        if not read.all():
            streams, more = self._forms.scan(records, ~read)
            columns, read = merge(columns, streams), read | more
        if not read.all():
            columns = merge(columns, join(self._parts(records, np.flatnonzero(~read))))
        return Batch(
            columns.record,
            columns.row,
            columns.time_ns,
            _converted(columns.row, columns.raw, self._scale, self._offset),
            columns.quality,
            columns.unknown_id,
            sorted(columns.refused),
        )

    def _parts(self, records: Records, which: NDArray[np.intp]) -> list[Columns]:
        """Runs of JSON and of Arrow messages, in order, refusals wherever they were found."""
        parts: list[Columns] = []
        refused: list[Refused] = []
        json = JsonRun(self._table, self._limits, records.offset)
        arrow = ArrowRun(self._table, self._limits, records.offset)
        most = self._limits.message_bytes
        faults = records.faults
        for i, payload in zip(which.tolist(), _payloads(records, which), strict=True):
            try:
                if i in faults:
                    refused.append(_unreadable(i, faults[i]))
                elif payload[:1] in _JSON and len(payload) <= most:
                    full = json.add(i, payload) >= _RUN
                    if arrow.waiting:
                        parts += arrow.take_any()
                    if full:
                        parts.append(json.take())
                else:
                    parts += self._decode_other((json, arrow), i, payload)
            except DecodeError as error:
                refused.append(Refused(i, str(error.reason), error.detail))
        parts += [*arrow.take_any(), json.take(), nothing(*refused)]
        for payload in arrow.opened:
            self._forms.learn(payload)
        return parts

    def _decode_other(
        self, runs: tuple[JsonRun, ArrowRun], i: int, payload: bytes
    ) -> list[Columns]:
        """Everything but JSON that begins at once; of two runs, one at most holds anything."""
        json, arrow = runs
        where = f"readings@{json.offset(i)}"
        if len(payload) > self._limits.message_bytes:
            most = self._limits.message_bytes
            msg = f"{where}: expected at most {most} bytes, got {len(payload)}; send less"
            raise DecodeError(Reason.TOO_LARGE, msg)
        if payload.startswith(_CONTINUATION):
            ready = arrow.add(i, payload)
            return [json.take(), *ready] if len(json) else ready
        text = payload.lstrip(_SPACE)
        if text[:1] in _JSON:
            json.add(i, payload)
            return arrow.take_any()
        if not text:
            msg = f"{where}: expected a reading, got no bytes; send no empty messages"
            raise DecodeError(Reason.EMPTY, msg)
        msg = (
            f"{where}: expected JSON or an Arrow IPC stream, got bytes that begin with "
            f"{payload[:8].hex(' ')}; check the gateway's output format"
        )
        raise DecodeError(Reason.UNKNOWN_FORMAT, msg)


@njit(cache=True, nogil=True, error_model="numpy")
def _converted(
    row: NDArray[np.int32],
    raw: NDArray[np.float64],
    scale: NDArray[np.float64],
    offset: NDArray[np.float64],
) -> NDArray[np.float64]:
    """Values in the unit of their class; as sent where the channel is unknown.

    What becomes infinite or NaN here is for admission to tell.
    """
    value, last, end = raw.copy(), len(scale) - 1, len(offset) - 1
    for i in range(len(row)):
        if row[i] != UNKNOWN:
            value[i] = raw[i] * scale[min(row[i], last)] + offset[min(row[i], end)]
    return value


def _fixed(figures: NDArray[np.float64]) -> NDArray[np.float64]:
    """The same array, not to be written to: mapped files are so, and kernels tell the two apart."""
    fixed = figures.view()
    fixed.flags.writeable = False
    return fixed


def _unreadable(record: int, fault: str) -> Refused:
    """The refusal of a whole batch, for which one record stands."""
    error = DecodeError(Reason.BAD_BATCH, f"readings: {fault}")
    return Refused(record, str(error.reason), error.detail)


def _payloads(records: Records, which: NDArray[np.intp]) -> Iterator[bytes]:
    """Payload of each of some records; a tombstone reads as an empty one."""
    buffer = records.buffer
    start = records.start[which]
    starts = start.tolist()
    ends = (start + np.maximum(records.length[which], 0)).tolist()
    for begin, end in zip(starts, ends, strict=True):
        yield buffer[begin:end]
