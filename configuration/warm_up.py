"""Compiling every kernel that a configuration needs, before any reading waits for one."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa

from configuration.configuration import Configuration
from configuration.lane_plan import Plan, plan_of
from contracts.records import Records
from pipeline.lane.lane import Lane
from pipeline.lane.replay import replay

DAY_MS: Final = 86_400_000
BEGIN_MS: Final = 1_772_409_600_000  # any time will do: nobody sees these lanes
DAYS: Final = 3


def warm(configuration: Configuration, lifeline: str) -> None:
    """Run some readings of one channel of each class through lanes that nobody sees.

    Compiled kernels are kept on disk: the second time this takes a second.
    """
    catalogue = configuration.catalogues[lifeline]
    _, first = np.unique(configuration.labels(catalogue)[1], return_index=True)
    keep = np.zeros(len(catalogue), np.bool_)
    keep[first] = True
    plan = plan_of(configuration.with_channels(catalogue.take(keep)), lifeline)
    for number in sorted(set(plan.lane_of.tolist())):
        lane = Lane(plan.name(number), plan.parts(number), _no_swap)
        for _ in replay(lane, _records(plan, lane), []):
            pass


def _no_swap(config: str) -> Any:
    msg = f"nobody swaps a lane that only warms, not to {config} either"
    raise AssertionError(msg)


def _records(plan: Plan, lane: Lane) -> Iterator[Records]:
    """A reading of each channel on some days, as JSON with either kind of time and as Arrow."""
    packs = {pack.class_name: pack for pack in plan.packs.values()}
    middle = {name: sum(pack.plausible.range) / 2 for name, pack in packs.items()}
    ids, classes = lane.parts.catalogue.ids, lane.parts.catalogue.classes()
    offset = 0
    for day in range(DAYS):
        now_ms = BEGIN_MS + day * DAY_MS
        values = [middle[name] for name in classes]
        for body in _bodies(ids, values, now_ms):
            yield Records.of([(offset, now_ms + 2000, body)])
            offset += 1


def _bodies(ids: Sequence[str], values: list[float], now_ms: int) -> Iterator[bytes]:
    pairs = list(zip(ids, values, strict=True))
    yield msgspec.json.encode([{"channel": c, "time": now_ms, "value": v} for c, v in pairs])
    moment = str(np.datetime64(now_ms + 1000, "ms")) + "Z"
    yield msgspec.json.encode([{"channel": c, "time": moment, "value": v} for c, v in pairs])
    times = pa.array([now_ms + 2000] * len(ids), pa.timestamp("ms", "UTC"))
    table = pa.table({"channel": list(ids), "time": times, "value": pa.array(values, pa.float64())})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as stream:
        stream.write_table(table)
    yield bytes(sink.getvalue())
