"""One life of a lane between two recoveries: replay what was told, then run, then drain."""

import asyncio
import logging
import time
from typing import Final

import numpy as np

from contracts.errors import Diverged
from contracts.ports.lane_log import LaneLog, Mark
from contracts.ports.status import LaneVitals
from contracts.records import Records
from pipeline.lane import journal_merge
from pipeline.lane.journal_merge import Entries
from pipeline.lane.lane import Lane
from pipeline.lane.outbox import Outbox
from pipeline.worker.journal_writer import Changes
from pipeline.worker.lane_context import Setting
from pipeline.worker.shadow_commands import settled
from pipeline.worker.snapshot_writer import Filing
from runtime.failpoints import Point, passing
from runtime.overload import Burden

log = logging.getLogger("tocsin.lane")

FETCHED_AHEAD: Final = 2  # polls between client and lane; the client's own buffer comes before it
_NOTHING: Final = np.empty(0, np.int64)


class Life:
    """A lane at work.

    Parameters
    ----------
    setting : Setting
    lane : Lane
        As the snapshot left it.
    log : LaneLog
        Fenced already.
    entries : Entries
        Journal entries behind the snapshot.
    vitals : LaneVitals
        Where its numbers go.
    """

    def __init__(
        self,
        setting: Setting,
        lane: Lane,
        log: LaneLog,
        entries: Entries,
        vitals: LaneVitals,
    ) -> None:
        self._setting = setting
        self._doors = setting.doors
        self._lane = lane
        self._log = log
        self._entries = entries
        self._vitals = vitals
        self._changes = Changes(lane, setting.doors.commands, setting.doors.clock)
        self._fetched: asyncio.Queue[Records | Exception] = asyncio.Queue(FETCHED_AHEAD)
        self._filing = Filing(setting, lane, log, vitals)
        self._burden = Burden(setting.pace.shed_s)
        self._passed = False  # the world's knowledge
        self.alarms_end = 0

    async def pump(self) -> None:
        """Fetch ahead into the bounded queue; a failed fetch travels through it too."""
        while True:
            try:
                records = await self._doors.telemetry.fetch(self._lane.name.number, 1.0)
                passing(Point.FETCH)
            except Exception as error:  # the lane takes it from the queue and raises it
                await self._fetched.put(error)
                return
            if records is not None:
                await self._fetched.put(records)

    async def _take(self) -> bool:
        """Take the next records into the lane; False when none came within the look."""
        try:
            async with asyncio.timeout(self._setting.pace.look_s):
                records = await self._fetched.get()
        except TimeoutError:
            self._vitals.hungry_s += self._setting.pace.look_s
            self._burden.note(waiting=False)
            return False
        self._vitals.hungry_s = 0.0
        if isinstance(records, Exception):
            raise records
        began = time.perf_counter()
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(
            self._doors.scoring, journal_merge.feed, self._lane, records, self._entries
        )
        self._vitals.score_seconds += time.perf_counter() - began
        self._burden.note(waiting=not self._fetched.empty())
        return True

    async def replay(self, mark: Mark | None, stopping: asyncio.Event) -> None:
        """Repeat what has been told, until the world's knowledge is passed.

        Nothing new is journalled here: it would rewrite what was already told.
        """
        self._vitals.phase = "replaying"
        lane = self._lane
        if mark is not None:
            told = (mark.shadow_sequence, mark.shadow_digest)
            lane.whispers.known = Mark(*told, mark.telemetry, mark.journal)
        while self._entries or (mark is not None and lane.position < mark.telemetry):
            if not await self._take() and journal_merge.due(lane, self._entries):
                journal_merge.feed(lane, nothing_at(lane.position), self._entries)
            if stopping.is_set():
                return
            self._observe()
        if mark is not None and (lane.outbox.diverged or lane.outbox.sequence < mark.sequence):
            msg = (
                f"{lane.name}: expected outputs up to {mark.sequence} with hash {mark.digest}, got "
                f"{lane.outbox.sequence} with {lane.outbox.digest}; the build or the log changed, "
                "start from the previous release or accept a new beginning"
            )
            raise Diverged(msg)
        self._passed = True
        if _newborn(lane, mark) and (learned := await self._setting.keeper.warm(lane.name)):
            self._changes.warm(learned)
        self._heed_whispers()
        if not settled(lane, self._setting.config):
            self._changes.swap(self._setting.config)
            await self.snapshot()

    def _heed_whispers(self) -> None:
        """A shadow that repeats something else than it told is let go of; the lane goes on."""
        lane, known = self._lane, self._lane.whispers.known
        if known is not None and lane.whispers.strayed:
            log.error("%s: the shadow repeats something else than it told", lane.name)
            lane.whispers = Outbox(known.sequence, known.digest)
            self._shed("diverged")

    def _shed(self, reason: str) -> None:
        if reason and self._lane.understudy is not None:
            log.warning("%s: lets go of its shadow: %s", self._lane.name, reason)
            self._changes.shed(reason)

    def _too_much(self) -> str:
        """Why the shadow must go now, empty when it may stay."""
        understudy = self._lane.understudy
        trouble = understudy.trouble if understudy is not None else ""
        return trouble or ("overload" if self._burden.too_much else "")

    async def run(self, stopping: asyncio.Event) -> None:
        """Take records, tell outputs, journal changes, until stopped; then drain.

        A lane stopped while it repeats leaves no snapshot: its manifest would hide the marks from
        the next recovery, which would tell the world everything between the two again.
        """
        self._vitals.phase = "running"
        self._vitals.trouble = ""
        while not stopping.is_set():
            await self._take()
            self._shed(self._too_much())
            await self._changes.look(self._caught_up)
            await self.flush()
            if self._filing.due():
                await self._filing.begin(self.alarms_end)
            elif self._filing.written():
                await self._filing.finish()
            self._observe()
        self._vitals.phase = "stopping"
        if self._passed:
            await self.snapshot()

    async def flush(self) -> None:
        """Tell the world what happened since the last flush, if anything did."""
        entries = self._changes.take()
        whispers = self._lane.whispers.take()
        messages = self._lane.outbox.take() + whispers
        if not entries and not messages:
            return
        began = time.perf_counter()
        self._lane.journal, self.alarms_end = await self._log.flush(
            entries, messages, self._lane.mark()
        )
        vitals = self._vitals
        vitals.flushes += 1
        vitals.flush_seconds += time.perf_counter() - began
        revisions = sum(message.kind == "alarm" for message in messages)
        vitals.revisions += revisions
        vitals.whispers += len(whispers)
        vitals.dead_letters += len(messages) - revisions - len(whispers)

    async def _caught_up(self) -> bool:
        """Whether nothing waits for the lane, here or at an end of the log fetched just now."""
        if not self._fetched.empty():
            return False
        self._vitals.end = await self._doors.telemetry.end_offset(self._lane.name.number)
        return self._lane.position >= self._vitals.end

    async def snapshot(self) -> None:
        """A snapshot of now, all the way to its manifest, while the lane waits."""
        await self._filing.finish()
        await self.flush()
        await self._filing.begin(self.alarms_end)
        await self._filing.finish()

    async def close(self) -> None:
        """Let go of a snapshot that is on its way to its file."""
        await self._filing.close()

    def _observe(self) -> None:
        """Copy the lane's numbers to where Prometheus reads them."""
        vitals, lane = self._vitals, self._lane
        vitals.accounts = lane.accounts.counts()
        vitals.position = lane.position
        vitals.lane_time_s = lane.lane_time_s
        vitals.end = max(vitals.end, lane.position)
        vitals.open_alarms = lane.parts.book.colours()
        vitals.sheds = lane.sheds
        vitals.shadow = lane.understudy.vitals() if lane.understudy is not None else None


def _newborn(lane: Lane, mark: Mark | None) -> bool:
    """Whether the lane has taken and told nothing in all its lives."""
    return mark is None and lane.journal == 0 and lane.last_offset < 0


def nothing_at(position: int) -> Records:
    """No records, at a position."""
    return Records(_NOTHING, _NOTHING, _NOTHING, _NOTHING, b"", position)
