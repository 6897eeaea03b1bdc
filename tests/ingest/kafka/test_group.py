"""Ownership of lanes, against a real broker: who may commit, who hears of it, how it all ends."""

import asyncio
import time
from collections.abc import Callable, Iterator

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from contracts.errors import FatalError, Fenced, RetryableError
from ingest.kafka.telemetry import KafkaSettings, KafkaSource
from tests.ingest.kafka.topics import drain, settings, started, values_of, write
from tests.testkit.kafka.broker import Cluster

pytestmark = pytest.mark.broker


class Owner:
    """Knows which lanes it has, and holds on to them for as long as it is told to."""

    def __init__(self) -> None:
        self.lanes: list[int] = []
        self.changed = asyncio.Event()
        self.leaving = asyncio.Event()
        self.may_leave = asyncio.Event()
        self.may_leave.set()

    async def assigned(self, lanes: list[int]) -> None:
        self.lanes = lanes
        self.changed.set()

    async def revoked(self, lanes: list[int]) -> None:
        assert lanes == self.lanes
        self.leaving.set()
        await self.may_leave.wait()
        self.lanes = []

    async def has(self, count: int) -> None:
        """Wait until the owner has so many lanes."""
        async with asyncio.timeout(30):
            while len(self.lanes) != count:
                self.changed.clear()
                await self.changed.wait()


def shared(cluster: Cluster, topic: str, **changes: object) -> KafkaSettings:
    """Settings of a member of a group that shares its lanes out."""
    quick = {"session_timeout_ms": 6000, "heartbeat_interval_ms": 200, "lanes": None}
    return settings(cluster, topic, **{**quick, **changes})


async def committed(cluster: Cluster, group: str, topic: str, lane: int) -> int | None:
    """What the group has, asked by a client that is no member."""
    async with AIOKafkaConsumer(
        bootstrap_servers=cluster.bootstrap, group_id=group, enable_auto_commit=False
    ) as consumer:
        offset: int | None = await consumer.committed(TopicPartition(topic, lane))
        return offset


async def test_a_commit_moves_one_lane_and_a_proof_moves_none(kafka: Cluster) -> None:
    topic = kafka.create_topic(kafka.unique("telemetry"), partitions=2)
    await write(kafka, topic, [b"1", b"2", b"3"])
    owner = Owner()
    async with started(KafkaSource(shared(kafka, topic), owner)) as source:
        await owner.has(2)
        await source.prove_membership(0)
        assert await committed(kafka, f"{topic}-group", topic, 0) == 0
        await source.commit(0, 2)
        await source.prove_membership(0)
        assert await committed(kafka, f"{topic}-group", topic, 0) == 2
        assert await committed(kafka, f"{topic}-group", topic, 1) is None
        await source.prove_membership(1, offset=0)
        assert await committed(kafka, f"{topic}-group", topic, 1) == 0


@pytest.mark.slow
async def test_a_commit_from_a_replaced_static_member_is_fenced(kafka: Cluster) -> None:
    """The refused client joins again by itself, so a fenced worker must close its source."""
    topic = kafka.create_topic(kafka.unique("telemetry"), partitions=2)
    first, second = Owner(), Owner()
    member = shared(kafka, topic, instance="worker-0", heartbeat_interval_ms=5000)
    async with started(KafkaSource(member, first)) as old:
        await first.has(2)
        await old.commit(0, 0)
        async with started(KafkaSource(member, second)) as new:
            await second.has(2)
            await new.prove_membership(0)
            with pytest.raises(Fenced, match="water-0: expected to own the lane in `commit`"):
                await old.prove_membership(0)
            with pytest.raises(Fenced):
                await old.commit(1, 99)
            assert await committed(kafka, f"{topic}-group", topic, 1) is None


@pytest.mark.slow
async def test_lanes_move_to_a_second_worker_and_the_first_loses_them(kafka: Cluster) -> None:
    topic = kafka.create_topic(kafka.unique("telemetry"), partitions=2)
    for lane in (0, 1):
        await write(kafka, topic, [b"%d" % lane] * 4, partition=lane)
    owners = Owner(), Owner()
    async with started(KafkaSource(shared(kafka, topic), owners[0])) as first:
        await owners[0].has(2)
        epoch = first.epoch
        for lane in (0, 1):
            await first.seek(lane, 0)
            assert values_of(await drain(first, lane, 4)) == [b"%d" % lane] * 4
        async with started(KafkaSource(shared(kafka, topic), owners[1])) as second:
            await owners[1].has(1)
            await owners[0].has(1)
            (kept,), (moved,) = owners[0].lanes, owners[1].lanes
            assert {kept, moved} == {0, 1}
            assert first.epoch > epoch
            for lane in (kept, moved):
                with pytest.raises(Fenced, match="it was revoked; drop it"):
                    await first.fetch(lane, 0.1)
            with pytest.raises(Fenced):
                await first.commit(moved, 4)
            with pytest.raises(Fenced):
                await first.seek(moved, 0)
            await first.seek(kept, 2)
            assert values_of(await drain(first, kept, 4)) == [b"%d" % kept] * 2
            await second.seek(moved, 1)
            assert values_of(await drain(second, moved, 4)) == [b"%d" % moved] * 3


