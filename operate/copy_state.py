"""What channels learned goes over from the lanes of one generation to those of another."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from broker.log_ends import LogEnds
from broker.partition_reader import LaneReader
from configuration.bundle_store import recall
from configuration.configuration import Configuration
from configuration.lane_plan import Plan, plan_of
from contracts.errors import ConfigError, FatalError
from contracts.kafka import masked
from contracts.ports.lane_log import Manifest
from contracts.ports.lane_parts import Arrays, Parts
from contracts.topics import TopicNames
from pipeline.lane.lane import IDS, Lane
from pipeline.lane.row_join import join_rows
from pipeline.snapshot.lane_state import learned, thaw
from pipeline.snapshot.store import Snapshot, SnapshotStore, pack, unpack


async def carry(old: Configuration, new: Configuration) -> list[str]:
    """Let the lanes of a new generation begin with what those of an old one learned.

    Only read from the old generation, whose workers must have taken everything and left. One line
    for each new lane comes back.

    Raises
    ------
    ConfigError
        When the two generations share topics or a state location.
    FatalError
        When an old lane still has something to take.
    """
    if old.settings.app == new.settings.app or old.settings.state == new.settings.state:
        msg = (
            "carry: expected another `app` and another `state` than the former generation's, got "
            f"{new.settings.app!r} and {masked(new.settings.state)!r}; the lanes of both would mix"
        )
        raise ConfigError(msg)
    lines = []
    for lifeline in sorted(old.partitions.keys() & new.partitions.keys()):
        found = await _learned(old, lifeline)
        store = SnapshotStore(new.settings.state)
        plan = plan_of(new, lifeline)
        for number in range(plan.partitions):
            parts = plan.parts(number)
            arrays, known = _joined(parts, (plan.parts(number) for _ in found), found)
            name = str(plan.name(number))
            header = {"lane": name}
            store.put_warm(name, pack(Snapshot(header, arrays)))
            lines.append(f"{name}: begins with what {known} of {len(arrays[IDS])} channels learned")
    return lines


async def _learned(old: Configuration, lifeline: str) -> list[Arrays]:
    """What each old lane learned, from its newest snapshot."""
    settings, plan = old.settings, plan_of(old, lifeline)
    store, names = SnapshotStore(settings.state), TopicNames(settings.app)
    reader = LaneReader(settings.kafka.bootstrap, security=settings.kafka)
    logs = LogEnds(settings.kafka.bootstrap, names.telemetry(lifeline), settings.kafka)
    try:
        ends = await logs.ends(range(plan.partitions))
        if ends is None:
            msg = f"{names.telemetry(lifeline)}: expected brokers to say its ends, got no answer"
            raise FatalError(msg)
        found = []
        for number, end in sorted(ends.items()):
            records, _ = await reader.read(names.manifests(lifeline), number, None)
            manifest = msgspec.json.decode(records[-1].value, type=Manifest) if records else None
            taken = manifest.telemetry if manifest else 0
            if taken < end:
                msg = (
                    f"{plan.name(number)}: expected a snapshot at the end of its log, {end}, got "
                    f"one at {taken}; let its worker take everything, then stop it with SIGTERM"
                )
                raise FatalError(msg)
            if manifest is not None:
                lane = thawed(old, plan, number, store.read(manifest.snapshot, manifest.checksum))
                found.append(unpack(learned(lane)).arrays)
        return found
    finally:
        await reader.close()
        await logs.close()


def thawed(old: Configuration, plan: Plan, number: int, data: bytes) -> Lane:
    """A lane as its snapshot left it, under the configuration that it names."""
    store = SnapshotStore(old.settings.state)

    def parts_for(config: str) -> Parts:
        if config == old.hash:
            return plan.parts(number)
        earlier = recall(store, config, old.settings, {plan.lifeline})
        return plan_of(earlier, plan.lifeline).parts(number)

    return thaw(plan.name(number), unpack(data), parts_for)


def _joined(
    fresh: Parts, benches: Iterable[Parts], found: list[Arrays]
) -> tuple[dict[str, NDArray[Any]], int]:
    """State of a new lane's rules, each channel's from the one old lane that had it."""
    ids = fresh.catalogue.id_hashes
    new = {name: array.copy() for name, array in fresh.scorer.arrays().items()}
    merged = {name: array.copy() for name, array in new.items()}
    known = 0
    for parts, arrays in zip(benches, found, strict=True):
        rows = join_rows(arrays[IDS].astype(np.uint64), ids)
        parts.scorer.warm(arrays, rows)
        known += int(np.count_nonzero(rows >= 0))
        _lay_over(merged, new, parts.scorer.arrays())
    return {IDS: ids, **merged}, known


def _lay_over(
    merged: Mapping[str, NDArray[Any]],
    new: Mapping[str, NDArray[Any]],
    state: Mapping[str, NDArray[Any]],
) -> None:
    """Write those elements that an old lane's state has made other than a newborn's."""
    for name, array in state.items():
        had = new[name]
        if array.shape == had.shape and array.dtype == had.dtype and array.size:
            as_bytes = partial(_bytes_of, size=array.dtype.itemsize)
            other = (as_bytes(array) != as_bytes(had)).any(axis=1).reshape(array.shape)
            merged[name][other] = array[other]


def _bytes_of(array: NDArray[Any], size: int) -> NDArray[np.uint8]:
    return np.frombuffer(np.ascontiguousarray(array).tobytes(), np.uint8).reshape(-1, size)
