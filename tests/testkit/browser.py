"""A real Chromium without a screen, told what to do over its DevTools protocol."""

import asyncio
import base64
import itertools
import os
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

START_S = 30.0
ANSWER_S = 30.0
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--hide-scrollbars",
    "--no-first-run",
    "--disable-background-networking",
    "--remote-debugging-port=0",
)


def needed() -> str:
    """Path of Chromium; a test without one is skipped, or fails where everything must run."""
    found = shutil.which("chromium")
    if found is None:
        say = pytest.fail if os.environ.get("TOCSIN_CI") else pytest.skip
        say("expected chromium on the path; `make browser` installs it on Debian")
    return found


class Page:
    """One tab.

    Parameters
    ----------
    socket : aiohttp.ClientWebSocketResponse
        To the tab.
    """

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)

    async def open(self, uri: str, width: int, height: int) -> None:
        """Load a page on a screen of some CSS pixels and wait until it has loaded."""
        await self._ask("Page.enable")
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        await self._ask("Emulation.setDeviceMetricsOverride", **metrics)
        await self._ask("Page.navigate", url=uri)
        async with asyncio.timeout(ANSWER_S):
            while (await self._hear()).get("method") != "Page.loadEventFired":
                pass

    async def evaluate(self, expression: str) -> Any:
        """Value of an expression in the page."""
        answer = await self._ask("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    async def picture(self) -> bytes:
        """PNG of what is on the screen."""
        answer = await self._ask("Page.captureScreenshot", format="png")
        return base64.b64decode(answer["data"])

    async def _ask(self, method: str, **params: Any) -> dict[str, Any]:
        number = next(self._numbers)
        await self._socket.send_json({"id": number, "method": method, "params": params})
        async with asyncio.timeout(ANSWER_S):
            while (heard := await self._hear()).get("id") != number:
                pass
        assert "error" not in heard, heard
        result: dict[str, Any] = heard["result"]
        return result

    async def _hear(self) -> dict[str, Any]:
        heard: dict[str, Any] = await self._socket.receive_json()
        return heard


@asynccontextmanager
async def chromium() -> AsyncIterator[Page]:
    """A tab of a browser of its own, which ends with the block."""
    program = needed()
    with tempfile.TemporaryDirectory(prefix="tocsin-browser-", ignore_cleanup_errors=True) as home:
        process = await asyncio.create_subprocess_exec(
            program,
            *FLAGS,
            f"--user-data-dir={home}",
            "about:blank",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            port = await _port(Path(home) / "DevToolsActivePort")
            async with aiohttp.ClientSession() as session:
                async with session.get(f"http://127.0.0.1:{port}/json/list") as answer:
                    tabs = await answer.json(content_type=None)
                address = next(t["webSocketDebuggerUrl"] for t in tabs if t["type"] == "page")
                async with session.ws_connect(address, max_msg_size=0) as socket:
                    yield Page(socket)
        finally:
            process.terminate()
            await process.wait()


async def _port(file: Path) -> int:
    """Port that the browser chose, once it says so."""
    async with asyncio.timeout(START_S):
        while True:
            if lines := _lines(file):
                return int(lines[0])
            await asyncio.sleep(0.05)


def _lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []
