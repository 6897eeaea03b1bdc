"""Whole record batches out of the client library, which makes a Python object of each record.

The client keeps what it does well: group, positions, retries, security. Its fetcher hands each
answer's records to one class; for a consumer that is marked so, that class is ours. It passes an
answer on unread, so that checksums and inflating need not be done where the client works. This
rests on names that are not public, so it is pinned to one version; under any other one the plain
records do.
"""

import logging
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, Final, Literal, Protocol

import aiokafka
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException

from contracts.ports.source import LogView
from contracts.records import Records
from ingest.kafka.record_batch import (
    Batch,
    CorruptBatchError,
    Gathered,
    Hidden,
    OldBatchError,
    UnsoundBatchError,
    end_of,
    walk,
)

log = logging.getLogger("tocsin.fetch")

PINNED: Final = "0.14.0"
# Most that the records of one batch may become; memory that no batch fills is never there. It is
# there three times for a moment: in this memory, in a codec's window, in a copy for the lane.
INFLATED_BYTES: Final = 32 << 20
# Most bytes that a lane takes, and tells in one go, unless one record has more.
TAKEN_BYTES: Final = 8 << 20

NO_TIMESTAMP: Final = -1  # Kafka's own word for it

_Plain: Final = fetcher.PartitionRecords
_NAMES: Final = ("PartitionRecords", "MemoryRecords", "FetchResult", "READ_COMMITTED")


class Answer(Protocol):
    """What `getmany` gave of one partition; may be read in another thread, by one at a time."""

    def take(self, most: int) -> Records:
        """The next records; none at the end, but perhaps a move past markers.

        Raises
        ------
        CorruptRecordException
            At a batch that is damaged, once what lies before it was given.
        """


class Reader(Protocol):
    """How records come out of `getmany`."""

    def options(self) -> Mapping[str, object]:
        """Arguments of the consumer."""

    def ask(self, most: int) -> int:
        """What `max_records` is to be where `most` records are wanted."""

    def opened(self, found: list[Any], expected: int, position: int) -> Answer:
        """What `getmany` gave from `expected` on, and where the client stands behind it."""


def fetch_path() -> Literal["raw", "plain"]:
    """How `reader` reads: `raw` record batches, or `plain` records where the library is unknown."""
    known = aiokafka.__version__ == PINNED and all(hasattr(fetcher, name) for name in _NAMES)
    return "raw" if known else "plain"


def warn_if_plain() -> None:
    """Say why records are read the slow way, if they are."""
    if fetch_path() == "plain":
        log.warning(
            "aiokafka: expected version %s, got %s; records are read one by one, at a fraction of "
            "the speed: install the locked version",
            PINNED,
            aiokafka.__version__,
        )


def reader(inflated_bytes: int = INFLATED_BYTES) -> Reader:
    """The best way to read with the client library that is installed.

    Parameters
    ----------
    inflated_bytes : int
        Most that the records of one batch may become.
    """
    if fetch_path() == "plain":
        return PlainReader()
    fetcher.MemoryRecords, fetcher.PartitionRecords = _KeptRecords, _partition_records
    return RawReader(inflated_bytes)


def view_of(consumer: AIOKafkaConsumer, place: TopicPartition) -> LogView:
    """What the newest answer to a consumer said of a partition that is assigned to it."""
    answered_ms, end = consumer.last_poll_timestamp(place), consumer.highwater(place)
    if answered_ms is None or end is None:
        return LogView()
    stable_end = consumer.last_stable_offset(place)
    known = stable_end is not None and stable_end >= 0
    return LogView(answered_ms, end, stable_end if known else end)


class PlainReader:
    """Records one by one, as the library gives them to everybody."""

    def options(self) -> Mapping[str, object]:
        """See `Reader.options`."""
        return {}

    def ask(self, most: int) -> int:
        """See `Reader.ask`."""
        return most

    def opened(self, found: list[ConsumerRecord], expected: int, position: int) -> Answer:
        """See `Reader.opened`."""
        return _Listed(_columns(found, position))


class _Listed:
    """Records that are columns already."""

    def __init__(self, records: Records) -> None:
        self._records = records

    def take(self, most: int) -> Records:
        """See `Answer.take`."""
        found = self._records
        left = found.cut(most, len(found)) if most < len(found) else None
        self._records = left or Records.of([], found.next_offset)
        return found.cut(0, most)


