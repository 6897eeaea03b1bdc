"""Commands sent to the lanes of a lifeline, and what their journals say became of them."""

import asyncio
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from broker.access import check_access, client_options
from broker.closing import close_client
from broker.errors import refusal
from broker.partition_reader import LaneReader
from configuration.configuration import Configuration
from configuration.lane_plan import plan_of
from contracts.journal import Command, Entry, Refuse, decode_entry
from contracts.topics import TopicNames

WAIT_S: Final = 60.0
LOOK_S: Final = 0.2


class CommandDesk:
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
        self.reader = reader
        self._kafka = configuration.settings.kafka

    async def journal(self, number: int, first: int | None) -> list[tuple[int, Entry]]:
        """Journal entries of a lane from an offset on."""
        topic = self.topics.journal(self.plan.lifeline)
        found, _ = await self.reader.read(topic, number, first, "journal entries")
        return [(r.offset, decode_entry(r.value or b"")) for r in found]

    async def order(self, command: Command, numbers: Sequence[int]) -> list[str]:
        """Send a command to some lanes; what became of it comes back, a line each."""
        topic = self.topics.journal(self.plan.lifeline)
        ends = {n: (await self.reader.read(topic, n, None))[1] for n in numbers}
        behind = await self._send(msgspec.json.encode(command), numbers)
        until = time.monotonic() + WAIT_S
        return [await self._answer(n, ends[n], behind[n], until) for n in numbers]

    async def _send(self, body: bytes, numbers: Sequence[int]) -> dict[int, int]:
        """Next command offset of each lane once it has taken this one."""
        kafka = self._kafka
        producer = AIOKafkaProducer(
            bootstrap_servers=kafka.bootstrap, acks="all", **client_options(kafka)
        )
        topic = self.topics.commands(self.plan.lifeline)
        try:
            await producer.start()
            sent: dict[int, Any] = {
                number: await producer.send_and_wait(topic, body, partition=number)
                for number in numbers
            }
        finally:
            await close_client(producer)
        return {number: record.offset + 1 for number, record in sent.items()}

    async def _answer(self, number: int, first: int, behind: int, until: float) -> str:
        """What a lane's journal says of the command, once it says anything."""
        name = self.plan.name(number)
        while True:
            for _, entry in await self.journal(number, first):
                if entry.command == behind and isinstance(entry.change, Refuse):
                    return f"{name}: refused, {entry.change.detail}"
                if entry.command == behind:
                    return f"{name}: done, from telemetry offset {entry.at} on"
            if time.monotonic() > until:
                return f"{name}: no answer within {WAIT_S:g} s; the command stays and takes effect"
            await asyncio.sleep(LOOK_S)


@asynccontextmanager
async def command_desk(configuration: Configuration, lifeline: str) -> AsyncIterator[CommandDesk]:
    """A desk, whose client is let go of at the end."""
    kafka = configuration.settings.kafka
    await check_access(kafka.bootstrap, kafka)
    reader = LaneReader(kafka.bootstrap, security=kafka)
    try:
        yield CommandDesk(configuration, lifeline, reader)
    except KafkaError as error:
        raise refusal(kafka.bootstrap, "commands", error) from error
    finally:
        await reader.close()


def unheeded(answers: Sequence[str]) -> bool:
    """Whether a lane refused, or said nothing."""
    return any(": refused" in line or ": no answer" in line for line in answers)
