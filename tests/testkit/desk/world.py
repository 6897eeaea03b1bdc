"""The desk stage and the world around it in memory, with everything that outlives a process."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec

from contracts.desk.commands import DeskCommand
from contracts.desk.journal import DeskEntry, Took
from contracts.errors import DataLoss, LogCut, TocsinError
from contracts.journal import Refuse
from contracts.lane import LaneName
from contracts.ports.alarm_source import AlarmPoll, AlarmRecord, RecordKind, Slices
from contracts.ports.desk import Desk
from contracts.ports.lane_log import Manifest, Message, OutputMark
from contracts.topics import TopicNames
from pipeline.desk.desk_context import DeskContext, DeskPorts
from pipeline.desk.desk_lane import DeskLane
from pipeline.desk.desk_runner import DeskRunner
from pipeline.lane.lane import exhaust
from pipeline.lane.outbox import TransactionBound
from pipeline.snapshot.copy_buffer import SnapshotSlot
from pipeline.snapshot.snapshots import SnapshotFiles
from pipeline.worker.broker_contact import BrokerContacts
from pipeline.worker.lane_context import Deployment, Pace
from runtime.queues import OneThread
from sinks.kafka.desk_log import desk_layout
from tests.testkit.desk.alarms import BEGAN_S
from tests.testkit.desk.plain_desk import PlainDesk
from tests.testkit.memory_broker import MemoryBroker, Written
from tests.testkit.memory_ports import (
    ANSWER_S,
    MemoryJournalLog,
    MemoryStream,
    MemoryTelemetry,
    WoundClock,
)
from tests.testkit.planned_faults import Faults, Step
from tests.testkit.world import WAIT_S, StruckStore

LANES = ("power-0", "water-0", "water-1")
PACE = Pace(look_s=0.0005, snapshot_s=3600.0, snapshot_readings=60)
TOPICS = TopicNames()
LAYOUT = desk_layout(TOPICS)
POLL_MAX = 40
KINDS: dict[str, RecordKind] = {"alarm": "revision", "shelving": "shelving"}
_COMMAND = msgspec.json.Decoder(DeskCommand)


def judge(body: bytes, offset: int, _: Desk) -> DeskCommand | Refuse:
    """The command in a body, unsigned."""
    try:
        command: DeskCommand = _COMMAND.decode(body)
    except msgspec.DecodeError as error:
        return Refuse("bad_command", f"{offset}: {error}", body.decode(errors="replace"))
    return command


def place_of(lane: str) -> str:
    """Partition of a lane's alarms."""
    lifeline, _, number = lane.rpartition("-")
    return f"{TOPICS.alarms(lifeline)}[{number}]"


class MemoryAlarms:
    """`AlarmSource` over a memory broker, cut anyhow.

    Parameters
    ----------
    broker : MemoryBroker
    faults : Faults
    seed : int
        Chooses the cuts.
    """

    def __init__(self, broker: MemoryBroker, faults: Faults, seed: int) -> None:
        self._broker = broker
        self._faults = faults
        self._chance = random.Random(seed)
        self._positions: dict[str, int] = {}

    async def seek(self, positions: Mapping[str, int]) -> None:
        await self._faults.reach(Step.SEEK)
        for lane in LANES:
            self._written(lane, positions.get(lane))
        self._positions = {lane: positions.get(lane, 0) for lane in LANES}

    def _written(self, lane: str, first: int | None) -> tuple[list[Written], int]:
        return self._broker.committed(place_of(lane), first, "alarms")

    async def fetch(self, timeout_s: float) -> AlarmPoll | None:
        await self._faults.reach(Step.FETCH)
        records: list[AlarmRecord] = []
        moved: dict[str, int] = {}
        for lane in LANES:
            if self._chance.random() < 0.3:
                continue
            written, end = self._written(lane, self._positions[lane])
            most = self._chance.randint(1, POLL_MAX)
            taken = written[:most]
            behind = taken[-1].offset + 1 if len(taken) < len(written) else end
            if behind > self._positions[lane]:
                records += _alarms(lane, taken)
                moved[lane] = behind
        self._positions |= moved
        if moved:
            return AlarmPoll(records, moved)
        await asyncio.sleep(min(timeout_s, ANSWER_S / 10))
        return None

    async def read(self, slices: Slices) -> list[AlarmRecord]:
        await self._faults.reach(Step.SCORE)
        return sliced(self._broker, slices)

    def waiting(self) -> int:
        ends = {lane: self._broker.committed(place_of(lane))[1] for lane in LANES}
        return sum(ends[lane] - self._positions.get(lane, 0) for lane in LANES)


