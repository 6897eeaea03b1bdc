"""Whole record batches out of the client library, which makes a Python object of each record.

The client keeps what it does well: group, positions, retries, security. Its fetcher hands each
answer's records to one class; for a consumer that is marked so, that class is ours. This rests on
names that are not public, so it is pinned to one version; under any other one the plain records do.
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final, Protocol

import aiokafka
from aiokafka import ConsumerRecord
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException

from contracts.records import Records
from ingest.record_batch import Batch, CorruptBatchError, Gathered, Hidden, OldBatchError, walk

PINNED: Final = "0.14.0"
# Most that the records of one batch may become; memory that no batch fills is never there.
INFLATED_BYTES: Final = 128 << 20

NO_TIMESTAMP: Final = -1  # Kafka's own word for it

_Plain: Final = fetcher.PartitionRecords
_NAMES: Final = ("PartitionRecords", "MemoryRecords", "FetchResult", "READ_COMMITTED")


class Reader(Protocol):
    """How records come out of `getmany`."""

    def options(self) -> Mapping[str, object]:
        """Arguments of the consumer."""

    def ask(self, most: int) -> int:
        """What `max_records` is to be for at most so many records."""

    def records(self, found: list[Any], position: int) -> Records:
        """Columns of what `getmany` gave, and where the client stands behind it."""


def reader() -> Reader:
    """The best way to read with the client library that is installed."""
    whole = aiokafka.__version__ == PINNED and all(hasattr(fetcher, name) for name in _NAMES)
    if not whole:
        return PlainReader()
    fetcher.MemoryRecords, fetcher.PartitionRecords = _KeptRecords, _partition_records
    return RawReader()


class PlainReader:
    """Records one by one, as the library gives them to everybody."""

    def options(self) -> Mapping[str, object]:
        """See `Reader.options`."""
        return {}

    def ask(self, most: int) -> int:
        """See `Reader.ask`."""
        return most

    def records(self, found: list[ConsumerRecord], position: int) -> Records:
        """See `Reader.records`."""
        return _columns(found, position)


class RawReader:
    """Records in columns: `getmany` gives one `Records` where it would give a record.

    Attributes
    ----------
    most : int
        Records that the next one may hold.
    gathered : Gathered
        Memory for inflated batches, of one call at a time.
    """

    def __init__(self, inflated_bytes: int = INFLATED_BYTES) -> None:
        self.most = 1
        self.gathered = Gathered(inflated_bytes)

    def __call__(self, value: bytes | None) -> bytes | None:
        """Leave a value as it is: the reader stands where the client takes a deserializer."""
        return value

    def options(self) -> Mapping[str, object]:
        """See `Reader.options`."""
        return {"value_deserializer": self}

    def ask(self, most: int) -> int:
        """See `Reader.ask`."""
        self.most = most
        return 1

    def records(self, found: list[Records], position: int) -> Records:
        """See `Reader.records`."""
        return found[0] if found else Records.of([], position)


class _KeptRecords(fetcher.MemoryRecords):  # type: ignore[misc]
    """Records of one answer that can still be read as the bytes they came as."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.data = data


def _partition_records(*arguments: Any) -> Any:
    """What the fetcher calls for each partition's records: ours for a marked consumer."""
    marked = arguments[5]
    return RawPartition(marked, *arguments) if isinstance(marked, RawReader) else _Plain(*arguments)


class RawPartition:
    """Records of one partition in one answer, as the client's `FetchResult` iterates over them.

    Parameters
    ----------
    reader : RawReader
    arguments
        Those of the client's own class, which reads on where a batch has an older format.

    Attributes
    ----------
    next_fetch_offset : int
        Behind what was given so far.
    """

    def __init__(self, reader: RawReader, *arguments: Any) -> None:
        _, records, aborted, self.next_fetch_offset, _, _, check_crcs, _ = arguments
        self._reader = reader
        self._arguments = arguments
        self._hidden = Hidden(aborted or ())
        self._batches = walk(records.data, check_crcs)
        self._ahead: Batch | None = None  # did not fit beside others
        self._passed = self.next_fetch_offset  # behind the last hidden batch
        self._fault: ValueError | None = None  # behind what is given first
        self._rest: Records | None = None  # gathered, more than was asked for
        self._plain: Iterator[ConsumerRecord] | None = None
        self._ended = False

    def __iter__(self) -> "RawPartition":
        return self

    def __next__(self) -> Records:
        found = self._rest if self._rest is not None else self._more()
        most = self._reader.most
        self._rest = found.cut(most, len(found)) if len(found) > most else None
        found = found.cut(0, most)
        self.next_fetch_offset = found.next_offset
        if not len(found):
            raise StopIteration
        return found

    def _more(self) -> Records:
        """The next records; none at the end of the answer, but perhaps a move past markers."""
        if self._plain is None:
            try:
                return self._gather()
            except CorruptBatchError as error:
                raise CorruptRecordException(str(error)) from None
            except OldBatchError:
                self._plain = self._plainly()
        if self._ended:  # the client's own iterator must not be asked again
            return Records.of([], self.next_fetch_offset)
        found = list(islice(self._plain, self._reader.most))
        self._ended = len(found) < self._reader.most
        return _columns(found, self._plain.next_fetch_offset)  # type: ignore[attr-defined]

    def _gather(self) -> Records:
        """Batches until there is enough; a fault ends what lies before it, then is raised."""
        gathered, wanted = self._reader.gathered, self.next_fetch_offset
        position = wanted
        try:
            while len(gathered) < self._reader.most and (batch := self._next_seen()) is not None:
                if not gathered.add(batch, wanted):
                    self._ahead = batch
                    return gathered.take(batch.base_offset)
                position = batch.next_offset
        except ValueError as error:
            self._fault = error
            if not len(gathered):
                gathered.take(position)
                raise
            return gathered.take(position)
        return gathered.take(max(position, self._passed))

    def _next_seen(self) -> Batch | None:
        """The next batch that a reader may see, None at the end."""
        if self._fault is not None:
            raise self._fault
        batch, self._ahead = self._ahead, None
        if batch is not None:
            return batch
        for batch in self._batches:
            if not self._hidden.hides(batch):
                return batch
            self._passed = batch.next_offset
        return None

    def _plainly(self) -> Iterator[ConsumerRecord]:
        tp, records, aborted, _, _, _, check_crcs, isolation = self._arguments
        data = _KeptRecords(records.data)
        here = self.next_fetch_offset
        plain: Iterator[ConsumerRecord] = _Plain(
            tp, data, aborted, here, None, None, check_crcs, isolation
        )
        return plain


def _columns(found: list[ConsumerRecord], position: int) -> Records:
    # The oldest format has no timestamps.
    rows = [
        (one.offset, NO_TIMESTAMP if one.timestamp is None else one.timestamp, one.value)
        for one in found
    ]
    return Records.of(rows, position)
