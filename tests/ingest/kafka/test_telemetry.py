"""The consumer against a real broker: what it promises where clients lose records in silence."""

import asyncio
from collections.abc import Iterator

import numpy as np
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from contracts.errors import DataLoss, FatalError
from contracts.records import TOMBSTONE, Records
from ingest.kafka import raw_fetch
from ingest.kafka.raw_fetch import INFLATED_BYTES
from ingest.kafka.telemetry import KafkaSource
from tests.ingest.kafka.topics import (
    damage,
    drain,
    offsets_of,
    read_on,
    segment,
    settings,
    started,
    values_of,
    write,
)
from tests.testkit.kafka.broker import Cluster

pytestmark = pytest.mark.broker


@pytest.fixture(autouse=True, params=["whole batches", "plain records"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Both ways of reading keep every promise; the plain one is for any other client library."""
    if request.param == "plain records":
        monkeypatch.setattr(raw_fetch, "PINNED", "another version")
    return str(request.param)


async def test_records_arrive_once_in_order_with_their_timestamps(kafka: Cluster) -> None:
    topic = kafka.create_topic(kafka.unique("telemetry"))
    values = [b"%d" % i for i in range(100)]
    await write(kafka, topic, values)
    async with started(KafkaSource(settings(kafka, topic, records_per_fetch=7))) as source:
        await source.seek(0, 3)
        got = await drain(source, 0, 100)
        assert values_of(got) == values[3:]
        assert offsets_of(got) == list(range(3, 100))
        assert max(len(part) for part in got) == 7
        assert all((part.timestamp_ms > 1_600_000_000_000).all() for part in got)
        assert source.holes == 0
        assert await source.fetch(0, 0.1) is None


async def test_seek_goes_back_and_drops_what_was_fetched_ahead(kafka: Cluster) -> None:
    topic = kafka.create_topic(kafka.unique("telemetry"))
    await write(kafka, topic, [b"%d" % i for i in range(10)])
    async with started(KafkaSource(settings(kafka, topic, records_per_fetch=4))) as source:
        await source.seek(0, 0)
        await drain(source, 0, 4)
        await source.seek(0, 1)
        assert offsets_of(await drain(source, 0, 10)) == list(range(1, 10))


async def test_an_answer_that_was_taken_in_part_is_counted_until_it_is_dropped(
    kafka: Cluster,
) -> None:
    topic = kafka.create_topic(kafka.unique("telemetry"))
    await write(kafka, topic, [b"%d" % i for i in range(10)])
    async with started(KafkaSource(settings(kafka, topic, records_per_fetch=4))) as source:
        await source.seek(0, 0)
        assert source.answers() == ("answers", 0, 1, 0)
        await drain(source, 0, 4)
        assert source.answers() == ("answers", 1, 1, 0)
        assert source.unpacking() == ("unpacking", 0, 1, 0)
        await source.seek(0, 1)
        assert source.answers() == ("answers", 0, 1, 0)


async def test_tombstones_arrive_as_tombstones(kafka: Cluster) -> None:
    topic = kafka.create_topic(kafka.unique("telemetry"))
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap) as producer:
        await producer.send_and_wait(topic, None, key=b"k", partition=0)
        await producer.send_and_wait(topic, b"", key=b"k", partition=0)
    async with started(KafkaSource(settings(kafka, topic))) as source:
        await source.seek(0, 0)
        (records,) = await drain(source, 0, 2)
        assert records.length.tolist() == [TOMBSTONE, 0]


async def test_a_fetch_without_a_seek_is_refused(kafka: Cluster) -> None:
    topic = kafka.create_topic(kafka.unique("telemetry"))
    async with started(KafkaSource(settings(kafka, topic))) as source:
        with pytest.raises(FatalError, match="water-0: expected a seek before the first fetch"):
            await source.fetch(0, 0.1)


async def test_a_topic_with_too_few_partitions_is_refused(kafka: Cluster) -> None:
    topic = kafka.create_topic(kafka.unique("telemetry"), partitions=2)
    with pytest.raises(FatalError, match=r"expected partitions \[2\], got a topic of 2"):
        await KafkaSource(settings(kafka, topic, lanes=(1, 2))).start()


async def test_a_cancelled_fetch_loses_nothing(kafka: Cluster) -> None:
    topic = kafka.create_topic(kafka.unique("telemetry"))
    values = [b"%d" % i for i in range(200)]
    got = []
    async with started(KafkaSource(settings(kafka, topic, records_per_fetch=3))) as source:
        await source.seek(0, 0)
        writing = asyncio.create_task(write(kafka, topic, values))
        async with asyncio.timeout(60):
            while source.position(0) < len(values):
                fetching = asyncio.create_task(source.fetch(0, 0.5))
                await asyncio.sleep(0.002)
                fetching.cancel()
                outcome = (await asyncio.gather(fetching, return_exceptions=True))[0]
                if outcome is not None and not isinstance(outcome, BaseException):
                    got.append(outcome)
        await writing
    assert values_of(got) == values


NAIVE_READERS = 60  # one in five or so loses records, by the order in which answers come


@pytest.fixture(scope="module")
def own() -> Iterator[Cluster]:
    """One node for the tests here that damage their topic's files."""
    with Cluster() as cluster:
        yield cluster


async def naive_losses(cluster: Cluster, topic: str, healthy: int) -> int:
    """Healthy records that one `getmany` over both partitions never gave to some reader of many."""
    partitions = [TopicPartition(topic, 0), TopicPartition(topic, 1)]
    for _ in range(NAIVE_READERS):
        consumer = AIOKafkaConsumer(
            bootstrap_servers=cluster.bootstrap, auto_offset_reset="earliest"
        )
        consumer.assign(partitions)
        await consumer.start()
        await asyncio.sleep(0)
        seen = 0
        async with asyncio.timeout(20):
            while await consumer.position(partitions[0]) < healthy:
                try:
                    found = await consumer.getmany(timeout_ms=200)
                except Exception:  # what a worker that carries on would do
                    continue
                seen += len(found.get(partitions[0], []))
        await consumer.stop()
        if seen < healthy:
            return healthy - seen
    return 0


@pytest.mark.slow
async def test_a_corrupt_partition_stops_itself_and_no_other(own: Cluster) -> None:
    """One call over both partitions loses healthy records here (seen); one call each does not."""
    topic = own.create_topic(own.unique("telemetry"), partitions=2)
    values = [b"reading %03d" % i for i in range(50)]
    await asyncio.gather(write(own, topic, values), write(own, topic, values, partition=1))
    damage(segment(own, topic, 1), values[30])

    assert await naive_losses(own, topic, len(values)) > 0

    async with started(KafkaSource(settings(own, topic, lanes=(0, 1)))) as source:
        await source.seek(0, 0)
        await source.seek(1, 0)
        sick: list[Records] = []
        with pytest.raises(FatalError, match=rf"record at {topic}\[1\]@30, got CorruptRecord"):
            await read_on(source, 1, sick)
        healthy = await drain(source, 0, len(values))
        assert values_of(healthy) == values
        assert values_of(sick) == values[:30]
        assert source.position(1) == 30

        await source.seek(1, 31)
        assert values_of(await drain(source, 1, len(values))) == values[31:]


# From a batch's length field to the payload of its first record.
LENGTH_TO_PAYLOAD = 59


@pytest.mark.slow
@pytest.mark.parametrize("length", [5, 2**31 - 1])
async def test_a_log_that_the_broker_itself_cannot_read_is_noticed(
    own: Cluster, length: int
) -> None:
    """The client only logs such answers and asks again for ever."""
    topic = own.create_topic(own.unique("telemetry"))
    values = [b"reading %03d" % i for i in range(20)]
    await write(own, topic, values)
    with segment(own, topic, 0).open("r+b") as log:
        log.seek(log.read().index(values[10]) - LENGTH_TO_PAYLOAD)
        log.write(length.to_bytes(4, "big"))
    async with started(KafkaSource(settings(own, topic, stall_s=1.0))) as source:
        await source.seek(0, 0)
        got: list[Records] = []
        with pytest.raises(FatalError, match="expected records up to offset 20, got none from"):
            await read_on(source, 0, got)
        assert values_of(got) == values[: source.position(0)]
        assert source.position(0) <= 10


async def test_a_record_larger_than_the_fetch_size_arrives(kafka: Cluster) -> None:
    topic = kafka.create_topic(kafka.unique("telemetry"))
    noise = np.random.default_rng(1)
    values = [noise.bytes(size) for size in (10, 700_000, 10, 500_000, 10)]
    await write(kafka, topic, values)
    small = settings(kafka, topic, max_partition_fetch_bytes=1024, fetch_max_bytes=2048)
    async with started(KafkaSource(small)) as source:
        await source.seek(0, 0)
        assert values_of(await drain(source, 0, len(values))) == values


async def test_retention_past_the_position_is_data_loss_with_exact_offsets(kafka: Cluster) -> None:
    topic = kafka.create_topic(kafka.unique("telemetry"))
    await write(kafka, topic, [b"%d" % i for i in range(20)])
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    await admin.delete_records({TopicPartition(topic, 0): RecordsToDelete(before_offset=12)})
    await admin.close()
    async with started(KafkaSource(settings(kafka, topic))) as source:
        assert await source.beginning_offset(0) == 12
        await source.seek(0, 5)
        for _ in range(2):
            with pytest.raises(DataLoss, match=r"water-0: .* readings 5\.\.11 are lost") as caught:
                await read_on(source, 0, [])
            assert (caught.value.where, caught.value.first, caught.value.last) == ("water-0", 5, 11)
        assert source.position(0) == 5
        await source.seek(0, 12)
        assert offsets_of(await drain(source, 0, 20)) == list(range(12, 20))


async def test_a_position_behind_the_end_is_fatal_and_never_reset(kafka: Cluster) -> None:
    topic = kafka.create_topic(kafka.unique("telemetry"))
    await write(kafka, topic, [b"1", b"2"])
    async with started(KafkaSource(settings(kafka, topic))) as source:
        await source.seek(0, 100)
        with pytest.raises(FatalError, match="expected offset 100 in the log, its end is 2; was"):
            await read_on(source, 0, [])
        assert source.position(0) == 100


async def test_aborted_and_open_transactions_are_not_seen(kafka: Cluster) -> None:
    topic = kafka.create_topic(kafka.unique("telemetry"))
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka.bootstrap, transactional_id=kafka.unique("writer")
    )
    async with producer:
        for word, ends in ((b"kept", True), (b"aborted", False)):
            await producer.begin_transaction()
            for _ in range(3):
                await producer.send_and_wait(topic, word, partition=0)
            await (producer.commit_transaction() if ends else producer.abort_transaction())
        async with started(KafkaSource(settings(kafka, topic))) as source:
            await source.seek(0, 0)
            assert await source.end_offset(0) == 8
            assert values_of(await drain(source, 0, 8)) == [b"kept"] * 3
            assert source.holes == 5

            await producer.begin_transaction()
            await producer.send_and_wait(topic, b"open", partition=0)
            await write(kafka, topic, [b"behind it"])
            assert await source.end_offset(0) == 8
            assert await source.fetch(0, 0.5) is None
            assert source.position(0) == 8

            await producer.commit_transaction()
            assert values_of(await drain(source, 0, 11)) == [b"open", b"behind it"]


async def test_a_bomb_is_passed_with_its_cause_and_what_lies_around_it_is_given(
    kafka: Cluster, way: str
) -> None:
    if way == "plain records":
        pytest.skip("the client itself inflates there, without a bound")
    topic = kafka.create_topic(kafka.unique("telemetry"))
    await write(kafka, topic, [b"before"])
    async with AIOKafkaProducer(
        bootstrap_servers=kafka.bootstrap, compression_type="gzip", max_request_size=128 << 20
    ) as producer:
        await producer.send_and_wait(topic, bytes(2 * INFLATED_BYTES), partition=0)
    await write(kafka, topic, [b"behind"])
    async with started(KafkaSource(settings(kafka, topic, lanes=(0,)))) as source:
        await source.seek(0, 0)
        got: list[Records] = []
        async with asyncio.timeout(20):
            while source.position(0) < 3:
                if (records := await source.fetch(0, 1.0)) is not None:
                    got.append(records)
    faults = {int(r.offset[i]): fault for r in got for i, fault in r.faults.items()}
    assert list(faults) == [1]
    assert faults[1].startswith(
        f"batch at 1: expected sound gzip of at most {INFLATED_BYTES} bytes"
    )
    assert values_of(got) == [b"before", b"", b"behind"]
