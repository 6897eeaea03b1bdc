"""Without any broker a worker lives, is not ready, and leaves when it is told to."""

import asyncio
import time
from pathlib import Path

import pytest

from tests.testkit import city
from tests.testkit.kafka.ports import free_ports
from tests.testkit.worker_process import WorkerProcess

WAIT_S_MAX = 60.0


@pytest.mark.slow
async def test_liveness_does_not_depend_on_kafka_but_readiness_does(tmp_path: Path) -> None:
    city.configure(tmp_path / "configs", 4, 1, tmp_path / "state")
    nobody, port = free_ports(2)
    place = ["--configs", str(tmp_path / "configs"), "--bootstrap", f"127.0.0.1:{nobody}"]
    worker = WorkerProcess(place, port, tmp_path / "worker.log")
    deadline = time.monotonic() + WAIT_S_MAX
    try:
        worker.start()
        while "retrying" not in worker.log.read_text():
            assert time.monotonic() < deadline, worker.log.read_text()
            await asyncio.sleep(0.2)
        assert await asyncio.to_thread(worker.get, "/livez") is not None
        assert await asyncio.to_thread(worker.get, "/readyz") is None
        assert await asyncio.to_thread(worker.metric, "tocsin_ready") == {"": 0.0}
        assert await worker.finish(10) == 0
    finally:
        worker.bury()
