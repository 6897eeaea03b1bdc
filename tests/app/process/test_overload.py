"""The declared order of overload: who gives way is the operating system's business."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from configuration.checks.folder import check
from tests.testkit.config_folder import SETTINGS, folder_with
from tests.testkit.kafka.ports import free_ports

TOCSIN = str(Path(sys.executable).with_name("tocsin"))


@pytest.mark.slow
@pytest.mark.parametrize(("nice", "started", "wanted"), [(0, 0, 0), (12, 0, 12), (5, 10, 10)])
def test_a_worker_takes_the_place_that_its_lifeline_declares(
    tmp_path: Path, nice: int, started: int, wanted: int
) -> None:
    settings = SETTINGS.replace("partitions: 4", f"partitions: 4, nice: {nice}")
    folder = folder_with(tmp_path, {"tocsin.yaml": settings + f"state: {tmp_path}/state\n"})
    (port,) = free_ports(1)
    words = ["nice", "-n", str(started), TOCSIN, "run", "--configs", str(folder)]
    with subprocess.Popen([*words, "--port", str(port)], stderr=subprocess.DEVNULL) as worker:
        deadline = time.monotonic() + 30
        try:
            while os.getpriority(os.PRIO_PROCESS, worker.pid) != wanted:
                assert worker.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.1)
        finally:
            worker.send_signal(signal.SIGKILL)


@pytest.mark.parametrize("nice", [-1, 20])
def test_a_place_that_there_is_not_is_refused(tmp_path: Path, nice: int) -> None:
    settings = SETTINGS.replace("partitions: 4", f"partitions: 4, nice: {nice}")
    (finding,) = check(folder_with(tmp_path, {"tocsin.yaml": settings}), {})
    assert "lifelines.water.nice: expected" in finding
