"""The lane's doors to the world, in memory."""

import asyncio
import random
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import msgspec

from contracts.errors import DataLoss, Diverged, Fenced
from contracts.journal import Entry
from contracts.lane import LaneName
from contracts.ports.lane_log import JournalPast, Manifest, Message, OutputMark
from contracts.ports.source import LogView
from contracts.records import Records
from contracts.topics import TopicNames
from sinks.kafka.log_layout import LogLayout, Place, lane_layout
from tests.testkit.memory_broker import MemoryBroker, Written
from tests.testkit.planned_faults import Faults, Step

NOBODY = -1
AWAY_FETCH_S = 0.01
ANSWER_S = 0.02  # a broker that has nothing says so
E = TypeVar("E")


class MemoryJournalLog(Generic[E]):
    """`JournalLog` over a memory broker, which may be struck at every step.

    Parameters
    ----------
    lane : LaneName
    layout : LogLayout
    broker : MemoryBroker
        Shared by all logs, dead and alive.
    faults : Faults, optional
    """

    def __init__(
        self,
        lane: LaneName,
        layout: LogLayout[E],
        broker: MemoryBroker,
        faults: Faults | None = None,
    ) -> None:
        self._lane = lane
        self._layout = layout
        self._broker = broker
        self._faults = faults or Faults()
        self._epoch = NOBODY
        self._journal_end = 0

    async def fence(self) -> None:
        await self._faults.reach(Step.FENCE)
        self._epoch = self._broker.fence(str(self._lane))

    async def past(self, back: int = 0) -> JournalPast[E]:
        await self._faults.reach(Step.PAST)
        layout = self._layout
        found = self._read(layout.manifests)[0]
        kept = found[: max(len(found) - back, 0)][-2:]
        manifests = [self._own(w, layout.manifests, Manifest) for w in kept]
        manifest = manifests[-1] if manifests else None
        journal = manifest and manifest.journal
        entries, self._journal_end = self._read(layout.journal, journal, "journal entries")
        told, alarms_end = self._read(layout.marks, manifest and manifest.alarms, "alarms")
        marks = [w for w in told if w.kind == "mark"]
        return JournalPast(
            manifest,
            manifests[0] if len(manifests) > 1 else None,
            [(w.offset, self._entry(w)) for w in entries],
            self._own(marks[-1], layout.marks, OutputMark) if marks else None,
            self._journal_end,
            alarms_end,
        )

    def _read(
        self, place: Place, first: int | None = None, what: str = "records"
    ) -> tuple[list[Written], int]:
        return self._broker.committed(str(place), first, what)

    def _entry(self, written: Written) -> E:
        try:
            return self._layout.decode(written.body)
        except msgspec.DecodeError as error:
            where = f"{self._layout.journal}@{written.offset}"
            raise Diverged(f"{where}: expected the lane's own Entry") from error

    def _own(self, written: Written, place: Place, kind: type[Any]) -> Any:
        try:
            return msgspec.json.decode(written.body, type=kind)
        except msgspec.DecodeError as error:
            where = f"{place}@{written.offset}"
            raise Diverged(f"{where}: expected the lane's own {kind.__name__}") from error

    async def flush(
        self, entries: list[E], messages: list[Message], mark: OutputMark
    ) -> tuple[int, int]:
        broker, writer, faults = self._broker, str(self._lane), self._faults
        layout = self._layout
        await faults.reach(Step.BEGIN)
        broker.begin(writer, self._epoch)
        end = self._journal_end
        for entry in entries:
            body = layout.encode(entry)
            end = self._send(layout.journal, ("entry", writer.encode(), body)) + 1
        await faults.reach(Step.BETWEEN)
        for message in messages:
            self._send(layout.place(message), (message.kind, message.key, message.body))
        body = msgspec.json.encode(msgspec.structs.replace(mark, journal=end))
        place = self._send(layout.marks, ("mark", b"mark", body))
        await faults.reach(Step.COMMIT)
        broker.commit(writer, self._epoch)
        await faults.reach(Step.ANSWER)
        self._journal_end = end
        return end, place + 1

    def _send(self, place: Place, record: tuple[str, bytes, bytes]) -> int:
        return self._broker.send(str(self._lane), self._epoch, str(place), record)

    async def emit(self, message: Message, since: int | None) -> bool:
        place = self._layout.place(message)
        if any(written.key == message.key for written in self._read(place, since)[0]):
            return False
        writer = str(self._lane)
        self._broker.begin(writer, self._epoch)
        self._send(place, (message.kind, message.key, message.body))
        self._broker.commit(writer, self._epoch)
        return True

    async def publish(self, manifest: Manifest) -> None:
        writer = str(self._lane)
        self._broker.begin(writer, self._epoch)
        body = msgspec.json.encode(manifest)
        self._send(self._layout.manifests, ("manifest", writer.encode(), body))
        await self._faults.reach(Step.PUBLISH)
        self._broker.commit(writer, self._epoch)
        await self._faults.reach(Step.PUBLISHED)

    async def close(self) -> None:
        self._epoch = NOBODY


