"""Pages that nobody looks at hold nothing for ever; a test moves the clock, and waits for none."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, closing
from pathlib import Path

import pytest
import pytest_asyncio

from console import streams
from console.connections import DEAD_S, find_dead_peers
from console.feed import AGE_S
from console.sessions import IDLE_S, WHOLE_S
from console.streams import OF_SESSION_MAX
from tests.console.server.conftest import Centre, Person

pytestmark = [pytest.mark.asyncio, pytest.mark.slow, pytest.mark.timeout(60)]


class Hour:
    """A console by the clock of a test.

    Parameters
    ----------
    folder : Path
    """

    def __init__(self, folder: Path) -> None:
        self.now_s = 1_000.0
        self.centre = Centre(folder, clock=lambda: self.now_s)

    async def until(self, holds: Callable[[], bool]) -> None:
        """Wait until something has come of it."""
        while not holds():  # noqa: ASYNC110 - a server tells nobody
            await asyncio.sleep(0.01)


@pytest_asyncio.fixture
async def hour(tmp_path: Path) -> AsyncIterator[Hour]:
    """One whose console listens."""
    made = Hour(tmp_path)
    await made.centre.console.start()
    yield made
    await made.centre.close()


async def reads(person: Person) -> int:
    """Status of a page."""
    async with person.browser.get("/api/city") as answer:
        return answer.status


async def test_a_page_that_is_open_keeps_its_session_and_one_that_was_closed_does_not(
    hour: Hour,
) -> None:
    person = await hour.centre.person("viewer")
    async with person.browser.get("/api/changes") as answer:
        await answer.content.readuntil(b"\n\n")
        for _ in range(4):
            hour.now_s += 0.9 * IDLE_S
            await answer.content.readuntil(b"\n\n")  # what is told every few seconds
    hour.now_s += AGE_S  # what is written to it finds that it has gone
    await hour.until(lambda: len(hour.centre.console.streams) == 0)
    assert await reads(person) == 200
    hour.now_s += IDLE_S + 1
    assert await reads(person) == 401


async def test_a_page_ends_with_its_session_though_it_is_open(hour: Hour) -> None:
    person = await hour.centre.person("viewer")
    async with person.browser.get("/api/changes") as answer:
        hour.now_s += WHOLE_S + 1
        async with asyncio.timeout(30):
            await answer.content.read()
    await hour.until(lambda: len(hour.centre.console.streams) == 0)
    assert hour.centre.console.feed.pages == 0


async def test_a_page_at_rest_hears_every_few_seconds_that_it_is_served(hour: Hour) -> None:
    person = await hour.centre.person("viewer")
    async with person.browser.get("/api/changes") as answer:
        for _ in range(3):
            hour.now_s += AGE_S
            assert (await answer.content.readuntil(b"\n\n")).startswith(b"event: age\n")


async def test_a_session_has_so_many_streams_and_a_closed_one_makes_room(hour: Hour) -> None:
    person, other = await hour.centre.person("viewer"), await hour.centre.person("operator")
    async with AsyncExitStack() as stack:
        opened = [
            await stack.enter_async_context(person.browser.get("/api/changes"))
            for _ in range(OF_SESSION_MAX)
        ]
        async with person.browser.get("/api/changes") as answer:
            assert (answer.status, (await answer.json())["error"]) == (429, "too_many")
        async with other.browser.get("/api/changes") as answer:
            assert answer.status == 200
        opened[0].close()
        hour.now_s += AGE_S  # what is written to it finds that it has gone
        await hour.until(lambda: len(hour.centre.console.streams) < OF_SESSION_MAX)
        async with person.browser.get("/api/changes") as answer:
            assert answer.status == 200


async def test_in_all_there_are_so_many_streams(
    hour: Hour, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "PAGES_MAX", 1)
    first, second = await hour.centre.person("viewer"), await hour.centre.person("operator")
    async with first.browser.get("/api/changes"), second.browser.get("/api/changes") as answer:
        assert answer.status == 429


async def test_a_browser_that_takes_nothing_loses_its_connection(
    hour: Hour, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "WRITE_S", 0.1)
    person = await hour.centre.person("viewer")
    console = hour.centre.console
    cookie = next(iter(person.browser.cookie_jar)).OutputString().partition(";")[0]
    with socket.socket() as stalled:
        stalled.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        stalled.connect(("127.0.0.1", console.port))
        request = f"GET /api/changes HTTP/1.1\r\nHost: localhost\r\nCookie: {cookie}\r\n\r\n"
        stalled.sendall(request.encode())
        await hour.until(lambda: len(console.streams) == 1)
        monkeypatch.setattr(console.feed, "age", lambda: b":" + b" " * (4 << 20) + b"\n\n")
        hour.now_s += AGE_S
        await hour.until(lambda: len(console.streams) == 0)
    assert console.feed.pages == 0


@pytest.mark.skipif(not hasattr(socket, "TCP_USER_TIMEOUT"), reason="not on this system")
async def test_connections_whose_other_end_is_gone_are_found_by_the_system(hour: Hour) -> None:
    del hour
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        find_dead_peers([listening])
        with closing(socket.create_connection(listening.getsockname())):
            accepted, _ = listening.accept()
            with closing(accepted):
                tcp = socket.IPPROTO_TCP
                assert accepted.getsockopt(tcp, socket.TCP_USER_TIMEOUT) == DEAD_S * 1_000
                assert accepted.getsockopt(tcp, socket.TCP_KEEPIDLE) == DEAD_S
                assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