def sliced(broker: MemoryBroker, slices: Slices) -> list[AlarmRecord]:
    """Records of some slices."""
    found: list[AlarmRecord] = []
    for lane in sorted(slices):
        first, behind = slices[lane]
        written, end = broker.committed(place_of(lane), first, "alarms")
        if end < behind:
            raise LogCut(place_of(lane), end, behind, "alarms")
        found += _alarms(lane, [one for one in written if one.offset < behind])
    return found


def _alarms(lane: str, written: Sequence[Written]) -> list[AlarmRecord]:
    return [
        AlarmRecord(lane, one.offset, BEGAN_S * 1000, one.body, KINDS[one.kind])
        for one in written
        if one.kind in KINDS
    ]


def stopped_notice(name: LaneName, error: TocsinError, now_ms: int) -> Message:
    """What is told of a stage that stands."""
    kind = "data_loss" if isinstance(error, DataLoss) else "diverged"
    return Message("notice", f"n-{name}-{kind}".encode(), str(error).encode())


@dataclass
class DeskWorld:
    """What outlives processes, and a way to start one.

    Parameters
    ----------
    state : Path
    transaction : TransactionBound
        A small one makes a storm of few outputs.
    """

    state: Path
    transaction: TransactionBound = field(default_factory=TransactionBound)
    desk_for: Callable[[str], Desk] = PlainDesk
    broker: MemoryBroker = field(default_factory=MemoryBroker)
    orders: MemoryStream = field(default_factory=MemoryStream)
    clock: WoundClock = field(default_factory=lambda: WoundClock(BEGAN_S * 1000))
    faults: Faults = field(default_factory=Faults)
    processes: int = 0

    def shelve(self, lane: str, body: bytes) -> None:
        """Add what a lane tells of a shelving."""
        self._add(lane, "shelving", [body])

    def ring(self, lane: str, *bodies: bytes) -> None:
        """Add alarm revisions, and the mark of a lane behind them."""
        self._add(lane, "alarm", bodies)

    def _add(self, lane: str, kind: str, bodies: Sequence[bytes]) -> None:
        writer = f"writer-{lane}"
        epoch = self.broker.fence(writer)
        self.broker.begin(writer, epoch)
        for body in bodies:
            self.broker.send(writer, epoch, place_of(lane), (kind, b"", body))
        self.broker.send(writer, epoch, place_of(lane), ("mark", b"mark", b"{}"))
        self.broker.commit(writer, epoch)

    def command(self, **fields: Any) -> None:
        """Send a command."""
        body = msgspec.json.encode({"by": "li.wei", **fields})
        self.orders.add([(self.clock.time_ms, body)])

    @contextmanager
    def context(self, config: str = "first", pace: Pace = PACE) -> Iterator[DeskContext]:
        """What one process runs the stage by; `commands` is the newest one's."""
        self.processes += 1
        self.commands = MemoryTelemetry({0: self.orders}, self.faults, seed=self.processes)
        with OneThread("scoring") as scoring, OneThread("snapshot_file") as filing:
            yield DeskContext(
                DeskPorts(
                    self.commands,
                    MemoryAlarms(self.broker, self.faults, self.processes),
                    self._log_for,
                    self.clock,
                    scoring,
                ),
                SnapshotFiles(StruckStore(str(self.state), self.faults), SnapshotSlot(filing)),
                TOPICS,
                self.desk_for,
                Deployment(config),
                judge,
                pace,
                stopped_notice,
                BrokerContacts(self.clock),
                self.transaction,
            )

    def _log_for(self, name: LaneName) -> MemoryJournalLog[DeskEntry]:
        return MemoryJournalLog(name, LAYOUT, self.broker, self.faults)

    def journal(self) -> list[DeskEntry]:
        """The committed journal."""
        written, _ = self.broker.committed(str(LAYOUT.journal))
        return [LAYOUT.decode(one.body) for one in written]

    def manifests(self) -> list[Manifest]:
        """Committed manifests."""
        written, _ = self.broker.committed(str(LAYOUT.manifests))
        return [msgspec.json.decode(one.body, type=Manifest) for one in written]

    def marks(self) -> list[OutputMark]:
        """Committed marks."""
        written, _ = self.broker.committed(str(LAYOUT.marks))
        return [
            msgspec.json.decode(one.body, type=OutputMark) for one in written if one.kind == "mark"
        ]

    def told(self, kind: str) -> list[Message]:
        """Committed outputs of a kind, in order."""
        written, _ = self.broker.committed(str(LAYOUT.place_of(kind)))
        return [Message(one.kind, one.key, one.body) for one in written if one.kind == kind]

    def replayed(
        self, entries: Sequence[DeskEntry] | None = None
    ) -> tuple[DeskLane, list[Message]]:
        """A calm stage that has lived its journal, or another one, and what it told."""
        lane = DeskLane(TOPICS, self.desk_for, self.desk_for("first"))
        entries = self.journal() if entries is None else entries
        lane.foretell(entries)
        told: list[Message] = []
        for entry in entries:
            took = entry.change
            records = sliced(self.broker, took.slices) if isinstance(took, Took) else []
            exhaust(lane.applying(entry, records))
            told += lane.outbox.take()
        return lane, told


