"""What is new in the history, for every open page: one reader asks for all of them."""

import asyncio
import logging
import math
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import msgspec

from contracts.errors import TocsinError
from contracts.ports.console import ConsoleHistory, LaneWatch, News, SilentLanes
from runtime.queues import OneThread

log = logging.getLogger("tocsin.console")

POLL_S: Final = 0.25
AGE_S: Final = 5.0
UNANSWERED_S: Final = 30.0  # the stage answers within a second, and so does the history
SILENT_S: Final = 15.0  # a history that lives is written every few seconds
BEAT_LATE_MS: Final = 120_000  # of a heartbeat, on its way through the stage and the history
UNANSWERED_MAX: Final = 10_000
WAITING_MAX: Final = 256  # batches; whoever reads slower is cut and comes back by its cursor
PAGES_MAX: Final = 200


class Feed:
    """Follows the history and wakes pages.

    Parameters
    ----------
    history : ConsoleHistory
    thread : OneThread
        Where the history is asked.
    now_ms : callable
        Wall clock.
    heartbeat_ms : int or None
        How often the desk stage tells that it lives, whatever happens.
    clock : callable
        Monotonic seconds.
    lanes : LaneWatch or None
        None where nobody tells whether lanes are watched.

    Attributes
    ----------
    away : bool
        Whether the history could not be asked the last time.
    as_of_ms : int
        Up to when the history had everything, as far as this process knows.
    cursor : str
    """

    def __init__(  # noqa: PLR0913 - what it stands on
        self,
        history: ConsoleHistory,
        thread: OneThread,
        now_ms: Callable[[], int],
        heartbeat_ms: int | None = None,
        clock: Callable[[], float] = time.monotonic,
        *,
        lanes: LaneWatch | None = None,
    ) -> None:
        self._history = history
        self._lanes = lanes
        self._thread = thread
        self._now_ms = now_ms
        self._heartbeat_ms = heartbeat_ms
        self._clock = clock
        self._unanswered: dict[str, float] = {}
        self._stage_ms = 0
        self._pages: set[asyncio.Queue[bytes | None]] = set()
        self._writes = -1
        self._written_s = clock()
        self._current_ms = 0
        self.away = True
        self.as_of_ms = 0
        self.cursor = ""

    @property
    def pages(self) -> int:
        """Open pages."""
        return len(self._pages)

    @property
    def unwritten(self) -> bool:
        """Whether nobody writes the history, be it that brokers are away from who does."""
        return self._clock() - self._written_s > SILENT_S

    @property
    def history_away(self) -> bool:
        """Whether the history cannot be asked, or is not written."""
        return self.away or self.unwritten

    async def ask(self, work: Callable[..., Any], *args: Any) -> Any:
        """Some work of the history in its thread."""
        return await asyncio.wrap_future(self._thread.submit(work, *args))

    async def follow(self) -> None:
        """Run until cancelled; a history that is away is asked again."""
        told_s, said_away, said_silent = -math.inf, True, self._silent()
        while True:
            was_away, was_silent, unheard = said_away, said_silent, self.away
            try:
                self.hear(await self.ask(self._history.news, self.cursor))
                self.away = False
            except TocsinError as error:  # whatever a person must mend, pages come back behind it
                self.away = True
                if not unheard:
                    log.warning("%s", error)
            said_away, said_silent = self.history_away, self._silent()
            news = (was_away, was_silent) != (said_away, said_silent)
            if news or self._clock() - told_s >= AGE_S:
                told_s = self._clock()
                self._send(self.age())
            await asyncio.sleep(POLL_S)

    def hear(self, news: News) -> None:
        """Tell pages what is new."""
        if self._writes < 0:
            self.as_of_ms = min(news.current_ms or news.newest_ms, self._now_ms())
        elif news.current_ms != self._current_ms:
            self.as_of_ms = self._now_ms()
        if news.writes != self._writes:
            self._written_s = self._clock()
        self._current_ms = news.current_ms
        self._writes, self.cursor, self._stage_ms = news.writes, news.cursor, news.stage_ms
        for one in news.answers:
            self._unanswered.pop(one.command, None)
        if body := told(news):
            self._send(body)

    def age(self) -> bytes:
        """How old what the pages show is."""
        said = {
            "as_of_ms": self.as_of_ms,
            "history": "away" if self.history_away else "live",
            "stage": "away" if self.history_away or self._stage_away() else "live",
            "cursor": self.cursor,
            "unwatched": self._silent(),
        }
        return event("age", said)

    def _silent(self) -> list[SilentLanes] | None:
        return None if self._lanes is None else self._lanes.silent()

    def ordered(self, command: str) -> None:
        """A command is on its way to the stage, which is to answer it."""
        self._unanswered[command] = self._clock()
        while len(self._unanswered) > UNANSWERED_MAX:
            del self._unanswered[next(iter(self._unanswered))]

    def _stage_away(self) -> bool:
        """Whether the stage owes an answer, or a heartbeat. Silence alone is a quiet city."""
        oldest_s = next(iter(self._unanswered.values()), math.inf)
        if self._clock() - oldest_s > UNANSWERED_S:
            return True
        if self._heartbeat_ms is None or not self._stage_ms:
            return False
        return self._now_ms() - self._stage_ms > self._heartbeat_ms + BEAT_LATE_MS

    def _send(self, body: bytes) -> None:
        for page in list(self._pages):
            if page.qsize() >= WAITING_MAX:
                self._pages.discard(page)
                page.get_nowait()
                page.put_nowait(None)
            else:
                page.put_nowait(body)

    @contextmanager
    def page(self) -> Iterator[asyncio.Queue[bytes | None]]:
        """Events of one page until it goes; None when it read too slowly."""
        queue: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._pages.add(queue)
        try:
            yield queue
        finally:
            self._pages.discard(queue)

    def release(self) -> None:
        """End every page, so that its browser comes back to whoever serves next."""
        for page in self._pages:
            page.put_nowait(None)

    async def since(self, cursor: str) -> AsyncIterator[bytes]:
        """What was written behind a page's cursor, up to now."""
        while True:
            news: News = await self.ask(self._history.news, cursor)
            if body := told(news):
                yield body
            if news.anew or news.cursor == cursor or not news.changes:
                return
            cursor = news.cursor


def told(news: News) -> bytes:
    """Events for what is new; the last one carries the cursor, so that none is lost between."""
    if news.anew:
        return event("rebuilt", {}, news.cursor)
    parts = [event("change", change) for change in news.changes]
    parts += [
        event("answer", msgspec.structs.replace(one, command=asked(one.command)))
        for one in news.answers
    ]
    return b"".join(parts) + b"id: %s\n\n" % news.cursor.encode() if parts else b""


def asked(command: str) -> str:
    """Id that a page gave to what became several commands: `ID.2` is the third of them.

    >>> asked("7f3a.2"), asked("7f3a")
    ('7f3a', '7f3a')
    """
    return command.partition(".")[0]


def event(name: str, data: Any, cursor: str = "") -> bytes:
    r"""One server-sent event.

    >>> event("age", {"as_of_ms": 1}, "c-3")
    b'id: c-3\nevent: age\ndata: {"as_of_ms":1}\n\n'
    """
    head = f"id: {cursor}\n" if cursor else ""
    return f"{head}event: {name}\ndata: ".encode() + msgspec.json.encode(data) + b"\n\n"
