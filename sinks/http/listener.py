"""An HTTP address of a process, that comes and goes in bounded time."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from contracts.errors import ConfigError

log = logging.getLogger("tocsin.health")

START_S_MAX: Final = 5.0
# A connection serves one scrape after another, and none that is half sent for long.
CONNECTION_S_MAX: Final = 10.0
CONNECTIONS_MAX: Final = 64
BACKLOG: Final = 32
HEADER_BYTES_MAX: Final = 4096
STOP_S_MAX: Final = 2.0


class NoRequest(logging.Filter):
    """Says in one line that somebody sent what is no request; the library adds a trace."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Take the trace away where the other side is to blame."""
        if record.exc_info and isinstance(record.exc_info[1], HttpProcessingError):
            record.exc_info = record.exc_text = None
            record.levelno, record.levelname = logging.WARNING, "WARNING"
            record.msg, record.args = f"{record.getMessage()}: it is none of HTTP", ()
        return True


log.addFilter(NoRequest())

Answer = Callable[[web.Request], Awaitable[web.Response]]


class BoundedConnections:
    """Gives each connection its protocol, and bounds how many there are and how long each lives.

    The library waits for ever for the rest of a request. The oldest connection makes room for a new
    one: probes are answered at once and go, while whoever holds connections open loses them.

    Parameters
    ----------
    server : aiohttp.web.Server
        Makes protocols, and knows those that are connected.
    """

    def __init__(self, server: web.Server) -> None:
        self._server = server

    def __call__(self) -> Any:
        """Protocol of one more connection."""
        connected = self._server.connections
        for oldest in connected[: max(len(connected) + 1 - CONNECTIONS_MAX, 0)]:
            _abort(oldest)
        protocol = self._server()
        asyncio.get_running_loop().call_later(CONNECTION_S_MAX, _abort, protocol)
        return protocol


def _abort(protocol: Any) -> None:
    if protocol.transport is not None:
        protocol.transport.abort()


class Listener:
    """Answers requests, from bounded many connections.

    Parameters
    ----------
    routes : mapping of str to callable
        Answer to GET for each path.
    host : str
    port : int
        0 takes a free one; `port` tells which.
    posts : mapping of str to callable, optional
        Answer to POST for each path.

    Attributes
    ----------
    port : int
        Port that is listened on, as given before the start.
    """

    def __init__(
        self,
        routes: Mapping[str, Answer],
        host: str,
        port: int,
        posts: Mapping[str, Answer] | None = None,
    ) -> None:
        self._routes = dict(routes)
        self._posts = dict(posts or {})
        self._host = host
        self.port = port
        self._runner: web.AppRunner | None = None
        self._listening: asyncio.Server | None = None

    async def start(self) -> None:
        """Listen; `ConfigError` when the address cannot be had."""
        app = web.Application()
        for path, answer in self._routes.items():
            app.router.add_get(path, answer)
        for path, answer in self._posts.items():
            app.router.add_post(path, answer)
        runner = web.AppRunner(
            app,
            access_log=None,
            logger=log,
            shutdown_timeout=STOP_S_MAX / 2,
            keepalive_timeout=CONNECTION_S_MAX,
            max_line_size=HEADER_BYTES_MAX,
            max_field_size=HEADER_BYTES_MAX,
            auto_decompress=False,
        )
        self._runner = runner
        try:
            async with asyncio.timeout(START_S_MAX):
                await runner.setup()
                assert runner.server is not None, "it has been set up"
                listening = await asyncio.get_running_loop().create_server(
                    BoundedConnections(runner.server), self._host, self.port, backlog=BACKLOG
                )
        except (OSError, TimeoutError) as error:
            await self.stop()
            msg = (
                f"http: expected to listen on {self._host}:{self.port}, got {error}; "
                "choose another host or port"
            )
            raise ConfigError(msg) from error
        self._listening = listening
        self.port = int(listening.sockets[0].getsockname()[1])
        log.info("serving metrics and health on %s:%d", self._host, self.port)

    async def stop(self) -> None:
        """Answer what is being answered, within `STOP_S_MAX`, and listen no more."""
        runner, self._runner = self._runner, None
        listening, self._listening = self._listening, None
        if listening is not None:
            listening.close()
        if runner is None:
            return
        try:
            async with asyncio.timeout(STOP_S_MAX):
                await runner.cleanup()
        except TimeoutError:
            log.warning("http: still answering after %g s, left", STOP_S_MAX)
