"""A browser that the tests of one module share, and a page over a made city."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright, expect

from tests.testkit.browser import needed
from tests.testkit.console.page_double import ConsoleDouble, serving

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-lcd-text",  # coloured fringes of letters are no alarm
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
STEP_MS = 60_000
expect.set_options(timeout=STEP_MS)

OpenPage = Callable[..., AbstractAsyncContextManager[tuple[Page, ConsoleDouble]]]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    program = needed()
    async with async_playwright() as playwright:
        started = await playwright.chromium.launch(executable_path=program, args=FLAGS)
        yield started
        await started.close()


@pytest.fixture
def open_page(browser: Browser) -> OpenPage:
    """Open a path of the console over a city with some open incidents."""

    @asynccontextmanager
    async def opened(
        path: str = "/",
        count: int = 40,
        width: int = 1440,
        locale: str = "en-GB",
        theme: str = "light",
    ) -> AsyncIterator[tuple[Page, ConsoleDouble]]:
        double = ConsoleDouble(count, int(time.time() * 1000))
        async with serving(double) as address:
            context = await browser.new_context(
                viewport={"width": width, "height": 900 if width > 700 else 844},
                locale=locale,
                color_scheme="dark" if theme == "dark" else "light",
                reduced_motion="reduce",
            )
            context.set_default_timeout(STEP_MS)
            page = await context.new_page()
            wrong: list[str] = []
            page.on("pageerror", lambda error: wrong.append(str(error)))
            page.on(
                "console",
                lambda said: wrong.append(said.text) if "Content Security" in said.text else None,
            )
            await page.goto(address + path)
            yield page, double
            await context.close()
        assert wrong == []

    return opened
