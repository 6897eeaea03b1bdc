"""Server-sent events: nothing is missed, slow pages are cut, age is told."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest

from console.feed import BEAT_LATE_MS, SILENT_S, UNANSWERED_S, WAITING_MAX, Feed
from contracts.errors import RetryableError
from contracts.ports.console import Answered, News, SilentLanes, Written
from runtime.queues import OneThread
from tests.console.server.conftest import Centre, Person

pytestmark = [pytest.mark.asyncio, pytest.mark.timeout(60)]
RED = f"i-{2:016x}"


async def events(answer: aiohttp.ClientResponse) -> AsyncIterator[tuple[str, Any, str]]:
    """Name, data and the cursor known with it."""
    name, cursor = "", ""
    async for raw in answer.content:
        key, _, value = raw.decode().rstrip("\n").partition(": ")
        if key == "id":
            cursor = value
            yield "", None, cursor
        elif key == "event":
            name = value
        elif key == "data":
            yield name, json.loads(value), cursor


async def heard(person: Person, wanted: set[str], cursor: str = "") -> tuple[list[Any], str]:
    """Changes until all wanted ids were named and a cursor came behind them."""
    found: list[Any] = []
    headers = {"Last-Event-ID": cursor} if cursor else {}
    async with person.browser.get("/api/changes", headers=headers) as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        async for name, data, at in events(answer):
            if name == "change":
                found.append(data["id"])
            if not name and wanted <= set(found):
                return found, at
    pytest.fail(f"expected {wanted}, got {found}")


async def test_who_comes_back_hears_what_was_told_meanwhile(centre: Centre) -> None:
    person = await centre.person("viewer")
    cursor = (await person.get("/api/city"))["cursor"]
    while not cursor:
        cursor = (await person.get("/api/city"))["cursor"]
    new = {f"i-{number:016x}" for number in range(4, 8)}
    for number in range(4, 6):
        centre.made.ring(number)
    _, cursor = await heard(person, {f"i-{n:016x}" for n in (4, 5)}, cursor)
    for number in range(6, 8):
        centre.made.ring(number)
    found, _ = await heard(person, {f"i-{n:016x}" for n in (6, 7)}, cursor)
    assert new - set(found) == {f"i-{n:016x}" for n in (4, 5)}, "none is told twice, none missed"


async def test_a_cursor_of_another_history_means_reading_anew(centre: Centre) -> None:
    person = await centre.person("viewer")
    headers = {"Last-Event-ID": "00000000-7"}
    async with person.browser.get("/api/changes", headers=headers) as answer:
        async for name, _, _ in events(answer):
            if name == "rebuilt":
                return
    pytest.fail("expected `rebuilt`")


async def test_what_became_of_a_command_comes_as_an_answer(centre: Centre) -> None:
    person = await centre.person("operator")
    async with person.browser.get("/api/changes") as answer:
        following = events(answer)
        assert (await anext(following))[0] == "age"
        id_ = "a-page-chose-it"
        assert (await person.command(id=id_, kind="acknowledge", target=RED))[0] == 202
        async for name, data, _ in following:
            if name == "answer":
                assert (data["command"], data["refused"]) == (id_, False)
                return
    pytest.fail("expected an answer")


class Away:
    """A history that is away until it is not."""

    def __init__(self) -> None:
        self.here = False

    def news(self, cursor: str) -> News:
        if not self.here:
            msg = "away"
            raise RetryableError(msg, 1.0)
        return News([Written("incident", "i-1", 1)], [], "g-1", False, 1, 5, 5)


async def test_a_history_that_is_away_is_said_and_comes_back_by_itself() -> None:
    history: Any = Away()
    feed = Feed(history, OneThread("history"), lambda: 10)
    with feed.page() as queue:
        following = asyncio.create_task(feed.follow())
        assert b'"history":"away"' in (await queue.get() or b"")
        history.here = True
        told = b""
        while b'"history":"live"' not in told:
            told += await queue.get() or b""
        assert b'"as_of_ms":5' in told
        assert b"event: change" in told
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)


async def test_a_page_that_does_not_read_is_cut_and_the_others_go_on() -> None:
    history: Any = Away()
    history.here = True
    feed = Feed(history, OneThread("history"), lambda: 10)
    news = history.news("")
    with feed.page() as slow, feed.page() as quick:
        for _ in range(WAITING_MAX + 1):
            feed.hear(news)
            assert await quick.get()
        assert slow.qsize() <= WAITING_MAX
        assert feed.pages == 1
        last = None
        while not slow.empty():
            last = slow.get_nowait()
        assert last is None


class Lanes:
    """A `LaneWatch` that a test tells what to say."""

    def __init__(self) -> None:
        self.found: list[SilentLanes] | None = []

    def silent(self) -> list[SilentLanes] | None:
        return self.found


async def test_pages_hear_at_once_that_nobody_watches_a_lifeline_and_not_when_unknown() -> None:
    history: Any = Away()
    history.here = True
    lanes, clock_s = Lanes(), [0.0]
    feed = Feed(history, OneThread("history"), lambda: 10, None, lambda: clock_s[0], lanes=lanes)

    async def heard(queue: asyncio.Queue[bytes | None]) -> Any:
        while b"event: age" not in (body := await queue.get() or b""):
            pass
        return json.loads(body.partition(b"data: ")[2])["unwatched"]

    with feed.page() as queue:  # by a clock that stands: nothing is told but what is new
        following = asyncio.create_task(feed.follow())
        assert await heard(queue) == []
        lanes.found = [SilentLanes("water", 1, 2, 7)]
        row = {"lifeline": "water", "silent": 1, "lanes": 2, "since_ms": 7}
        assert await heard(queue) == [row]
        lanes.found = None
        assert await heard(queue) is None
        following.cancel()
        await asyncio.gather(following, return_exceptions=True)
    without = Feed(history, OneThread("history"), lambda: 10)
    assert json.loads(without.age().partition(b"data: ")[2])["unwatched"] is None


def stage_of(feed: Feed) -> str:
    return str(json.loads(feed.age().partition(b"data: ")[2])["stage"])


async def test_the_stage_is_away_when_it_owes_something_and_not_when_it_is_quiet() -> None:
    history: Any = Away()
    now_ms, now_s = [1_000], [0.0]
    feed = Feed(history, OneThread("history"), lambda: now_ms[0], 3_600_000, lambda: now_s[0])
    feed.away = False
    feed.hear(News([], [], "g-0", False, 1, 1_000, 1_000))
    now_s[0] = 3_000.0
    feed.hear(News([], [], "g-0", False, 2, 1_000, 1_000))
    assert stage_of(feed) == "live", "nothing was asked of it"
    feed.ordered("7f3a.1")
    now_s[0] += UNANSWERED_S + 1
    feed.hear(News([], [], "g-0", False, 3, 1_000, 1_000))
    assert stage_of(feed) == "away"
    answer = Answered("7f3a.1", refused=False, reason="", detail="")
    feed.hear(News([], [answer], "g-1", False, 4, 1_000, 1_000))
    assert stage_of(feed) == "live"
    now_ms[0] += 3_600_000 + BEAT_LATE_MS + 1
    assert stage_of(feed) == "away"
    feed.hear(News([], [], "g-2", False, 5, now_ms[0], now_ms[0]))
    assert stage_of(feed) == "live"


def age_of(feed: Feed) -> tuple[str, int]:
    said = json.loads(feed.age().partition(b"data: ")[2])
    return said["history"], said["as_of_ms"]


async def test_the_page_is_as_old_as_the_last_time_the_history_had_everything() -> None:
    history: Any = Away()
    now_ms, now_s = [10_000], [0.0]
    feed = Feed(history, OneThread("history"), lambda: now_ms[0], None, lambda: now_s[0])
    feed.away = False
    feed.hear(News([], [], "g-0", False, 1, 4_000, 4_000, 5_000))
    assert age_of(feed) == ("live", 5_000), "by what was there before this process"
    now_ms[0], now_s[0] = 12_000, 2.0
    feed.hear(News([], [], "g-0", False, 2, 4_000, 4_000, 12_000))
    assert age_of(feed) == ("live", 12_000), "nothing has come, and somebody says so"
    now_ms[0], now_s[0] = 22_000, 12.0
    feed.hear(News([Written("incident", "i-1", 1)], [], "g-1", False, 3, 9_000, 4_000, 12_000))
    assert age_of(feed) == ("live", 12_000), "it catches up: what it has is not of now"
    now_s[0] += SILENT_S + 1
    feed.hear(News([], [], "g-1", False, 3, 9_000, 4_000, 12_000))
    assert age_of(feed) == ("away", 12_000), "it can be asked, and nobody writes it"
    assert feed.unwritten
    feed.hear(News([], [], "g-1", False, 4, 9_000, 4_000, 40_000))
    assert age_of(feed) == ("live", 22_000)
