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

CONNECT_S: Final = 4.0
READ_S: Final = 4.0  # what is there by then is shown
WHOLE_S: Final = 12.0
FETCH_S: Final = 0.5
RECORDS_AT_ONCE: Final = 4_000
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
                found, cut = await self._read(source, lane, window)
        except TimeoutError as error:
            topic = TopicNames(self._configuration.settings.app).telemetry(lifeline)
            msg = f"{topic}[{lane}]: expected brokers to answer in time, got none; try again"
            raise RetryableError(msg, AGAIN_S) from error
        finally:
            await source.close()
        await asyncio.to_thread(kept.take, found)
        return kept.span(self._bounds.readings, cut=cut)

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
            check_crcs=not self._embedded,
            start_deadline_s=CONNECT_S,
            call_deadline_s=CONNECT_S,
            close_deadline_s=1.0,
        )

    async def _read(
        self, source: KafkaSource, lane: int, window: Window
    ) -> tuple[list[Records], bool]:
        """Records of a window, as far as bounds allow, and whether it has more."""
        begin, centre, end = await self._offsets(source, lane, window)
        if begin >= end:
            return [], False
        most = await self._most(source, lane, max(begin, min(centre, end - 1)))
        first = max(begin, centre - 3 * most // 4)
        last = min(end, first + most)
        found, size, until_s = list[Records](), 0, time.monotonic() + READ_S
        await source.seek(lane, first)
        while source.position(lane) < last:
            if time.monotonic() > until_s or size > self._bounds.size:
                return found, True
            records = await source.fetch(lane, FETCH_S)
            if records is not None and len(records):
                found.append(records.cut(0, int((records.offset < last).sum())))
                size += int(np.maximum(found[-1].length, 0).sum())
        return found, first > begin or last < end

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
        self._stamps: list[int] = []
        self._taken: list[tuple[int, float]] = []
        self._refused: list[RefusedReading] = []

    def take(self, found: list[Records]) -> None:
        """Keep readings of the channel; takes its time."""
        for records in found:
            if len(records):
                self._take(records)

    def _take(self, records: Records) -> None:
        stamps = records.timestamp_ms[[0, -1]].tolist()
        self._stamps = [(self._stamps or stamps)[0], stamps[1]]
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

    def span(self, most: int, *, cut: bool) -> ReadingsSpan:
        """What was kept, in the order of time; of too much the newest."""
        taken = sorted(self._taken)[-most:]
        refused = sorted(self._refused, key=lambda one: one.time_ms)[-REFUSED_MAX:]
        cut = cut or len(taken) < len(self._taken) or len(refused) < len(self._refused)
        return ReadingsSpan(
            self.window.begin_ms,
            self.window.end_ms,
            self._stamps[0] if self._stamps else None,
            self._stamps[1] if self._stamps else None,
            [time_ms for time_ms, _ in taken],
            [value for _, value in taken],
            refused,
            cut,
        )
