"""A real Alertmanager that a test started."""

import asyncio
import json
import os
import shutil
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import aiohttp
import pytest
import yaml

from tests.testkit.kafka.ports import free_ports
from tests.testkit.prometheus.server import START_S, UNPACKED

_NAMES: Final = ("prometheus-alertmanager", "alertmanager")  # Debian's, and the project's own
QUIET: Final[Mapping[str, Any]] = {
    "route": {"receiver": "nobody"},
    "receivers": [{"name": "nobody"}],
}


def alertmanager_program() -> str:
    """Path of Alertmanager; without, a test is skipped or fails as it must run."""
    path = f"{UNPACKED}{os.pathsep}{os.environ.get('PATH', '')}"
    found = next(filter(None, (shutil.which(name, path=path) for name in _NAMES)), None)
    if found is None:
        required = os.environ.get("TOCSIN_REQUIRE_PROMETHEUS")
        say = pytest.fail if required else pytest.skip
        say("expected alertmanager on the path; `make prometheus` unpacks it on Debian")
    return found


class Alertmanager:
    """Answers of one server.

    Parameters
    ----------
    session : aiohttp.ClientSession
    port : int
    """

    def __init__(self, session: aiohttp.ClientSession, port: int) -> None:
        self._session, self.url = session, f"http://127.0.0.1:{port}"

    async def alerts(self) -> list[dict[str, Any]]:
        """Alerts that are active now, as API v2 tells them."""
        async with self._session.get(f"{self.url}/api/v2/alerts") as answer:
            found: list[dict[str, Any]] = json.loads(await answer.text())
        return found

    async def until(self, count: int, within_s: float = START_S) -> list[dict[str, Any]]:
        """The alerts as soon as there are so many; fails with what there is after a while."""
        deadline = time.monotonic() + within_s
        while len(found := await self.alerts()) != count:
            assert time.monotonic() < deadline, found
            await asyncio.sleep(0.1)
        return found

    async def ready(self) -> bool:
        """Whether it answers."""
        try:
            async with self._session.get(f"{self.url}/-/ready") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False


@asynccontextmanager
async def alertmanager(
    folder: Path, config: Mapping[str, Any] = QUIET, options: Sequence[str] = ()
) -> AsyncIterator[Alertmanager]:
    """A single server without peers; by default it tells nobody.

    Parameters
    ----------
    folder : Path
        For its files.
    config : mapping
        As in `alertmanager.yml`.
    options : sequence of str
        More of its command line.
    """
    program, (port,) = alertmanager_program(), free_ports(1)
    (folder / "alertmanager.yml").write_text(yaml.safe_dump(dict(config)))
    command = [
        program,
        f"--config.file={folder / 'alertmanager.yml'}",
        f"--storage.path={folder / 'alertmanager'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
        *options,
    ]
    home = UNPACKED.parents[1] if program.startswith(str(UNPACKED)) else None  # of its templates
    with (folder / "alertmanager.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log, cwd=home)
    try:
        async with aiohttp.ClientSession() as session:
            server, deadline = Alertmanager(session, port), time.monotonic() + START_S
            while not await server.ready():
                said = (folder / "alertmanager.log").read_text()
                assert process.returncode is None, said
                assert time.monotonic() < deadline, said
                await asyncio.sleep(0.1)
            yield server
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
