"""A lane and the world around it in memory, with everything that outlives a worker."""

import asyncio
import errno
import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

import msgspec

from configuration.configuration import Configuration
from configuration.lane_plan import Plan, stopped_alarm
from contracts.alarm import Alarm, decode_alarm
from contracts.batch import Batch
from contracts.journal import Entry
from contracts.lane import LaneName
from contracts.ports.lane_log import Manifest, Message, OutputMark
from contracts.ports.lane_parts import Decoder, Parts
from contracts.records import Records
from contracts.topics import TopicNames
from ingest.limits import DecodeLimits
from pipeline.lane.lane import Lane
from pipeline.lane.outbox import TransactionBound
from pipeline.lane.replay import replay
from pipeline.snapshot.copy_buffer import SnapshotSlot
from pipeline.snapshot.snapshots import Snapshots
from pipeline.snapshot.store import SnapshotStore, unpack
from pipeline.worker.broker_contact import AWAY_S, BrokerContacts
from pipeline.worker.lane_context import Deployment, LaneContext, LanePorts, Pace
from pipeline.worker.lane_runner import LaneRunner
from runtime.queues import OneThread
from tests.testkit import city
from tests.testkit.memory_broker import MemoryBroker, Written
from tests.testkit.memory_ports import (
    MemoryCommands,
    MemoryLog,
    MemoryStream,
    MemoryTelemetry,
    WoundClock,
)
from tests.testkit.planned_faults import Faults, Step

LANES = 2
WAIT_S = 60.0
PACE = Pace(look_s=0.0005, snapshot_s=3600.0, snapshot_readings=200, canary_s=3600.0, copy_s=0.0)
ALARMS = "tocsin.alarms.water[{}]"
JOURNAL = "tocsin.journal.water[{}]"
MANIFESTS = "tocsin.manifests.water[{}]"
LETTERS = "tocsin.dead-letters[0]"
WHISPERS = "tocsin.shadow[0]"


@dataclass(frozen=True, slots=True)
class Plans:
    """Two configurations of the same small city, which differ in a delay."""

    first: Plan
    second: Plan
    channels: list[str]

    @classmethod
    def make(cls, folder: Path) -> "Plans":
        channels = city.configure(folder / "first", groups=4, lanes=LANES, state=folder)
        city.configure(folder / "second", groups=4, lanes=LANES, state=folder)
        pack = folder / "second" / "water" / "level.yaml"
        pack.write_text(re.sub(r"on_delay: \d+ ms", "on_delay: 900 ms", pack.read_text(), count=1))
        first, second = (
            Plan(Configuration.load(folder / name), "water", TopicNames(), DecodeLimits())
            for name in ("first", "second")
        )
        assert first.configuration.hash != second.configuration.hash
        return cls(first, second, channels)

    def parts_for(self, config: str, name: LaneName) -> Parts:
        """Parts of an honest build."""
        for plan in (self.first, self.second):
            if plan.configuration.hash == config:
                return plan.parts(name.number)
        raise AssertionError(config)

    def changed(self, config: str, name: LaneName) -> Parts:
        """Parts of a build that tells something else under the same configuration."""
        other = self.first if config == self.second.configuration.hash else self.second
        return replace(other.parts(name.number), config=config)


class StruckDecoder:
    """A decoder on the scoring thread that may fail."""

    def __init__(self, decoder: Decoder, faults: Faults) -> None:
        self._decoder = decoder
        self._faults = faults

    def decode(self, records: Records) -> Batch:
        self._faults.strike(Step.SCORE)
        return self._decoder.decode(records)


class StruckStore(SnapshotStore):
    """A store whose disk may be full, or whose writer may die right after the file."""

    def __init__(self, location: str, faults: Faults) -> None:
        super().__init__(location)
        self._faults = faults

    def write(self, lane: str, *pieces: bytes | memoryview) -> tuple[str, str]:
        self._faults.strike(Step.FILE)
        written = super().write(lane, *pieces)
        self._faults.strike(Step.FILED)
        return written


FULL = OSError(errno.ENOSPC, "No space left on device")


