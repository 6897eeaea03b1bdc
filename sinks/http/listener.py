"""An HTTP address of a process, that comes and goes in bounded time."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from aiohttp import web

from contracts.errors import ConfigError

log = logging.getLogger("tocsin.health")

START_S_MAX: Final = 5.0
STOP_S_MAX: Final = 2.0

Answer = Callable[[web.Request], Awaitable[web.Response]]


class Listener:
    """Answers GET requests.

    Parameters
    ----------
    routes : mapping of str to callable
        Answer for each path.
    host : str
    port : int
        0 takes a free one; `port` tells which.

    Attributes
    ----------
    port : int
        Port that is listened on, as given before the start.
    """

    def __init__(self, routes: Mapping[str, Answer], host: str, port: int) -> None:
        self._routes = dict(routes)
        self._host = host
        self.port = port
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        """Listen; `ConfigError` when the address cannot be had."""
        app = web.Application()
        for path, answer in self._routes.items():
            app.router.add_get(path, answer)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=STOP_S_MAX / 2)
        self._runner = runner
        try:
            async with asyncio.timeout(START_S_MAX):
                await runner.setup()
                await web.TCPSite(runner, self._host, self.port).start()
        except (OSError, TimeoutError) as error:
            await self.stop()
            msg = (
                f"http: expected to listen on {self._host}:{self.port}, got {error}; "
                "choose another host or port"
            )
            raise ConfigError(msg) from error
        self.port = int(runner.addresses[0][1])
        log.info("serving metrics and health on %s:%d", self._host, self.port)

    async def stop(self) -> None:
        """Answer what is being answered, within `STOP_S_MAX`, and listen no more."""
        runner, self._runner = self._runner, None
        if runner is None:
            return
        try:
            async with asyncio.timeout(STOP_S_MAX):
                await runner.cleanup()
        except TimeoutError:
            log.warning("http: still answering after %g s, left", STOP_S_MAX)
