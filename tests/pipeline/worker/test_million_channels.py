"""A lane of a million channels never holds the event loop."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from configuration.configuration import Configuration
from configuration.lane_plan import Plan
from contracts.catalogue import SCHEMA
from contracts.journal import Shadow, Shelve, Swap, Tick
from contracts.topics import TopicNames
from ingest.limits import DecodeLimits
from tests.testkit import city
from tests.testkit.day import Day
from tests.testkit.world import Crew, Plans, World, holding

MILLION = 1_000_000
GAUGES = 5_000  # of which each rings when nothing comes
QUIET_S = 7_200
STALL_S = 1.0  # consumers tell the group every three seconds that they live
LEVEL = city.CLASS + "  duty:\n" + city.DUTY
GAUGE = LEVEL.replace("water.level", "water.gauge")
SILENT = "silent:\n  after: 1 h\n  duty:\n" + city.DUTY.replace("{observed} {unit}", "{lasted}")
FALL = "fall:\n  over: 40 s\n  least: 3\n  by: {blue: 1.0}\n  duty:\n" + city.DUTY


def channels(sample: pa.Table) -> pa.Table:
    """A million channels like the first of a catalogue, two in each group."""
    rows = np.arange(MILLION, dtype=np.int32)
    groups = [f"water.tank-{number:06d}" for number in range(MILLION // 2)]
    ids = [f"{groups[row // 2]}.{'out' if row % 2 else 'in'}" for row in range(MILLION)]
    classes = (rows < GAUGES).astype(np.int32)
    given = {
        "id": pa.array(ids),
        "group": pa.DictionaryArray.from_arrays(rows // 2, groups),
        "class": pa.DictionaryArray.from_arrays(classes, ["water.level", "water.gauge"]),
    }
    alike = sample.take(np.zeros(MILLION, np.int64))
    columns = [given.get(field.name, alike.column(field.name)) for field in SCHEMA]
    return pa.table(columns, schema=SCHEMA)


def large(folder: Path) -> Plans:
    """Two configurations of a million channels in one lane, which differ in a delay."""

    def plan(name: str, delay: str) -> Plan:
        city.configure(folder / name, groups=1, lanes=1, state=folder)
        water = folder / name / "water"
        level = LEVEL.replace("on_delay: 100 ms", f"on_delay: {delay}")
        (water / "level.yaml").write_text(level + FALL)
        (water / "gauge.yaml").write_text(GAUGE + SILENT)
        small = Configuration.load(folder / name)
        table = channels(small.catalogues["water"].table)
        return Plan(small.over({"water": table}), "water", TopicNames(), DecodeLimits())

    first, second = plan("first", "100 ms"), plan("second", "900 ms")
    return Plans(first, second, first.catalogue.ids[:8])


@contextmanager
def stalls() -> Iterator[list[float]]:
    """Seconds of the process's processor time between two turns of the event loop.

    Time that other programs take from this one is no stall.
    """
    gaps: list[float] = []

    async def turn() -> None:
        while True:
            before = time.process_time()
            await asyncio.sleep(0.005)
            gaps.append(time.process_time() - before)

    turning = asyncio.create_task(turn())
    try:
        yield gaps
    finally:
        turning.cancel()


async def worked(crew: Crew, holds: Callable[[], bool]) -> float:
    """Seconds of processor time until a condition holds, as long as a million channels take."""
    began = time.process_time()
    while not holds():
        assert not crew.task.done(), crew.runner.status
        await asyncio.sleep(0.01)
    return time.process_time() - began


@pytest.mark.soak
@pytest.mark.timeout(900)
async def test_beginning_swapping_shelving_and_ticking_let_the_loop_turn(tmp_path: Path) -> None:
    world = World(large(tmp_path / "plans"), tmp_path / "state")
    day, second = Day(world), world.plans.second.configuration.hash
    took: dict[str, float] = {}

    def journalled(kind: type) -> bool:
        return any(isinstance(entry.change, kind) for _, entry in world.journal())

    with stalls() as gaps:
        with world.context() as context:
            async with holding(world, context) as crew:
                status = crew.runner.status
                day.readings(50)
                took["birth"] = await worked(crew, lambda: status.position == world.streams[0].end)
                day.command({"kind": "shelve", "channel": day.channels[0], "seconds": 60})
                took["shelving"] = await worked(crew, lambda: journalled(Shelve))
                day.command({"kind": "shadow", "config": second})
                took["shadow"] = await worked(crew, lambda: journalled(Shadow))
                world.clock.time_ms += QUIET_S * 1000
                took["tick"] = await worked(crew, lambda: status.revisions >= GAUGES)
                crew.runner.stop()
                await crew.task
        with world.context(world.plans.second) as context:
            async with holding(world, context) as crew:
                took["swap"] = await worked(crew, lambda: journalled(Swap))
                crew.runner.stop()
                await crew.task
    assert {Shelve, Shadow, Tick, Swap} <= {type(entry.change) for _, entry in world.journal()}
    assert max(gaps) < STALL_S, took
    assert min(took["shadow"], took["swap"]) > STALL_S, took  # else it proves nothing
