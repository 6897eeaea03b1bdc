"""Telemetry from Kafka, with a ledger of its own: no position that a client keeps is believed."""

import asyncio
from typing import NamedTuple

from aiokafka.errors import (
    CorruptRecordException,
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
    RecordTooLargeError,
)

from broker.errors import RETRY_AFTER_S, meaning
from contracts.errors import DataLoss, FatalError, Fenced, RetryableError, TocsinError
from contracts.ports.source import LogView
from contracts.ports.status import QueueStatus
from contracts.records import Records
from ingest.kafka.client import KafkaClient, Ownership
from ingest.kafka.raw_fetch import Answer, reader, view_of
from ingest.kafka.settings import KafkaSettings
from runtime.queues import OneThread

__all__ = ["KafkaSettings", "KafkaSource", "Ownership"]


class _Idle(NamedTuple):
    """Seconds waited for nothing, and where the log ended when it was last looked at."""

    seconds: float = 0.0
    end: int = 0


class KafkaSource:
    """`Telemetry` over aiokafka.

    The client moves its positions in ways that lose records: past a record that it refused, or
    while another partition of the same call fails. So the source keeps the next offset of each
    lane itself, asks for one partition a call, and puts the client back after every exception.
    What came is unpacked in a thread of its own.

    Parameters
    ----------
    settings : KafkaSettings
        Everything about the consumer.
    ownership : Ownership or None
        Hears of rebalances; needed where the group chooses the lanes.

    Attributes
    ----------
    holes : int
        Offsets that held no record: transaction markers, aborted records, compaction.
    """

    def __init__(self, settings: KafkaSettings, ownership: Ownership | None = None) -> None:
        self._settings = settings
        self._reader = reader()
        self._client = KafkaClient(settings, ownership, self._reader.options())
        # Next expected offset by lane, and the epoch in which it was sought.
        self._ledger: dict[int, tuple[int, int]] = {}
        # What the client gave and no lane has taken yet: it stands behind that already.
        self._answers: dict[int, Answer] = {}
        self._unpacking = OneThread("unpacking")
        # Records to ask for, where that is less than usual: close to a corrupt batch.
        self._room: dict[int, int] = {}
        self._idle: dict[int, _Idle] = {}
        self.holes = 0

    @property
    def epoch(self) -> int:
        """Number of assignments and revocations so far: what spans two of them is worthless."""
        return self._client.epoch

    async def start(self) -> None:
        """Connect, and join the group or take the given lanes.

        Raises
        ------
        RetryableError
            When the broker is away.
        FatalError
            When the topic does not have the given lanes.
        """
        await self._client.start()

    async def close(self) -> None:
        """Leave the group and let go of sockets; bounded in time, raises only a real cancel."""
        self._unpacking.shutdown(wait=False)
        await self._client.close()

    async def seek(self, lane: int, offset: int) -> None:
        """Go on from `offset`; `Fenced` when the lane is another worker's."""
        if not self._client.has(lane):
            raise self._lost(lane, "seek")
        self._client.consumer.seek(self._client.partition(lane), offset)
        self._answers.pop(lane, None)
        self._ledger[lane] = (offset, self.epoch)
        self._idle.pop(lane, None)
        self._room.pop(lane, None)

    def unpacking(self) -> QueueStatus:
        """Answers that are being unpacked, and those that wait for the thread."""
        return self._unpacking.queue()

    def answers(self) -> QueueStatus:
        """Answers of which only a part was taken, at most one a lane; nobody waits for them."""
        return QueueStatus("answers", len(self._answers), len(self._ledger), 0)

    def position(self, lane: int) -> int:
        """Next offset that `fetch` will give; `Fenced` after a rebalance."""
        if lane not in self._ledger:
            msg = f"{self._client.name(lane)}: expected a seek before the first fetch, got none"
            raise FatalError(msg)
        offset, epoch = self._ledger[lane]
        if epoch != self.epoch or not self._client.has(lane):
            self._answers.pop(lane, None)
            raise self._lost(lane, "fetch")
        return offset

    def view(self, lane: int) -> LogView:
        """What the newest answer said of the log; asks nobody."""
        if not self._client.has(lane):
            return LogView()
        return view_of(self._client.consumer, self._client.partition(lane))

    async def end_offset(self, lane: int) -> int:
        """Offset behind the last record that a reader may see now (last stable offset)."""
        return await self._client.log_end(lane)

    async def beginning_offset(self, lane: int) -> int:
        """Smallest offset that the log still holds."""
        return await self._client.log_start(lane)

    async def offset_at(self, lane: int, timestamp_ms: int) -> int | None:
        """Smallest offset whose record was stamped then or later, None when there is none."""
        return await self._client.offset_at(lane, timestamp_ms)

    async def commit(self, lane: int, offset: int) -> None:
        """Tell the group how far the lane's snapshot reaches; `Fenced` for a stale generation."""
        await self._client.commit(lane, offset)

    async def prove_membership(self, lane: int, offset: int | None = None) -> None:
        """Have the coordinator accept a commit from this generation, or raise `Fenced`.

        Parameters
        ----------
        lane : int
            Lane whose ownership is in question.
        offset : int, optional
            What to commit; by default what the group has, so that nothing changes.

        Notes
        -----
        Proves nothing where lanes were given by hand: there is no generation then.
        """
        if offset is None:
            offset = await self._client.committed(lane)
        if offset is None:
            offset = await self._client.log_start(lane)
        await self._client.commit(lane, offset)

    async def fetch(self, lane: int, timeout_s: float) -> Records | None:
        """Next records behind the last ones given; see `Telemetry.fetch`.

        No rows but a moved `next_offset` say that only markers or aborted records came.

        Raises
        ------
        Fenced
            When the lane went to another worker, before or during the call.
        FatalError
            When the next offset cannot be read, now or ever: corrupt, too large, log recreated.
        """
        expected = self.position(lane)
        epoch = self.epoch
        try:
            records = await self._drain(lane, expected, timeout_s)
        except Exception as error:
            self._rewind(lane)
            if self._comes_closer(lane, error):
                return None
            raise await self._meaning(lane, expected, error) from error
        except BaseException:
            self._rewind(lane)
            raise
        if epoch != self.epoch or self._ledger[lane] != (expected, epoch):
            self._rewind(lane)
            raise self._lost(lane, "fetch")
        if records.next_offset == expected and not len(records):
            await self._check_stall(lane, expected, timeout_s)
            return None
        return self._enter(lane, expected, records)

    async def _drain(self, lane: int, expected: int, timeout_s: float) -> Records:
        """Records of one partition, of what is left of an answer or of the next one."""
        consumer, partition = self._client.consumer, self._client.partition(lane)
        most = self._room.get(lane, self._settings.records_per_fetch)
        async with asyncio.timeout(timeout_s + self._settings.call_deadline_s):
            if lane in self._answers:
                records = await self._unpacked(lane, self._answers.pop(lane), most)
                if len(records) or records.next_offset != expected:
                    return records
            if await consumer.position(partition) != expected:
                consumer.seek(partition, expected)
            asked, wait_ms = self._reader.ask(most), int(timeout_s * 1000)
            found = await consumer.getmany(partition, timeout_ms=wait_ms, max_records=asked)
            position = await consumer.position(partition)
            answer = self._reader.opened(found.get(partition, []), expected, position)
            return await self._unpacked(lane, answer, most)

    async def _unpacked(self, lane: int, answer: Answer, most: int) -> Records:
        """The next records of an answer, which is kept while it may hold more."""
        place, loop = self._ledger[lane], asyncio.get_running_loop()
        records = await loop.run_in_executor(self._unpacking, answer.take, most)
        if len(records) and self._ledger[lane] == place:
            self._answers[lane] = answer
        return records

    def _rewind(self, lane: int) -> None:
        """Put the client back to the ledger; what it fetched ahead is dropped."""
        self._answers.pop(lane, None)
        offset, epoch = self._ledger[lane]
        if epoch == self.epoch and self._client.has(lane):
            self._client.consumer.seek(self._client.partition(lane), offset)

    def _enter(self, lane: int, expected: int, records: Records) -> Records:
        """Move the ledger behind records that came."""
        position = records.next_offset
        offset = records.offset
        first, last = (offset[0], offset[-1]) if len(offset) else (position, position - 1)
        if not expected <= first <= last + 1 <= position or (offset[1:] <= offset[:-1]).any():
            self._rewind(lane)
            msg = (
                f"{self._client.name(lane)}: expected rising offsets from {expected}, got "
                f"{offset[:3].tolist()} and position {position}; restart the worker"
            )
            raise FatalError(msg)
        self.holes += position - expected - len(records)
        self._ledger[lane] = (position, self.epoch)
        self._idle.pop(lane, None)
        if lane in self._room:
            self._widen(lane)
        return records

    def _widen(self, lane: int) -> None:
        """Ask for twice as much again after each success."""
        self._room[lane] *= 2
        if self._room[lane] >= self._settings.records_per_fetch:
            del self._room[lane]

    def _comes_closer(self, lane: int, error: Exception) -> bool:
        """Ask for single records where a batch is corrupt: healthy ones may lie before it."""
        if not isinstance(error, CorruptRecordException) or self._room.get(lane) == 1:
            return False
        self._room[lane] = 1
        return True

    async def _meaning(self, lane: int, expected: int, error: Exception) -> TocsinError:
        """What the client's error says about the record at `expected`."""
        if isinstance(error, TocsinError):
            return error
        if isinstance(error, OffsetOutOfRangeError | NoOffsetForPartitionError):
            return await self._out_of_range(lane, expected)
        unreadable = isinstance(error, CorruptRecordException | RecordTooLargeError)
        if isinstance(error, KafkaError | TimeoutError) and not unreadable:
            return meaning(self._client.name(lane), "fetch", error)
        place = f"{self._settings.topic}[{lane}]@{expected}"
        why = f" ({error.args[0]})" if unreadable and error.args else ""
        got = f"{type(error).__name__}{why}"
        name = self._client.name(lane)
        return FatalError(
            f"{name}: expected a readable record at {place}, got {got}; repair the log or skip it"
        )

    async def _out_of_range(self, lane: int, expected: int) -> TocsinError:
        """Whether the log's start has passed the lane, or its end lies before it."""
        name = self._client.name(lane)
        start, end = await self._client.log_start(lane), await self._client.log_end(lane)
        if start > expected:
            return DataLoss(name, expected, start - 1)
        if end < expected:
            return FatalError(
                f"{name}: expected offset {expected} in the log, its end is {end}; "
                "was the topic created anew? Restore the lane from nothing"
            )
        msg = f"{name}: expected offset {expected} in the log, got out of range; retrying"
        return RetryableError(msg, RETRY_AFTER_S)

    async def _check_stall(self, lane: int, expected: int, waited_s: float) -> None:
        """Notice a client that brings nothing although the log holds more, twice looked at."""
        idle = self._idle.get(lane, _Idle())
        waited_s += idle.seconds
        if waited_s < self._settings.stall_s:
            self._idle[lane] = _Idle(waited_s, idle.end)
            return
        if idle.end > expected:
            msg = (
                f"{self._client.name(lane)}: expected records up to offset {idle.end}, got none "
                f"from {expected} on in {waited_s:g} s; the client is stuck, restart the worker"
            )
            raise FatalError(msg)
        self._idle[lane] = _Idle(0.0, await self._client.log_end(lane))

    def _lost(self, lane: int, doing: str) -> Fenced:
        name = self._client.name(lane)
        return Fenced(f"{name}: expected to own the lane in `{doing}`, it was revoked; drop it")
