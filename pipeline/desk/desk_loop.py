"""One life of the desk stage between two recoveries: replay what was told, then run, then drain."""

import asyncio
import logging
import math
import time
from collections.abc import Iterator, Sequence
from typing import Final, TypeVar

from contracts.desk.journal import DeskChange, DeskEntry, DeskSwap, DeskTick, SetAside, Took
from contracts.desk.performance import Performance
from contracts.errors import DataLoss, FatalError, InputError
from contracts.journal import BODY_KEPT, COMMAND_BYTES, Refuse
from contracts.ports.alarm_source import AlarmPoll, AlarmRecord
from contracts.ports.lane_log import JournalLog, JournalPast, Manifest
from contracts.records import Records
from pipeline.desk.desk_context import DeskContext, DeskMemory
from pipeline.desk.desk_lane import DeskLane
from pipeline.lane.dead_letters import NOT_JUDGED
from pipeline.lane.judging import judged
from pipeline.worker.lane_loop import CALM_S, FETCHED_AHEAD
from pipeline.worker.loop_steps import carry_out, fetch_ahead
from pipeline.worker.snapshot_writer import SnapshotWork, SnapshotWriter

log = logging.getLogger("tocsin.desk")

LATE_S: Final = 5  # a clock that fires so long after its time behind a restart says that it is late
SURVEY_EVERY_S: Final = 30.0
F = TypeVar("F")


