"""An address of its own on which a worker is told what to do, by whoever has the token."""

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from typing import Final

import msgspec
from aiohttp import web

from contracts.ports.status import ReloadOutcome
from sinks.http.listener import Listener

ANSWER_S: Final = 8.0  # below the life of a connection; what takes longer is answered by metrics
_STATUS: Final[dict[ReloadOutcome, int]] = {
    "reloaded": 200,
    "unchanged": 200,
    "refused": 422,
    "asked": 202,
}


class AdminAnswer(msgspec.Struct, frozen=True):
    """What came of a request: an outcome, and findings or the hash that is in force."""

    outcome: str
    said: list[str]


class AdminServer(Listener):
    """Serves `POST /reload` to those who send `Authorization: Bearer TOKEN`.

    Parameters
    ----------
    reload : callable
        Reads the configuration again; outcome and what is to be said of it.
    token : callable
        The token as it is now, so that it can be changed while this runs.
    host : str
    port : int
        0 takes a free one; `port` tells which.
    """

    def __init__(
        self,
        reload: Callable[[], Awaitable[tuple[ReloadOutcome, list[str]]]],
        token: Callable[[], str],
        host: str,
        port: int,
    ) -> None:
        self._reload = reload
        self._token = token
        self._asked: set[asyncio.Future[tuple[ReloadOutcome, list[str]]]] = set()
        super().__init__({}, host, port, posts={"/reload": self._answer})

    async def _answer(self, request: web.Request) -> web.Response:
        given = request.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {self._token()}".encode()):
            return _say(401, "denied", ["expected `Authorization: Bearer` with the token"])
        if self._asked:
            return _say(409, "busy", ["a reload is under way; ask again when it is done"])
        asked = asyncio.ensure_future(self._reload())
        self._asked.add(asked)  # a request that goes away takes no reload with it
        asked.add_done_callback(self._asked.discard)
        done, _ = await asyncio.wait({asked}, timeout=ANSWER_S)
        if not done:
            return _say(202, "pending", ["see tocsin_config_reloads_total and the log"])
        outcome, said = asked.result()
        return _say(_STATUS[outcome], outcome, said)


def _say(status: int, outcome: str, said: list[str]) -> web.Response:
    body = msgspec.json.encode(AdminAnswer(outcome, said))
    return web.Response(body=body, status=status, content_type="application/json")
