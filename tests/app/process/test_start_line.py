"""A start is one line of the log, whatever else is logged."""

import json
import os
import subprocess
from importlib.metadata import version
from pathlib import Path

import pytest

from configuration.configuration import Configuration
from runtime.bounded_log import FORMAT_VARIABLE
from tests.testkit.config_folder import SETTINGS, folder_with
from tests.testkit.kafka.ports import free_ports
from tests.testkit.worker_process import TOCSIN

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("words", "lanes"), [(["--lifeline", "water"], "water (4)"), (["--desk"], "desk (1)")]
)
def test_a_start_says_version_configuration_and_lanes(
    tmp_path: Path, words: list[str], lanes: str
) -> None:
    settings = SETTINGS + f"state: {tmp_path}/state\n"
    folder = folder_with(tmp_path, {"tocsin.yaml": settings})
    command = [TOCSIN, "run", *words, "--configs", str(folder), "--bootstrap", "127.0.0.1:1"]
    (port,) = free_ports(1)
    with subprocess.Popen(
        [*command, "--port", str(port)],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {FORMAT_VARIABLE: "json"},
    ) as worker:
        assert worker.stderr is not None
        try:
            lines = map(json.loads, worker.stderr)
            told = next(line for line in lines if line["logger"] == "tocsin.start")
        finally:
            worker.kill()
    config = Configuration.load(folder, {}).hash
    assert told["event"] == "started: version %s, configuration %s, lanes of %s"
    assert told["message"] == (
        f"started: version {version('tocsin')}, configuration {config}, lanes of {lanes}"
    )
