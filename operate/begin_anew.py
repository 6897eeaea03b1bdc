"""`tocsin begin-anew`: a lane that stands goes on, and what is given up is said."""

import argparse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import msgspec
import numpy as np

from broker.log_ends import LogEnds
from broker.partition_reader import LaneReader
from broker.topics import members
from configuration.bundle_store import keep
from configuration.configuration import Configuration
from configuration.lane_plan import plan_of
from contracts.errors import ConfigError, Damaged, DataLoss, FatalError
from contracts.lane import LaneName
from contracts.ports.clock import WallClock
from contracts.ports.lane_log import Manifest, OutputMark
from contracts.topics import TopicNames
from operate.copy_state import thawed
from operate.settings import settled
from pipeline.lane.lane import IDS, Lane
from pipeline.lane.row_join import join_rows
from pipeline.snapshot.copy_buffer import SnapshotSlot
from pipeline.snapshot.lane_state import freeze, learned
from pipeline.snapshot.snapshots import Snapshots
from pipeline.snapshot.store import SnapshotStore, unpack
from runtime.queues import OneThread
from sinks.kafka.lane_log import KafkaLaneLog, LogSettings


class _Known(NamedTuple):
    """What is left of a lane: manifests, oldest first, and how far it had told."""

    manifests: list[Manifest]
    told_to: int


async def begin_anew(arguments: argparse.Namespace) -> str:
    """Let one lane go on behind a loss; one line that says from where and with what comes back."""
    configuration = settled(arguments)
    plan = plan_of(configuration, arguments.lifeline)
    if not 0 <= arguments.lane < plan.partitions:
        msg = f"--lane: expected 0 to {plan.partitions - 1}, got {arguments.lane}"
        raise ConfigError(msg)
    settings = configuration.settings
    group = f"{settings.app}-{arguments.lifeline}"
    if there := await members(group, settings.kafka.bootstrap, settings.kafka):
        msg = f"{group}: expected no workers, got {there}; stop them first, a lane has one writer"
        raise FatalError(msg)
    async with _bench(configuration, plan.name(arguments.lane)) as bench:
        return await bench.go_on(arguments.skip_to)


@asynccontextmanager
async def _bench(configuration: Configuration, name: LaneName) -> AsyncIterator["_Bench"]:
    kafka = configuration.settings.kafka
    reader = LaneReader(kafka.bootstrap, security=kafka)
    settings = LogSettings(
        bootstrap=kafka.bootstrap,
        security=kafka,
        app=configuration.settings.app,
        topics=TopicNames(configuration.settings.app),
    )
    log = KafkaLaneLog(name, settings, reader, WallClock())
    try:
        yield _Bench(configuration, name, log, reader)
    finally:
        await log.close()
        await reader.close()


def _skipped(skip_to: int, position: int, end: int) -> int:
    if not position <= skip_to <= end:
        msg = (
            f"--skip-to: expected {position} to {end}, got {skip_to}; what lies before was told, "
            "what lies behind is not there yet"
        )
        raise ConfigError(msg)
    return skip_to


class _Bench:
    """One lane in the hands of an operator."""

    def __init__(
        self, configuration: Configuration, name: LaneName, log: KafkaLaneLog, reader: LaneReader
    ) -> None:
        self._configuration = configuration
        self._plan = plan_of(configuration, name.lifeline)
        self._name = name
        self._log = log
        self._reader = reader
        self._topics = TopicNames(configuration.settings.app)
        self._store = SnapshotStore(configuration.settings.state)

    async def go_on(self, skip_to: int | None) -> str:
        """Publish a new beginning behind everything that was told, or further on."""
        await self._log.fence()
        known = await self._known()
        begin, end = await self._edges(self._topics.telemetry(self._name.lifeline))
        position = known.told_to if begin <= known.told_to <= end else begin
        if skip_to is not None:
            position = _skipped(skip_to, position, end)
        lane, channels = self._newborn(known.manifests)
        lane.position = position
        lane.journal = (await self._edges(self._topics.journal(self._name.lifeline)))[1]
        lane.commands = known.manifests[-1].commands if known.manifests else 0
        alarms_end = (await self._edges(self._topics.alarms(self._name.lifeline)))[1]
        with OneThread("snapshot_file") as work:
            snapshots = Snapshots(self._store, lambda *_: lane.parts, SnapshotSlot(work))
            keep(self._store, self._configuration)
            await self._log.publish(await snapshots.file(self._name, freeze(lane), alarms_end))
        first = known.manifests[-1].telemetry if known.manifests else begin
        given_up = f"; offsets {first} to {position - 1} are given up" if position > first else ""
        return (
            f"{self._name}: goes on at telemetry offset {position} of {end}, with what {channels} "
            f"of {len(lane.parts.catalogue.ids)} channels learned{given_up}"
        )

    async def _known(self) -> _Known:
        lifeline, number = self._name.lifeline, self._name.number
        found, _ = await self._reader.read(self._topics.manifests(lifeline), number, None)
        manifests = [msgspec.json.decode(record.value, type=Manifest) for record in found]
        if not manifests:
            return _Known([], 0)
        newest = manifests[-1]
        try:
            told, _ = await self._reader.read(
                self._topics.alarms(lifeline), number, newest.alarms, "alarms"
            )
        except DataLoss:
            return _Known(manifests, newest.telemetry)
        marks = [record for record in told if dict(record.headers).get("tocsin") == b"mark"]
        last: Any = msgspec.json.decode(marks[-1].value, type=OutputMark) if marks else newest
        return _Known(manifests, int(last.telemetry))

    async def _edges(self, topic: str) -> tuple[int, int]:
        kafka = self._configuration.settings.kafka
        logs = LogEnds(kafka.bootstrap, topic, kafka)
        number = self._name.number
        try:
            begins, ends = await logs.begins([number]), await logs.ends([number])
        finally:
            await logs.close()
        if begins is None or ends is None:
            msg = f"{topic}[{number}]: expected brokers to say its edges, got no answer"
            raise FatalError(msg)
        return begins[number], ends[number]

    def _newborn(self, manifests: list[Manifest]) -> tuple[Lane, int]:
        """A lane that knows what the newest readable snapshot learned; how many channels do."""
        parts = self._plan.parts(self._name.number)
        lane, channels = Lane(self._name, parts, lambda _: parts), 0
        for manifest in reversed(manifests):
            try:
                data = self._store.read(manifest.snapshot, manifest.checksum)
            except Damaged:
                continue
            old = thawed(self._configuration, self._plan, self._name.number, data)
            arrays = unpack(learned(old)).arrays
            rows = join_rows(arrays[IDS].astype(np.uint64), parts.catalogue.id_hashes)
            parts.scorer.warm(arrays, rows)
            return lane, int(np.count_nonzero(rows >= 0))
        return lane, channels
