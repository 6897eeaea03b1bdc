"""A lane that judges as fast as it can in a process of its own, beside what is measured."""

import multiprocessing
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.sharedctypes import Synchronized
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.support.traffic import Format, as_json, messages
from configuration.configuration import Configuration
from configuration.lane_plan import plan_of
from contracts.records import Records
from pipeline.lane.lane import Lane
from tests.testkit import city

GROUPS = 1_000  # of two channels each
SECONDS = 60  # of readings, which every lane that is born takes
POLL = 500
LOOK_S = 0.05
WAIT_S = 120.0  # for kernels that must be compiled first


def _judge(folder: str, count: "Synchronized[int]") -> None:
    """Judge the same minute for ever, by one newborn lane after the other."""
    place = Path(folder)
    channels = city.configure(place / "configs", GROUPS, 1, place / "state")
    plan = plan_of(Configuration.load(place / "configs"), "water")
    what = Format("JSON arrays of 500", SECONDS * len(channels), 500, as_json)
    rows: list[tuple[int, int, bytes | None]] = [
        (at, time_ms, body) for at, (_, time_ms, _, body) in enumerate(messages(channels, 1, what))
    ]
    while True:
        lane, before = Lane(plan.name(0), plan.parts(0), lambda _: plan.parts(0)), count.value
        for first in range(0, len(rows), POLL):
            lane.feed(Records.of(rows[first : first + POLL]))
            lane.outbox.take()
            count.value = before + lane.accounts.counts()["scored"]


@contextmanager
def busy_lane() -> Iterator[Callable[[], int]]:
    """A process that judges, from its first readings on; how many it has judged by now.

    It has neither Kafka nor a disk: what it takes from others is a processor.
    """
    apart = multiprocessing.get_context("spawn")
    count = apart.Value("q", 0)
    with TemporaryDirectory(prefix="tocsin-bench-") as folder:
        process = apart.Process(target=_judge, args=(folder, count), daemon=True)
        process.start()
        try:
            deadline = time.monotonic() + WAIT_S
            while not count.value:
                assert process.is_alive(), "the lane beside has died"
                assert time.monotonic() < deadline, "the lane beside has judged nothing"
                time.sleep(LOOK_S)
            yield lambda: int(count.value)
        finally:
            process.kill()
            process.join()
