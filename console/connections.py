"""Connections of browsers, and how long one may say nothing."""

import asyncio
from typing import Any, Final

from aiohttp import web

FIRST_REQUEST_S: Final = 10.0
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
