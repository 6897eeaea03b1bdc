"""Routes that end in a blackhole: packets vanish one way or the other, and nobody is told.

Everything here runs in namespaces of its own: this process, brokers and network in one, workers in
another, with a pair of virtual cables between. `python -m tests.testkit.faults.routes`
is run inside the first one by `blackholed`.
"""

import asyncio
import contextlib
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path

import msgspec

from tests.testkit.faults.drill import Site, Verdict
from tests.testkit.faults.scenario import Cast, Stage, play
from tests.testkit.worker_process import WorkerProcess

APART = ["unshare", "--user", "--map-root-user", "--net", "--mount"]
HERE, THERE = "10.77.0.1", "10.77.0.2"
SPELL_S = 20.0  # past session, requests and transactions


def lacking() -> str | None:
    """What keeps routes of our own from being made here, or None."""
    for word in ("unshare", "nsenter", "ip"):
        if shutil.which(word) is None:
            return f"{word} is not installed"
    if subprocess.run([*APART, "ip", "link", "set", "lo", "up"], check=False).returncode:
        return "a network namespace is not allowed"
    return None


@contextlib.contextmanager
def cabled() -> Iterator[list[str]]:
    """A namespace behind a pair of virtual cables; the words that let a command run in it."""
    ip("link", "set", "lo", "up")
    with subprocess.Popen(["unshare", "--net", "sleep", "infinity"]) as holder:
        try:
            inside = ["nsenter", "--target", str(holder.pid), "--net"]
            while own(holder.pid) == own("self"):  # until it has left ours
                pass
            ip("link", "add", "city", "type", "veth", "peer", "name", "crew")
            ip("link", "set", "crew", "netns", str(holder.pid))
            for before, name, address in (([], "city", HERE), (inside, "crew", THERE)):
                ip("addr", "add", f"{address}/24", "dev", name, before=before)
                ip("link", "set", name, "up", before=before)
            yield inside
        finally:
            holder.kill()


def own(process: int | str) -> str:
    """Network namespace of a process."""
    return str(Path(f"/proc/{process}/ns/net").readlink())


def ip(*words: str, before: list[str] | None = None) -> None:
    """Run `ip`, which must succeed."""
    subprocess.run([*(before or []), "ip", *words], check=True)


def dress(inside: list[str], site: Site, worker: WorkerProcess) -> None:
    """Let a worker live behind the cable, and answer there."""
    settings = site.configs / "tocsin.yaml"
    if "http:" not in settings.read_text():
        with settings.open("a") as file:
            file.write(f"http: {{host: {THERE}}}\n")
    worker.prefix, worker.host = inside, THERE


async def swallow(stage: Stage, inside: list[str], rounds: int = 1) -> int:
    """What brokers answer vanishes for a while, then what workers ask."""
    for number in range(rounds):
        before, lost = ([], THERE) if number % 2 == 0 else (inside, HERE)
        ip("route", "add", "blackhole", lost, before=before)
        await asyncio.sleep(SPELL_S)
        ip("route", "del", "blackhole", lost, before=before)
        await stage.settled()
    return rounds


async def blackholed(folder: Path, seed: int, rounds: int) -> Verdict:
    """The drama in namespaces of its own, played by another process."""
    command = [*APART, sys.executable, "-m", "tests.testkit.faults.routes"]
    child = await asyncio.create_subprocess_exec(
        *command, str(folder), str(seed), str(rounds), stdout=asyncio.subprocess.PIPE
    )
    try:
        said, _ = await child.communicate()
    except asyncio.CancelledError:
        child.kill()
        raise
    assert child.returncode == 0, said.decode()
    return msgspec.json.decode(said.splitlines()[-1], type=Verdict)


async def main(folder: str, seed: str, rounds: str) -> None:
    """Play, and print the verdict as one line of JSON."""
    with cabled() as inside:
        cast = Cast(linked=True, host=HERE, dress=partial(dress, inside))
        act = partial(swallow, inside=inside, rounds=int(rounds))
        verdict = await play(Path(folder), int(seed), cast, act)
    sys.stdout.write(msgspec.json.encode(asdict(verdict)).decode() + "\n")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
