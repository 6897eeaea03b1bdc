"""Things break one after another; the right alert, and only it, reaches Alertmanager and clears."""

import asyncio
import logging
import math
import resource
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import pytest
import yaml
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from configuration.settings import Snapshot
from contracts.quantities import NS_PER_S
from pipeline.worker.lane_context import Pace
from runtime.failpoints import STALLED_S, Point
from runtime.installation import HOME
from tests.testkit.faults.drill import tocsin
from tests.testkit.faults.sensors import CALM, TOPIC, reading
from tests.testkit.prometheus.watched_site import (
    CLEAR_S,
    RULES,
    WAIT_S,
    WatchedSite,
    until,
    watched_site,
)

log = logging.getLogger(__name__)

LANE = 0
NAME = f"water-{LANE}"
GROUP = "tocsin-water"
PASSINGS = 30  # of batches: the new worker runs by then
HIDES_MS = 600_000
STILL_S = 2.0  # sensors send twice a second: a lane that takes nothing for so long stands
OF_A_START = {"TocsinDown"}
WITHIN_S = 120.0  # from what breaks until somebody is told
FOLDER = HOME / "deploy" / "prometheus"
WATCH = yaml.safe_load((FOLDER / "prometheus.yml").read_text())["global"]
ROUTE = yaml.safe_load((FOLDER / "alertmanager.yml").read_text())["route"]
BLIND = "tests.testkit.prometheus.blind_worker"
RUBBISH = b'{"channel": "wat'
EVERY_S = 0.4

Trouble = Callable[[WatchedSite], AbstractAsyncContextManager[None]]


class Fault(NamedTuple):
    """Something that breaks, and what is to be heard of it.

    Parameters
    ----------
    trouble : callable
        Breaks it on entering and mends it on leaving.
    alert : str
        The only one that rings meanwhile.
    shows_s : float
        How long until metrics and the windows of the alert show it, at most.
    says : str
        What the first commands of the alert's runbook print, among other things; empty where it
        has none or nobody answers.
    restarts : bool
        Whether mending it takes the worker away for longer than a start takes, which may ring too.
    """

    trouble: Trouble
    alert: str
    shows_s: float = 0.0
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
    stranger = Producer(
        {
            "bootstrap.servers": watched.site.bootstrap,
            "transactional.id": "stranger",
            "transaction.timeout.ms": HIDES_MS,  # by default brokers would abort it in time
        }
    )
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
    """All channels of one lane stop sending, once it is known how many records are usual."""
    usual = f'quantile_over_time(0.1, tocsin:lane_records:deriv1m{{lane="{NAME}"}}[1h] offset 2m)'
    await until(lambda: watched.server.query(f"{usual} > 0"), "some minutes to compare with")
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
    """A lane computes for minutes; what waited is worked off behind it."""
    await watched.replace_worker(f"{Point.SCORE}:{PASSINGS}:stall")
    await until(watched.ready, "a worker that is ready")
    before = -1.0
    while (position := await taken(watched)) != before:
        before = position
        await asyncio.sleep(STILL_S)
    yield
    watched.worker.failpoint = ""


async def taken(watched: WatchedSite) -> float:
    """Where the lane stands."""
    found = await asyncio.to_thread(watched.worker.metric, "tocsin_lane_position")
    return found.get(NAME, math.nan)


@asynccontextmanager
async def blind_detector(watched: WatchedSite) -> AsyncIterator[None]:
    """A worker of a release that finds nothing; the one before it is started again."""
    good = watched.worker.program
    assert await watched.worker.finish(30) == 0, watched.worker.log.read_text()[-4000:]
    watched.worker.program = [sys.executable, "-m", BLIND, *good[1:]]
    watched.worker.start()
    await until(watched.ready, "a worker that is ready")
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


class Drilled(NamedTuple):
    """How a drill went; times in seconds.

    Parameters
    ----------
    rung : set of str
        Names of all alerts that rang, but for what mending may ring.
    fired_s : float
        From the break until the alert fired, by its `startsAt` in Alertmanager.
    """

    rung: set[str]
    fired_s: float