class DeskLoop:
    """The desk stage at work.

    Parameters
    ----------
    context : DeskContext
    lane : DeskLane
        As the snapshot left it.
    log : JournalLog
        Fenced already.
    past : JournalPast
        What the log held.
    memory : DeskMemory

    Attributes
    ----------
    ordered : int
        Offset behind the commands that were fetched and taken.
    """

    def __init__(
        self,
        context: DeskContext,
        lane: DeskLane,
        log: JournalLog[DeskEntry],
        past: JournalPast[DeskEntry],
        memory: DeskMemory,
    ) -> None:
        self._context, self._ports = context, context.ports
        self._lane, self._log, self._past, self._memory = lane, log, past, memory
        self._status = memory.status
        self._contact = context.contacts.of(lane.name.number)
        self._unwritten: list[DeskEntry] = []
        self._polls: asyncio.Queue[AlarmPoll | Exception] = asyncio.Queue(FETCHED_AHEAD)
        self._orders: asyncio.Queue[Records | Exception] = asyncio.Queue(FETCHED_AHEAD)
        self._came = asyncio.Event()
        self.ordered = 0
        self._ordered_at_birth = -1  # end of their log when this life began
        self._passed = False  # the world's knowledge
        self._settled = False  # whether all that waited for this life was taken
        self._surveyed_s = -math.inf  # when performance was last looked at, monotonic
        self._survey_left: Iterator[Performance | None] | None = None  # of the look at hand
        self._told_ms = 0  # stamp of the newest alarm taken
        self._marks_end = past.alarms_end
        self._status.fetched = 0
        lane.outputs_a_turn = min(lane.outputs_a_turn, context.transaction.outputs)
        work = SnapshotWork(
            lane.name,
            context.ports,
            context.files,
            context.pace,
            lambda _: lane.freeze(),
            lambda: lane.position + lane.journal,
            self._commit,
        )
        self._snapshot_writer = SnapshotWriter(work, log, self._status)

    async def pump(self) -> None:
        """Fetch ahead into bounded queues; a failed fetch travels through them too.

        Not before the stage has repeated what it told: that reads the same alarms.
        """
        await asyncio.gather(
            fetch_ahead(self._fetch_alarms, self._polls, self._came.set),
            fetch_ahead(self._fetch_commands, self._orders, self._came.set),
        )

    async def _fetch_alarms(self) -> AlarmPoll | None:
        # Not longer: a move past markers alone is not told before, and clocks wait for it.
        poll = await self._ports.alarms.fetch(self._context.pace.look_s)
        self._status.fetched += len(poll.records) if poll is not None else 0
        return poll

    async def _fetch_commands(self) -> Records | None:
        number, contact = self._lane.name.number, self._contact
        contact.ask()
        try:
            records = await self._ports.commands.fetch(number, 1.0)
        except DataLoss as error:  # no alarm is lost: the next life says which commands are
            raise FatalError(str(error)) from error
        contact.hear(self._ports.commands.view(number))
        self._status.answered_at_s = contact.answered_at_s
        self._status.hidden_at_s = contact.telemetry.since_s
        return records

    async def _wait(self) -> None:
        """Until something has come, but no longer than a look takes."""
        if self._snapshot_writer.copying() or not (self._polls.empty() and self._orders.empty()):
            return
        self._came.clear()
        look_s = self._context.pace.look_s
        try:
            async with asyncio.timeout(look_s):
                await self._came.wait()
        except TimeoutError:
            self._status.hungry_s += look_s

    async def replay(self, stopping: asyncio.Event) -> None:
        """Repeat what has been told, until the world's knowledge is passed."""
        self._status.phase = "replaying"
        lane = self._lane
        entries = [entry for _, entry in self._past.journal]
        lane.foretell(entries)
        await self._set_aside()
        for entry in entries:
            if stopping.is_set():
                return
            took = isinstance(entry.change, Took)
            slices = entry.change.slices if isinstance(entry.change, Took) else {}
            records = await self._ports.alarms.read(slices) if took else []
            await self._step(lane.applying(entry, records))
            self._status.taken += len(records)
            self._observe()
        if lane.outbox.strayed:
            raise lane.outbox.divergence(str(lane.name))
        self._passed = True
        lane.journal = max(lane.journal, self._past.journal_end)
        if await self._heed_deployment():
            await self.snapshot()

    async def _heed_deployment(self) -> bool:
        """Swap to the configuration that this process runs; whether that was another one."""
        wanted = self._context.deployed.config
        if self._lane.desk.config == wanted:
            return False
        await self._enter(DeskSwap(wanted))
        self._survey_left = None  # it looks at the desk of before
        return True

    async def _set_aside(self) -> None:
        """Say which records are passed over before anything that comes behind them is done."""
        lane = self._lane
        for (name, offset), why in sorted(self._memory.convicted.items()):
            known = (name, offset) in lane.set_aside or offset < lane.positions.get(name, 0)
            if known or any(_sets_aside(entry, name, offset) for _, entry in self._past.journal):
                continue
            log.error("%s: %s; the record at %s@%d is passed over", lane.name, why, name, offset)
            await self._enter(SetAside(name, offset, why))
            await self.tell()
            self._status.set_aside += 1

    async def run(self, stopping: asyncio.Event) -> None:
        """Take commands and alarms, tell outputs, until stopped; then drain.

        A stage stopped while it repeats leaves no snapshot, as a lane does not.
        """
        self._status.phase = "running"
        self._status.trouble = ""
        self._ordered_at_birth = await self._ports.commands.end_offset(self._lane.name.number)
        while not stopping.is_set():
            await self._wait()
            await self._take_commands()
            await self._take_alarms()
            await self._tick()
            await self._heed_deployment()
            await self.flush()
            if self._snapshot_writer.due():
                await self._snapshot_writer.begin(self._marks_end)
            elif self._snapshot_writer.copying():
                await self._snapshot_writer.copy()
            elif self._snapshot_writer.written():
                await self._snapshot_writer.finish()
            await self._survey()
            self._observe()
        self._status.phase = "stopping"
        if self._passed:
            await self.snapshot()

    async def _take_commands(self) -> None:
        """Carry out the commands that have come, each at its own entry; they go first.

        Those that waited for this life are taken before any clock moves: somebody may have answered
        in time what would fire now.
        """
        records = _taken(self._orders)
        if records is None:
            return
        if self._settled and len(records) and not self._alarms_wait():
            await self._advance(late=False, anyway=True)
        for index in range(len(records)):
            behind = int(records.offset[index]) + 1
            body = bytes((records.payload(index) or b"")[: COMMAND_BYTES + 1])
            change = await self._ports.compute(self._judge, body, behind)
            await self._enter(change, behind)
            refused = isinstance(change, Refuse)
            self._status.refusals += refused
            self._status.commands += not refused
        self.ordered = records.next_offset
        self._status.hungry_s = 0.0

    def _judge(self, body: bytes, behind: int) -> DeskChange:
        """The command in a record, or why it cannot be carried out."""
        kept = body[:BODY_KEPT].decode(errors="replace")
        if (why := self._memory.commands.get(behind)) is not None:
            return Refuse(NOT_JUDGED, why, kept)

        def verdict() -> DeskChange:
            desk = self._lane.desk
            found = self._context.judge(body, behind - 1, desk)
            if isinstance(found, Refuse):
                return found
            ground = desk.judge(found)
            return found if ground is None else Refuse(*ground, kept)

        try:
            return judged(verdict, f"the command {behind - 1}")
        except InputError as error:
            return Refuse(NOT_JUDGED, error.detail, kept)

    async def _take_alarms(self) -> None:
        """Take one poll, if one has come."""
        poll = _taken(self._polls)
        if poll is None:
            return
        self._status.fetched -= len(poll.records)
        if poll.records:
            began = time.perf_counter()
            await self._enter(Took(poll.slices, shelvings=True), records=poll.records)
            self._status.score_seconds += time.perf_counter() - began
            self._told_ms = max(record.stamp_ms for record in poll.records)
        self._lane.positions.update(poll.positions)
        self._status.hungry_s = 0.0

    async def _tick(self) -> None:
        """Move clocks that are due, once nothing waits: lag is not silence."""
        if self._caught_up():
            await self._advance(late=not self._settled)
            self._settled = True

    def _caught_up(self) -> bool:
        ordered = self._orders.empty() and 0 <= self._ordered_at_birth <= self.ordered
        return ordered and not self._alarms_wait()

    def _alarms_wait(self) -> bool:
        return not self._polls.empty() or self._ports.alarms.waiting() > 0

    async def _advance(self, *, late: bool, anyway: bool = False) -> None:
        """Journal what time it is, if a clock is due or somebody needs to know."""
        desk, now_s = self._lane.desk, self._ports.clock.now_ms() // 1000
        if now_s > desk.time_s and (anyway or await self._ports.compute(desk.due, now_s)):
            late = late and await self._ports.compute(desk.due, now_s - LATE_S)
            await self._enter(DeskTick(now_s, late))

    async def _enter(
        self,
        change: DeskChange,
        command: int | None = None,
        records: Sequence[AlarmRecord] = (),
    ) -> None:
        """Let an entry take effect; the next flush writes it, before what comes of it."""
        entry = DeskEntry(change, command)
        self._unwritten.append(entry)
        await self._step(self._lane.applying(entry, records))
        self._status.taken += len(records)

    async def _step(self, turns: Iterator[None]) -> None:
        """Carry out one step on the stage's thread, however much it has to tell."""
        lane = self._lane
        await carry_out(turns, self._ports, lane.outbox, str(lane.name), self)

    def full(self) -> bool:
        """Whether a transaction's worth of entries or outputs waits."""
        bound = self._context.transaction
        return len(self._unwritten) >= bound.outputs or self._lane.outbox.fills(bound)

    async def flush(self) -> None:
        """Tell the world what happened since the last flush, if anything did."""
        while self._unwritten or len(self._lane.outbox):
            await self.tell()

    async def tell(self) -> None:
        """Tell as much as one transaction holds, with a mark that says how far that is."""
        lane, status = self._lane, self._status
        entries, self._unwritten = self._unwritten, []
        messages = lane.outbox.take(self._context.transaction)
        began = time.perf_counter()
        lane.journal, self._marks_end = await self._log.flush(entries, messages, lane.mark())
        status.flushes += 1
        status.flush_seconds += time.perf_counter() - began
        kinds = [message.kind for message in messages]
        status.incidents += kinds.count("incident")
        status.notices += kinds.count("notice")
        status.currents += kinds.count("current")
        status.dead_letters += kinds.count("dead_letter")

    async def snapshot(self) -> None:
        """A snapshot of now, all the way to its manifest, while the stage waits."""
        await self._snapshot_writer.finish()
        await self.flush()
        await self._snapshot_writer.begin(self._marks_end)
        await self._snapshot_writer.finish()

    async def _commit(self, manifest: Manifest) -> None:
        await self._ports.commands.commit(self._lane.name.number, manifest.commands)

    async def close(self) -> None:
        """Let go of a snapshot that is on its way to its file."""
        self._contact.leave()
        await self._snapshot_writer.close()

    async def _survey(self) -> None:
        """Look at how desks are served every now and then, a piece of the open alarms a turn."""
        now_s = time.monotonic()
        if self._survey_left is None and now_s - self._surveyed_s >= SURVEY_EVERY_S:
            self._surveyed_s = now_s
            self._survey_left = self._lane.desk.surveying()
        if self._survey_left is not None:
            found = await self._ports.compute(next, self._survey_left)
            if found is not None:
                self._status.performance, self._survey_left = found, None

    def _observe(self) -> None:
        """Copy the stage's numbers to where Prometheus reads them."""
        status, lane = self._status, self._lane
        status.position = lane.position
        if lane.position > self._memory.furthest or status.hungry_s >= CALM_S:
            status.in_vain = 0
        status.lane_time_s = lane.desk.time_s
        status.open = lane.desk.counts()
        status.waiting = self._ports.alarms.waiting() + status.fetched
        behind_ms = self._ports.clock.now_ms() - self._told_ms
        status.behind_s = behind_ms / 1000 if status.waiting and self._told_ms else 0.0


def _taken(queue: "asyncio.Queue[F | Exception]") -> F | None:
    """What has come, None when nothing has; raises what went wrong."""
    if queue.empty():
        return None
    found = queue.get_nowait()
    if isinstance(found, Exception):
        raise found
    return found


def _sets_aside(entry: DeskEntry, lane: str, offset: int) -> bool:
    change = entry.change
    return isinstance(change, SetAside) and (change.lane, change.offset) == (lane, offset)
