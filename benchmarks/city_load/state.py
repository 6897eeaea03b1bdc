"""State of a whole city that has run for hours, written by the product's own snapshots.

What limits, unusual values, admission and silence keep is as it would be. Rules of other kinds
begin anew: their rows are there, whole, and learn from the first reading on.
"""

import asyncio

import numpy as np

from benchmarks.city_load import packs
from broker.partition_reader import LaneReader
from configuration.configuration import Configuration
from configuration.lane_plan import Plan, plan_of
from contracts.ports.clock import WallClock
from contracts.quantities import NS_PER_S
from contracts.topics import TopicNames
from detectors.fused.scorer import ROWS
from pipeline.lane.lane import Lane
from pipeline.snapshot.copy_buffer import SnapshotSlot
from pipeline.snapshot.lane_state import freeze
from pipeline.snapshot.snapshots import Snapshots
from pipeline.snapshot.store import SnapshotStore
from runtime.queues import OneThread
from sinks.kafka.lane_log import KafkaLaneLog, LogSettings

LEARNED = 1_000


def lived(plan: Plan, number: int, heard_s: int) -> Lane:
    """A lane whose every row is as after hours of readings, the last at the same second.

    Its clock begins with its first record: a benchmark may be started any time after.
    """
    parts = plan.parts(number)
    lane = Lane(plan.name(number), parts, lambda _: parts)
    parts.silence.arrays()["silence"]["heard_s"] = heard_s
    labels, label_of = plan.configuration.labels(parts.catalogue)
    said = np.array([packs.values(plan.packs[label])[:2] for label in labels])[label_of]
    seen = parts.admission.arrays()["seen"]
    last_ns = heard_s * NS_PER_S
    seen["times"] = last_ns
    seen["value"] = said[:, 0]
    seen["value_ns"] = last_ns
    rows = parts.scorer.arrays()[ROWS]
    rows["learned"] = LEARNED
    rows["mean"] = said[:, 0]
    rows["variance"] = said[:, 1] ** 2
    return lane


async def write(configuration: Configuration, heard_s: int) -> int:
    """Snapshots of all lanes, and their manifests on the broker; bytes of all files."""
    settings = configuration.settings
    store, names = SnapshotStore(settings.state), TopicNames(settings.app)
    reader, size = LaneReader(settings.kafka.bootstrap), 0
    logs = LogSettings(bootstrap=settings.kafka.bootstrap, app=settings.app, topics=names)
    with OneThread("snapshot_file") as work:
        slot = SnapshotSlot(work)
        for lifeline in configuration.partitions:
            plan = plan_of(configuration, lifeline)
            for number in range(plan.partitions):
                lane = await asyncio.to_thread(lived, plan, number, heard_s)
                snapshots = Snapshots(store, lambda *_, lane=lane: lane.parts, slot)
                log = KafkaLaneLog(lane.name, logs, reader, WallClock())
                await log.fence()
                frozen = freeze(lane, slot.room)
                size += sum(array.nbytes for array in frozen.arrays.values())
                await log.publish(await snapshots.file(lane.name, frozen, 0))
                await log.close()
    await reader.close()
    return size
