"""The topic of dead letters, and the records that they tell of."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from broker.access import check_access, client_options
from broker.closing import close_client
from broker.errors import refusal
from contracts.dead_letter import DeadLetter
from contracts.errors import ConfigError
from contracts.kafka import Kafka
from contracts.topics import TopicNames

WAIT_MS: Final = 500
ANSWER_S: Final = 10.0


class Letter(NamedTuple):
    """A dead letter and its record.

    Parameters
    ----------
    letter : DeadLetter
    record : ConsumerRecord
    """

    letter: DeadLetter
    record: Any

    @property
    def place(self) -> str:
        """What was refused, as commands name it (`water-3@1841`)."""
        return f"{self.letter.lane}@{self.letter.offset}"

    @property
    def origin(self) -> tuple[str, int, int]:
        """Topic, partition and offset of what was refused."""
        return self.letter.topic, self.letter.partition, self.letter.offset

    @property
    def headers(self) -> dict[str, str]:
        """Headers of the record."""
        return {name: value.decode(errors="replace") for name, value in self.record.headers}


class LetterBox:
    """The topic of dead letters, read from its beginning to the end of now.

    Parameters
    ----------
    app : str
        First word of the installation's topics.
    kafka : Kafka
        Address of the brokers, and how to log in.
    consumer : AIOKafkaConsumer
        Started, without a group.
    """

    def __init__(self, app: str, kafka: Kafka, consumer: AIOKafkaConsumer) -> None:
        self.app, self.kafka = app, kafka
        self.topic = TopicNames(self.app).dead_letters
        self._consumer = consumer

    async def letters(self, lifeline: str | None = None) -> AsyncIterator[Letter]:
        """All of a lifeline, partition by partition; what is no dead letter is passed over."""
        consumer = self._consumer
        for number in await self._partitions():
            place = TopicPartition(self.topic, number)
            consumer.assign([place])
            await consumer.seek_to_beginning(place)
            end = (await consumer.end_offsets([place]))[place]
            while await consumer.position(place) < end:
                for record in (await consumer.getmany(place, timeout_ms=WAIT_MS)).get(place, []):
                    found = _letter(record)
                    if found and lifeline in {None, found.letter.lane.rpartition("-")[0]}:
                        yield found

    async def _partitions(self) -> list[int]:
        """Partitions of the topic, which the client looks up once one of them is assigned."""
        first = TopicPartition(self.topic, 0)
        self._consumer.assign([first])
        try:
            async with asyncio.timeout(ANSWER_S):
                await self._consumer.end_offsets([first])
        except (KafkaError, TimeoutError) as error:
            msg = f"{self.topic}: expected the topic of dead letters, got none; "
            raise ConfigError(msg + "see `tocsin topics --bootstrap`") from error
        return sorted(self._consumer.partitions_for_topic(self.topic))

    async def original(self, found: Letter) -> Any | None:
        """The refused record, None when its log holds it no longer."""
        topic, partition, offset = found.origin
        place = TopicPartition(topic, partition)
        consumer = self._consumer
        consumer.assign([place])
        if not (await consumer.beginning_offsets([place]))[place] <= offset:
            return None
        consumer.seek(place, offset)
        try:
            async with asyncio.timeout(ANSWER_S):
                record = await consumer.getone(place)
        except TimeoutError:
            return None
        return record if record.offset == offset else None


def _letter(record: Any) -> Letter | None:
    try:
        return Letter(msgspec.json.decode(record.value or b"", type=DeadLetter), record)
    except msgspec.DecodeError:
        return None


@asynccontextmanager
async def letter_box(app: str, kafka: Kafka) -> AsyncIterator[LetterBox]:
    """The dead letters of an installation."""
    await check_access(kafka.bootstrap, kafka)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=kafka.bootstrap,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="none",
        group_id=None,
        **client_options(kafka),
    )
    try:
        await consumer.start()
        yield LetterBox(app, kafka, consumer)
    except KafkaError as error:
        raise refusal(kafka.bootstrap, "dead letters", error) from error
    finally:
        await close_client(consumer)
