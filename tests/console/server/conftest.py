"""A console on loopback over a made history, and people before it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest_asyncio

from console.server import ConsoleServer
from tests.testkit.console.made import PASSWORD, MadeHistory, MadeReadings, made_console


class Person:
    """A browser of somebody."""

    def __init__(self, console: ConsoleServer) -> None:
        self._console = console
        self.browser = aiohttp.ClientSession(
            console.address, cookie_jar=aiohttp.CookieJar(unsafe=True)
        )
        self.csrf = ""

    async def sign_in(self, user: str, password: str = PASSWORD) -> int:
        """Status of the answer."""
        said = {"user": user, "password": password}
        async with self.browser.post("/api/session", json=said) as answer:
            self.csrf = (await answer.json()).get("csrf", "")
            return answer.status

    async def get(self, path: str) -> Any:
        """JSON of what must be there."""
        async with self.browser.get(path) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()

    async def command(self, **fields: Any) -> tuple[int, Any]:
        """Status and body of the answer to a command."""
        headers = {"X-Csrf": fields.pop("csrf", self.csrf)}
        async with self.browser.post("/api/commands", json=fields, headers=headers) as answer:
            return answer.status, await answer.json()


class Centre:
    """A console, what lies behind it, and its visitors."""

    def __init__(self, folder: Path, **account: Any) -> None:
        self.made = MadeHistory(folder / "history.sqlite")
        for number, colour in enumerate(("yellow", "red", "orange"), 1):
            self.made.ring(number, colour=colour)
        self.readings = MadeReadings()
        self.console = made_console(folder, self.made, readings=self.readings, **account)
        self._people: list[Person] = []

    async def person(self, role: str = "") -> Person:
        """Somebody who has signed in, unless without a role."""
        person = Person(self.console)
        self._people.append(person)
        if role:
            assert await person.sign_in(role) == 200
        return person

    async def close(self) -> None:
        """Send everybody home."""
        for person in self._people:
            await person.browser.close()
        await self.console.stop()
        self.made.close()


@pytest_asyncio.fixture
async def centre(tmp_path: Path) -> AsyncIterator[Centre]:
    """One with three open incidents."""
    made = Centre(tmp_path)
    await made.console.start()
    yield made
    await made.close()
