"""Notices, time, receipts and receivers of notices in memory."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import msgspec
from aiohttp import web
from aiohttp.test_utils import TestServer

from contracts.catalogue import Where
from contracts.desk.incident import Impact, Incident, Situation, Ticket
from contracts.desk.notice import Notice, Withheld
from contracts.desk.receipt import INCIDENTS, NOTICES, Receipt
from sinks.notices.delivery import Standing

AT = "2026-03-01T08:00:00+08:00"
SHELVED = Withheld("shelved", "", "flushing")


def notice(name: int | str, **changed: Any) -> Notice:
    """A notice that a desk is told."""
    plain = Notice(
        id=f"n-{name}",
        incident="i-0123456789abcdef",
        alarm="a-0123456789abcdef",
        revision=1,
        desk="city",
        level="city",
        to=["duty officer"],
        reason="new",
        colour="red",
        at=AT,
        text={"en": "Red: burst main, Old Town.", "zh": "【红色】老城区：爆管。"},
    )
    return msgspec.structs.replace(plain, **changed)


def incident(revision: int, *, verdict: str = "", state: Any = "active") -> Incident:
    """A revision of the incident of all notices above."""
    situation = Situation(
        id="i-0123456789abcdef", opened=True, state=state, colour="red", worst="red", raised=[],
        title={"en": "burst main", "zh": "爆管"}, lifelines=["water"],
        where=Where("310101", "", "", "", None, None), root=None, alternatives=[], members=[],
        counts={"all": 1}, impact=Impact(0, 0, 0, []), next=[], redundancy=[], onset=AT,
        detected=AT, life_safety=False,
    )  # fmt: skip
    ticket = Ticket("checked", "", [], acknowledged=True, verdict=verdict, history=[])
    return Incident(
        situation.id, revision, "ticket", AT, situation, ticket, [], drill=False, config=""
    )


async def until(holds: Callable[[], object]) -> None:
    """Let other tasks go on until something holds."""
    async with asyncio.timeout(30):
        while not holds():  # noqa: ASYNC110 - nothing tells
            await asyncio.sleep(0)


class WoundTimer:
    """Time that a test winds; a wait begins an entry in `waits` and ends when time has come.

    Parameters
    ----------
    hasty : bool
        Whether each wait is over at once, and moves time.
    """

    def __init__(self, *, hasty: bool = False) -> None:
        self._hasty = hasty
        self._now_s = 0.0
        self._wall_s = time.time() // 1
        self._waits: list[tuple[float, asyncio.Event]] = []
        self._slept = asyncio.Event()
        self.jump_s = 0.0  # of the wall clock alone

    def now_ms(self) -> int:
        return int((self._wall_s + self._now_s + self.jump_s) * 1000)

    def elapsed_s(self) -> float:
        return self._now_s

    async def wait(self, seconds: float, until: asyncio.Event | None = None) -> None:
        if self._hasty:
            self._now_s += max(seconds, 0.0)
            await asyncio.sleep(0)
            return
        over = asyncio.Event()
        entry = (self._now_s + seconds, over)
        self._waits.append(entry)
        self._slept.set()
        events = [over, *([until] if until else [])]
        tasks = [asyncio.create_task(event.wait()) for event in events]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._waits.remove(entry)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def waiting(self) -> float:
        """Seconds until the next wait is over, as soon as there is one."""
        async with asyncio.timeout(30):
            while not self._waits:
                self._slept.clear()
                await self._slept.wait()
        return min(due for due, _ in self._waits) - self._now_s

    async def wind(self) -> float:
        """Let the next wait be over; how long it was."""
        wait_s = await self.waiting()
        self._now_s += wait_s
        entry = min(self._waits, key=lambda one: one[0])
        entry[1].set()
        await until(lambda: entry not in self._waits)
        return wait_s


class MemoryReceipts:
    """Receipts in memory; `kept` outlives whoever wrote them."""

    def __init__(self) -> None:
        self.kept: list[Receipt] = []
        self._grew = asyncio.Event()

    async def start(self) -> None:
        """Nobody else writes."""

    async def close(self) -> None:
        """Nothing is held."""

    async def append(self, receipt: Receipt) -> None:
        self.kept.append(receipt)
        self._grew.set()

    async def standings(self, receivers: Sequence[str]) -> dict[str, Standing]:
        return {name: self.standing(name) for name in receivers}

    def standing(self, receiver: str) -> Standing:
        """Where a receiver goes on; one without receipts at the beginning."""
        found = Standing(0, {NOTICES: 0, INCIDENTS: 0})
        for receipt in self.kept:
            if receipt.receiver == receiver:
                found.after(receipt)
        return found

    def outcomes(self, receiver: str = "desk") -> dict[str, str]:
        """Outcome of each notice."""
        return {one.notice: one.outcome for one in self.kept if one.receiver == receiver}

    async def until(self, count: int) -> list[Receipt]:
        """All, as soon as there are so many."""
        async with asyncio.timeout(30):
            while len(self.kept) < count:
                self._grew.clear()
                await self._grew.wait()
        return self.kept


class Hook:
    """An HTTP server that answers by a script: codes, `slow` or `endless`; then 204 for ever."""

    def __init__(self, script: Sequence[int | str] = ()) -> None:
        self.script = list(script)
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.paths: list[str] = []
        self.url = ""
        self.released = asyncio.Event()
        self._came = asyncio.Event()

    @property
    def ids(self) -> list[str]:
        """The keys of all requests."""
        return [headers["webhook-id"] for headers, _ in self.requests]

    async def until(self, count: int) -> None:
        """Wait for so many requests."""
        async with asyncio.timeout(30):
            while len(self.requests) < count:
                self._came.clear()
                await self._came.wait()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        headers = {name.lower(): text for name, text in request.headers.items()}
        self.requests.append((headers, await request.read()))
        self.paths.append(request.path)
        self._came.set()
        said = self.script.pop(0) if self.script else 204
        if said == "slow":
            await self.released.wait()
            return web.Response(status=204)
        if said == "endless":
            return await self._endless(request)
        assert isinstance(said, int)
        more = {"Location": "/elsewhere"} if said in {301, 302, 307} else {}
        return web.Response(status=said, text="as told" if said >= 300 else "", headers=more)

    async def _endless(self, request: web.Request) -> web.StreamResponse:
        stream = web.StreamResponse(status=200)
        await stream.prepare(request)
        while not self.released.is_set() and request.transport is not None:
            await stream.write(b"x" * 65_536)
        return stream


@asynccontextmanager
async def hook(script: Sequence[int | str] = ()) -> AsyncIterator[Hook]:
    """A server on a port of its own."""
    found = Hook(script)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", found.answer)
    server = TestServer(app)
    await server.start_server()
    found.url = str(server.make_url("/hook"))
    try:
        yield found
    finally:
        found.released.set()
        await server.close()
