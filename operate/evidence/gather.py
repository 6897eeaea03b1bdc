"""What Kafka holds of some alarms: their revisions, their lanes' past, what people did."""

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

import msgspec

from broker.acl import DESK
from broker.log_ends import LogEnds
from broker.partition_reader import LaneReader
from configuration.configuration import Configuration
from contracts.alarm import decode_alarm
from contracts.desk.incident import Incident
from contracts.errors import FatalError
from contracts.journal import Entry, decode_entry
from contracts.ports.lane_log import Manifest, OutputMark
from contracts.ports.projection import TopicRecord
from contracts.records import Records
from contracts.topics import TopicNames
from ingest.kafka.telemetry import KafkaSettings, KafkaSource
from ingest.kafka.topic_reader import TopicReader, TopicReaderSettings
from operate.evidence.replica import LanePast, Revision

FETCH_S: Final = 1.0
IDLE_FETCHES_MAX: Final = 30  # an open transaction may hide records for a while
MARK: Final = "mark"

LaneKey = tuple[str, int]  # lifeline and number


@dataclass
class Told:
    """What was told of some alarms.

    Attributes
    ----------
    revisions : dict of (str, int) to list of Revision
        By lane, in the order of their offsets.
    marks : dict of (str, int) to OutputMark
        The first mark behind the last revision of each lane.
    records : list of TopicRecord
        All about them: revisions, incidents, notices, entries of the desk stage's journal.
    """

    revisions: dict[LaneKey, list[Revision]] = field(default_factory=lambda: defaultdict(list))
    marks: dict[LaneKey, OutputMark] = field(default_factory=dict)
    records: list[TopicRecord] = field(default_factory=list)


class Gatherer:
    """Reads the topics of an installation.

    Parameters
    ----------
    configuration : Configuration
    """

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._kafka = configuration.settings.kafka
        self._names = TopicNames(configuration.settings.app)

    async def told(self, target: str) -> tuple[frozenset[str], Told]:
        """Alarms that an id means, of one or of the members of an incident; all told of them."""
        told, ids = Told(), {target}
        alarms = {target}
        async for record in self._all({self._names.incidents: 1}):
            if record.kind == MARK or not any(one.encode() in (record.value or b"") for one in ids):
                continue
            told.records.append(record)
            incident = msgspec.json.decode(record.value or b"", type=Incident)
            ids.add(incident.id)
            if incident.id == target:
                members = incident.situation.members
                alarms = {alarm for one in members for alarm in (one.alarm, *one.also)}
        lanes = {self._names.alarms(name): (name, n) for name, n in self._partitions.items()}
        rest = {self._names.notices: 1, self._names.journal(DESK): 1}
        counts = {topic: count for topic, (_, count) in lanes.items()}
        async for record in self._all({**counts, **rest}):
            if record.topic in lanes:
                self._take(record, (lanes[record.topic][0], record.partition), alarms, told)
            elif any(one.encode() in (record.value or b"") for one in ids):
                told.records.append(record)
        return frozenset(alarms), told

    @property
    def _partitions(self) -> Mapping[str, int]:
        return self._configuration.partitions

    def _take(self, record: TopicRecord, lane: LaneKey, alarms: set[str], told: Told) -> None:
        """Take a record of an alarm topic if it is one of those alarms, or the mark behind it."""
        value = record.value or b""
        if record.kind == MARK:
            if lane in told.revisions and lane not in told.marks:
                told.marks[lane] = msgspec.json.decode(value, type=OutputMark)
        elif record.key is not None and (name := record.key.decode(errors="replace")) in alarms:
            number = decode_alarm(value).revision
            told.revisions[lane].append(Revision(name, number, record.offset, value))
            told.marks.pop(lane, None)
            told.records.append(record)

    async def _all(self, partitions: dict[str, int]) -> AsyncIterator[TopicRecord]:
        """Committed records of some topics, up to where they end now.

        Raises
        ------
        FatalError
            When brokers do not say where that is, or do not let it be reached.
        """
        left: dict[tuple[str, int], int] = {}
        for topic, count in partitions.items():
            begins, ends = await self._edges(topic, count)
            left |= {(topic, n): ends[n] for n in ends if ends[n] > begins[n]}
        settings = TopicReaderSettings(
            bootstrap=self._kafka.bootstrap,
            security=self._kafka,
            max_partition_fetch_bytes=self._configuration.settings.limits.message_bytes,
            client="evidence",
            partitions=partitions,
        )
        reader, idle = TopicReader(settings), 0
        await reader.start()
        try:
            await reader.seek({})
            while left and idle < IDLE_FETCHES_MAX:
                records, behind = await reader.fetch(FETCH_S)
                idle = 0 if behind else idle + 1
                for record in records:
                    yield record
                left = {place: end for place, end in left.items() if behind.get(place, 0) < end}
        finally:
            await reader.close()
        if left:
            (topic, number), end = next(iter(left.items()))
            msg = f"{topic}[{number}]: expected to read up to offset {end}, got no further in time"
            raise FatalError(msg)

    async def _edges(self, topic: str, count: int) -> tuple[dict[int, int], dict[int, int]]:
        logs = LogEnds(self._kafka.bootstrap, topic, self._kafka)
        try:
            begins, ends = await logs.begins(range(count)), await logs.ends(range(count))
        finally:
            await logs.close()
        if begins is None or ends is None:
            msg = f"{topic}: expected brokers to say where it ends, got no answer; is it there?"
            raise FatalError(msg)
        return begins, ends

    async def past(self, lane: LaneKey, told: Told) -> LanePast:
        """A lane's past around what it told."""
        lifeline, number = lane
        topic = self._names.telemetry(lifeline)
        begins, _ = await self._edges(topic, self._partitions[lifeline])
        async with self._reading() as reader:
            found, _ = await reader.read(self._names.manifests(lifeline), number, None)
        manifests = [msgspec.json.decode(one.value, type=Manifest) for one in found if one.value]
        revisions, mark = tuple(told.revisions[lane]), told.marks.get(lane)
        return LanePast(revisions, mark, tuple(manifests), begins[number])

    async def journal(self, lane: LaneKey, until: int | None) -> list[tuple[int, Entry]]:
        """Entries of a lane's journal before an offset."""
        async with self._reading() as reader:
            found, _ = await reader.read(self._names.journal(lane[0]), lane[1], None, "entries")
        return [
            (one.offset, decode_entry(one.value))
            for one in found
            if until is None or one.offset < until
        ]

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[LaneReader]:
        reader = LaneReader(self._kafka.bootstrap, security=self._kafka)
        try:
            yield reader
        finally:
            await reader.close()

    async def telemetry(self, lane: LaneKey, begin: int, end: int) -> AsyncIterator[Records]:
        """Records of a lane's telemetry between two offsets, the second not included."""
        lifeline, number = lane
        source = KafkaSource(
            KafkaSettings(
                bootstrap=self._kafka.bootstrap,
                security=self._kafka,
                topic=self._names.telemetry(lifeline),
                lifeline=lifeline,
                group=f"{self._configuration.settings.app}-evidence",  # never joined
                lanes=(number,),
            )
        )
        await source.start()
        try:
            await source.seek(number, begin)
            while source.position(number) < end:
                records = await source.fetch(number, FETCH_S)
                if records is not None and len(records):
                    yield records.cut(0, int((records.offset < end).sum()))
        finally:
            await source.close()
