"""A lane's log while its broker is away: bounded, quiet, and nothing is left running."""

import asyncio
import gc
import time
from collections.abc import AsyncIterator, Awaitable, Callable

import msgspec
import pytest

from broker import closing
from broker.partition_reader import LaneReader
from contracts.errors import FatalError
from contracts.ports.clock import WallClock
from sinks.kafka.lane_log import KafkaLaneLog, LogSettings
from tests.sinks.kafka.log_bench import KafkaBench, lane_name
from tests.sinks.kafka.test_lane_log import ALARMS, ENTRIES, manifest, mark
from tests.testkit.kafka.broker import Cluster

CLOSE_S = 0.5
DEADLINE_S = 1.0
SLACK_S = 1.5


@pytest.fixture
async def bench(kafka: Cluster, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[KafkaBench]:
    monkeypatch.setattr(closing, "CLOSE_S", CLOSE_S)
    bench = KafkaBench(kafka)
    try:
        yield bench
    finally:
        kafka.resume(0)
        await bench.close()


def running() -> set[str]:
    """What runs beside the test itself; collecting warns of what was never closed."""
    gc.collect()
    return {str(task.get_coro()) for task in asyncio.all_tasks() - {asyncio.current_task()}}


def hurry(bench: KafkaBench, log: KafkaLaneLog) -> None:
    """Shorten deadlines only now: starting may take its time."""
    log._settings = msgspec.structs.replace(log._settings, deadline_s=DEADLINE_S)
    bench.reader._deadline_s = DEADLINE_S


async def test_a_log_closes_in_time_while_its_broker_stands_still(
    kafka: Cluster, bench: KafkaBench
) -> None:
    log = await bench.log()
    await log.past()
    await bench.reader.close()
    kafka.pause(0)
    began = time.monotonic()
    await log.close()
    assert time.monotonic() - began < CLOSE_S + SLACK_S
    assert running() == set()


@pytest.mark.parametrize("doing", ["flush", "publish", "past"])
async def test_a_call_ends_at_its_deadline_and_leaves_nothing_running(
    kafka: Cluster, bench: KafkaBench, doing: str
) -> None:
    log = await bench.log()
    await log.past()
    await log.flush(ENTRIES, ALARMS, mark(5))  # from now on records get as far as the sender
    await log.publish(manifest("a"))
    hurry(bench, log)
    kafka.pause(0)
    calls: dict[str, Callable[[], Awaitable[object]]] = {
        "flush": lambda: log.flush(ENTRIES, ALARMS, mark(5)),
        "publish": lambda: log.publish(manifest("a")),
        "past": log.past,
    }
    began = time.monotonic()
    with pytest.raises(FatalError, match=r"failed: TimeoutError|to its end, got TimeoutError"):
        await calls[doing]()
    await log.close()
    await bench.reader.close()
    assert time.monotonic() - began < DEADLINE_S + 3 * CLOSE_S + SLACK_S
    assert running() == set()


async def test_what_a_dead_log_left_open_is_not_seen_when_the_broker_returns(
    kafka: Cluster, bench: KafkaBench
) -> None:
    log = await bench.log()
    await log.past()
    await log.flush([ENTRIES[0]], ALARMS[:1], mark(1))
    hurry(bench, log)
    kafka.pause(0)
    with pytest.raises(FatalError):
        await log.flush([ENTRIES[1]], ALARMS[1:], mark(5))
    await log.close()
    kafka.resume(0)
    past = await (heir := await bench.log()).past()
    assert past.mark is not None
    assert past.mark.sequence == 1 + 4 * (len(past.journal) - 1)  # whole, or not at all
    await heir.flush([], [], past.mark)
    keys = [s.key for s in await bench.seen("alarms") if s.kind == "alarm"]
    assert keys == [m.key for m in ALARMS][: past.mark.sequence]


async def test_a_log_that_cannot_start_says_so_and_leaves_nothing_running() -> None:
    settings = LogSettings(bootstrap="127.0.0.1:1", deadline_s=0.5)
    reader = LaneReader(settings.bootstrap)
    log = KafkaLaneLog(lane_name(settings.topics), settings, reader, WallClock())
    with pytest.raises(FatalError, match="water-1: `fence` failed"):
        await log.fence()
    await log.close()
    with pytest.raises(FatalError, match="expected to read to its end, got KafkaConnectionError"):
        await log.past()
    await reader.close()
    assert running() == set()
