"""Ownership of the desk stage: one life after another, until another process takes it over."""

import asyncio
import logging

from contracts.desk.journal import DeskEntry
from contracts.errors import Damaged, DataLoss, InputError
from contracts.ports.lane_log import JournalLog, JournalPast
from contracts.ports.status import DeskStatus
from pipeline.desk.desk_context import DeskContext, DeskMemory
from pipeline.desk.desk_lane import DeskLane, desk_name
from pipeline.desk.desk_loop import DeskLoop
from pipeline.snapshot.store import Snapshot
from pipeline.worker.lane_context import Ownership
from pipeline.worker.lane_runner import Runner

log = logging.getLogger("tocsin.desk")


class DeskRunner(Runner[DeskEntry, DeskLane, DeskMemory]):
    """Runs the desk stage while this process owns the partition of its commands.

    Parameters
    ----------
    context : DeskContext
    """

    def __init__(self, context: DeskContext) -> None:
        name, ports = desk_name(context.topics), context.ports
        owner = Ownership(
            ports.log_for,
            ports.commands.prove_membership,
            context.stopped_alarm,
            ports.clock,
            context.contacts,
        )
        status = DeskStatus(str(name))
        super().__init__(name, owner, DeskMemory(status))
        self.status: DeskStatus = status
        self._context = context

    def _suspect(self, error: InputError) -> None:
        self._memory.note(error)

    async def _restore(self, past: JournalPast[DeskEntry]) -> DeskLane | None:
        context = self._context

        def build(snapshot: Snapshot) -> DeskLane:
            return DeskLane.restored(context.topics, context.desk_for, snapshot)

        return await context.files.built(self.name, past, build)

    async def _state_lost(self, past: JournalPast[DeskEntry], error: Damaged) -> DataLoss:
        """No snapshot can be read: what the stage knew of open alarms is gone."""
        assert past.manifest is not None, "there was a snapshot to be read"
        first = past.manifest.journal
        last = max(past.journal_end - 1, first)
        return DataLoss(str(self.name), first, last, "journal entries", why=str(error))

    async def _newborn(self, past: JournalPast[DeskEntry]) -> DeskLane:
        """A stage that has never lived, at the beginning of all alarms and commands."""
        self._check_unborn(past)
        context = self._context
        desk = await context.ports.compute(context.desk_for, context.deployed.config)
        lane = DeskLane(context.topics, context.desk_for, desk)
        lane.journal = past.journal_end
        return lane

    async def _seek_commands(self, lane: DeskLane) -> int:
        """Go on behind the commands that were taken; say which ones nobody ever will take."""
        commands, number = self._context.ports.commands, self.name.number
        begin = await commands.beginning_offset(number)
        if 0 < lane.commands < begin:
            log.warning(
                "%s: expected commands from offset %d, the log starts at %d; those between were "
                "never carried out, widen the retention of %s and repeat them",
                *(self.name, lane.commands, begin, self.name.commands),
            )
        first = max(begin, lane.commands)
        await commands.seek(number, first)
        return first

    async def _live(self, lane_log: JournalLog[DeskEntry]) -> None:
        """Recover the stage and run it, in the order that the delivery design fixes."""
        self.status.recoveries += 1
        alarms, commands = self._context.ports.alarms, self._context.ports.commands
        # 1. Prove membership: a stranger must not fence the owner.
        await commands.prove_membership(self.name.number)
        # 2. Fence, 3. read the stage's partitions to their ends, 4. take the snapshot they name.
        past, lane = await self._restored(lane_log)
        if lane is None:
            lane = await self._newborn(past)
        lane.outbox.known = past.mark
        self._contact.begin(lane.commands)
        await alarms.seek(lane.positions)  # all that is behind the snapshot must still be there
        life = DeskLoop(self._context, lane, lane_log, past, self._memory)
        pumping: list[asyncio.Task[None]] = []
        try:
            if past.manifest is None:
                await life.snapshot()
            # 5. Repeat what was told, 6. go on.
            await life.replay(self._stopping)
            await alarms.seek(lane.positions)
            life.ordered = await self._seek_commands(lane)
            pumping.append(asyncio.create_task(life.pump(), name=f"{self.name}-fetch"))
            await life.run(self._stopping)
        finally:
            for task in pumping:
                task.cancel()
            await asyncio.gather(*pumping, return_exceptions=True)
            await life.close()
