"""Streams of events to pages: how many there may be, and how one ends that nobody reads."""

import asyncio
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from aiohttp import web

from console.answers import Refusal
from console.feed import PAGES_MAX
from console.sessions import Session

OF_SESSION_MAX: Final = 12  # windows of one person; a browser opens six at most
WRITE_S: Final = 30.0  # for a browser to take what was sent


class Streams:
    """Counts open streams, of each session and in all."""

    def __init__(self) -> None:
        self._open: Counter[Session] = Counter()

    def __len__(self) -> int:
        return self._open.total()

    @contextmanager
    def one(self, session: Session) -> Iterator[None]:
        """Hold a place for a stream; `Refusal` when there is none.

        A new one is refused rather than an old one ended: windows would push each other out.
        """
        if len(self) >= PAGES_MAX or self._open[session] >= OF_SESSION_MAX:
            raise Refusal(code="too_many")
        self._open[session] += 1
        try:
            yield
        finally:
            self._open[session] -= 1
            if not self._open[session]:
                del self._open[session]


async def written(request: web.Request, response: web.StreamResponse, body: bytes) -> None:
    """Send a part of a stream; a browser that takes nothing for a while loses its connection.

    Raises
    ------
    ConnectionResetError
        When it did.
    """
    try:
        async with asyncio.timeout(WRITE_S):
            await response.write(body)
    except TimeoutError as error:
        if request.transport is not None:
            request.transport.abort()
        raise ConnectionResetError from error
