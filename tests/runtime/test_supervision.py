"""A service manager hears that a process is up, lives, reloads and leaves."""

import asyncio
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from runtime import supervision


@pytest.fixture
def manager(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """The socket of a service manager."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as heard:
        heard.bind(str(tmp_path / "notify"))
        heard.settimeout(10)
        monkeypatch.setenv(supervision.SOCKET, str(tmp_path / "notify"))
        yield heard


async def _heard(manager: socket.socket) -> str:
    return (await asyncio.to_thread(manager.recv, 1024)).decode()


async def test_a_watchdog_hears_of_a_process_that_lives_and_of_no_other(
    manager: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(supervision.WATCHDOG_US, "20000")
    asked, lives = 0, True

    def alive() -> bool:
        nonlocal asked
        asked += 1
        return lives

    living = asyncio.create_task(supervision.live(alive))
    assert await _heard(manager) == "READY=1"
    assert [await _heard(manager) for _ in range(3)] == ["WATCHDOG=1"] * 3
    lives, before = False, asked
    while asked < before + 3:  # noqa: ASYNC110 - nobody tells when it was asked
        await asyncio.sleep(0.005)
    living.cancel()
    await asyncio.gather(living, return_exceptions=True)
    words = [await _heard(manager)]
    while words[-1] != "STOPPING=1":
        words.append(await _heard(manager))
    assert len(words) <= 3, "what was sent before it died, and the end"


async def test_a_reload_begins_and_ends(manager: socket.socket) -> None:
    assert supervision.reloading()
    begun = await _heard(manager)
    assert begun.startswith("RELOADING=1\nMONOTONIC_USEC=")


def test_nobody_listens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(supervision.SOCKET, str(tmp_path / "gone"))
    assert not supervision.tell("READY=1")
    monkeypatch.setenv(supervision.SOCKET, "@tocsin-nobody")
    assert not supervision.tell("READY=1")
