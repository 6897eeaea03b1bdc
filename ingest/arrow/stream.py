"""One Arrow IPC stream to columns, validated in full before any value is touched."""

from typing import Any, NoReturn

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from contracts.batch import UNKNOWN, Quality
from contracts.errors import DecodeError
from contracts.quantities import NS_PER_S
from ingest.arrow.framing import DICTIONARY, RECORDS, SCHEMA, FramingError, frames
from ingest.columns import Columns, join
from ingest.id_table import IdTable
from ingest.json.reading import channel_fault, too_long
from ingest.limits import DecodeLimits, Reason
from ingest.timestamps import END_S

_UTC = {"UTC", "Etc/UTC", "+00:00", "Z"}
_PER_S = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_PLAIN = ["channel", "time", "value"]
_WITH_QUALITY = ["channel", "quality", "time", "value"]
_SEND = "send the columns that the schema names"
_OPTIONS = pa.ipc.IpcReadOptions(
    ensure_alignment=pa.ipc.Alignment.DataTypeSpecific, use_threads=False
)


def open_batches(
    payload: bytes, offset: int, known: pa.Schema | None, limits: DecodeLimits
) -> tuple[pa.Schema, list[pa.RecordBatch]]:
    """Schema and batches of one stream, its frames and schema checked, its values not yet.

    Parameters
    ----------
    payload : bytes
        The stream, end mark included.
    offset : int
        Kafka offset of the record that carried it.
    known : Schema or None
        A schema that was found good before: an equal one comes back as this very object.
    limits : DecodeLimits
        Bounds of one message.

    Raises
    ------
    DecodeError
        `bad_arrow` (not a whole stream), `compressed`, `too_many`, `bad_schema`.
    """
    where = f"readings@{offset}"
    _check_frames(payload, where, limits)
    try:
        with pa.ipc.open_stream(pa.py_buffer(payload), options=_OPTIONS) as reader:
            schema = reader.schema
            if known is not None and schema.equals(known, check_metadata=True):
                schema = known
            else:
                _check_schema(schema, where)
            return schema, list(reader)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _unsound(error, where) from None


def columns_of(
    batches: list[pa.RecordBatch], carried: tuple[int, int], table: IdTable, limits: DecodeLimits
) -> Columns:
    """Readings of the batches of one message.

    Parameters
    ----------
    batches : list of RecordBatch
        What `open_batches` gave. A forged string offset would end the process at its first use;
        validation finds it first.
    carried : (int, int)
        Index and Kafka offset of the record that carried them.
    table : IdTable
        Lane rows by channel id.
    limits : DecodeLimits
        Bounds of one message.

    Raises
    ------
    DecodeError
        `bad_arrow`, `bad_channel`, `bad_time`, `bad_quality`, `empty`.
    """
    record, offset = carried
    where = f"readings@{offset}"
    try:
        for batch in batches:
            batch.validate(full=True)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise _unsound(error, where) from None
    parts = []
    base = 0
    for batch in batches:
        parts.append(BatchReader(batch, (base, offset), table, limits).columns(record))
        base += batch.num_rows
    columns = join(parts)
    if not len(columns):
        msg = f"{where}: expected at least one reading, got none; send no empty streams"
        raise DecodeError(Reason.EMPTY, msg)
    return columns


def _unsound(error: Exception, where: str) -> DecodeError:
    text = str(error).splitlines()[0][:200] if str(error) else type(error).__name__
    msg = f"{where}: expected a valid Arrow stream, got {text!r}; check the writer"
    return DecodeError(Reason.BAD_ARROW, msg)


def _check_frames(payload: bytes, where: str, limits: DecodeLimits) -> None:
    """Refuse by what the frames announce, before anything is allocated for it."""
    try:
        found = frames(payload)
    except FramingError as error:
        msg = f"{where}: expected a whole Arrow IPC stream, {error}; close the stream writer"
        raise DecodeError(Reason.BAD_ARROW, msg) from None
    if [frame.kind for frame in found[:1]] != [SCHEMA]:
        msg = f"{where}: expected an Arrow stream that begins with its schema; check the writer"
        raise DecodeError(Reason.BAD_ARROW, msg)
    if any(frame.compressed for frame in found):
        msg = f"{where}: expected plain Arrow bodies, got compressed; let Kafka compress instead"
        raise DecodeError(Reason.COMPRESSED, msg)
    batches = sum(frame.kind in {DICTIONARY, RECORDS} for frame in found)
    if batches > limits.batches_per_message:
        most = limits.batches_per_message
        msg = f"{where}: expected at most {most} batches, got {batches}; write larger batches"
        raise DecodeError(Reason.TOO_MANY, msg)
    _check_rows([frame.rows for frame in found if frame.kind == RECORDS], where, limits)


def _check_rows(rows: list[int], where: str, limits: DecodeLimits) -> None:
    most = limits.readings_per_message
    if any(row < 0 for row in rows) or sum(rows) > most:
        msg = f"{where}: expected at most {most} readings, got {sum(rows)}; send less"
        raise DecodeError(Reason.TOO_MANY, msg)


def _check_schema(schema: pa.Schema, where: str) -> None:
    names = sorted(schema.names)
    if names not in (_PLAIN, _WITH_QUALITY):
        msg = f"{where}: expected columns channel, time, value[, quality], got {names}; {_SEND}"
        raise DecodeError(Reason.BAD_SCHEMA, msg)
    for column in schema:
        wanted = _unfit(column)
        if wanted is not None:
            msg = f"{where}: `{column.name}`: expected {wanted}, got {column.type}; {_SEND}"
            raise DecodeError(Reason.BAD_SCHEMA, msg)