class RawReader:
    """Records in columns: `getmany` gives one `RawAnswer` where it would give a record.

    Attributes
    ----------
    gathered : Gathered
        Memory for inflated batches, of one answer at a time.
    """

    def __init__(self, inflated_bytes: int = INFLATED_BYTES) -> None:
        self.gathered = Gathered(inflated_bytes)

    def __call__(self, value: bytes | None) -> bytes | None:
        """Leave a value as it is: the reader stands where the client takes a deserializer."""
        return value

    def options(self) -> Mapping[str, object]:
        """See `Reader.options`."""
        return {"value_deserializer": self}

    def ask(self, most: int) -> int:
        """See `Reader.ask`: one more than an answer has, so that the client fetches the next."""
        return 2

    def opened(self, found: list["RawAnswer"], expected: int, position: int) -> Answer:
        """See `Reader.opened`: markers alone are an answer too, so nothing moves without one."""
        return found[0] if found else _Listed(Records.of([], expected))


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
    """One partition in one answer, as the client's `FetchResult` iterates over it: one item.

    Parameters
    ----------
    reader : RawReader
    arguments
        Those of the client's own class.

    Attributes
    ----------
    next_fetch_offset : int
        Behind what was given so far, by the heads of the batches: nobody has read them yet.
    """

    def __init__(self, reader: RawReader, *arguments: Any) -> None:
        _, records, _, self.next_fetch_offset, *_ = arguments
        self._end = end_of(records.data, self.next_fetch_offset)
        self._answer: RawAnswer | None = RawAnswer(reader, *arguments)

    def __iter__(self) -> "RawPartition":
        return self

    def __next__(self) -> "RawAnswer":
        answer, self._answer = self._answer, None
        if answer is None:
            raise StopIteration
        self.next_fetch_offset = self._end
        return answer


class RawAnswer:
    """Records of one partition in one answer, still packed.

    Parameters
    ----------
    reader : RawReader
    arguments
        Those of the client's own class, which reads on where a batch has an older format.

    Attributes
    ----------
    position : int
        Behind what was given so far.
    """

    def __init__(self, reader: RawReader, *arguments: Any) -> None:
        _, records, aborted, self.position, _, _, check_crcs, _ = arguments
        self._reader = reader
        self._arguments = arguments
        self._hidden = Hidden(aborted or ())
        self._batches = walk(records.data, check_crcs)
        self._ahead: Batch | None = None  # did not fit beside others
        self._passed = self.position  # behind the last hidden batch
        self._fault: ValueError | None = None  # behind what is given first
        self._rest: Records | None = None  # gathered, more than was asked for
        self._plain: Iterator[ConsumerRecord] | None = None
        self._ended = False

    def take(self, most: int) -> Records:
        """See `Answer.take`."""
        found = self._rest if self._rest is not None else self._more(most)
        most = found.fitting(most, TAKEN_BYTES)
        self._rest = found.cut(most, len(found)) if len(found) > most else None
        found = found.cut(0, most)
        self.position = found.next_offset
        return found

    def _more(self, most: int) -> Records:
        if self._plain is None:
            try:
                return self._gather(most)
            except CorruptBatchError as error:
                raise CorruptRecordException(str(error)) from None
            except OldBatchError:
                self._plain = self._plainly()
        if self._ended:  # the client's own iterator must not be asked again
            return Records.of([], self.position)
        found = list(islice(self._plain, most))
        self._ended = len(found) < most
        return _columns(found, self._plain.next_fetch_offset)  # type: ignore[attr-defined]

    def _gather(self, most: int) -> Records:
        """Whole batches, `most` records unless one has more; a fault ends what lies before it."""
        gathered, wanted = self._reader.gathered, self.position
        gathered.clear()  # what another answer left that failed in no way foreseen
        position = wanted
        try:
            while (batch := self._next_seen()) is not None:
                full = len(gathered) > 0 and len(gathered) + batch.records > most
                if full or not self._add(batch, wanted):
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

    def _add(self, batch: Batch, wanted: int) -> bool:
        """See `Gathered.add`; fetched again, an unsound batch would be the same for ever."""
        gathered = self._reader.gathered
        try:
            return gathered.add(batch, wanted)
        except UnsoundBatchError as error:
            gathered.set_aside(batch, wanted, str(error))
            return True

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
        here = self.position
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
