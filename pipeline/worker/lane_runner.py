"""Ownership of one lane: one life after another, until it is revoked."""

import asyncio
import logging
import zlib
from abc import ABC, abstractmethod
from typing import Final, Generic, TypeVar

from contracts.errors import (
    Damaged,
    DataLoss,
    Diverged,
    Fenced,
    InputError,
    RetryableError,
    TocsinError,
    Unreadable,
)
from contracts.journal import Entry
from contracts.lane import LaneName
from contracts.ports.lane_log import JournalLog, JournalPast, LaneLog, Past
from contracts.ports.status import ErrorCause, LaneStatus
from contracts.seeded import seeded
from pipeline.lane.lane import Lane
from pipeline.worker.lane_context import LaneContext, LaneMemory, Memory, Ownership
from pipeline.worker.lane_loop import LaneLoop
from pipeline.worker.log_identity import check_log_identity
from runtime.backoff import Backoff, pause
from runtime.failpoints import Point, passing

log = logging.getLogger("tocsin.lane")

RETRY_S: Final = 0.5
RETRY_S_MAX: Final = 10.0  # brokers that come back are noticed soon
IN_VAIN_MAX: Final = 3  # recoveries at one position before that is an error of its own
LONG_LIFE_S: Final = 30.0
# Two files are kept; manifests of files that were damaged and swept may lie between theirs.
GENERATIONS_MAX: Final = 8


E = TypeVar("E")  # entries of its journal
L = TypeVar("L")  # its state
M = TypeVar("M", bound=Memory)


class Runner(ABC, Generic[E, L, M]):
    """Runs one lane, of whatever kind, from assignment to revocation.

    Any trouble, foreseen or not, drops log and state together, and the lane recovers from its last
    snapshot. Loss and divergence stop it for good: going on would hide them.

    Parameters
    ----------
    name : LaneName
    owner : Ownership
        What proves that the lane is this worker's, and tells when it stands.
    memory : Memory
        What outlives its recoveries.
    """

    def __init__(self, name: LaneName, owner: Ownership[E], memory: M) -> None:
        self.name = name
        self._owner = owner
        self._memory = memory
        self.status: LaneStatus = memory.status
        self._contact = owner.contacts.of(name.number)
        self._stopping = asyncio.Event()

    @abstractmethod
    async def _live(self, lane_log: JournalLog[E]) -> None:
        """One life, from recovery to revocation."""

    @abstractmethod
    async def _restore(self, past: JournalPast[E]) -> L | None:
        """State of the newest snapshot of a past, None when there is none."""

    @abstractmethod
    async def _state_lost(self, past: JournalPast[E], error: Damaged) -> DataLoss:
        """No snapshot can be read: what came behind the newest cannot be judged."""

    @abstractmethod
    def _suspect(self, error: InputError) -> None:
        """Remember an input whose judging raised."""

    def stop(self) -> None:
        """Drain: finish the batch at hand, flush, snapshot, commit, leave."""
        self._stopping.set()

    async def run(self) -> None:
        """Live until stopped, recovering from the start after anything goes wrong."""
        backoff = self._backoff()
        while not self._stopping.is_set():
            lane_log = self._owner.log_for(self.name)
            backoff.begin()
            try:
                await self._live(lane_log)
            except (DataLoss, Diverged) as error:
                self._fail(error)
                await self._ring(error)
                return
            except Exception as error:  # a lane must never stop unseen
                if isinstance(error, InputError):
                    self._suspect(error)
                self._stumble(error)
                await pause(backoff.delay_s(error), self._stopping)
            finally:
                await lane_log.close()

    def _backoff(self) -> Backoff:
        # Lanes that one outage struck do not come back to the brokers at the same moment.
        jitter = seeded(zlib.crc32(str(self.name).encode()))
        return Backoff(RETRY_S, RETRY_S_MAX, LONG_LIFE_S, jitter=jitter)

    def _fail(self, error: TocsinError) -> None:
        self.status.phase = "failed"
        self.status.trouble = str(error)
        log.critical("%s: stopped: %s", self.name, error)

    def _stumble(self, error: Exception) -> None:
        if isinstance(error, RetryableError):
            self._contact.fail()
        self.status.phase = "recovering"
        foreseen = isinstance(error, TocsinError | OSError)
        self.status.trouble = str(error) if foreseen else repr(error)
        plain = foreseen and not isinstance(error, InputError)
        trouble, trace = self.status.trouble, None if plain else error
        log.warning("%s: %s; recovering from the last snapshot", self.name, trouble, exc_info=trace)
        self.status.in_vain += 1
        cause = _cause(error)
        self.status.errors[cause] = self.status.errors.get(cause, 0) + 1
        memory = self._memory
        memory.furthest = max(memory.furthest, memory.position, self.status.position)
        if self.status.in_vain == IN_VAIN_MAX:
            log.error(
                "%s: recovered %d times and got no further than offset %d: %s; see %s",
                *(self.name, IN_VAIN_MAX, memory.furthest, trouble, "docs/standing.md"),
            )

    async def _ring(self, error: TocsinError) -> None:
        """Tell the world that the lane stands, as often as it takes."""
        owner, place = self._owner, self.name
        message = owner.stopped_alarm(place, error, owner.clock.now_ms())
        backoff = self._backoff()
        while not self._stopping.is_set():
            lane_log = owner.log_for(place)
            try:
                await owner.prove_membership(place.number)
                await lane_log.fence()
                await lane_log.emit(message, None)
            except Exception as trouble:  # the lane stands already; only the telling is tried again
                log.warning("%s: could not tell that it stands: %r", place, trouble)
                await pause(backoff.delay_s(trouble), self._stopping)
            else:
                self.status.revisions += 1
                return
            finally:
                await lane_log.close()

    async def _restored(self, lane_log: JournalLog[E]) -> tuple[JournalPast[E], L | None]:
        """The lane of the newest snapshot that can be read, and what came after it.

        Nobody else can add to the lane's partitions from here on; they are read to their ends.
        """
        await lane_log.fence()
        passing(Point.FENCE)
        found = await self._found(lane_log)
        passing(Point.RESTORE)
        return found

    async def _found(self, lane_log: JournalLog[E]) -> tuple[JournalPast[E], L | None]:
        newest = past = await lane_log.past()
        damage: list[Damaged] = []
        while True:
            try:
                return past, await self._restore(past)
            except Damaged as error:
                self.status.damaged_snapshots += 1
                damage.append(error)
                if past.previous is None or len(damage) == GENERATIONS_MAX:
                    if any(isinstance(one, Unreadable) for one in damage):
                        raise  # what a disk does not give now it may give the next time
                    raise await self._state_lost(newest, damage[0]) from error
                log.warning("%s: %s; going back to the snapshot before", self.name, error)
            past = await lane_log.past(len(damage))

    def _check_unborn(self, past: JournalPast[E]) -> None:
        """Refuse to begin a lane that has lived: the world would be told everything again."""
        if past.mark is not None:
            msg = (
                f"{self.name}: expected a manifest beside the outputs already told, found none; "
                "restore the manifests topic, or delete the lane's topics for a new beginning"
            )
            raise Diverged(msg)


