"""Things break one after another; the right alert, and only it, reaches Alertmanager and clears."""

import asyncio
import logging
import resource
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from runtime.failpoints import Point
from tests.testkit.faults.drill import tocsin
from tests.testkit.faults.sensors import CALM, TOPIC, reading
from tests.testkit.prometheus.watched_site import (
    WAIT_S,
    WatchedSite,
    quick_rules,
    until,
    watched_site,
)

log = logging.getLogger(__name__)

LANE = 0
GROUP = "tocsin-water"
PASSINGS = 30  # of batches: the new worker runs by then
OF_A_START = {"TocsinDown", "TocsinReadingsHalved"}
BLIND = "tests.testkit.prometheus.blind_worker"
RUBBISH = b'{"channel": "wat'
EVERY_S = 0.2

Trouble = Callable[[WatchedSite], AbstractAsyncContextManager[None]]


class Fault(NamedTuple):
    """Something that breaks, and what is to be heard of it.

    Parameters
    ----------
    trouble : callable
        Breaks it on entering and mends it on leaving.
    alert : str
        The only one that rings meanwhile.
    says : str
        What the first commands of the alert's runbook print, among other things; empty where it
        has none or nobody answers.
    restarts : bool
        Whether the worker is away for as long as a start takes. That is minutes in compressed
        time, and may ring too.
    """

    trouble: Trouble
    alert: str
    says: str = ""
    restarts: bool = False


@asynccontextmanager
async def refused_configuration(watched: WatchedSite) -> AsyncIterator[None]:
    """A running worker is told to read a configuration with a mistake in it."""
    pack, good = misspell(watched)
    watched.worker.process.send_signal(signal.SIGHUP)
    yield
    pack.write_text(good)
    watched.worker.process.send_signal(signal.SIGHUP)


def misspell(watched: WatchedSite) -> tuple[Path, str]:
    """Write a wrong word into a pack; the file and its former text."""
    pack = watched.site.configs / "water" / "level.yaml"
    good = pack.read_text()
    pack.write_text(good.replace("hysteresis:", "hysterisis:"))
    return pack, good


@asynccontextmanager
async def broken_configuration(watched: WatchedSite) -> AsyncIterator[None]:
    """A worker is restarted on a configuration that it refuses."""
    pack, good = misspell(watched)
    await watched.replace_worker()
    assert await watched.worker.died(WAIT_S) == 2
    yield
    assert "hysterisis" in watched.worker.log.read_text()
    pack.write_text(good)
    watched.worker.start()


@asynccontextmanager
async def stopped_broker(watched: WatchedSite) -> AsyncIterator[None]:
    """The only broker is away."""
    await asyncio.to_thread(watched.kafka.kill, 0)
    yield
    await asyncio.to_thread(watched.kafka.restart, 0)


@asynccontextmanager
async def open_transaction(watched: WatchedSite) -> AsyncIterator[None]:
    """A stranger's open transaction hides what a lane is to read."""
    settings = {"bootstrap.servers": watched.site.bootstrap, "transactional.id": "stranger"}
    stranger = Producer(settings)
    await asyncio.to_thread(stranger.init_transactions, WAIT_S)
    stranger.begin_transaction()
    stranger.produce(TOPIC, RUBBISH, partition=LANE)
    await asyncio.to_thread(stranger.flush, WAIT_S)
    yield
    await asyncio.to_thread(stranger.abort_transaction, WAIT_S)


@asynccontextmanager
async def poisoned_topic(watched: WatchedSite) -> AsyncIterator[None]:
    """A gateway sends what nobody can decode."""
    producer = Producer({"bootstrap.servers": watched.site.bootstrap})

    async def poison() -> None:
        while True:
            producer.produce(TOPIC, RUBBISH, partition=LANE)
            producer.poll(0)
            await asyncio.sleep(EVERY_S)

    poisoning = asyncio.create_task(poison())
    try:
        yield
    finally:
        poisoning.cancel()
        await asyncio.gather(poisoning, return_exceptions=True)


@asynccontextmanager
async def silent_district(watched: WatchedSite) -> AsyncIterator[None]:
    """All channels of one lane stop sending."""
    channels = watched.sensors.channels
    watched.sensors.channels = [one for one in channels if watched.sensors.lane(one) != LANE]
    yield
    watched.sensors.channels = channels


@asynccontextmanager
async def full_disk(watched: WatchedSite) -> AsyncIterator[None]:
    """A worker cannot write a byte to any file."""
    pid = watched.worker.process.pid
    before = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, before[1]))
    yield
    resource.prlimit(pid, resource.RLIMIT_FSIZE, before)


@asynccontextmanager
async def stalled_lane(watched: WatchedSite) -> AsyncIterator[None]:
    """A lane computes for 40 s; what waited is worked off behind it."""
    await watched.replace_worker(f"{Point.SCORE}:{PASSINGS}:block")
    yield
    watched.worker.failpoint = ""


