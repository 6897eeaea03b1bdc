"""A Prometheus that scrapes what a test started, and evaluates the shipped rules."""

import asyncio
import json
import os
import shutil
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from runtime.installation import HOME
from tests.testkit.kafka.ports import free_ports

START_S = 30.0
UNPACKED = HOME / ".prometheus" / "usr" / "bin"


def needed(program: str) -> str:
    """Path of `prometheus` or `promtool`; without, a test is skipped or fails as it must run."""
    found = shutil.which(program, path=f"{UNPACKED}{os.pathsep}{os.environ.get('PATH', '')}")
    if found is None:
        required = os.environ.get("TOCSIN_REQUIRE_PROMETHEUS")
        say = pytest.fail if required else pytest.skip
        say(f"expected {program} on the path; `make prometheus` unpacks it on Debian")
    return found


class Prometheus:
    """Answers of one server."""

    def __init__(self, session: aiohttp.ClientSession, port: int) -> None:
        self._session, self._root = session, f"http://127.0.0.1:{port}"

    async def api(self, path: str, **parameters: str) -> Any:
        """Data of an answer below `/api/v1/`; fails with the server's reason."""
        url = f"{self._root}/api/v1/{path}"
        async with self._session.get(url, params=parameters) as answer:
            body = json.loads(await answer.text())
        assert body["status"] == "success", (parameters, body)
        return body["data"]

    async def query(self, expression: str) -> list[dict[str, Any]]:
        """Samples of an expression now."""
        found: list[dict[str, Any]] = (await self.api("query", query=expression))["result"]
        return found

    async def ready(self) -> bool:
        """Whether it answers queries."""
        try:
            async with self._session.get(f"{self._root}/-/ready") as answer:
                return answer.status == 200
        except aiohttp.ClientError:
            return False


@asynccontextmanager
async def prometheus(
    folder: Path,
    ports: Sequence[int],
    rules: Sequence[Path],
    alertmanager: str = "",
    every: str = "1s",
) -> AsyncIterator[Prometheus]:
    """A server that scrapes some ports as the job `tocsin`.

    Parameters
    ----------
    folder : Path
        For its files.
    ports : sequence of int
    rules : sequence of Path
    alertmanager : str, optional
        Host and port of one that is told of alerts.
    every : str, optional
        Time between two scrapes, and between two evaluations.
    """
    program, (port,) = needed("prometheus"), free_ports(1)
    targets = [{"targets": [f"127.0.0.1:{target}" for target in ports]}]
    config: dict[str, Any] = {
        "global": {"scrape_interval": every, "evaluation_interval": every},
        "rule_files": [str(path.resolve()) for path in rules],
        "scrape_configs": [{"job_name": "tocsin", "static_configs": targets}],
    }
    if alertmanager:
        told = [{"static_configs": [{"targets": [alertmanager]}]}]
        config["alerting"] = {"alertmanagers": told}
    (folder / "prometheus.yml").write_text(yaml.safe_dump(config))
    command = [
        program,
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]
    with (folder / "prometheus.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log)
    try:
        async with aiohttp.ClientSession() as session:
            server, deadline = Prometheus(session, port), time.monotonic() + START_S
            while not await server.ready():
                said = (folder / "prometheus.log").read_text()
                assert process.returncode is None, said
                assert time.monotonic() < deadline, said
                await asyncio.sleep(0.1)
            yield server
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
