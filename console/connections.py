"""Connections of browsers, and how long one may say nothing."""

import asyncio
import socket
from collections.abc import Iterable
from typing import Any, Final

from aiohttp import web

FIRST_REQUEST_S: Final = 10.0
DEAD_S: Final = 30  # behind what was sent and not confirmed; a page hears something every 5 s
SILENT_MAX: Final = 256  # connections that have not asked for anything yet


class PromptConnections:
    """Gives each connection its protocol, and ends those that do not ask for anything in time.

    The library waits for ever for a first request. A page that listens for changes has asked, and
    stays for as long as its session.

    Parameters
    ----------
    server : aiohttp.web.Server
        Makes protocols.
    """

    def __init__(self, server: web.Server) -> None:
        self._server = server
        self._silent: dict[Any, None] = {}  # protocols, oldest first

    def __call__(self) -> Any:
        """Protocol of one more connection; of too many silent ones the oldest makes room."""
        if len(self._silent) >= SILENT_MAX:
            self._end(next(iter(self._silent)))
        protocol = self._server()
        self._silent[protocol] = None
        asyncio.get_running_loop().call_later(FIRST_REQUEST_S, self._end, protocol)
        return protocol

    def asked(self, protocol: Any) -> None:
        """A request came over this connection."""
        self._silent.pop(protocol, None)

    def _end(self, protocol: Any) -> None:
        """End a connection, if it has not asked since."""
        if protocol in self._silent:
            del self._silent[protocol]
            if protocol.transport is not None:
                protocol.transport.abort()


def find_dead_peers(listening: Iterable[Any]) -> None:
    """Have the system end connections whose other end has gone without a word.

    Those that are accepted take it over. Without it a browser whose cable was pulled holds its
    place for a quarter of an hour, and for two hours when nothing is sent.

    Parameters
    ----------
    listening : iterable of socket
    """
    seconds = {"TCP_KEEPIDLE": DEAD_S, "TCP_KEEPINTVL": DEAD_S // 3, "TCP_KEEPCNT": 3}
    options = {**seconds, "TCP_USER_TIMEOUT": DEAD_S * 1_000}
    for one in listening:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in options.items():
            if hasattr(socket, name):  # not everywhere
                one.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
