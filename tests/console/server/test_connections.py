"""Whoever connects and says nothing, or half of something, is let go of; others are not."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from console import connections, server
from tests.console.server.conftest import Centre

pytestmark = pytest.mark.slow

HALF = b"GET /api/session HTTP/1.1\r\nHost: localhost\r\n"
HALF_A_BODY = b"POST /api/session HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\n{"
AT_ONCE_S = 0.05


Connection = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def connected(centre: Centre) -> AsyncIterator[Connection]:
    """A connection to the console."""
    reader, writer = await asyncio.open_connection("127.0.0.1", centre.console.port)
    yield reader, writer
    writer.close()


@asynccontextmanager
async def sent(centre: Centre, data: bytes) -> AsyncIterator[asyncio.StreamReader]:
    """What comes back from the console behind some bytes."""
    async with connected(centre) as (reader, writer):
        writer.write(data)
        yield reader


async def status(connection: Connection) -> bytes:
    """First line of the answer to a whole request; the connection can be used again."""
    reader, writer = connection
    writer.write(HALF + b"\r\n")
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"Content-Length: (\d+)", head)
    assert length is not None
    await reader.readexactly(int(length[1]))
    return head.partition(b"\r\n")[0]


async def ended(reader: asyncio.StreamReader) -> bool:
    """Wait until the console lets go; whether it did so without a word."""
    try:
        return not await reader.read()
    except ConnectionResetError:
        return True


@pytest.mark.parametrize("data", [b"", HALF])
async def test_a_connection_that_never_asks_ends_and_one_that_asked_stays(
    centre: Centre, data: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "FIRST_REQUEST_S", AT_ONCE_S)
    async with connected(centre) as asking:
        assert await status(asking) == b"HTTP/1.1 401 Unauthorized"
        async with sent(centre, data) as reader:
            assert await ended(reader)
        assert await status(asking) == b"HTTP/1.1 401 Unauthorized"


async def test_of_too_many_silent_connections_the_oldest_makes_room(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    person = await centre.person("viewer")  # whose connection has asked, and stays
    monkeypatch.setattr(connections, "SILENT_MAX", 2)
    async with sent(centre, HALF) as first, sent(centre, HALF) as second, sent(centre, b""):
        assert await ended(first)
        assert not second.at_eof()
        assert (await person.get("/api/session"))["user"] == "viewer"


async def test_a_body_that_does_not_end_is_refused(
    centre: Centre, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "BODY_S", AT_ONCE_S)
    async with sent(centre, HALF_A_BODY) as reader:
        assert await reader.readline() == b"HTTP/1.1 400 Bad Request\r\n"
