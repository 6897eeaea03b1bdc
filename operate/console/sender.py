"""Sends the console's commands, each signed in the role of the person who gives it."""

import asyncio
from contextlib import suppress
from typing import Final

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from broker.access import client_options, secret_text
from broker.closing import close_client
from configuration.settings import Settings
from configuration.signing import signer_of
from contracts.errors import RetryableError
from contracts.journal import CommandBase
from contracts.topics import TopicNames

SEND_S: Final = 5.0  # how long a person waits for an answer
AGAIN_S: Final = 1.0


class KafkaSender:
    """A `CommandSender` with one producer, made when it is first needed.

    Parameters
    ----------
    settings : Settings
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._names = TopicNames(settings.app)
        key = settings.console.key
        self._pem = None if key is None else secret_text("console.key", key)
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()

    async def send(self, lifeline: str, lane: int, command: CommandBase) -> None:
        """See `CommandSender`."""
        topic = self._names.commands(lifeline)
        if self._pem is not None:
            signer = signer_of(self._pem, command.role, self._settings.commands)
            command = signer.signed(command, topic)
        body = msgspec.json.encode(command)
        try:
            async with asyncio.timeout(SEND_S):
                producer = await self._started()
                await producer.send_and_wait(topic, body, partition=lane)
        except (KafkaError, OSError, TimeoutError) as error:
            msg = f"{topic}: expected brokers to take a command, got {error!r}; send it again"
            raise RetryableError(msg, AGAIN_S) from error

    async def _started(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._producer is None:
                kafka = self._settings.kafka
                producer = AIOKafkaProducer(
                    bootstrap_servers=kafka.bootstrap, acks="all", **client_options(kafka)
                )
                try:
                    await producer.start()
                except BaseException:
                    with suppress(KafkaError):
                        await close_client(producer)
                    raise
                self._producer = producer
            return self._producer

    async def close(self) -> None:
        """Let go of sockets."""
        if self._producer is not None:
            await close_client(self._producer)