async def drill(watched: WatchedSite, fault: Fault) -> Drilled:
    """Break something, hear of it, take the runbook's first step, mend it, and hear no more."""
    watched.rung.clear()
    async with fault.trouble(watched):
        broke = time.time()
        await until(lambda: rings(watched, fault.alert), f"{fault.alert} to ring")
        fired_s = watched.rung[fault.alert] - broke
        said = await watched.first_step(fault.alert)
        assert fault.says in said, said
    mended = time.time()
    await until(watched.calm, f"{fault.alert} to clear", CLEAR_S)
    words = (sorted(watched.rung), fault.alert, fired_s, time.time() - mended)
    log.info("rang: %s; %s after %.0f s; all clear %.0f s after it was mended", *words)
    may = OF_A_START - {fault.alert} if fault.restarts else set()
    return Drilled(set(watched.rung) - may, fired_s)


async def rings(watched: WatchedSite, alert: str) -> bool:
    return alert in watched.rung


def seconds(text: str) -> float:
    """A duration as Prometheus writes it.

    >>> seconds("45s"), seconds("1m")
    (45.0, 60.0)
    """
    return float(text[:-1]) * {"s": 1, "m": 60}[text[-1]]


def declared_s(fault: Fault) -> float:
    """From the break until Alertmanager tells its receivers, as deployed, at most."""
    groups = yaml.safe_load(RULES.read_text())["groups"]
    found = (rule for group in groups for rule in group["rules"])
    (rule,) = [rule for rule in found if rule.get("alert") == fault.alert]
    looks = (WATCH["scrape_interval"], WATCH["evaluation_interval"], rule.get("for", "0s"))
    return fault.shows_s + sum(map(seconds, looks)) + seconds(ROUTE["group_wait"])


SHORT = [Fault(open_transaction, "TocsinRecordsHidden", 60.0, "ProducerId")]
LONG = [
    Fault(refused_configuration, "TocsinConfigRefused", 0.0, "hysterisis"),
    Fault(silent_district, "TocsinReadingsHalved", 60.0),  # before lag spoils what it compares with
    *SHORT,
    Fault(broken_configuration, "TocsinDown"),
    Fault(stopped_broker, "TocsinBrokerAway", 15.0, "expected"),
    Fault(poisoned_topic, "TocsinReadingsRefused", 60.0, 'destiny="undecodable"'),
    Fault(
        full_disk,
        "TocsinSnapshotFails",
        Snapshot().every.ns / NS_PER_S,
        "tocsin_snapshots_in_vain",
    ),
    Fault(stalled_lane, "TocsinLaneStalled", 30.0, "tocsin_queue_waiters"),
    Fault(lost_readings, "TocsinLaneFailed", 0.0, "are lost", restarts=True),
    Fault(
        blind_detector,
        "TocsinDetectorBlind",
        3 * Pace().canary_s,
        'tocsin_canaries_missed{lifeline="water"}',
    ),
]


@pytest.mark.parametrize("fault", LONG, ids=lambda fault: fault.alert)
def test_whoever_is_to_be_told_is_told_within_two_minutes(fault: Fault) -> None:
    assert declared_s(fault) <= WITHIN_S
    assert declared_s(fault) < STALLED_S  # else a stall could be over before


@pytest.mark.broker
@pytest.mark.soak
@pytest.mark.timeout(5400)
async def test_each_fault_rings_its_alert_and_only_that_within_two_minutes_and_clears(
    tmp_path: Path,
) -> None:
    """The rules, routes and intervals are those of deploy/, in real time."""
    every = WATCH["scrape_interval"]
    assert every == WATCH["evaluation_interval"]
    async with watched_site(tmp_path, [RULES], every) as watched:
        await until(watched.calm, "a calm site")
        drilled = {fault.alert: await drill(watched, fault) for fault in LONG}
    assert {alert: found.rung for alert, found in drilled.items()} == {
        fault.alert: {fault.alert} for fault in LONG
    }
    told_s = {alert: d.fired_s + seconds(ROUTE["group_wait"]) for alert, d in drilled.items()}
    assert max(told_s.values()) <= WITHIN_S, told_s