@asynccontextmanager
async def blind_detector(watched: WatchedSite) -> AsyncIterator[None]:
    """A worker of a release that finds nothing; the one before it is started again."""
    good = watched.worker.program
    assert await watched.worker.finish(30) == 0, watched.worker.log.read_text()[-4000:]
    watched.worker.program = [sys.executable, "-m", BLIND, *good[1:]]
    watched.worker.start()
    yield
    watched.worker.program = good
    await watched.replace_worker()


@asynccontextmanager
async def lost_readings(watched: WatchedSite) -> AsyncIterator[None]:
    """Readings are deleted that a lane has not taken; it goes on as its runbook says."""
    watched.worker.freeze()
    await asyncio.to_thread(send_and_delete, watched)
    watched.worker.thaw()
    yield
    assert await watched.worker.finish(30) == 0
    await until(lambda: left(watched), "the group to know that the worker has left")
    place = ["--configs", str(watched.site.configs), "--bootstrap", watched.site.bootstrap]
    said = await asyncio.to_thread(
        tocsin, "begin-anew", "--lifeline", "water", "--lane", str(LANE), *place
    )
    assert "are given up" in said
    watched.worker.start()


async def left(watched: WatchedSite) -> bool:
    """Whether no worker is a member of the lifeline's group; a session may have to run out."""
    admin = AdminClient({"bootstrap.servers": watched.site.bootstrap})
    asked = admin.describe_consumer_groups([GROUP])[GROUP]
    return not (await asyncio.to_thread(asked.result, WAIT_S)).members


def send_and_delete(watched: WatchedSite) -> None:
    """Let readings come and be gone again; only the first answers a fetch that was under way."""
    brokers = watched.site.bootstrap
    producer = Producer({"bootstrap.servers": brokers})
    channel = next(one for one in watched.sensors.channels if watched.sensors.lane(one) == LANE)
    for _ in range(2):
        producer.produce(TOPIC, reading(channel, CALM), partition=LANE)
        producer.flush(WAIT_S)
    place = TopicPartition(TOPIC, LANE, -1)  # up to the end
    admin = AdminClient({"bootstrap.servers": brokers})  # by name: collected, it would cancel
    admin.delete_records([place])[place].result(WAIT_S)


async def drill(watched: WatchedSite, fault: Fault) -> set[str]:
    """Break something, hear of it, take the runbook's first step, mend it, and hear no more.

    Returns
    -------
    set of str
        Names of all alerts that rang, but for those of a worker that starts again.
    """
    watched.rung.clear()
    began = time.monotonic()
    async with fault.trouble(watched):
        await until(lambda: rings(watched, fault.alert), f"{fault.alert} to ring")
        rang = time.monotonic()
        said = await watched.first_step(fault.alert)
        assert fault.says in said, said
    await until(watched.calm, f"{fault.alert} to clear")
    cleared = time.monotonic()
    times = (fault.alert, rang - began, cleared - rang)
    log.info("%s rang after %.0f s, all clear %.0f s later", *times)
    return watched.rung - (OF_A_START - {fault.alert} if fault.restarts else set())


async def rings(watched: WatchedSite, alert: str) -> bool:
    return alert in watched.rung


SHORT = [Fault(open_transaction, "TocsinRecordsHidden", "ProducerId")]
LONG = [
    Fault(silent_district, "TocsinReadingsHalved"),  # first: lag spoils what it compares with
    *SHORT,
    Fault(refused_configuration, "TocsinConfigRefused", "hysterisis"),
    Fault(broken_configuration, "TocsinDown", restarts=True),
    Fault(stopped_broker, "TocsinBrokerAway", "expected"),
    Fault(poisoned_topic, "TocsinReadingsRefused", 'destiny="undecodable"'),
    Fault(full_disk, "TocsinSnapshotOld", "tocsin_snapshot_timestamp_seconds"),
    Fault(stalled_lane, "TocsinLaneStalled", "tocsin_queue_waiters", restarts=True),
    Fault(lost_readings, "TocsinLaneFailed", "are lost", restarts=True),
    Fault(
        blind_detector,
        "TocsinDetectorBlind",
        'tocsin_canaries_missed{lifeline="water"}',
        restarts=True,
    ),
]


@pytest.mark.broker
@pytest.mark.soak
@pytest.mark.timeout(1800)
async def test_each_fault_rings_its_alert_and_only_that_and_clears(tmp_path: Path) -> None:
    async with watched_site(tmp_path, [quick_rules(tmp_path)]) as watched:
        await until(watched.calm, "a calm site")
        for fault in LONG:
            assert await drill(watched, fault) == {fault.alert}
