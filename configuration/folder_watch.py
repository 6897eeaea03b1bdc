"""Whether the files of a configuration folder have changed."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

# Path, size, time of change in ns and inode of every file of a folder.
Files = tuple[tuple[str, int, int, int], ...]
UNREAD: Final[Files] = ()


async def watch(folder: Path, every_s: float, ask: Callable[[str], Awaitable[object]]) -> None:
    """Ask whenever files of a folder have changed and then stayed as they are for one look."""
    seen = last = await asyncio.to_thread(files_of, folder)
    while True:
        await asyncio.sleep(every_s)
        now = await asyncio.to_thread(files_of, folder)
        if now == last and now not in (seen, UNREAD):
            seen = now
            await ask(f"{folder} changed")
        last = now


def files_of(folder: Path) -> Files:
    """What tells whether a folder's files have changed; empty when there are none.

    Names behind which nothing is are passed over: a link to nothing, as editors leave beside what
    they have open, would hide every change.
    """
    found = []
    for place, _, names in os.walk(folder, followlinks=True):
        for name in names:
            path = os.path.join(place, name)  # noqa: PTH118 - as `os.walk` gives it
            with suppress(OSError):
                status = os.stat(path)  # noqa: PTH116 - likewise
                found.append((path, status.st_size, status.st_mtime_ns, status.st_ino))
    return tuple(sorted(found))
