"""Several workers under one command: started again, killed when they hang, one address for all."""

import asyncio
import os
import signal
import sys
import time
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.process import supervisor
from app.process.supervisor import SupervisedWorker
from contracts.errors import ConfigError
from runtime import supervision
from sinks.http.fleet_health import FleetMember, Joined
from tests.testkit import city
from tests.testkit.in_process import configured, create, send
from tests.testkit.kafka.broker import Cluster
from tests.testkit.kafka.ports import free_ports
from tests.testkit.worker_process import WorkerProcess

WAIT_S = 40.0
NOWHERE = "http://127.0.0.1:9"
ANSWERS_ONCE = """
import http.server, sys, time
class Once(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); sys.stdout.flush()
    def log_message(self, *_): pass
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Once).handle_request()
time.sleep(600)
"""


@pytest.fixture(autouse=True)
def _hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "WAIT_S", 0.02)
    monkeypatch.setattr(supervisor, "LOOK_S", 0.05)


def supervised(script: str, *words: str, url: str = NOWHERE) -> SupervisedWorker:
    return SupervisedWorker("0", [sys.executable, "-c", script, *words], url)


async def until(holds: object) -> None:
    async with asyncio.timeout(WAIT_S):
        while not holds():  # type: ignore[operator] # noqa: ASYNC110 - processes tell nobody
            await asyncio.sleep(0.02)


async def test_a_worker_that_ends_is_started_again_until_it_is_to_stop() -> None:
    worker = supervised("raise SystemExit(1)")
    working = asyncio.create_task(worker.work())
    await until(lambda: worker.restarts >= 3)
    worker.stop()
    await asyncio.wait_for(working, WAIT_S)
    assert worker.code in {1, -signal.SIGTERM}


async def test_a_worker_that_was_told_something_wrong_is_not_asked_again() -> None:
    worker = supervised("raise SystemExit(2)")
    with pytest.raises(ConfigError, match="worker 0: refused to start"):
        await asyncio.wait_for(worker.work(), WAIT_S)
    assert worker.restarts == 0


async def test_a_worker_that_answers_no_more_is_killed_and_started_again() -> None:
    port = free_ports(1)[0]
    worker = supervised(ANSWERS_ONCE, str(port), url=f"http://127.0.0.1:{port}")
    working = asyncio.create_task(worker.work())
    await until(lambda: worker.restarts >= 1)
    worker.stop()
    await asyncio.wait_for(working, WAIT_S)


@pytest.mark.slow
async def test_workers_stop_when_whoever_keeps_them_is_killed(tmp_path: Path) -> None:
    note = tmp_path / "pid"
    script = (
        "import os, time; from runtime.supervision import end_with_parent; end_with_parent(); "
        f"open({str(note)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    )
    keeper = (
        "import asyncio, sys; from app.process.supervisor import SupervisedWorker; asyncio.run("
        f"SupervisedWorker('0', [sys.executable, '-c', {script!r}], '{NOWHERE}').work())"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", keeper)
    await until(lambda: note.exists() and note.read_text())
    process.kill()
    await process.wait()
    await until(lambda: not lives(int(note.read_text())))


@pytest.mark.long
@pytest.mark.slow
async def test_workers_read_their_configuration_on_sighup_and_end_with_their_supervisor(
    tmp_path: Path,
) -> None:
    city.configure(tmp_path / "configs", 4, 1, tmp_path / "state")
    nobody, port = free_ports(2)
    words = ["--configs", str(tmp_path / "configs"), "--bootstrap", f"127.0.0.1:{nobody}"]
    log = tmp_path / "log"
    worker = WorkerProcess([*words, "--workers", "2"], port, log)
    worker.start()
    try:
        await until(lambda: log.read_text().count("serving metrics") == 3)
        left = children(worker.process.pid)
        os.kill(worker.process.pid, signal.SIGHUP)
        await until(lambda: log.read_text().count("SIGHUP: unchanged") == 2)
        assert children(worker.process.pid) == left
        assert len(left) == 2
        worker.kill()
        await until(lambda: not any(map(lives, left)))
    finally:
        worker.bury()


async def test_a_worker_whose_supervisor_is_gone_before_it_starts_ends_at_once() -> None:
    former = await asyncio.create_subprocess_exec(sys.executable, "-c", "")
    await former.wait()
    process = await asyncio.create_subprocess_exec(
        *[sys.executable, "-m", "app.process", "run"],
        env=os.environ | {supervision.VARIABLE: str(former.pid)},
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(WAIT_S):
        _, said = await process.communicate()
    assert process.returncode == 1
    assert said.decode().startswith(f"worker: expected process {former.pid} as its parent, got ")


def test_metrics_of_all_workers_are_one_exposition() -> None:
    text = '# HELP a_total what\n# TYPE a_total counter\na_total{lane="x"} 3\n# TYPE b gauge\nb 1\n'
    members = [FleetMember(str(n), NOWHERE, n) for n in range(3)]
    families = {f.name: f for f in Joined(members, [text, text, None]).collect()}
    assert [s.value for s in families["tocsin_worker_up"].samples] == [1, 1, 0]
    assert [s.value for s in families["tocsin_worker_restarts"].samples] == [0, 1, 2]
    assert [(s.labels, s.value) for s in families["a"].samples] == [
        ({"lane": "x", "worker": worker}, 3) for worker in "01"
    ]


def lanes(worker: WorkerProcess) -> dict[str, set[str]]:
    """Lanes by worker, as the one exposition tells them."""
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(worker.get("/metrics") or ""):
        for sample in family.samples:
            if sample.name == "tocsin_lane_position":
                found.setdefault(sample.labels["worker"], set()).add(sample.labels["lane"])
    return found


def children(process: int) -> list[int]:
    return list(map(int, Path(f"/proc/{process}/task/{process}/children").read_text().split()))


def lives(process: int) -> bool:
    """Whether it runs; one that ended may wait for its new parent to take notice."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def shared(worker: WorkerProcess) -> bool:
    return bool(worker.get("/readyz")) and sorted(map(sorted, lanes(worker).values())) == [
        ["water-0"],
        ["water-1"],
    ]


@pytest.mark.long
@pytest.mark.broker
@pytest.mark.slow
async def test_two_workers_share_lanes_and_one_that_is_killed_comes_back(
    tmp_path: Path, kafka: Cluster
) -> None:
    town = configured(tmp_path, kafka.bootstrap, "crewed", lanes=2)
    await create(town)
    port = free_ports(1)[0]
    words = ["--configs", str(tmp_path / "configs"), "--bootstrap", kafka.bootstrap]
    worker = WorkerProcess([*words, "--workers", "2"], port, tmp_path / "log", instance="crew")
    worker.start()
    try:
        await until(lambda: shared(worker))
        victim = children(worker.process.pid)[0]
        os.kill(victim, signal.SIGKILL)
        await until(lambda: sum(worker.metric("tocsin_worker_restarts_total").values()) == 1)
        await until(lambda: shared(worker))
        assert victim not in children(worker.process.pid)
        for number in range(2):
            await send(town, [5.0] * 5, "water.tank-000.in", number)
        await until(lambda: sum(worker.metric("tocsin_readings_received_total").values()) == 10)
        left = children(worker.process.pid)
        began = time.monotonic()
        assert await worker.finish(40) == 0
        assert time.monotonic() - began < 20
        assert not any(map(lives, left))
    finally:
        worker.bury()
