"""Operators' commands from a real broker: what arrived, from where the lane asks, and no wait."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from contracts.errors import FatalError, RetryableError
from contracts.journal import COMMAND_BYTES
from ingest.kafka.commands import (
    COMMANDS_PER_FETCH,
    INFLATED_BYTES,
    WAITING_MAX,
    CommandSettings,
    KafkaCommands,
)
from tests.testkit.kafka.broker import Cluster

FETCH_S_MAX = 200e-6  # generous: a loaded machine; a broker round trip would be milliseconds


@asynccontextmanager
async def listening(cluster: Cluster, topic: str) -> AsyncIterator[KafkaCommands]:
    commands = KafkaCommands(
        CommandSettings(bootstrap=cluster.bootstrap, topic=topic, lifeline="water")
    )
    await commands.start()
    try:
        yield commands
    finally:
        await commands.close()


async def send(cluster: Cluster, topic: str, count: int, lane: int = 0, first: int = 0) -> None:
    async with AIOKafkaProducer(bootstrap_servers=cluster.bootstrap, acks="all") as producer:
        for number in range(first, first + count):
            await producer.send(topic, b"%d" % number, partition=lane)


async def fetch(
    commands: KafkaCommands, lane: int, offset: int, count: int
) -> list[tuple[int, bytes]]:
    """Ask, as a lane does, until as many commands as expected have come."""
    async with asyncio.timeout(20):
        while True:
            found = await commands.fetch(lane, offset)
            if len(found) >= count:
                return found
            await asyncio.sleep(0.02)


def numbered(first: int, last: int) -> list[tuple[int, bytes]]:
    return [(number + 1, b"%d" % number) for number in range(first, last)]


async def test_commands_come_with_the_offset_behind_them(kafka: Cluster) -> None:
    topic = kafka.create_topic(kafka.unique("commands"), 2)
    await send(kafka, topic, 3, lane=1)
    async with listening(kafka, topic) as commands:
        assert await commands.fetch(0, 0) == []
        assert await fetch(commands, 1, 0, 3) == numbered(0, 3)
        assert await commands.fetch(0, 0) == []


async def test_a_lane_that_did_not_take_its_commands_gets_them_again(kafka: Cluster) -> None:
    topic = kafka.create_topic(kafka.unique("commands"))
    await send(kafka, topic, 5)
    async with listening(kafka, topic) as commands:
        assert await fetch(commands, 0, 0, 5) == numbered(0, 5)
        assert await commands.fetch(0, 0) == numbered(0, 5)
        assert commands.queue() == ("commands", 5, WAITING_MAX, 0)
        assert await commands.fetch(0, 2) == numbered(2, 5)
        assert commands.queue() == ("commands", 3, WAITING_MAX, 0)
        assert await commands.fetch(0, 5) == []
        await send(kafka, topic, 1, first=5)
        assert await fetch(commands, 0, 5, 1) == numbered(5, 6)


async def test_a_recovered_lane_goes_back(kafka: Cluster) -> None:
    topic = kafka.create_topic(kafka.unique("commands"), 2)
    await send(kafka, topic, 4, lane=0)
    await send(kafka, topic, 4, lane=1)
    async with listening(kafka, topic) as commands:
        await fetch(commands, 0, 0, 4)
        assert await commands.fetch(0, 4) == []
        # A lane that is taken over later must not move the first one.
        assert await fetch(commands, 1, 1, 3) == numbered(1, 4)
        assert await fetch(commands, 0, 1, 3) == numbered(1, 4)


async def test_a_fetch_brings_a_hundred_at_most_and_the_rest_later(kafka: Cluster) -> None:
    topic = kafka.create_topic(kafka.unique("commands"))
    await send(kafka, topic, 250)
    async with listening(kafka, topic) as commands:
        offset = 0
        got: list[tuple[int, bytes]] = []
        while len(got) < 250:
            found = await fetch(commands, 0, offset, 1)
            assert len(found) <= COMMANDS_PER_FETCH
            got += found
            offset = found[-1][0]
        assert got == numbered(0, 250)


async def test_aborted_commands_are_never_seen_and_markers_are_passed(kafka: Cluster) -> None:
    topic = kafka.create_topic(kafka.unique("commands"))
    async with AIOKafkaProducer(
        bootstrap_servers=kafka.bootstrap, transactional_id=f"{topic}-tx"
    ) as producer:
        async with producer.transaction():
            await producer.send(topic, b"kept", partition=0)
        await producer.begin_transaction()
        await (await producer.send(topic, b"aborted", partition=0))
        await producer.abort_transaction()
        async with producer.transaction():
            await producer.send(topic, b"also kept", partition=0)
    async with listening(kafka, topic) as commands:
        assert await fetch(commands, 0, 0, 2) == [(1, b"kept"), (5, b"also kept")]
        assert await commands.fetch(0, 1) == [(5, b"also kept")]
        await asyncio.sleep(0.3)
        assert await commands.fetch(0, 5) == []
        assert await commands.fetch(0, 5) == []


async def test_a_null_payload_comes_as_an_empty_command(kafka: Cluster) -> None:
    topic = kafka.create_topic(kafka.unique("commands"))
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap) as producer:
        await producer.send_and_wait(topic, None, key=b"k", partition=0)
    async with listening(kafka, topic) as commands:
        assert await fetch(commands, 0, 0, 1) == [(1, b"")]


async def test_a_bomb_comes_as_an_empty_command_and_a_long_command_cut(kafka: Cluster) -> None:
    topic = kafka.create_topic(kafka.unique("commands"))
    async with AIOKafkaProducer(
        bootstrap_servers=kafka.bootstrap, compression_type="gzip", max_request_size=64 << 20
    ) as producer:
        for body in (b"before", bytes(2 * INFLATED_BYTES), bytes(900_000), b"behind"):
            await producer.send_and_wait(topic, body, partition=0)
    async with listening(kafka, topic) as commands:
        found = await fetch(commands, 0, 0, 4)
        assert found == [
            (1, b"before"),
            (2, b""),
            (3, bytes(COMMAND_BYTES + 1)),
            (4, b"behind"),
        ]


async def test_commands_that_retention_ate_are_counted_and_said_once(
    kafka: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    topic = kafka.create_topic(kafka.unique("commands"))
    await send(kafka, topic, 10)
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    await admin.delete_records({TopicPartition(topic, 0): RecordsToDelete(6)})
    await admin.close()
    async with listening(kafka, topic) as commands:
        with caplog.at_level(logging.WARNING, "tocsin.commands"):
            assert await fetch(commands, 0, 2, 4) == numbered(6, 10)
            assert await commands.fetch(0, 2) == numbered(6, 10)
            assert await fetch(commands, 0, 0, 4) == numbered(6, 10)
        assert commands.lost == 4
        (said,) = [record.getMessage() for record in caplog.records]
    assert said == (
        "water-0: expected commands from offset 2, the log starts at 6; commands 2..5 were never "
        f"carried out, widen the retention of {topic} and repeat them"
    )


async def test_a_log_that_ends_before_the_lane_is_refused(kafka: Cluster) -> None:
    topic = kafka.create_topic(kafka.unique("commands"))
    await send(kafka, topic, 2)
    async with listening(kafka, topic) as commands:
        with pytest.raises(FatalError, match=r"water-0: expected offset 9 in .*, its end is 2"):
            await fetch(commands, 0, 9, 1)


async def test_a_lane_that_was_let_go_is_read_anew_when_it_returns(kafka: Cluster) -> None:
    topic = kafka.create_topic(kafka.unique("commands"), 2)
    await send(kafka, topic, 2, lane=0)
    await send(kafka, topic, 2, lane=1)
    async with listening(kafka, topic) as commands:
        await fetch(commands, 0, 0, 2)
        await fetch(commands, 1, 0, 2)
        commands.keep({1})
        assert await commands.fetch(1, 0) == numbered(0, 2)
        assert await fetch(commands, 0, 1, 1) == numbered(1, 2)


async def test_looking_for_commands_costs_no_round_trip(kafka: Cluster) -> None:
    topic = kafka.create_topic(kafka.unique("commands"))
    async with listening(kafka, topic) as commands:
        await commands.fetch(0, 0)
        await asyncio.sleep(0.5)
        took = []
        for _ in range(200):
            began = time.perf_counter()
            assert await commands.fetch(0, 0) == []
            took.append(time.perf_counter() - began)
        assert sorted(took)[100] < FETCH_S_MAX


async def test_a_broker_that_is_away_is_said_in_time() -> None:
    settings = CommandSettings(
        bootstrap="127.0.0.1:1", topic="t", lifeline="water", start_deadline_s=0.5
    )
    began = time.monotonic()
    with pytest.raises(RetryableError, match="t: expected an answer to `start`"):
        await KafkaCommands(settings).start()
    assert time.monotonic() - began < 5


async def test_closing_right_after_the_start_is_quiet_and_twice_is_harmless(
    kafka: Cluster,
) -> None:
    topic = kafka.create_topic(kafka.unique("commands"))
    commands = KafkaCommands(
        CommandSettings(bootstrap=kafka.bootstrap, topic=topic, lifeline="water")
    )
    await commands.start()
    await commands.close()
    await commands.close()
    with pytest.raises(FatalError, match="expected started commands; call `start` first"):
        await commands.fetch(0, 0)