class DeskCrew:
    """Who holds the stage now: a test may let another take over."""

    def __init__(self, world: DeskWorld, context: DeskContext) -> None:
        self.world = world
        self._tasks: list[asyncio.Task[None]] = []
        self.hire(context)

    def hire(self, context: DeskContext) -> None:
        """Let a new runner hold the stage; the former one goes on as it can."""
        self.runner = DeskRunner(context)
        self.task = asyncio.create_task(self.runner.run())
        self._tasks.append(self.task)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until a condition holds while the stage runs."""
        try:
            async with asyncio.timeout(WAIT_S):
                while not holds():
                    assert not self.task.done(), (self.runner.status, self.task)
                    await asyncio.sleep(0.001)
        except TimeoutError:
            raise AssertionError(self.runner.status, self.world.faults.fallen) from None

    async def caught_up(self) -> None:
        """Wait until it has taken, told and ticked everything that is there."""
        world = self.world
        alarms = sum(
            one.kind in KINDS for lane in LANES for one in world.broker.committed(place_of(lane))[0]
        )
        commands = len(world.orders.rows)

        def holds() -> bool:
            journal = world.journal()
            status = self.runner.status
            obeyed = sum(entry.command is not None for entry in journal)
            calm = status.phase == "running" and status.hungry_s > 0
            return calm and status.position == alarms and obeyed == commands

        await self.until(holds)

    async def drain(self) -> None:
        """Stop as a revocation does; whoever took over meanwhile stops, too."""
        task: asyncio.Task[None] | None = None
        async with asyncio.timeout(WAIT_S):
            while task is not self.task:
                task = self.task
                self.runner.stop()
                await asyncio.wait({task})
        await task

    async def kill(self) -> None:
        """Leave without a goodbye, former ones too."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def on_duty(world: DeskWorld, context: DeskContext) -> AsyncIterator[DeskCrew]:
    """A stage that is let go at the end, whatever happened."""
    crew = DeskCrew(world, context)
    try:
        yield crew
    finally:
        await crew.kill()
