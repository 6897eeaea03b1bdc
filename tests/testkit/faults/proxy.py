"""A network between workers and brokers that can be slow, broken, silent or cut."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

CHUNK_BYTES = 1 << 16
RESET = struct.pack("ii", 1, 0)  # linger on, for no time: closing sends a reset


@dataclass
class Link:
    """All connections through one port to a broker's port on this machine.

    Parameters
    ----------
    host : str
    port, target : int
        Where it listens, and where it connects to.
    delay_s : float
        By which each piece of data is late, either way.
    deaf : bool
        Whether data vanish, while connections stay open and new ones are accepted.
    cut : bool
        Whether new connections are reset at once.
    """

    host: str
    port: int
    target: int
    delay_s: float = 0.0
    deaf: bool = False
    cut: bool = False
    carried_bytes: int = 0
    resets: int = 0
    _pipes: set[asyncio.StreamWriter] = field(default_factory=set)
    _server: asyncio.Server | None = None

    async def open(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._meet, self.host, self.port)

    async def close(self) -> None:
        """Listen no more, and let nobody hang."""
        assert self._server is not None
        self._server.close()
        self.reset()
        await asyncio.sleep(0)

    def reset(self) -> None:
        """Reset every connection, both ways."""
        for writer in list(self._pipes):
            self.resets += 1
            _reset(writer)

    async def _meet(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either side ends it."""
        if self.cut:
            _reset(writer)
            return
        try:
            there, back = await asyncio.open_connection("127.0.0.1", self.target)
        except OSError:
            _reset(writer)
            return
        both = {writer, back}
        self._pipes |= both
        try:
            pumps = [self._pump(reader, back), self._pump(there, writer)]
            waiting = {asyncio.ensure_future(pump) for pump in pumps}
            _, rest = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
            for task in rest:
                task.cancel()
        finally:
            self._pipes -= both
            for end in both:
                end.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(CHUNK_BYTES):
                if self.delay_s:
                    await asyncio.sleep(self.delay_s)
                if not self.deaf:
                    writer.write(data)
                    self.carried_bytes += len(data)
                    await writer.drain()


def _reset(writer: asyncio.StreamWriter) -> None:
    link = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.transport.abort()


@asynccontextmanager
async def network(host: str, ports: Iterable[tuple[int, int]]) -> AsyncIterator[list[Link]]:
    """A link on this host for each (port, target), open inside."""
    links = [Link(host, port, target) for port, target in ports]
    async with AsyncExitStack() as stack:
        for link in links:
            await link.open()
            stack.push_async_callback(link.close)
        yield links
