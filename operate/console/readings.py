"""Readings of one channel, read again from the log that its lane takes them from."""

import asyncio
import time
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from configuration.configuration import Configuration
from configuration.lane_plan import plan_of
from contracts.batch import UNKNOWN, Batch, Disposition
from contracts.errors import ConfigError, RetryableError
from contracts.ports.readings import ReadingsSpan, RefusedReading, Window
from contracts.quantities import NS_PER_MS
from contracts.records import Records
from contracts.topics import TopicNames
from ingest.admit import Admission
from ingest.decode import Decoder
from ingest.kafka.telemetry import KafkaSettings, KafkaSource
from operate.console.sampling import FETCH_S, Names, Sampler, extremes

CONNECT_S: Final = 4.0
READ_S: Final = 4.0  # what is there by then is shown
WHOLE_S: Final = 12.0
DAY_MS: Final = 86_400_000
RECORDS_AT_ONCE: Final = 4_000
WAIT_MS: Final = 20  # at the end of the log: what is asked for lies before it
FETCH_BYTES: Final = 256 << 10  # of a short look most of an answer is for nothing
REFUSED_MAX: Final = 500
SLACK_MS: Final = 60_000  # stamps of records and times of readings are not the same
AGAIN_S: Final = 1.0
_ARROW: Final = b"\xff\xff\xff\xff"
_ESCAPE: Final = b"\\u"


class Bounds(NamedTuple):
    """How much is looked at for one answer, and how many readings it has."""

    records: int = 60_000
    size: int = 24 << 20  # bytes
    readings: int = 20_000


BOUNDS: Final = Bounds()


class Taken(NamedTuple):
    """Records of a window.

    Parameters
    ----------
    found : list of Records
        In order.
    cut : bool
        Whether more lay there than was read.
    looks : int
        How many reads are spread over it, 0 where it was read as a whole.
    oldest : bool
        Whether nothing older is left in the log.
    """

    found: list[Records]
    cut: bool = False
    looks: int = 0
    oldest: bool = False