class MemoryLog(MemoryJournalLog[Entry]):
    """`LaneLog` of a lane of a lifeline.

    Parameters
    ----------
    lane : LaneName
    broker : MemoryBroker
    faults : Faults, optional
    topics : TopicNames, optional
    """

    def __init__(
        self,
        lane: LaneName,
        broker: MemoryBroker,
        faults: Faults | None = None,
        topics: TopicNames | None = None,
    ) -> None:
        super().__init__(lane, lane_layout(lane, topics or TopicNames()), broker, faults)


@dataclass
class MemoryStream:
    """A telemetry partition: rows with holes between them."""

    rows: list[tuple[int, int, bytes | None]] = field(default_factory=list)
    begin: int = 0
    end: int = 0
    came: asyncio.Event = field(default_factory=asyncio.Event)

    def add(self, messages: Iterable[tuple[int, bytes | None]]) -> None:
        """Add (timestamp, payload) messages, and the marker of a transaction behind them."""
        for timestamp_ms, payload in messages:
            self.rows.append((self.end, timestamp_ms, payload))
            self.end += 1
        self.end += 1
        self.came.set()

    def records(self) -> Records:
        """Everything at once."""
        return Records.of(self.rows, self.end)


class MemoryTelemetry:
    """`Telemetry` of one worker over streams that all workers share, cut anyhow.

    Parameters
    ----------
    streams : dict of int to MemoryStream
        By lane.
    faults : Faults, optional
    seed : int
        Chooses the cuts.
    """

    def __init__(
        self, streams: dict[int, MemoryStream], faults: Faults | None = None, seed: int = 0
    ) -> None:
        self._streams = streams
        self._faults = faults or Faults()
        self._chance = random.Random(seed)
        self._position: dict[int, int] = {}
        self._answers = 0
        self.away = False  # as if no broker answered
        self.hidden = 0  # records behind the last that may be read
        self.member = True
        self.committed: dict[int, int] = {}

    async def fetch(self, lane: int, timeout_s: float) -> Records | None:
        await self._faults.reach(Step.FETCH)
        if self.away:
            await asyncio.sleep(AWAY_FETCH_S)
            return None
        self._answers += 1
        stream, position = self._streams[lane], self._position[lane]
        if position < stream.begin:
            raise DataLoss(f"lane {lane}", position, stream.begin - 1)
        if position >= stream.end:
            stream.came.clear()
            try:
                async with asyncio.timeout(min(timeout_s, ANSWER_S)):
                    await stream.came.wait()
            except TimeoutError:
                return None
        waiting = [row for row in stream.rows if row[0] >= self._position[lane]]
        taken = waiting[: self._chance.randint(1, 150)]
        end = taken[-1][0] + 1 if taken else stream.end
        if len(taken) == len(waiting) and self._chance.random() < 0.5:
            end = stream.end  # else the marker behind the last record comes alone
        self._position[lane] = end
        return Records.of(taken, end)

    async def seek(self, lane: int, offset: int) -> None:
        await self._faults.reach(Step.SEEK)
        self._position[lane] = offset

    async def prove_membership(self, lane: int) -> None:
        await self._faults.reach(Step.MEMBERSHIP)
        self._check(lane)

    def _check(self, lane: int) -> None:
        if not self.member:
            raise Fenced(f"lane {lane}: expected a member of the group")

    async def beginning_offset(self, lane: int) -> int:
        return self._streams[lane].begin

    def view(self, lane: int) -> LogView:
        end = self._streams[lane].end
        return LogView(self._answers, end + self.hidden, end)

    async def end_offset(self, lane: int) -> int:
        await self._faults.reach(Step.END_OFFSET)
        return self._streams[lane].end

    async def commit(self, lane: int, offset: int) -> None:
        await self._faults.reach(Step.GROUP)
        self._check(lane)
        self.committed[lane] = offset


@dataclass
class MemoryCommands:
    """`Commands` of all lanes; offsets count from 0 without holes."""

    bodies: dict[int, list[bytes]] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)
    asked: list[int] = field(default_factory=list)
    hidden: int = 0  # records of an open transaction behind those of each lane

    def view(self, lane: int) -> LogView:
        end = len(self.bodies.get(lane, ()))
        return LogView(1, end + self.hidden, end)

    def put(self, lane: int, *bodies: bytes) -> int:
        """Add commands; the offset behind them."""
        there = self.bodies.setdefault(lane, [])
        there.extend(bodies)
        return len(there)

    async def fetch(self, lane: int, offset: int) -> list[tuple[int, bytes]]:
        await self.faults.reach(Step.COMMANDS)
        self.asked.append(offset)
        there = self.bodies.get(lane, [])
        return [(place + 1, there[place]) for place in range(offset, len(there))]


@dataclass
class WoundClock:
    """A clock that stands still until it is wound."""

    time_ms: int = 0

    def now_ms(self) -> int:
        return self.time_ms
