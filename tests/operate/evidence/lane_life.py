"""A lane that lived in memory: what it read, what it told, what it left."""

from collections import Counter, deque
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np

from configuration.bundle_store import keep
from configuration.configuration import Configuration
from contracts.alarm import decode_alarm
from contracts.journal import Entry, Tick
from contracts.ports.lane_log import Manifest, OutputMark
from contracts.records import Records
from operate.evidence.decision import Decision, LaneDecisions, decided_anew
from operate.evidence.readings import Readings
from operate.evidence.replica import LanePast, Replica, Revision
from pipeline.lane import journal_merge
from pipeline.lane.lane import Lane
from pipeline.snapshot.lane_state import freeze
from pipeline.snapshot.store import SnapshotStore, pack

CUT = 37  # records of one fetch of who asks why


@dataclass
class LaneLife:
    """What lies on a lane's topics, and its snapshots, once it is over.

    A snapshot is left at its birth, as its runner does.

    Parameters
    ----------
    lane : Lane
        Newborn.
    state : Path
        Where snapshots and bundles lie.
    """

    lane: Lane
    state: Path
    records: list[Records] = field(default_factory=list)
    journal: list[tuple[int, Entry]] = field(default_factory=list)
    revisions: list[Revision] = field(default_factory=list)
    marks: list[tuple[int, OutputMark]] = field(default_factory=list)  # with their offsets
    manifests: list[Manifest] = field(default_factory=list)
    _told: int = 0  # records on the alarms topic

    def __post_init__(self) -> None:
        self.snapshot()

    def keep(self, *configurations: Configuration) -> None:
        """Leave the bundles that the lane's journal names."""
        for one in configurations:
            keep(SnapshotStore(str(self.state)), one)

    def tick(self, time_s: int) -> None:
        """Move lane time, if anything is due."""
        if self.lane.due(time_s):
            entry = Entry(self.lane.position, Tick(time_s))
            self.journal.append((self.lane.journal, entry))
            self.lane.apply(entry)
            self.lane.journal += 1
            self._tell()

    def take(self, records: Records, entries: Iterable[tuple[int, Entry]] = ()) -> None:
        """Take records, and what of a journal lies among them."""
        entries = deque(entries)
        self.records.append(records)
        self.journal += entries
        journal_merge.feed(self.lane, records, entries)
        self._tell()

    def _tell(self) -> None:
        for message in self.lane.outbox.take():
            if message.kind == "alarm":
                alarm = decode_alarm(message.body)
                at = self._told
                self.revisions.append(Revision(alarm.id, alarm.revision, at, message.body))
            self._told += 1
        self.lane.shadow_outbox.take()
        mark = msgspec.structs.replace(self.lane.mark(), journal=self.lane.journal)
        self.marks.append((self._told, mark))
        self._told += 1

    def snapshot(self) -> None:
        """Leave a snapshot of now."""
        frozen, lane = freeze(self.lane), self.lane
        data = pack(frozen)
        name, checksum = SnapshotStore(str(self.state)).write(str(lane.name), data)
        self.manifests.append(
            Manifest(
                snapshot=name,
                checksum=checksum,
                config=frozen.header["config"],
                telemetry=lane.position,
                journal=lane.journal,
                alarms=self._told,
                commands=lane.commands,
                sequence=frozen.header["sequence"],
                digest=frozen.header["digest"],
                size=len(data),
            )
        )

    async def why(self, today: Configuration, lifeline: str, alarm: str) -> LaneDecisions:
        """What `tocsin alarms why` makes of an alarm."""
        mine = [one for one in self.revisions if one.alarm == alarm]
        mark = next(mark for at, mark in self.marks if at > mine[-1].offset)
        past = LanePast(tuple(mine), mark, tuple(self.manifests), 0)
        readings = Readings(frozenset({Decision(mine[0], "equal").alarm.channel}))
        settings = msgspec.structs.replace(today.settings, state=str(self.state))
        replica = Replica(today.with_settings(settings), lifeline, self.lane.name.number, readings)
        journal = [one for one in self.journal if one[0] < mark.journal]
        return await decided_anew(replica, readings, past, journal, self._telemetry)

    async def _telemetry(self, begin: int, end: int) -> AsyncIterator[Records]:
        for records in self.records:
            first, last = np.searchsorted(records.offset, [begin, end]).tolist()
            for at in range(first, last, CUT):
                yield records.cut(at, min(at + CUT, last))


async def outcomes(today: Configuration, lifeline: str, life: LaneLife) -> Counter[str]:
    """How the revisions of every alarm of a lane come out, each alarm asked for by itself."""
    found: Counter[str] = Counter()
    for alarm in sorted({one.alarm for one in life.revisions}):
        decided = await life.why(today, lifeline, alarm)
        found.update(one.outcome for one in decided.decisions)
        found[decided.since.split(" ")[0]] += 1
    return found