class TelemetryReadings:
    """A `ChannelReadings` over Kafka: a stranger to every group, which commits nothing.

    Parameters
    ----------
    configuration : Configuration
    bounds : Bounds
    embedded : bool
        Whether it is the broker of the demo, which finds no offset of a time and writes markers
        with a wrong checksum.
    """

    def __init__(
        self, configuration: Configuration, bounds: Bounds = BOUNDS, *, embedded: bool = False
    ) -> None:
        self._bounds = bounds
        self._configuration = configuration
        self._embedded = embedded

    async def around(self, lifeline: str, lane: int, channel: str, window: Window) -> ReadingsSpan:
        """See `ChannelReadings`.

        Raises
        ------
        RetryableError
            When brokers do not answer in time.
        ConfigError
            When the catalogue has no such channel.
        """
        kept = await asyncio.to_thread(_Kept, self._configuration, lifeline, channel, window)
        source = KafkaSource(self._settings(lifeline, lane))
        try:
            async with asyncio.timeout(WHOLE_S):
                await source.start()
                taken = await self._read(source, lane, window, kept.named)
        except TimeoutError as error:
            topic = TopicNames(self._configuration.settings.app).telemetry(lifeline)
            msg = f"{topic}[{lane}]: expected brokers to answer in time, got none; try again"
            raise RetryableError(msg, AGAIN_S) from error
        finally:
            await source.close()
        await asyncio.to_thread(kept.take, taken.found)
        return kept.span(self._bounds.readings, taken)

    def _settings(self, lifeline: str, lane: int) -> KafkaSettings:
        settings = self._configuration.settings
        return KafkaSettings(
            bootstrap=settings.kafka.bootstrap,
            security=settings.kafka,
            topic=TopicNames(settings.app).telemetry(lifeline),
            lifeline=lifeline,
            group=f"{settings.app}-console",  # never joined
            lanes=(lane,),
            records_per_fetch=RECORDS_AT_ONCE,
            fetch_max_wait_ms=WAIT_MS,
            max_partition_fetch_bytes=FETCH_BYTES,
            check_crcs=not self._embedded,
            start_deadline_s=CONNECT_S,
            call_deadline_s=CONNECT_S,
            close_deadline_s=1.0,
        )

    async def _read(self, source: KafkaSource, lane: int, window: Window, names: Names) -> Taken:
        """Records of a window, as far as bounds allow."""
        begin, centre, end = await self._offsets(source, lane, window)
        if begin >= end:
            return Taken([])
        most = await self._most(source, lane, max(begin, min(centre, end - 1)))
        oldest = begin == await source.beginning_offset(lane)
        if window.end_ms - window.begin_ms > DAY_MS and end - begin > most:
            until_s = time.monotonic() + READ_S
            found = await Sampler(source, lane, until_s).between(begin, end, most, names)
            return Taken(found, looks=_apart(found), oldest=oldest)
        first = max(begin, centre - 3 * most // 4)
        last = min(end, first + most)
        found, whole = await self._between(source, lane, first, last)
        cut = not whole or first > begin or last < end
        return Taken(found, cut=cut, oldest=oldest and first == begin)

    async def _between(
        self, source: KafkaSource, lane: int, first: int, last: int
    ) -> tuple[list[Records], bool]:
        """Records between two offsets, and whether all of them came in time and within bounds."""
        found, size, until_s = list[Records](), 0, time.monotonic() + READ_S
        await source.seek(lane, first)
        while source.position(lane) < last:
            if time.monotonic() > until_s or size > self._bounds.size:
                return found, False
            records = await source.fetch(lane, FETCH_S)
            if records is not None and len(records):
                found.append(records.cut(0, int((records.offset < last).sum())))
                size += int(np.maximum(found[-1].length, 0).sum())
        return found, True

    async def _offsets(
        self, source: KafkaSource, lane: int, window: Window
    ) -> tuple[int, int, int]:
        """Where a window begins, what matters most of it, and where it ends."""
        log_end = await source.end_offset(lane)
        if self._embedded:
            return await source.beginning_offset(lane), log_end, log_end
        moments = (window.begin_ms - SLACK_MS, window.at_ms, window.end_ms + SLACK_MS)
        found = [await source.offset_at(lane, at_ms) for at_ms in moments]
        begin, centre, end = (log_end if one is None else min(one, log_end) for one in found)
        return begin, min(centre, end), end

    async def _most(self, source: KafkaSource, lane: int, at: int) -> int:
        """How many records of such a size are within bounds: some hold a thousand readings each."""
        await source.seek(lane, at)
        records = await source.fetch(lane, FETCH_S)
        if records is None or not len(records):
            return self._bounds.records
        size = max(int(np.maximum(records.length, 0).mean()), 1)
        return max(min(self._bounds.records, self._bounds.size // size), 1)


def _apart(found: list[Records]) -> int:
    """How many reads there are that do not go on where the one before ended."""
    ends = [-1, *(int(one.offset[-1]) + 1 for one in found)]
    return sum(int(one.offset[0]) > end for one, end in zip(found, ends, strict=False))


class _Kept:
    """Readings of a channel as they come.

    Admission begins anew with the window, so that what it cannot know is not told: a shelving, or
    whether the first reading repeats one before it.
    """

    def __init__(
        self, configuration: Configuration, lifeline: str, channel: str, window: Window
    ) -> None:
        plan = plan_of(configuration, lifeline)
        row = plan.catalogue.row_of.get(channel)
        if row is None:
            msg = f"readings: expected a channel of {lifeline}, got {channel!r}; see the catalogue"
            raise ConfigError(msg)
        rows = plan.catalogue.part(row, row + 1)
        labels, label_of = configuration.labels(rows)
        pack = configuration.packs[labels[int(label_of[0])]]
        ids = rows.table.column("id").combine_chunks()
        self._decoder = Decoder(ids, rows.column("scale"), rows.column("offset"), plan.limits)
        self._admission = Admission([pack.plausible], np.zeros(1, np.int32))
        self._id = channel.encode()
        self.window = window
        self._stamps: tuple[int, int] | None = None
        self._taken: list[tuple[int, float]] = []
        self._refused: list[RefusedReading] = []

    def take(self, found: list[Records]) -> None:
        """Keep readings of the channel; takes its time."""
        for records in found:
            if len(records):
                self._take(records)

    def named(self, records: Records) -> int:
        """How many records may name the channel."""
        return sum(self._names(records.payload(i)) for i in range(len(records)))

    def _take(self, records: Records) -> None:
        first, last = records.timestamp_ms[[0, -1]].tolist()
        self._stamps = (self._stamps or (first, last))[0], last
        chosen = self._chosen(records)
        if not len(chosen):
            return
        batch = self._decoder.decode(chosen)
        self._note_undecodable(batch, chosen)
        self._admit(batch, chosen.timestamp_ms * NS_PER_MS)

    def _chosen(self, records: Records) -> Records:
        """Records that may name the channel."""
        which = [i for i in range(len(records)) if self._names(records.payload(i))]
        place = np.array(which, np.int64)
        return Records(
            records.offset[place],
            records.timestamp_ms[place],
            records.start[place],
            records.length[place],
            records.buffer,
            records.next_offset,
        )

    def _names(self, payload: memoryview | None) -> bool:
        if payload is None:
            return False
        body = bytes(payload)
        return body[:4] == _ARROW or self._id in body or _ESCAPE in body

    def _note_undecodable(self, batch: Batch, records: Records) -> None:
        word = Disposition.UNDECODABLE.word
        for one in batch.refused:
            if self._id in bytes(records.payload(one.record) or b""):
                stamp = int(records.timestamp_ms[one.record])
                self._refuse(stamp, float("nan"), word)

    def _admit(self, batch: Batch, stamp_ns: NDArray[np.int64]) -> None:
        disposition = np.zeros(len(batch), np.uint8)
        self._admission.admit(batch, stamp_ns[batch.record], (0, len(batch)), disposition)
        for i in np.flatnonzero(batch.row != UNKNOWN).tolist():
            time_ms, value = int(batch.time_ns[i]) // NS_PER_MS, float(batch.value[i])
            inside = self.window.begin_ms <= time_ms <= self.window.end_ms
            if disposition[i] == Disposition.SCORED:
                if inside:
                    self._taken.append((time_ms, value))
                continue
            stamp_ms = int(stamp_ns[batch.record[i]]) // NS_PER_MS
            word = Disposition(int(disposition[i])).word
            self._refuse(time_ms if inside else stamp_ms, value, word)

    def _refuse(self, time_ms: int, value: float, reason: str) -> None:
        if self.window.begin_ms <= time_ms <= self.window.end_ms:
            known = value if np.isfinite(value) else None
            self._refused.append(RefusedReading(time_ms, known, reason))

    def span(self, most: int, taken: Taken) -> ReadingsSpan:
        """What was kept, in the order of time; of too much the newest, of weeks the extremes."""
        begin_ms, end_ms, _ = self.window
        kept = sorted(self._taken)
        if end_ms - begin_ms > DAY_MS:
            kept = extremes(kept, begin_ms, end_ms)
        shown = kept[-most:]
        refused = sorted(self._refused, key=lambda one: one.time_ms)[-REFUSED_MAX:]
        cut = taken.cut or len(shown) < len(kept) or len(refused) < len(self._refused)
        from_ms, until_ms = self._stamps or (None, None)
        late = taken.oldest and from_ms is not None and from_ms > begin_ms
        return ReadingsSpan(
            begin_ms,
            end_ms,
            from_ms,
            until_ms,
            [time_ms for time_ms, _ in shown],
            [value for _, value in shown],
            refused,
            cut,
            taken.looks,
            from_ms if late else None,
        )
