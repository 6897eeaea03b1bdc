"""The desk stage as a process on a real broker: killed, succeeded, answered."""

import asyncio
from pathlib import Path

import msgspec
import pytest

from contracts.desk.answer import CurrentAlarm
from tests.testkit.desk.alarms import BEGAN_S, alarm, alarm_id
from tests.testkit.desk.city import LANES, DeskCity, desk_city
from tests.testkit.kafka.broker import Cluster
from tests.testkit.worker_process import WorkerProcess

KILLS = 2  # each new process takes as long as all the rest
ROUND = 60


async def ring(city: DeskCity, round_: int) -> int:
    """Alarms of all lanes; how many are current behind them."""
    first = round_ * ROUND * LANES
    for lane in range(LANES):
        numbers = range(first + lane * ROUND, first + (lane + 1) * ROUND)
        colours = ("orange", "blue", "yellow")
        bodies = [alarm(n, BEGAN_S + n, colour=colours[n % 3]) for n in numbers]
        await city.ring(lane, *bodies)
    return first + ROUND * LANES


@pytest.mark.slow
@pytest.mark.timeout(120)
async def test_a_stage_that_is_killed_and_succeeded_tells_everything_once(
    tmp_path: Path, kafka: Cluster
) -> None:
    async with desk_city(tmp_path, kafka.bootstrap, kafka.unique("desk")) as city:
        for instance in ("first", "second"):
            city.process(instance).start()
        holder, heir = await _settled(city)
        for kill in range(KILLS):
            wanted = await ring(city, kill)
            await city.until(lambda: _current(city, wanted // 2))  # noqa: B023 - awaited at once
            holder.kill()
            # The group gives the heir the partition once the dead one's session has ended.
            await city.until(lambda: asyncio.to_thread(_holds, heir))  # noqa: B023
            if kill < KILLS - 1:
                holder.start()
                holder, heir = await _settled(city)
        wanted = await ring(city, KILLS)
        await city.until(lambda: _current(city, wanted))

        await city.command(kind="acknowledge", target=alarm_id(7))
        await city.until(lambda: _current(city, wanted + 1))
        newest = msgspec.json.decode((await city.told("current"))[-1].body, type=CurrentAlarm)
        assert (newest.alarm.id, newest.answer.by) == (alarm_id(7), "li.wei")
        assert heir.metric("tocsin_desk_commands_total", "") == {"": 1.0}
        assert heir.metric("tocsin_desk_alarms_open", "") == {"": float(wanted)}
        assert heir.get("/readyz") is not None
        await city.assert_told_once(least=wanted)
        assert await heir.finish(20) == 0


async def _settled(city: DeskCity) -> tuple[WorkerProcess, WorkerProcess]:
    """The process that is the stage and the one that waits, once both say so."""

    def settled() -> bool:
        ready = all(process.get("/readyz") for process in city.processes)
        return ready and sum(map(_holds, city.processes)) == 1

    await city.until(lambda: asyncio.to_thread(settled))
    holder, heir = sorted(city.processes, key=_holds, reverse=True)
    return holder, heir


def _holds(process: WorkerProcess) -> bool:
    return process.metric("tocsin_lanes", "") == {"": 1.0}


async def _current(city: DeskCity, least: int) -> bool:
    return len(await city.told("current")) >= least