@pytest.mark.slow
async def test_a_worker_too_slow_to_let_go_is_fenced(kafka: Cluster) -> None:
    topic = kafka.create_topic(kafka.unique("telemetry"))
    slow, quick = Owner(), Owner()
    slow.may_leave.clear()
    hasty = shared(kafka, topic, rebalance_timeout_ms=1000, session_timeout_ms=2000)
    async with started(KafkaSource(hasty, slow)) as old:
        await slow.has(1)
        await old.seek(0, 0)
        await old.commit(0, 0)
        async with started(KafkaSource(hasty, quick)) as new:
            await quick.has(1)
            assert slow.lanes == [0]
            with pytest.raises(Fenced):
                await old.prove_membership(0)
            await new.prove_membership(0)
        slow.may_leave.set()


async def test_an_owner_that_cannot_take_its_lanes_stops_the_worker(kafka: Cluster) -> None:
    class Broken(Owner):
        async def assigned(self, lanes: list[int]) -> None:
            raise ValueError(f"no room for {lanes}")

    topic = kafka.create_topic(kafka.unique("telemetry"))
    source = KafkaSource(shared(kafka, topic), Broken())
    with pytest.raises(FatalError, match=r"a rebalance failed with ValueError\('no room for"):
        await call_until_it_fails(source)
    await source.close()


async def call_until_it_fails(source: KafkaSource) -> None:
    """The listener runs beside `start`: its failure shows there or in the next call."""
    await source.start()
    async with asyncio.timeout(10):
        while True:
            await source.end_offset(0)


async def test_no_broker_is_retryable_and_leaves_nothing_running() -> None:
    nowhere = KafkaSettings(
        bootstrap="127.0.0.1:9", topic="t", lifeline="water", group="g", start_deadline_s=2.0
    )
    before = asyncio.all_tasks()
    with pytest.raises(RetryableError, match="t: expected an answer to `start`"):
        await KafkaSource(nowhere).start()
    assert asyncio.all_tasks() == before


async def test_closing_at_once_and_twice_is_quiet(kafka: Cluster) -> None:
    topic = kafka.create_topic(kafka.unique("telemetry"))
    before = asyncio.all_tasks()
    for _ in range(5):
        source = KafkaSource(settings(kafka, topic))
        await source.start()
        await source.close()
        await source.close()
    assert asyncio.all_tasks() == before


@pytest.fixture
def own() -> Iterator[Cluster]:
    """One node for this test alone, which may be frozen."""
    with Cluster() as cluster:
        yield cluster


def impatient(cluster: Cluster, topic: str) -> KafkaSource:
    """A source whose deadlines are short."""
    return KafkaSource(
        settings(
            cluster,
            topic,
            records_per_fetch=4,
            call_deadline_s=1.0,
            request_timeout_ms=500,
            close_deadline_s=1.0,
        )
    )


@pytest.mark.slow
async def test_a_frozen_broker_costs_deadlines_and_no_records(own: Cluster) -> None:
    topic = own.create_topic("telemetry")
    await write(own, topic, [b"%d" % i for i in range(10)])
    async with started(impatient(own, topic)) as source:
        await source.seek(0, 0)
        first = await drain(source, 0, 4)
        own.pause(0)
        for call in (source.end_offset(0), source.commit(0, 4), source.prove_membership(0)):
            began = time.monotonic()
            with pytest.raises(RetryableError):
                await call
            assert time.monotonic() - began < 5
        own.resume(0)
        rest = await drain(source, 0, 10)
        assert values_of(first + rest) == [b"%d" % i for i in range(10)]


@pytest.mark.slow
@pytest.mark.parametrize("hurt", [Cluster.pause, Cluster.kill])
async def test_closing_without_a_broker_is_quick_and_leaves_nothing_running(
    own: Cluster, hurt: Callable[[Cluster, int], None]
) -> None:
    """The client's own `stop` leaves tasks that connect and log for ever (seen in both cases)."""
    topic = own.create_topic("telemetry")
    await write(own, topic, [b"%d" % i for i in range(10)])
    before = asyncio.all_tasks()
    source = impatient(own, topic)
    await source.start()
    await source.seek(0, 0)
    await drain(source, 0, 4)
    hurt(own, 0)
    await asyncio.sleep(1.0)
    began = time.monotonic()
    await source.close()
    assert time.monotonic() - began < 4
    await asyncio.sleep(0.1)
    assert asyncio.all_tasks() == before
