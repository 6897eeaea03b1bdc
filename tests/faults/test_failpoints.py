"""Failpoints strike where and when they were told to, and cost next to nothing otherwise."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator

import pytest

from contracts.errors import ConfigError
from runtime import failpoints
from runtime.failpoints import Point, arm, passing
from runtime.installation import HOME, sources
from tests.testkit.worker_process import TOCSIN

ROOT = HOME
OFF_NS_MAX = 1_000.0


@pytest.fixture(autouse=True)
def disarmed() -> Iterator[None]:
    yield
    arm(None)


def test_nothing_happens_at_a_point_that_is_not_armed() -> None:
    for point in Point:
        passing(point)


def test_an_error_is_raised_at_the_passing_that_was_named_and_at_no_other() -> None:
    assert arm("produce:3:error") == ["produce:3:error"]
    for _ in range(2):
        passing(Point.PRODUCE)
        passing(Point.ACK)
    with pytest.raises(OSError, match="failpoint produce: input/output error"):
        passing(Point.PRODUCE)
    passing(Point.PRODUCE)


def test_several_points_and_several_passings_may_be_armed() -> None:
    arm("ack:1:error, ack:3:error,fsync:2:error")
    struck = [(point, n) for n in (1, 2, 3) for point in (Point.ACK, Point.FSYNC) if fails(point)]
    assert struck == [(Point.ACK, 1), (Point.FSYNC, 2), (Point.ACK, 3)]


def fails(point: Point) -> bool:
    try:
        passing(point)
    except OSError:
        return True
    return False


def test_a_seed_draws_the_same_passing_every_time() -> None:
    drawn = [arm(f"score:1-20@{seed}:error")[0] for seed in range(50)]
    assert drawn == [arm(f"score:1-20@{seed}:error")[0] for seed in range(50)]
    numbers = {int(text.split(":")[1]) for text in drawn}
    assert len(numbers) > 10
    assert numbers <= set(range(1, 21))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("comit:1:crash", "expected a point, got 'comit'; known: fence, restore, fetch"),
        (
            "commit:1:explode",
            "expected an action, got 'explode'; known: crash, stop, block, stall, error",
        ),
        ("commit:0:crash", "expected a passing, got '0'"),
        ("commit:x:crash", "expected a passing, got 'x'"),
        ("commit:9-2@1:crash", "expected a passing, got '9-2@1'"),
        ("commit", "expected an action, got ''"),
        ("commit:1:crash,", "expected a point, got ''"),
    ],
)
def test_what_is_unknown_is_refused(text: str, expected: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(expected)):
        arm(text)


@pytest.mark.slow
def test_a_worker_refuses_an_unknown_point_before_it_starts() -> None:
    environment = os.environ | {failpoints.VARIABLE: "comit:1:crash"}
    command = [TOCSIN, "run", "--bootstrap", "127.0.0.1:1"]
    done = subprocess.run(
        command, env=environment, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 2
    assert "TOCSIN_FAILPOINT: 'comit:1:crash': expected a point" in done.stderr


def in_a_child(action: str) -> subprocess.Popen[bytes]:
    code = "from runtime.failpoints import Point, arm, passing\n"
    code += f"arm('sweep:2:{action}')\npassing(Point.SWEEP)\npassing(Point.SWEEP)\nprint('alive')"
    return subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE)


def test_a_crash_is_a_sigkill() -> None:
    child = in_a_child("crash")
    out, _ = child.communicate(timeout=60)
    assert (child.returncode, out) == (-signal.SIGKILL, b"")


def test_a_stop_lasts_until_somebody_wakes_it() -> None:
    child = in_a_child("stop")
    _, status = os.waitpid(child.pid, os.WUNTRACED)
    assert os.WIFSTOPPED(status)
    child.send_signal(signal.SIGCONT)
    out, _ = child.communicate(timeout=60)
    assert (child.returncode, out) == (0, b"alive\n")


def test_every_point_is_passed_once_in_the_code() -> None:
    rooms = sources("app", "broker", "ingest", "pipeline", "runtime", "sinks").values()
    found = re.findall(r"passing\(Point\.(\w+)\)", "".join(path.read_text() for path in rooms))
    assert sorted(found) == sorted(point.name for point in Point)


def test_a_point_that_is_off_is_free() -> None:
    rounds = 20_000
    best = min(seconds_of(rounds) for _ in range(5))
    assert best / rounds * 1e9 < OFF_NS_MAX


def seconds_of(rounds: int) -> float:
    began = time.perf_counter()
    for _ in range(rounds):
        passing(Point.FETCH)
    return time.perf_counter() - began
