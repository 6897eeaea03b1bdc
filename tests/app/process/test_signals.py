"""A worker stops when it is told to, and survives a hangup from its first line on."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator

import pytest

from app.process.signals import heed_signals

# The command line that the entry hands over to, which hangs up on itself.
HANGS_UP = """
import os, signal, sys, types
def main():
    os.kill(os.getpid(), signal.SIGHUP)
    return 0
sys.modules["app.cli.main"] = types.SimpleNamespace(main=main)
from app.cli import entry
sys.exit(entry.main())
"""


@pytest.fixture
async def stopped() -> AsyncIterator[asyncio.Queue[str]]:
    """What was asked to stop, through handlers that are gone after the test."""
    asked: asyncio.Queue[str] = asyncio.Queue()
    heed_signals(lambda: asked.put_nowait("stop"))
    yield asked
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().remove_signal_handler(number)


async def test_sighup_is_answered_with_a_line_and_stops_nothing(
    stopped: asyncio.Queue[str], caplog: pytest.LogCaptureFixture
) -> None:
    os.kill(os.getpid(), signal.SIGHUP)
    os.kill(os.getpid(), signal.SIGTERM)  # handled behind it
    async with asyncio.timeout(30):
        await stopped.get()
    assert stopped.empty()
    (said,) = caplog.messages
    assert said.startswith("SIGHUP: ignored, this process does not read its configuration")


@pytest.mark.parametrize(("command", "code"), [("run", 0), ("check", -signal.SIGHUP)])
def test_a_worker_that_still_loads_survives_sighup_and_other_commands_do_not(
    command: str, code: int
) -> None:
    done = subprocess.run([sys.executable, "-c", HANGS_UP, command], timeout=60, check=False)
    assert done.returncode == code
