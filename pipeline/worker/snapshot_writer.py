"""Snapshots of a lane: its state is copied while it waits, and written while it goes on."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from contracts.lane import LaneName
from contracts.ports.lane_log import JournalLog, Manifest
from contracts.ports.status import LaneStatus
from pipeline.snapshot.copy_buffer import CopyBuffer
from pipeline.snapshot.snapshots import Frozen, InSlices, SnapshotFiles
from pipeline.worker.lane_context import Computing, Pace
from runtime import collector
from runtime.failpoints import Point, passing


@dataclass(frozen=True, slots=True)
class SnapshotWork:
    """Whose snapshots are written, and how.

    Parameters
    ----------
    name : LaneName
    ports : Computing
        Where the state is copied.
    files : SnapshotFiles
    pace : Pace
    freeze : callable
        A copy of the lane's state, laid into a buffer where it has arrays.
    received : callable
        What has come in all: readings, or alarm records.
    commit : callable
        Tells the group how far a published snapshot reaches.
    """

    name: LaneName
    ports: Computing
    files: SnapshotFiles
    pace: Pace
    freeze: Callable[[CopyBuffer], Frozen]
    received: Callable[[], int]
    commit: Callable[[Manifest], Awaitable[None]]


class SnapshotWriter:
    """The snapshot of one lane that is on its way, if there is one.

    Parameters
    ----------
    work : SnapshotWork
    log : JournalLog
    status : LaneStatus
    """

    def __init__(self, work: SnapshotWork, log: JournalLog[Any], status: LaneStatus) -> None:
        self._work, self._log, self._status = work, log, status
        self._writing: asyncio.Task[Manifest] | None = None
        self._copying: tuple[InSlices, int] | None = None  # and where the outputs ended then
        self._rest = ExitStack()  # of the collector, which would walk all slices that wait
        self._at = time.monotonic()
        self._began = 0.0
        self._received = work.received()

    def due(self) -> bool:
        """Whether another one is to begin: enough is new, and the worker's room is free."""
        new = self._work.received() - self._received
        busy = self._writing is not None or self._work.files.slot.copying.locked()
        if not new or busy:
            return False
        pace = self._work.pace
        return time.monotonic() - self._at >= pace.snapshot_s or new >= pace.snapshot_readings

    def copying(self) -> bool:
        """Whether slices of the state are still to be copied."""
        return self._copying is not None

    def written(self) -> bool:
        """Whether the file is there, or failed."""
        return self._writing is not None and self._writing.done()

    async def begin(self, alarms_end: int) -> None:
        """Copy the lane's state, all of whose outputs are told, and have it written.

        What is copied in slices only begins.
        """
        work, slot = self._work, self._work.files.slot
        await slot.copying.acquire()
        began = self._began = time.perf_counter()
        copying = asyncio.create_task(
            work.ports.compute(work.freeze, slot.room), name=f"{work.name}-copying"
        )
        try:
            frozen = await asyncio.shield(copying)
        except BaseException:
            # The thread cannot be called back: the room is free when its copy is there.
            copying.add_done_callback(lambda _: slot.copying.release())
            raise
        self._status.snapshot_hold_s = time.perf_counter() - began
        self._at, self._received = time.monotonic(), work.received()
        if isinstance(frozen, InSlices):
            self._rest.enter_context(collector.resting())
            self._copying = frozen, alarms_end
        else:
            self._write(frozen, alarms_end)

    async def copy(self) -> None:
        """Copy a slice; once there is none left, have the snapshot written."""
        assert self._copying is not None, "asked before"
        frozen, alarms_end = self._copying
        began, status = time.perf_counter(), self._status
        more = await self._work.ports.compute(frozen.more)
        status.snapshot_hold_s = max(status.snapshot_hold_s, time.perf_counter() - began)
        if not more:
            self._copying = None
            self._write(frozen, alarms_end)

    def _write(self, frozen: Frozen, alarms_end: int) -> None:
        work = self._work
        writing = asyncio.create_task(
            work.files.file(work.name, frozen, alarms_end), name=f"{work.name}-filing"
        )
        writing.add_done_callback(lambda _: self._filed())
        self._writing = writing

    def _filed(self) -> None:
        self._rest.close()
        self._work.files.slot.copying.release()

    async def finish(self) -> None:
        """Once the file is there, publish its manifest, sweep, then tell the group."""
        while self._copying is not None:
            await self.copy()
        if self._writing is None:
            return
        try:
            manifest = await self._writing
        except Exception:  # the lane recovers; a disk that stays full fails the next one too
            self._status.snapshots_in_vain += 1
            raise
        self._writing = None
        await self._log.publish(manifest)
        self._status.snapshot_at_s = time.time()
        self._status.snapshots_in_vain = 0
        self._status.snapshot_duration_s = time.perf_counter() - self._began
        self._status.snapshot_bytes = manifest.size or 0
        passing(Point.PUBLISHED)
        await self._work.files.sweep(self._work.name, manifest)
        passing(Point.SWEEP)
        await self._work.commit(manifest)
        passing(Point.COMMIT)
        self._status.snapshots += 1

    async def close(self) -> None:
        """Let go of a file that is being written; what comes of it is swept later."""
        if self._copying is not None:
            self._copying = None
            self._filed()
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)