@dataclass
class World:
    """What outlives workers, and a way to start one.

    Parameters
    ----------
    plans : Plans
    state : Path
    store : str
        Address of an object store to keep snapshots in, instead of `state`.
    transaction : TransactionBound
        Of every lane; a small one makes a storm of few outputs.
    away_s : float
        How long its brokers may not answer before they count as away.
    """

    plans: Plans
    state: Path
    broker: MemoryBroker = field(default_factory=MemoryBroker)
    streams: dict[int, MemoryStream] = field(
        default_factory=lambda: {n: MemoryStream() for n in range(LANES)}
    )
    clock: WoundClock = field(default_factory=WoundClock)
    faults: Faults = field(default_factory=Faults)
    store: str = ""
    transaction: TransactionBound = field(default_factory=TransactionBound)
    away_s: float = AWAY_S
    telemetry: MemoryTelemetry = field(init=False)
    workers: int = 0

    def __post_init__(self) -> None:
        self.commands = MemoryCommands(faults=self.faults)

    @property
    def location(self) -> str:
        """Where snapshots lie."""
        return self.store or str(self.state)

    @contextmanager
    def context(
        self,
        plan: Plan | None = None,
        parts_for: Callable[[str, LaneName], Parts] | None = None,
        pace: Pace = PACE,
    ) -> Iterator[LaneContext]:
        """What one worker runs its lanes by; `telemetry` is the newest worker's."""
        parts_for = parts_for or self.plans.parts_for

        def struck(config: str, name: LaneName) -> Parts:
            parts = parts_for(config, name)
            return replace(parts, decoder=StruckDecoder(parts.decoder, self.faults))

        self.workers += 1
        self.telemetry = MemoryTelemetry(self.streams, self.faults, seed=self.workers)
        with OneThread("scoring") as scoring, OneThread("snapshot_file") as filing:
            yield LaneContext(
                LanePorts(self.telemetry, self.commands, self.log_for, self.clock, scoring),
                Snapshots(StruckStore(self.location, self.faults), struck, SnapshotSlot(filing)),
                Deployment((plan or self.plans.first).configuration.hash),
                pace,
                partial(stopped_alarm, (plan or self.plans.first).configuration.civil_time),
                BrokerContacts(self.clock, self.away_s),
                transaction=self.transaction,
            )

    def log_for(self, name: LaneName) -> MemoryLog:
        """A log of a lane."""
        return MemoryLog(name, self.broker, self.faults)

    def name(self, number: int = 0) -> LaneName:
        return self.plans.first.name(number)

    def journal(self, number: int = 0) -> list[tuple[int, Entry]]:
        """Committed journal of a lane."""
        written, _ = self.broker.committed(JOURNAL.format(number))
        return [(w.offset, msgspec.json.decode(w.body, type=Entry)) for w in written]

    def marks(self, number: int = 0) -> list[OutputMark]:
        """Committed marks of a lane."""
        written, _ = self.broker.committed(ALARMS.format(number))
        return [msgspec.json.decode(w.body, type=OutputMark) for w in written if w.kind == "mark"]

    def manifests(self, number: int = 0) -> list[Manifest]:
        """Committed manifests of a lane."""
        written, _ = self.broker.committed(MANIFESTS.format(number))
        return [msgspec.json.decode(w.body, type=Manifest) for w in written]

    def told(self, number: int = 0) -> dict[str, list[Message]]:
        """Committed outputs of a lane by kind, in partition order."""
        name = str(self.name(number)).encode()
        alarms, _ = self.broker.committed(ALARMS.format(number))
        letters, _ = self.broker.committed(LETTERS)
        return {
            "alarm": [m for m in _alarms(alarms) if not _of_the_lane_itself(m)],
            "dead_letter": [
                Message(w.kind, w.key, w.body) for w in letters if w.key.startswith(name + b"@")
            ],
        }

    def shelvings(self, number: int = 0) -> list[Message]:
        """Committed records of what was shelved and shown again, in partition order."""
        written, _ = self.broker.committed(ALARMS.format(number))
        return [Message(w.kind, w.key, w.body) for w in written if w.kind == "shelving"]

    def whispered(self) -> list[Message]:
        """Committed outputs of shadows."""
        written, _ = self.broker.committed(WHISPERS)
        return [Message(w.kind, w.key, w.body) for w in written]

    def stopped_alarm(self, number: int = 0) -> list[Alarm]:
        """Committed alarms of a lane about itself."""
        alarms, _ = self.broker.committed(ALARMS.format(number))
        return [decode_alarm(m.body) for m in _alarms(alarms) if _of_the_lane_itself(m)]

    def golden(self, number: int = 0, plan: Plan | None = None) -> list[Message]:
        """Outputs of a calm replay over (telemetry, committed journal)."""
        return self.replayed(number, plan)[1]

    def replayed(self, number: int = 0, plan: Plan | None = None) -> tuple[Lane, list[Message]]:
        """The lane of that replay, and its outputs."""
        config = (plan or self.plans.first).configuration.hash
        name = self.name(number)
        store = SnapshotStore(self.location)
        lane = Lane(
            name,
            self.plans.parts_for(config, name),
            lambda c: self.plans.parts_for(c, name),
            lambda learned: unpack(store.bundle(learned)).arrays,
        )
        told = list(replay(lane, [self.streams[number].records()], self.journal(number)))
        assert lane.accounts.balanced()
        return lane, told


def _alarms(written: Iterable[Written]) -> list[Message]:
    return [Message(w.kind, w.key, w.body) for w in written if w.kind == "alarm"]


def _of_the_lane_itself(message: Message) -> bool:
    return decode_alarm(message.body).channel.startswith("tocsin.")


class Crew:
    """Who holds a lane now: a test may let another take over."""

    def __init__(self, world: World, context: LaneContext, number: int = 0) -> None:
        self.world, self.context = world, context
        self._number = number
        self._tasks: list[asyncio.Task[None]] = []
        self.hire(context)

    def hire(self, context: LaneContext) -> None:
        """Let a new runner hold the lane; the former one goes on as it can."""
        self.runner = LaneRunner(self.world.name(self._number), context)
        self.task = asyncio.create_task(self.runner.run())
        self._tasks.append(self.task)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until a condition holds while the lane runs."""
        try:
            async with asyncio.timeout(WAIT_S):
                while not holds():
                    assert not self.task.done(), (self.runner.status, self.task)
                    await asyncio.sleep(0.001)
        except TimeoutError:
            raise AssertionError(self.runner.status, self.world.faults.fallen) from None

    async def drain(self) -> None:
        """Stop as a revocation does."""
        self.runner.stop()
        async with asyncio.timeout(WAIT_S):
            await self.task

    async def kill(self) -> None:
        """Leave without a goodbye, former ones too."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def holding(world: World, context: LaneContext, number: int = 0) -> AsyncIterator[Crew]:
    """A crew that is let go at the end, whatever happened."""
    crew = Crew(world, context, number)
    try:
        yield crew
    finally:
        await crew.kill()
