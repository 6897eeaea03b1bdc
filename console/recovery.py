"""GET of how lifelines recovered: in the last days, and from an incident."""

import time
from collections.abc import Callable
from typing import Any, Final

import msgspec
from aiohttp import web

from console.answers import Refusal, answered
from console.feed import Feed
from console.looks import Bounds, Looks
from console.trends import number_of
from contracts.ports.console import ConsoleHistory
from contracts.ports.recovery import Recoveries, Recovery

AT_ONCE: Final = 1  # it reads all alarms of the time that is asked for
WAITING_MAX: Final = 8
KEPT_S: Final = 20.0
DAYS: Final = 1
DAYS_MAX: Final = 92
DAY_MS: Final = 86_400_000
STEP_MS: Final = 60_000  # a time begins at a whole minute: who asks together is answered once


class RecoveryPages:
    """Answers how lifelines recovered; what was worked out is kept for some seconds.

    Parameters
    ----------
    recoveries : Recoveries
    history : ConsoleHistory
    feed : Feed
    now_ms : callable
        Wall clock.
    clock : callable
        Monotonic seconds.
    """

    def __init__(
        self,
        recoveries: Recoveries,
        history: ConsoleHistory,
        feed: Feed,
        now_ms: Callable[[], int],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._recoveries = recoveries
        self._history = history
        self._feed = feed
        self._now_ms = now_ms
        self._looks = Looks[Recovery]("recovery", Bounds(AT_ONCE, WAITING_MAX, KEPT_S), clock)

    def routes(self) -> dict[str, Callable[[web.Request], Any]]:
        """Handlers by path."""
        return {"/api/recovery": self.period, "/api/recovery/{id}": self.incident}

    async def period(self, request: web.Request) -> web.Response:
        """All lifelines since some days ago."""
        days = number_of(request, "days", DAYS, DAYS_MAX)
        now_ms = self._now_ms()
        begins_ms = now_ms - now_ms % STEP_MS - days * DAY_MS
        return _answer(await self._looks.at(begins_ms, lambda: self._recoveries.since(begins_ms)))

    async def incident(self, request: web.Request) -> web.Response:
        """From one incident."""
        name = request.match_info["id"]
        if not name.startswith("i-") or await self._feed.ask(self._history.ticket, name) is None:
            raise Refusal(code="not_found")
        return _answer(await self._looks.at(name, lambda: self._recoveries.of_incident(name)))

    async def close(self) -> None:
        """Work out no more."""
        await self._looks.close()


def _answer(found: Recovery) -> web.Response:
    said: dict[str, Any] = msgspec.to_builtins(found)
    return answered({"as_of_ms": found.ends_ms, **said})
