"""Answers that are the same for whoever asks: made once for all pages that ask together."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final, NamedTuple

from aiohttp import web

from console.feed import Feed

KEPT_MAX: Final = 64
KEPT_S: Final = 1.0  # whatever depends on the time of day is that old at most


class _Made(NamedTuple):
    """An answer in the making, or made; `cursor` is the last change that it surely knows."""

    cursor: str
    began_s: float
    body: asyncio.Task[bytes]


class Sharing:
    """Keeps an answer until pages are told of another change, a second at most.

    A page that was told of a change and asks must not be given what was made before it: the feed's
    cursor moves before anybody is told.

    Parameters
    ----------
    feed : Feed
    clock : callable
        Monotonic seconds.
    """

    def __init__(self, feed: Feed, clock: Callable[[], float] = time.monotonic) -> None:
        self._feed = feed
        self._clock = clock
        self._kept: OrderedDict[str, _Made] = OrderedDict()

    async def answer(
        self, request: web.Request, make: Callable[[web.Request], Awaitable[bytes]]
    ) -> web.Response:
        """JSON of a question that its address says all of."""
        address = request.path_qs
        made = self._kept.get(address)
        if made is None or not self._fresh(made):
            task = asyncio.create_task(_made(make, request))
            made = self._kept[address] = _Made(self._feed.cursor, self._clock(), task)
            self._kept.move_to_end(address)
            while len(self._kept) > KEPT_MAX:
                self._kept.popitem(last=False)
        body = await asyncio.shield(made.body)
        return web.Response(body=body, content_type="application/json")

    def _fresh(self, made: _Made) -> bool:
        """Whether it may be given to one more; what failed may not."""
        failed = made.body.done() and (made.body.cancelled() or made.body.exception() is not None)
        young = self._clock() - made.began_s < KEPT_S
        return young and not failed and made.cursor == self._feed.cursor


async def _made(make: Callable[[web.Request], Awaitable[bytes]], request: web.Request) -> bytes:
    return await make(request)
