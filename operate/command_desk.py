"""Commands sent by an operator, and what journals say became of them."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, Generic, NamedTuple, TypeVar

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from broker.access import check_access, client_options
from broker.closing import close_client
from broker.errors import refusal
from broker.partition_reader import LaneReader
from configuration.configuration import Configuration
from configuration.lane_plan import plan_of
from contracts.desk.journal import LANE, DeskEntry, decode_desk_entry
from contracts.journal import CommandBase, Entry, Refuse, decode_entry
from contracts.kafka import Kafka
from contracts.topics import TopicNames

WAIT_S: Final = 60.0
LOOK_S: Final = 0.2
DESK: Final = "desk"  # the desk stage has topics as a lifeline has
E = TypeVar("E", Entry, DeskEntry)


class JournalClient(Generic[E]):
    """Commands and journals of the lanes of a lifeline, or of the desk stage.

    Parameters
    ----------
    kafka : Kafka
    topics : CommandTopics
    decode : callable
        Journal entry from a record's body.
    reader : LaneReader
    """

    def __init__(
        self,
        kafka: Kafka,
        topics: "CommandTopics",
        decode: Callable[[bytes], E],
        reader: LaneReader,
    ) -> None:
        self._kafka = kafka
        self._topics = topics
        self._decode: Callable[[bytes], E] = decode
        self.reader = reader

    async def journal(self, number: int, first: int | None) -> list[tuple[int, E]]:
        """Journal entries of a lane from an offset on."""
        found, _ = await self.reader.read(self._topics.journal, number, first, "journal entries")
        return [(r.offset, self._decode(r.value or b"")) for r in found]

    async def order(self, commands: Sequence[tuple[int, CommandBase]]) -> list[E | None]:
        """Send commands, each to a lane; the entry of each, None where none came in time."""
        numbers = {number for number, _ in commands}
        ends = {n: (await self.reader.read(self._topics.journal, n, None))[1] for n in numbers}
        places = await self._send(commands)
        found: dict[tuple[int, int], E] = {}
        until = time.monotonic() + WAIT_S
        while not all(place in found for place in places):
            for number in sorted(numbers):
                for offset, entry in await self.journal(number, ends[number]):
                    ends[number] = offset + 1
                    if entry.command is not None:
                        found[number, entry.command] = entry
            if time.monotonic() > until:
                break
            await asyncio.sleep(LOOK_S)
        return [found.get(place) for place in places]

    async def _send(self, commands: Sequence[tuple[int, CommandBase]]) -> list[tuple[int, int]]:
        """Lane of each command, and the offset behind it."""
        topic = self._topics.commands
        producer = AIOKafkaProducer(
            bootstrap_servers=self._kafka.bootstrap, acks="all", **client_options(self._kafka)
        )
        try:
            await producer.start()
            waiting = [
                await producer.send(topic, msgspec.json.encode(command), partition=number)
                for number, command in commands
            ]
            sent: list[Any] = await asyncio.gather(*waiting)
        finally:
            await close_client(producer)
        return [(record.partition, record.offset + 1) for record in sent]


class CommandTopics(NamedTuple):
    """Where commands go, and where is written what became of them."""

    commands: str
    journal: str


class CommandDesk(JournalClient[Entry]):
    """Journals and commands of a lifeline's lanes, in the hands of an operator.

    Parameters
    ----------
    configuration : Configuration
    lifeline : str
    reader : LaneReader
    """

    def __init__(self, configuration: Configuration, lifeline: str, reader: LaneReader) -> None:
        self.plan = plan_of(configuration, lifeline)
        self.topics = TopicNames(configuration.settings.app)
        topics = CommandTopics(self.topics.commands(lifeline), self.topics.journal(lifeline))
        super().__init__(configuration.settings.kafka, topics, decode_entry, reader)

    async def answers(self, command: CommandBase, numbers: Sequence[int]) -> list[str]:
        """Send a command to some lanes; what became of it comes back, a line each."""
        found = await self.order([(number, command) for number in numbers])
        return [
            _line(str(self.plan.name(number)), entry, _from(entry))
            for number, entry in zip(numbers, found, strict=True)
        ]


async def desk_answers(
    configuration: Configuration, commands: Sequence[CommandBase], reader: LaneReader
) -> list[str]:
    """Send commands to the desk stage; what became of each comes back, a line each."""
    names = TopicNames(configuration.settings.app)
    topics = CommandTopics(names.commands(DESK), names.journal(DESK))
    client = JournalClient(configuration.settings.kafka, topics, decode_desk_entry, reader)
    found = await client.order([(0, command) for command in commands])
    return [_line(LANE, entry) for entry in found]


def _from(entry: Entry | None) -> str:
    return "" if entry is None else f", from telemetry offset {entry.at} on"


def _line(name: str, entry: Entry | DeskEntry | None, where: str = "") -> str:
    """What a journal says of a command."""
    if entry is None:
        return f"{name}: no answer within {WAIT_S:g} s; the command stays and takes effect"
    if isinstance(entry.change, Refuse):
        return f"{name}: refused, {entry.change.detail}"
    return f"{name}: done{where}"


@asynccontextmanager
async def reading(configuration: Configuration) -> AsyncIterator[LaneReader]:
    """A reader of journals, which is let go of at the end."""
    kafka = configuration.settings.kafka
    await check_access(kafka.bootstrap, kafka)
    reader = LaneReader(kafka.bootstrap, security=kafka)
    try:
        yield reader
    except KafkaError as error:
        raise refusal(kafka.bootstrap, "commands", error) from error
    finally:
        await reader.close()


@asynccontextmanager
async def command_desk(configuration: Configuration, lifeline: str) -> AsyncIterator[CommandDesk]:
    """A desk, whose client is let go of at the end."""
    async with reading(configuration) as reader:
        yield CommandDesk(configuration, lifeline, reader)


def unheeded(answers: Sequence[str]) -> bool:
    """Whether a lane refused, or said nothing."""
    return any(": refused" in line or ": no answer" in line for line in answers)
