"""Snapshots of a lane: its state is copied while it waits, and written while it goes on."""

import asyncio
import time

from contracts.ports.lane_log import LaneLog, Manifest
from contracts.ports.status import LaneStatus
from pipeline.lane.lane import Lane
from pipeline.snapshot.lane_state import freeze
from pipeline.worker.lane_context import LaneContext
from runtime.failpoints import Point, passing


class SnapshotWriter:
    """The snapshot of one lane that is on its way, if there is one.

    Parameters
    ----------
    context : LaneContext
    lane : Lane
    log : LaneLog
    status : LaneStatus
    """

    def __init__(self, context: LaneContext, lane: Lane, log: LaneLog, status: LaneStatus) -> None:
        self._context, self._lane, self._log, self._status = context, lane, log, status
        self._writing: asyncio.Task[Manifest] | None = None
        self._at = time.monotonic()
        self._readings = lane.accounts.received

    def due(self) -> bool:
        """Whether another one is to begin: enough is new, and the worker's room is free."""
        new = self._lane.accounts.received - self._readings
        if not new or self._writing is not None or self._context.snapshots.slot.copying.locked():
            return False
        pace = self._context.pace
        return time.monotonic() - self._at >= pace.snapshot_s or new >= pace.snapshot_readings

    def written(self) -> bool:
        """Whether the file is there, or failed."""
        return self._writing is not None and self._writing.done()

    async def begin(self, alarms_end: int) -> None:
        """Copy the lane's state, all of whose outputs are told, and have it written."""
        lane, snapshots = self._lane, self._context.snapshots
        await snapshots.slot.copying.acquire()
        began = time.perf_counter()
        copying = asyncio.create_task(
            self._context.ports.compute(freeze, lane, snapshots.slot.room),
            name=f"{lane.name}-copying",
        )
        try:
            frozen = await asyncio.shield(copying)
        except BaseException:
            # The thread cannot be called back: the room is free when its copy is there.
            copying.add_done_callback(lambda _: snapshots.slot.copying.release())
            raise
        self._status.snapshot_hold_s = time.perf_counter() - began
        writing = asyncio.create_task(
            snapshots.file(lane.name, frozen, alarms_end), name=f"{lane.name}-filing"
        )
        writing.add_done_callback(lambda _: snapshots.slot.copying.release())
        self._writing = writing
        self._at, self._readings = time.monotonic(), lane.accounts.received

    async def finish(self) -> None:
        """Once the file is there, publish its manifest, sweep, then tell the group."""
        if self._writing is None:
            return
        manifest = await self._writing
        self._writing = None
        name = self._lane.name
        await self._log.publish(manifest)
        passing(Point.PUBLISHED)
        await self._context.snapshots.sweep(name, manifest)
        passing(Point.SWEEP)
        await self._context.ports.telemetry.commit(name.number, manifest.telemetry)
        passing(Point.COMMIT)
        self._status.snapshots += 1

    async def close(self) -> None:
        """Let go of a file that is being written; what comes of it is swept later."""
        if self._writing is not None:
            self._writing.cancel()
            await asyncio.gather(self._writing, return_exceptions=True)
