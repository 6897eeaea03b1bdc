"""What the console and the process that reads for it say to each other, over two pipes."""

import asyncio
from typing import Final, Literal

import msgspec

from contracts.errors import ConfigError, RetryableError, TocsinError
from contracts.ports.readings import ReadingsSpan, Window
from contracts.ports.recovery import Recovery
from operate.console.description import CityDescription

AGAIN_S: Final = 1.0
BUFFER_BYTES: Final = 1 << 20  # of whoever reads a pipe
_LENGTH_BYTES: Final = 4


class Describe(msgspec.Struct, frozen=True, tag=True):
    """Describe the city, and write its channels to a file."""

    channels: str


class Look(msgspec.Struct, frozen=True, tag=True):
    """Readings of a channel; see `ChannelReadings`."""

    lifeline: str
    lane: int
    channel: str
    window: Window


class Recover(msgspec.Struct, frozen=True, tag=True):
    """How lifelines recovered: from an incident, or without one since a time."""

    incident: str
    begins_ms: int = 0


class Described(msgspec.Struct, frozen=True, tag=True):
    """The city; None when it has too many channels to be written down."""

    city: CityDescription | None


class Found(msgspec.Struct, frozen=True, tag=True):
    """Readings."""

    span: ReadingsSpan


class Recovered(msgspec.Struct, frozen=True, tag=True):
    """How they recovered."""

    recovery: Recovery


class Refused(msgspec.Struct, frozen=True, tag=True):
    """Why there is no answer: the configuration is wrong, or not now."""

    why: Literal["configuration", "later"]
    lines: list[str]

    def error(self) -> TocsinError:
        """As whoever asked would have met it here."""
        if self.why == "configuration":
            return ConfigError(*self.lines)
        return RetryableError("\n".join(self.lines), AGAIN_S)


Question = Describe | Look | Recover
Answer = Described | Found | Recovered | Refused


class Asked(msgspec.Struct, frozen=True):
    """A question; its answer has the same number."""

    number: int
    what: Question


class Answered(msgspec.Struct, frozen=True):
    """An answer."""

    number: int
    what: Answer


def framed(message: Asked | Answered) -> bytes:
    """A message behind its length."""
    body = msgspec.msgpack.encode(message)
    return len(body).to_bytes(_LENGTH_BYTES, "big") + body


async def received(pipe: asyncio.StreamReader) -> bytes:
    """The next message; `asyncio.IncompleteReadError` when the other end has closed."""
    size = int.from_bytes(await pipe.readexactly(_LENGTH_BYTES), "big")
    return await pipe.readexactly(size)