def _unfit(column: pa.Field) -> str | None:
    """What a column's type should have been, None when it is right."""
    kind = column.type
    if b"ARROW:extension:name" in (column.metadata or {}):
        return "no extension type"
    if column.name == "channel":
        return None if _is_text(kind) else "string, large_string or a dictionary of either"
    if column.name == "time":
        is_utc = pa.types.is_timestamp(kind) and kind.tz in _UTC
        return None if is_utc else "timestamp with time zone UTC"
    if column.name == "value":
        return None if kind == pa.float64() else "double"
    return None if kind == pa.uint8() else "uint8"


def _is_text(kind: pa.DataType) -> bool:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    return kind in (pa.string(), pa.large_string())


class BatchReader:
    """Reads the columns of one validated batch.

    `place` is the index of the batch's first reading in its message, and the Kafka offset.
    """

    def __init__(
        self,
        batch: pa.RecordBatch,
        place: tuple[int, int],
        table: IdTable,
        limits: DecodeLimits,
    ) -> None:
        self._batch = batch
        self._base, self._offset = place
        self._table = table
        self._limits = limits

    def columns(self, record: int) -> Columns:
        """The batch's readings; `DecodeError` for the first wrong one."""
        row, unknown_id = self._channels()
        return Columns(
            np.full(len(row), record, np.int32),
            row,
            self._times(),
            _filled(self._batch.column("value"), np.nan),
            self._qualities(),
            unknown_id,
        )

    def _where(self, i: int) -> str:
        return f"readings[{self._base + i}]@{self._offset}"

    def _channels(self) -> tuple[NDArray[np.int32], dict[int, str]]:
        """Lane rows, and the ids that have none."""
        column = self._batch.column("channel")
        if column.null_count:
            self._refuse_null_channel(column)
        if not pa.types.is_dictionary(column.type):
            row = self._table.rows(column)
            return row, self._unknown_ids(row, column, None)
        index: NDArray[np.int64] = column.indices.to_numpy().astype(np.int64)
        ids, place = _used(column.dictionary, index)
        self._check_longest(ids, place)
        if ids.null_count:
            self._refuse_null_channel(pc.take(ids, pa.array(place)))
        row = self._table.rows(ids)[place]
        return row, self._unknown_ids(row, ids, place)

    def _check_longest(self, ids: pa.Array, place: NDArray[np.int64]) -> None:
        """Refuse a long id before it is copied for each reading that refers to it."""
        size = pc.binary_length(ids).fill_null(0).to_numpy(zero_copy_only=False)
        long = size[place] > self._limits.channel_bytes
        if long.any():
            i = int(np.argmax(long))
            channel = str(ids[int(place[i])])
            detail = channel_fault(self._where(i), channel, self._limits.channel_bytes)
            raise DecodeError(Reason.BAD_CHANNEL, detail)

    def _unknown_ids(
        self, row: NDArray[np.int32], ids: pa.Array, place: NDArray[np.int64] | None
    ) -> dict[int, str]:
        """Ids without a row; `place` is each reading's place in `ids`, None where it is its own."""
        found = np.flatnonzero(row == UNKNOWN)
        if not len(found):
            return {}
        names = ids.take(pa.array(found if place is None else place[found])).to_pylist()
        unknown_id = dict(zip(found.tolist(), names, strict=True))
        self._check_strangers(unknown_id)
        return unknown_id

    def _refuse_null_channel(self, column: pa.Array) -> NoReturn:
        i = int(np.argmax(column.is_null().to_numpy(zero_copy_only=False)))
        msg = f"{self._where(i)}: expected a channel id, got null; name the channel of each reading"
        raise DecodeError(Reason.BAD_CHANNEL, msg)

    def _check_strangers(self, unknown_id: dict[int, str]) -> None:
        most = self._limits.channel_bytes
        for i, channel in unknown_id.items():
            if too_long(channel, most):
                raise DecodeError(Reason.BAD_CHANNEL, channel_fault(self._where(i), channel, most))

    def _times(self) -> NDArray[np.int64]:
        column = self._batch.column("time")
        per_s = _PER_S[column.type.unit]
        raw: NDArray[np.int64] = _filled(column.view(pa.int64()), -1)
        wrong = (raw < 0) | (raw >= END_S * per_s)
        if wrong.any():
            i = int(np.argmax(wrong))
            got = "null" if not column[i].is_valid else f"{raw[i]} {column.type.unit}"
            msg = (
                f"{self._where(i)}: expected a time from 1970 to 2200, got {got}; "
                "set the gateway clock"
            )
            raise DecodeError(Reason.BAD_TIME, msg)
        return raw * (NS_PER_S // per_s)

    def _qualities(self) -> NDArray[np.uint8]:
        if "quality" not in self._batch.schema.names:
            return np.zeros(self._batch.num_rows, np.uint8)
        quality: NDArray[np.uint8] = _filled(self._batch.column("quality"), 255)
        wrong = quality > Quality.BAD
        if wrong.any():
            i = int(np.argmax(wrong))
            got = self._batch.column("quality")[i].as_py()
            msg = f"{self._where(i)}: expected quality 0, 1 or 2, got {got}; map it at the gateway"
            raise DecodeError(Reason.BAD_QUALITY, msg)
        return quality


def _filled(column: pa.Array, null: float) -> NDArray[Any]:
    """Values of a column as numpy, nulls replaced."""
    values: NDArray[Any] = (column.fill_null(null) if column.null_count else column).to_numpy()
    return values


def _used(dictionary: pa.Array, index: NDArray[np.int64]) -> tuple[pa.Array, NDArray[np.int64]]:
    """Ids that are referred to, and each reading's place among them.

    A dictionary may be much longer than each of the batches that share it.
    """
    if len(dictionary) > len(index):
        used, index = np.unique(index, return_inverse=True)
        dictionary = dictionary.take(pa.array(used))
    return dictionary, index
