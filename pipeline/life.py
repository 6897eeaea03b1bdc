"""One life of a lane between two recoveries: replay what was told, then run, then drain."""

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import Final

import numpy as np

from contracts.clock import Clock
from contracts.errors import Diverged, TocsinError
from contracts.failpoints import Point, passing
from contracts.lane_log import LaneLog, Manifest, Mark, Message
from contracts.records import Commands, Records, Telemetry
from contracts.vitals import LaneVitals
from pipeline import merge
from pipeline.changes import Changes
from pipeline.keeper import Keeper
from pipeline.lane import Lane
from pipeline.lane_state import freeze
from pipeline.merge import Entries
from pipeline.refusals import LaneName

FETCHED_AHEAD: Final = 2  # polls between client and lane; the client's own buffer comes before it
_NOTHING: Final = np.empty(0, np.int64)


@dataclass(frozen=True, slots=True)
class Doors:
    """What a lane needs of the world.

    Parameters
    ----------
    telemetry : Telemetry
    commands : Commands
    log_for : callable
        A new lane log for a lane.
    clock : Clock
    scoring : Executor
        Thread on which lanes compute, off the event loop.
    """

    telemetry: Telemetry
    commands: Commands
    log_for: Callable[[LaneName], LaneLog]
    clock: Clock
    scoring: Executor


@dataclass(frozen=True, slots=True)
class Pace:
    """How often a lane does what nothing forces it to do.

    Parameters
    ----------
    look_s : float
        Longest wait for records before timers and commands are looked at.
    snapshot_s : float
        Time between snapshots.
    snapshot_readings : int
        Readings between snapshots, whichever comes first.
    """

    look_s: float = 0.2
    snapshot_s: float = 60.0
    snapshot_readings: int = 5_000_000


@dataclass(frozen=True, slots=True)
class Setting:
    """What stays the same over all lives of a lane on this worker.

    Parameters
    ----------
    doors : Doors
    keeper : Keeper
        Snapshots and configuration bundles.
    config : str
        Hash of the configuration that this worker runs.
    pace : Pace
    standing : callable
        Alarm of a lane that cannot go on, from its name, the reason and the time in ms.
    """

    doors: Doors
    keeper: Keeper
    config: str
    pace: Pace
    standing: Callable[[LaneName, TocsinError, int], Message]


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
        self._snapshot_at = time.monotonic()
        self._snapshot_readings = lane.accounts.received
        self._filing: asyncio.Task[Manifest] | None = None
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
            return False
        self._vitals.hungry_s = 0.0
        if isinstance(records, Exception):
            raise records
        began = time.perf_counter()
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(
            self._doors.scoring, merge.feed, self._lane, records, self._entries
        )
        self._vitals.score_seconds += time.perf_counter() - began
        return True

    async def replay(self, mark: Mark | None, stopping: asyncio.Event) -> None:
        """Repeat what has been told, until the world's knowledge is passed.

        Nothing new is journalled here: it would rewrite what was already told.
        """
        self._vitals.phase = "replaying"
        lane = self._lane
        while self._entries or (mark is not None and lane.position < mark.telemetry):
            if not await self._take() and merge.due(lane, self._entries):
                merge.feed(lane, nothing_at(lane.position), self._entries)
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
        if lane.parts.config != self._setting.config:
            self._changes.swap(self._setting.config)
            await self.snapshot()

    async def run(self, stopping: asyncio.Event) -> None:
        """Take records, tell outputs, journal changes, until stopped; then drain.

        A lane stopped while it repeats leaves no snapshot: its manifest would hide the marks from
        the next recovery, which would tell the world everything between the two again.
        """
        self._vitals.phase = "running"
        self._vitals.trouble = ""
        while not stopping.is_set():
            await self._take()
            await self._changes.look(self._caught_up)
            await self.flush()
            if self._filing is None and self._snapshot_is_due():
                await self._freeze()
            elif self._filing is not None and self._filing.done():
                await self._publish()
            self._observe()
        self._vitals.phase = "stopping"
        if self._passed:
            await self.snapshot()

    async def flush(self) -> None:
        """Tell the world what happened since the last flush, if anything did."""
        entries = self._changes.take()
        messages = self._lane.outbox.take()
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
        vitals.dead_letters += len(messages) - revisions

    async def _caught_up(self) -> bool:
        """Whether nothing waits for the lane, here or at an end of the log fetched just now."""
        if not self._fetched.empty():
            return False
        self._vitals.end = await self._doors.telemetry.end_offset(self._lane.name.number)
        return self._lane.position >= self._vitals.end

    def _snapshot_is_due(self) -> bool:
        new = self._lane.accounts.received - self._snapshot_readings
        if not new:
            return False
        waited = time.monotonic() - self._snapshot_at
        return (
            waited >= self._setting.pace.snapshot_s or new >= self._setting.pace.snapshot_readings
        )

    async def snapshot(self) -> None:
        """A snapshot of now, all the way to its manifest, while the lane waits."""
        await self._publish()
        await self._freeze()
        await self._publish()

    async def _freeze(self) -> None:
        """Flush and copy the lane's state; its file is written while the lane goes on."""
        await self.flush()
        lane, began = self._lane, time.perf_counter()
        loop = asyncio.get_running_loop()
        frozen = await loop.run_in_executor(self._doors.scoring, freeze, lane)
        self._vitals.snapshot_hold_s = time.perf_counter() - began
        writing = self._setting.keeper.file(lane.name, frozen, self.alarms_end)
        self._filing = asyncio.create_task(writing, name=f"{lane.name}-filing")
        self._snapshot_at = time.monotonic()
        self._snapshot_readings = lane.accounts.received

    async def _publish(self) -> None:
        """Once the file is there, publish its manifest, sweep, then tell the group."""
        if self._filing is None:
            return
        manifest = await self._filing
        self._filing = None
        lane = self._lane
        await self._log.publish(manifest)
        passing(Point.PUBLISHED)
        await self._setting.keeper.sweep(lane.name, manifest)
        passing(Point.SWEEP)
        await self._doors.telemetry.commit(lane.name.number, manifest.telemetry)
        passing(Point.COMMIT)
        self._vitals.snapshots += 1

    async def close(self) -> None:
        """Let go of a file that is being written; what comes of it is swept later."""
        if self._filing is not None:
            self._filing.cancel()
            await asyncio.gather(self._filing, return_exceptions=True)

    def _observe(self) -> None:
        """Copy the lane's numbers to where Prometheus reads them."""
        vitals, lane = self._vitals, self._lane
        vitals.accounts = lane.accounts.counts()
        vitals.position = lane.position
        vitals.lane_time_s = lane.lane_time_s
        vitals.end = max(vitals.end, lane.position)
        vitals.open_alarms = lane.parts.book.colours()


def _newborn(lane: Lane, mark: Mark | None) -> bool:
    """Whether the lane has taken and told nothing in all its lives."""
    return mark is None and lane.journal == 0 and lane.last_offset < 0


def nothing_at(position: int) -> Records:
    """No records, at a position."""
    return Records(_NOTHING, _NOTHING, _NOTHING, _NOTHING, b"", position)
