"""A worker that was told to stop is gone in time."""

import subprocess
import sys
import time

from runtime.exit_deadline import ExitDeadline

HUNG = """
import threading, time
from runtime.exit_deadline import ExitDeadline
threading.Thread(target=time.sleep, args=(60,)).start()  # Python would wait for it
ExitDeadline(0.3).ask()
"""


def test_a_hung_thread_does_not_keep_a_process_that_let_go_of_its_lanes() -> None:
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-c", HUNG], timeout=30, check=False)
    assert done.returncode == 0
    assert 0.3 < time.monotonic() - began < 20


def test_told_again_it_leaves_at_once_and_says_whether_its_lanes_were_drained() -> None:
    codes: list[int] = []
    leaving = ExitDeadline(60.0, codes.append)
    leaving.ask()
    assert codes == []
    leaving.ask()
    leaving.drained = lambda: False
    leaving.ask()
    assert codes == [0, 1]
