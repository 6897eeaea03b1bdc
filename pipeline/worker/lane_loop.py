"""One life of a lane between two recoveries: replay what was told, then run, then drain."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import Iterator
from typing import Final

import numpy as np

from contracts.errors import Diverged, SetAside
from contracts.ports.lane_log import LaneLog, OutputMark, Past
from contracts.records import Records
from pipeline.lane import journal_merge
from pipeline.lane.journal_merge import Entries
from pipeline.lane.lane import Lane
from pipeline.lane.outbox import Outbox
from pipeline.worker.journal_writer import JournalWriter
from pipeline.worker.lane_context import LaneContext, LaneMemory
from pipeline.worker.shadow_commands import settled
from pipeline.worker.snapshot_writer import SnapshotWriter
from runtime.failpoints import Point, passing
from runtime.overload import Overload

log = logging.getLogger("tocsin.lane")

FETCHED_AHEAD: Final = 2  # polls between client and lane; the client's own buffer comes before it
CALM_S: Final = 5.0  # a lane that waits for records so long has got over what made it recover
_DONE: Final = object()
_NOTHING: Final = np.empty(0, np.int64)


class LaneLoop:
    """A lane at work.

    Parameters
    ----------
    context : LaneContext
    lane : Lane
        As the snapshot left it.
    log : LaneLog
        Fenced already.
    past : Past
        What the log held.
    memory : LaneMemory
    """

    def __init__(
        self,
        context: LaneContext,
        lane: Lane,
        log: LaneLog,
        past: Past,
        memory: LaneMemory,
    ) -> None:
        self._context = context
        self._ports = context.ports
        self._lane = lane
        self._log = log
        self._past = past
        self._entries: Entries = deque(past.journal)
        self._suspects = memory.suspects
        self._memory = memory
        self._status = status = memory.status
        self._changes = JournalWriter(lane, context.ports, self._step, memory.suspects)
        lane.outputs_a_turn = min(lane.outputs_a_turn, context.transaction.outputs)
        self._fetched: asyncio.Queue[Records | Exception] = asyncio.Queue(FETCHED_AHEAD)
        status.fetched = 0
        self._snapshot_writer = SnapshotWriter(context, lane, log, status)
        self._overload = Overload(context.pace.shed_s)
        self._passed = False  # the world's knowledge
        self.alarms_end = past.alarms_end

    async def pump(self) -> None:
        """Fetch ahead into the bounded queue; a failed fetch travels through it too."""
        while True:
            try:
                records = await self._ports.telemetry.fetch(self._lane.name.number, 1.0)
                passing(Point.FETCH)
            except Exception as error:  # the lane takes it from the queue and raises it
                self._status.fetched += 1
                await self._fetched.put(error)
                return
            if records is not None:
                self._status.fetched += 1
                await self._fetched.put(records)

    async def _take(self) -> bool:
        """Take the next records into the lane; False when none came within the look."""
        try:
            async with asyncio.timeout(self._context.pace.look_s):
                records = await self._fetched.get()
        except TimeoutError:
            self._status.hungry_s += self._context.pace.look_s
            self._overload.note(waiting=False)
            return False
        self._status.hungry_s = 0.0
        self._status.fetched -= 1
        if isinstance(records, Exception):
            raise records
        began = time.perf_counter()
        await self._feed(records)
        self._status.score_seconds += time.perf_counter() - began
        self._overload.note(waiting=not self._fetched.empty())
        return True

    async def _feed(self, records: Records) -> None:
        for piece in self._suspects.cut(records):
            await self._set_aside(piece)
            await self._step(journal_merge.feeding(self._lane, piece, self._entries))

    async def _set_aside(self, records: Records) -> None:
        """Pass over the record that comes next, if it cannot be judged: said before it is done.

        Never while the lane repeats what it told behind that record: it had judged it then.
        """
        offset = self._suspects.convicted
        if offset is None or not len(records) or int(records.offset[0]) != offset:
            return
        lane = self._lane
        if offset in lane.set_aside or self._entries or lane.outbox.repeats:
            return
        error = SetAside(str(lane.name), offset, self._suspects.why)
        log.error("%s; the lane goes on behind it", error)
        alarm = self._context.stopped_alarm(lane.name, error, self._ports.clock.now_ms())
        manifest = self._past.manifest
        since = manifest.alarms if manifest is not None else None
        self._status.revisions += await self._log.emit(alarm, since)
        await self._changes.quarantine(offset, self._suspects.why)
        await self.flush()
        self._status.set_aside += 1

    async def _step(self, turns: Iterator[None]) -> None:
        """Carry out one step of the lane's, however much it has to tell.

        Others compute between its turns, and what fills a transaction is told at once. A life that
        ends in between loses nothing: the next one repeats the step and tells the rest.
        """
        taking_turns = True
        while taking_turns:
            taking_turns = await self._ports.compute(next, turns, _DONE) is not _DONE
            if self._lane.outbox.diverged:
                raise self._diverged()
            if self._full():
                await self._tell()
                passing(Point.SLICE)

    def _full(self) -> bool:
        lane, bound = self._lane, self._context.transaction
        entries = len(self._changes) >= bound.outputs
        return entries or lane.outbox.fills(bound) or lane.shadow_outbox.fills(bound)

    async def replay(self, mark: OutputMark | None, stopping: asyncio.Event) -> None:
        """Repeat what has been told, until the world's knowledge is passed.

        Nothing new is journalled here: it would rewrite what was already told.
        """
        self._status.phase = "replaying"
        lane = self._lane
        if mark is not None:
            told = (mark.shadow_sequence, mark.shadow_digest)
            lane.shadow_outbox.known = OutputMark(*told, mark.telemetry, mark.journal)
        while self._entries or (mark is not None and lane.position < mark.telemetry):
            if not await self._take() and journal_merge.due(lane, self._entries):
                await self._feed(nothing_at(lane.position))
            if stopping.is_set():
                return
            self._observe()
        if lane.outbox.strayed:
            raise self._diverged()
        self._passed = True
        if _newborn(lane, mark) and (learned := await self._context.snapshots.warm(lane.name)):
            await self._changes.warm(learned)
        await self._heed_shadow()
        if not settled(lane, self._context.config):
            await self._changes.swap(self._context.config)
            await self.snapshot()

    def _diverged(self) -> Diverged:
        told, known = self._lane.outbox, self._lane.outbox.known
        assert known is not None, "it strayed from something"
        return Diverged(
            f"{self._lane.name}: expected outputs up to {known.sequence} with hash {known.digest}, "
            f"got {told.sequence} with {told.digest}; the build or the log changed, start from the "
            "previous release or accept a new beginning"
        )

    async def _heed_shadow(self) -> None:
        """A shadow that repeats something else than it told is let go of; the lane goes on."""
        lane, known = self._lane, self._lane.shadow_outbox.known
        if known is not None and lane.shadow_outbox.strayed:
            log.error("%s: the shadow repeats something else than it told", lane.name)
            lane.shadow_outbox = Outbox(known.sequence, known.digest)
            await self._shed("diverged")

    async def _shed(self, reason: str) -> None:
        if reason and self._lane.shadow is not None:
            log.warning("%s: lets go of its shadow: %s", self._lane.name, reason)
            await self._changes.shed(reason)

    def _too_much(self) -> str:
        """Why the shadow must go now, empty when it may stay."""
        shadow = self._lane.shadow
        trouble = shadow.trouble if shadow is not None else ""
        return trouble or ("overload" if self._overload.too_much else "")

    async def run(self, stopping: asyncio.Event) -> None:
        """Take records, tell outputs, journal changes, until stopped; then drain.

        A lane stopped while it repeats leaves no snapshot: its manifest would hide the marks from
        the next recovery, which would tell the world everything between the two again.
        """
        self._status.phase = "running"
        self._status.trouble = ""
        while not stopping.is_set():
            await self._take()
            await self._shed(self._too_much())
            await self._changes.look(self._caught_up)
            await self.flush()
            if self._snapshot_writer.due():
                await self._snapshot_writer.begin(self.alarms_end)
            elif self._snapshot_writer.written():
                await self._snapshot_writer.finish()
            self._observe()
        self._status.phase = "stopping"
        if self._passed:
            await self.snapshot()

    async def flush(self) -> None:
        """Tell the world what happened since the last flush, if anything did."""
        lane = self._lane
        while len(self._changes) or len(lane.outbox) or len(lane.shadow_outbox):
            await self._tell()

    async def _tell(self) -> None:
        """Tell as much as one transaction holds, with a mark that says how far that is."""
        lane, bound = self._lane, self._context.transaction
        entries = self._changes.take()
        messages = lane.outbox.take(bound)
        shadow_outbox = lane.shadow_outbox.take(bound)
        began = time.perf_counter()
        lane.journal, self.alarms_end = await self._log.flush(
            entries, messages + shadow_outbox, lane.mark()
        )
        status = self._status
        status.flushes += 1
        status.flush_seconds += time.perf_counter() - began
        revisions = sum(message.kind == "alarm" for message in messages)
        status.revisions += revisions
        status.shadow_outbox += len(shadow_outbox)
        status.dead_letters += len(messages) - revisions

    async def _caught_up(self) -> bool:
        """Whether nothing waits for the lane, here or at an end of the log fetched just now."""
        if not self._fetched.empty():
            return False
        self._status.end = await self._ports.telemetry.end_offset(self._lane.name.number)
        return self._lane.position >= self._status.end

    async def snapshot(self) -> None:
        """A snapshot of now, all the way to its manifest, while the lane waits."""
        await self._snapshot_writer.finish()
        await self.flush()
        await self._snapshot_writer.begin(self.alarms_end)
        await self._snapshot_writer.finish()

    async def close(self) -> None:
        """Let go of what was fetched, and of a snapshot that is on its way to its file."""
        self._status.fetched = 0
        await self._snapshot_writer.close()

    def _observe(self) -> None:
        """Copy the lane's numbers to where Prometheus reads them."""
        status, lane = self._status, self._lane
        status.accounts = lane.accounts.counts()
        status.position = lane.position
        if lane.position > self._memory.furthest or status.hungry_s >= CALM_S:
            status.in_vain = 0
        status.lane_time_s = lane.lane_time_s
        status.end = max(status.end, lane.position)
        status.open_alarms = lane.parts.book.colours()
        status.sheds = lane.sheds
        status.relearning = dict(lane.relearning)
        status.shadow = lane.shadow.status() if lane.shadow is not None else None


def _newborn(lane: Lane, mark: OutputMark | None) -> bool:
    """Whether the lane has taken and told nothing in all its lives."""
    return mark is None and lane.journal == 0 and lane.last_offset < 0


def nothing_at(position: int) -> Records:
    """No records, at a position."""
    return Records(_NOTHING, _NOTHING, _NOTHING, _NOTHING, b"", position)