class LaneRunner(Runner[Entry, Lane, LaneMemory]):
    """Runs one lane of a lifeline.

    Parameters
    ----------
    name : LaneName
    context : LaneContext
    """

    def __init__(self, name: LaneName, context: LaneContext) -> None:
        ports = context.ports
        owner = Ownership(
            ports.log_for,
            ports.telemetry.prove_membership,
            context.stopped_alarm,
            ports.clock,
            context.contacts,
        )
        status = LaneStatus(str(name), latency=context.latency, canaries=context.canaries)
        super().__init__(name, owner, LaneMemory(status))
        self._context = context

    def _suspect(self, error: InputError) -> None:
        self._memory.suspects.note(error)

    async def _restore(self, past: Past) -> Lane | None:
        return await self._context.snapshots.restore(self.name, past)

    async def _live(self, lane_log: LaneLog) -> None:
        """Recover the lane and run it, in the order that the delivery design fixes."""
        self.status.recoveries += 1
        telemetry = self._context.ports.telemetry
        # 1. Prove membership: a stranger must not fence the owner.
        await telemetry.prove_membership(self.name.number)
        # 2. Fence, 3. read the lane's partitions to their ends, 4. take the snapshot they name.
        past, lane = await self._restored(lane_log)
        if lane is None:
            lane = await self._newborn(past)
        await check_log_identity(telemetry, lane)
        lane.outbox.known = past.mark
        await telemetry.seek(self.name.number, lane.position)
        self._contact.begin(max(lane.position, past.mark.telemetry if past.mark else 0))
        life = LaneLoop(self._context, lane, lane_log, past, self._memory)
        if past.manifest is None:
            await life.snapshot()
        pump = asyncio.create_task(life.pump(), name=f"{self.name}-fetch")
        try:
            # 5. Repeat what was told, 6. go on.
            await life.replay(past.mark, self._stopping)
            await life.run(self._stopping)
        finally:
            pump.cancel()
            await asyncio.gather(pump, return_exceptions=True)
            await life.close()

    async def _state_lost(self, past: Past, error: Damaged) -> DataLoss:
        """No snapshot can be read: what came behind the newest cannot be judged."""
        assert past.manifest is not None, "there was a snapshot to be read"
        end = await self._context.ports.telemetry.end_offset(self.name.number)
        first = past.manifest.telemetry
        return DataLoss(str(self.name), first, max(end - 1, first), why=str(error))

    async def _newborn(self, past: Past) -> Lane:
        """A lane that has never lived, at the beginning of its log."""
        self._check_unborn(past)
        ports, snapshots = self._context.ports, self._context.snapshots
        first = await ports.telemetry.beginning_offset(self.name.number)
        lane = await ports.compute(
            snapshots.newborn, self.name, self._context.deployed.config, first
        )
        lane.journal = past.journal_end
        return lane


def _cause(error: Exception) -> ErrorCause:
    """Whose doing an error is; what a lane's log raises otherwise is its brokers'."""
    if isinstance(error, Fenced):
        return "fenced"
    if isinstance(error, InputError):
        return "input"
    if isinstance(error, Damaged | OSError):
        return "files"
    return "brokers" if isinstance(error, TocsinError) else "other"
