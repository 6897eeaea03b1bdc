"""Pages of the console as a benchmark opens them: by their requests, and one in a real Chromium."""

import asyncio
import json
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

import aiohttp
from playwright.async_api import async_playwright

from tests.testkit.browser import needed
from tests.testkit.console.made import PASSWORD

REREAD_S: Final = 0.5  # `REREAD_MS` of console/web/src/store.ts
LIST: Final = "/api/incidents?open=1&limit=200"
CITY: Final = "/api/city"
CONCERNS: Final = {
    LIST: frozenset({"incident", "command"}),
    CITY: frozenset({"incident", "alarm", "notice", "command"}),
}
SHOWN: Final = """
window.seen = {};
new MutationObserver(() => {
  const row = document.querySelector(".row .sentence");
  if (row && !(row.textContent in window.seen)) window.seen[row.textContent] = Date.now() / 1000;
}).observe(document.body, {childList: true, subtree: true, characterData: true});
"""


@dataclass
class Page:
    """The requests of a city page, without a browser around them.

    Parameters
    ----------
    browser : aiohttp.ClientSession

    Attributes
    ----------
    seen : dict of str to float
        When the first line of the list said something for the first time, seconds since 1970.
    answered : dict of str to float
        When an answer to a command came, by the command.
    """

    browser: aiohttp.ClientSession
    csrf: str = ""
    seen: dict[str, float] = field(default_factory=dict)
    answered: dict[str, float] = field(default_factory=dict)
    _dirty: dict[str, asyncio.Event] = field(default_factory=dict)

    async def open(self, user: str) -> None:
        """Sign in and read everything once."""
        said = {"user": user, "password": PASSWORD}
        async with self.browser.post("/api/session", json=said) as answer:
            self.csrf = (await answer.json())["csrf"]
        for address in CONCERNS:
            self._dirty[address] = asyncio.Event()
            await self._read(address)

    async def live(self) -> None:
        """Follow changes until cancelled, as the page does."""
        async with asyncio.TaskGroup() as tasks:
            for address in CONCERNS:
                tasks.create_task(self._keep(address))
            tasks.create_task(self._follow())

    async def _follow(self) -> None:
        timeout = aiohttp.ClientTimeout(total=None)
        async with self.browser.get("/api/changes", timeout=timeout) as stream:
            name = ""
            async for line in stream.content:
                if line.startswith(b"event: "):
                    name = line[7:].strip().decode()
                elif line.startswith(b"data: "):
                    self._hear(name, json.loads(line[6:]))

    def _hear(self, name: str, data: dict[str, Any]) -> None:
        if name == "answer":
            self.answered[data["command"]] = time.time()
        if name == "change":
            for address, kinds in CONCERNS.items():
                if data["kind"] in kinds:
                    self._dirty[address].set()

    async def _keep(self, address: str) -> None:
        """Read again when something has changed, twice a second at most."""
        while True:
            await self._dirty[address].wait()
            self._dirty[address].clear()
            await self._read(address)
            await asyncio.sleep(REREAD_S)

    async def _read(self, address: str) -> None:
        async with self.browser.get(address) as answer:
            body = await answer.read()
        if address == LIST:
            self.seen.setdefault(first_title(body), time.time())

    async def look(self, address: str) -> int:
        """Ask for something once, and take all of it; the status of the answer."""
        async with self.browser.get(address) as answer:
            await answer.read()
            return answer.status

    async def acknowledge(self, incident: str) -> tuple[str, float]:
        """Id of a command, and the seconds until brokers had it."""
        id_, began_s = str(uuid.uuid4()), time.perf_counter()
        asked = {"id": id_, "kind": "acknowledge", "target": incident}
        headers = {"X-Csrf": self.csrf}
        async with self.browser.post("/api/commands", json=asked, headers=headers) as answer:
            assert answer.status == 202, await answer.text()
        return id_, time.perf_counter() - began_s


def first_title(body: bytes) -> str:
    """Title of the first incident of a list; all of it would cost more than the server takes.

    >>> first_title(b'{"incidents":[{"title":{"en":"Feed 7","zh":"..."}}]}')
    'Feed 7'
    """
    return body.partition(b'"title":{"en":"')[2].partition(b'"')[0].decode()


@asynccontextmanager
async def pages(address: str, count: int, user: str) -> AsyncIterator[list[Page]]:
    """Open city pages that follow what changes."""
    jars = [aiohttp.CookieJar(unsafe=True) for _ in range(count)]
    opened = [Page(aiohttp.ClientSession(address, cookie_jar=jar)) for jar in jars]
    living: list[asyncio.Task[None]] = []
    try:
        for page in opened:
            await page.open(user)
            living.append(asyncio.create_task(page.live()))
        yield opened
        if broken := [task for task in living if task.done()]:
            await broken[0]
    finally:
        for task in living:
            task.cancel()
        await asyncio.gather(*living, return_exceptions=True)
        for page in opened:
            await page.browser.close()


class RealPage:
    """A city page in a real Chromium."""

    def __init__(self, page: Any) -> None:
        self._page = page

    async def seen(self) -> dict[str, float]:
        """When the first line of the list said something for the first time, as `Page.seen`."""
        found: dict[str, float] = await self._page.evaluate("window.seen")
        return found


@asynccontextmanager
async def real_page(address: str, user: str) -> AsyncIterator[RealPage]:
    """One in a browser of its own."""
    async with async_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu"]
        browser = await playwright.chromium.launch(executable_path=needed(), args=flags)
        page = await browser.new_page(locale="en-GB", viewport={"width": 1440, "height": 900})
        await page.goto(address)
        await page.get_by_label("User").fill(user)
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Sign in").click()
        await page.locator(".row").first.wait_for()
        await page.evaluate(SHOWN)
        yield RealPage(page)
        with suppress(Exception):
            await browser.close()
