"""GET of readings: a bounded look into the log behind a trend, for whoever asks for it."""

import re
import time
from collections.abc import Callable
from typing import Any, Final

import msgspec
from aiohttp import web

from console.answers import Refusal, answered
from console.feed import Feed
from console.looks import Bounds, Looks
from contracts.ports.console import ChannelFacts, City
from contracts.ports.readings import ChannelReadings, ReadingsSpan, Window

AT_ONCE: Final = 2
WAITING_MAX: Final = 16
KEPT_S: Final = 10.0
MINUTE_MS: Final = 60_000
MINUTES: Final = 60
MINUTES_MAX: Final = 92 * 1_440
LEADS_MS_MAX: Final = 15 * MINUTE_MS  # by which another clock may be ahead of this one
STEP_MS: Final = 5_000  # windows begin at whole steps, so that who asks together is answered once
THRESHOLD: Final = re.compile(r"limit\.(low|high)\.(blue|yellow|orange|red)")


class Trends:
    """Reads what a channel measured, on demand; what was read is kept for some seconds.

    Parameters
    ----------
    readings : ChannelReadings
    city : City
    feed : Feed
    now_ms : callable
        Wall clock.
    clock : callable
        Monotonic seconds.
    """

    def __init__(
        self,
        readings: ChannelReadings,
        city: City,
        feed: Feed,
        now_ms: Callable[[], int],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._readings = readings
        self._city = city
        self._feed = feed
        self._now_ms = now_ms
        self._looks = Looks[ReadingsSpan]("readings", Bounds(AT_ONCE, WAITING_MAX, KEPT_S), clock)

    def routes(self) -> dict[str, Callable[[web.Request], Any]]:
        """Handlers by path."""
        return {"/api/readings/{lifeline}/{channel}": self.get}

    async def get(self, request: web.Request) -> web.Response:
        """Readings of a channel, what they are held against, and where that was written."""
        lifeline, name = request.match_info["lifeline"], request.match_info["channel"]
        facts = self._city.channel(lifeline, name)
        if facts is None:
            raise Refusal(code="not_found")
        span = await self._span(facts, self._window(request))
        rules = await self._feed.ask(self._city.rules, name)
        said: dict[str, Any] = msgspec.to_builtins(span)
        return answered({**said, "unit": facts.unit, "thresholds": thresholds(rules)})

    def _window(self, request: web.Request) -> Window:
        """What is asked for: some minutes up to now, or most of them before a moment.

        That moment is seen even where it lies ahead of this clock: an alarm was told by another.
        """
        minutes = number_of(request, "minutes", MINUTES, MINUTES_MAX) * MINUTE_MS
        now_ms, behind = self._now_ms(), minutes // 4
        at_ms = min(number_of(request, "at", now_ms, 2**53), now_ms + LEADS_MS_MAX)
        known_ms = max(now_ms, at_ms + STEP_MS)
        end_ms = min(at_ms + behind, known_ms) if "at" in request.query else now_ms
        end_ms -= end_ms % STEP_MS
        return Window(end_ms - minutes, end_ms, min(at_ms, end_ms))

    async def _span(self, facts: ChannelFacts, window: Window) -> ReadingsSpan:
        """Asked for once, however many pages look at it."""

        async def read() -> ReadingsSpan:
            return await self._readings.around(facts.lifeline, facts.lane, facts.channel, window)

        return await self._looks.at((facts.lifeline, facts.channel, window), read)

    async def close(self) -> None:
        """Read no more."""
        await self._looks.close()


def thresholds(rules: list[dict[str, object]]) -> list[dict[str, object]]:
    """Limits among the values that govern a channel, and where each was written.

    >>> rule = {"name": "limit.low.red", "text": "30", "file": "flow.yaml", "line": 14}
    >>> thresholds([rule, {"name": "limit.on_delay", "text": "0 s"}])
    [{'side': 'low', 'colour': 'red', 'value': 30.0, 'file': 'flow.yaml', 'line': 14}]
    """
    found: list[dict[str, object]] = []
    for rule in rules:
        match = THRESHOLD.fullmatch(str(rule["name"]))
        if match is not None:
            side, colour = match.groups()
            place = {"file": rule["file"], "line": rule["line"]}
            value = float(str(rule["text"]))
            found.append({"side": side, "colour": colour, "value": value, **place})
    return found


def number_of(request: web.Request, name: str, otherwise: int, most: int) -> int:
    """A number of the query, from 1 on."""
    text = request.query.get(name, "") or str(otherwise)
    if not (text.isdecimal() and 1 <= int(text[:17]) <= most):
        raise Refusal(code="bad_request")
    return int(text)
