"""A console whose people may sign in by a provider, and one of them with a browser."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest_asyncio

from console.server import Oidc
from tests.console.server.conftest import Centre, Person
from tests.testkit.console.provider import SECRET, FakeProvider, fake_provider


class Clock:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


class Door:
    """A console with a provider, and a browser before it.

    Parameters
    ----------
    centre : Centre
    provider : FakeProvider
    person : Person
    clock : Clock
        Of the console.
    """

    def __init__(self, centre: Centre, provider: FakeProvider, clock: Clock) -> None:
        self.centre = centre
        self.provider = provider
        self.clock = clock

    async def person(self) -> Person:
        """Somebody with a browser of their own."""
        return await self.centre.person()

    async def sent(self, person: Person, query: str = "") -> str:
        """Where a browser is sent that presses the button."""
        return await location(person, f"/api/oidc/start{query}")

    async def way_back(self, person: Person, query: str = "") -> str:
        """Where the provider sends that browser, which has not gone there yet."""
        return await location(person, await self.sent(person, query))

    async def through(self, person: Person, query: str = "") -> str:
        """Where a browser ends that goes all the way."""
        return await location(person, await self.way_back(person, query))

    async def user(self, person: Person) -> str:
        """Name of who is signed in, empty without anybody."""
        async with person.browser.get("/api/session") as answer:
            said = await answer.json()
        person.csrf = said.get("csrf", "")
        return str(said.get("user", ""))


async def location(person: Person, address: str) -> str:
    """Where an address sends a browser."""
    async with person.browser.get(address, allow_redirects=False) as answer:
        assert answer.status in {302, 303}, await answer.text()
        return answer.headers["Location"]


def fields_of(address: str) -> dict[str, str]:
    """Fields of an address."""
    return {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}


@asynccontextmanager
async def door_of(folder: Path) -> AsyncIterator[Door]:
    """A console whose provider has the usual settings."""
    async with fake_provider() as provider:
        clock = Clock()
        oidc = Oidc(provider.settings(), SECRET)
        given: dict[str, Any] = {"oidc": oidc, "clock": clock}
        made = Centre(folder, **given)
        await made.console.start()
        yield Door(made, provider, clock)
        await made.close()


@pytest_asyncio.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    """One for a test."""
    async with door_of(tmp_path) as made:
        yield made
