"""A machine under a worker that has a full disk or a wrong clock."""

import asyncio
import contextlib
import shutil
import struct
import subprocess
import time
from functools import partial
from pathlib import Path

from tests.testkit.faults.drill import Site, Verdict
from tests.testkit.faults.oracle import read_all
from tests.testkit.faults.scenario import Cast, Stage, play, until
from tests.testkit.worker_process import WorkerProcess

HOUR_S = 3600
SPELL_S = 2.0
SMALL = 'mount -t tmpfs -o size=1m tmpfs "$0" && exec "$@"'
UNSHARE = ["unshare", "--user", "--map-root-user", "--mount"]
SOURCE = Path(__file__).with_name("shifted_clock.c")
FULL = "No space left on device"


def lacking() -> str | None:
    """What keeps this machine from being hurt, or None."""
    for word in ("unshare", "cc"):
        if shutil.which(word) is None:
            return f"{word} is not installed"
    tried = [*UNSHARE, "sh", "-c", SMALL, "/mnt", "true"]
    if subprocess.run(tried, capture_output=True, check=False).returncode:
        return "a namespace with a mount of its own is not allowed"
    return None


def on_small_disk(site: Site, worker: WorkerProcess) -> None:
    """Let a worker keep its state on a disk of 1 MiB of its own."""
    state = site.folder / "state"
    state.mkdir(exist_ok=True)
    worker.prefix = [*UNSHARE, "sh", "-c", SMALL, str(state)]


def with_shifted_clock(site: Site, worker: WorkerProcess) -> None:
    """Let a worker's wall clock be moved while it runs."""
    give_clock(site.folder, worker)


def with_both(site: Site, worker: WorkerProcess) -> None:
    """A small disk and a clock that may be wrong."""
    on_small_disk(site, worker)
    with_shifted_clock(site, worker)


def give_clock(folder: Path, worker: WorkerProcess) -> None:
    """Give a process a wall clock that `shift` moves."""
    library = folder / "shifted_clock.so"
    command = ["cc", "-shared", "-fPIC", "-O1", "-o", str(library), str(SOURCE), "-ldl"]
    subprocess.run(command, check=True)
    shift(folder, 0)
    place = str(folder / "shift_s")
    worker.environment |= {"LD_PRELOAD": str(library), "SHIFT_S": place}


def shift(folder: Path, seconds: int) -> None:
    """Move the wall clock of processes; the file is written in place, since they map it."""
    path = folder / "shift_s"
    path.touch()
    with path.open("r+b") as file:
        file.write(struct.pack("=q", seconds))


async def fill_the_disk(stage: Stage, rounds: int = 1) -> int:
    """No byte is left for snapshots for a while."""
    for _ in range(rounds):
        for worker in stage.site.workers:
            await fill(worker, stage.site.folder / "state")
        await stage.settled()
    return rounds


async def fill(worker: WorkerProcess, state: Path) -> None:
    """Fill a worker's own disk until it says so, then give the room back."""
    ballast = Path(f"/proc/{worker.process.pid}/root{state}/ballast")
    said = worker.log.read_text().count(FULL)
    lay(ballast)
    await until(lambda: worker.log.read_text().count(FULL) > said, "a word on the full disk")
    await asyncio.sleep(SPELL_S)
    before = snapshots(worker)
    await asyncio.to_thread(ballast.unlink)
    await until(lambda: snapshots(worker) > before, "a snapshot")


def lay(ballast: Path) -> None:
    """Write a file until the disk is full."""
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while file.write(bytes(4096)):
            pass
    assert shutil.disk_usage(ballast.parent).free == 0


def snapshots(worker: WorkerProcess) -> float:
    """How many a worker has written."""
    return sum(worker.metric("tocsin_snapshots_total").values())


async def jump(stage: Stage, rounds: int = 1) -> int:
    """The wall clock is an hour fast, an hour slow, and right again."""
    for _ in range(rounds):
        for seconds in (HOUR_S, -HOUR_S, 0):
            shift(stage.site.folder, seconds)
            await asyncio.sleep(SPELL_S)
    now_ms, stamps = time.time() * 1000, await published_ms(stage.site.bootstrap)
    assert max(stamps) > now_ms + HOUR_S * 500, "no worker's clock was fast"
    assert min(stamps) < now_ms - HOUR_S * 500, "no worker's clock was slow"
    return rounds


async def published_ms(bootstrap: str) -> list[int]:
    """When alarms were told, by the workers' own clocks."""
    told = [dict(item.headers) for item in await read_all(bootstrap, "tocsin.alarms.water")]
    return [int(headers["published"]) for headers in told if "published" in headers]


async def disk_full(folder: Path, seed: int, rounds: int) -> Verdict:
    """A disk of 1 MiB that is full for a while."""
    return await play(
        folder, seed, Cast(dress=on_small_disk), partial(fill_the_disk, rounds=rounds)
    )


async def clock_jumps(folder: Path, seed: int, rounds: int) -> Verdict:
    """A wall clock that jumps by an hour either way."""
    return await play(folder, seed, Cast(dress=with_shifted_clock), partial(jump, rounds=rounds))
