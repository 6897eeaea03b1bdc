"""How many series Prometheus keeps of a whole city."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
from prometheus_client.registry import Collector

from contracts.ports.status import (
    DeskStatus,
    LaneStatus,
    ProcessStatus,
    ProjectionStatus,
    QueueStatus,
    ReceiverStatus,
    ReloadStatus,
    WorkerStatus,
)
from sinks.http.desk_metrics import DeskCollector
from sinks.http.lane_groups import LANES_MAX, lifeline_of, series_of
from sinks.http.metrics import MetricsCollector, registry
from sinks.http.notice_metrics import NoticeCollector
from sinks.http.projection_metrics import ProjectionCollector
from tests.sinks.http.wound import WoundStatus, busy

QUEUES = ("fetched", "answers", "unpacking", "scoring", "commands", "reader", "snapshot_file")
HEART = ProcessStatus(
    fetch_path="raw",
    queues=tuple(QueueStatus(name, 0, 1, 0) for name in QUEUES),
    reloads=ReloadStatus(),
)


def series(lanes: list[LaneStatus], collector: Callable[[WorkerStatus, str], Collector]) -> int:
    """Series of one process, its own ones (`process_`) and those of its health included."""
    status = WoundStatus(lanes, heart=HEART)
    families = registry(status, "1.2.3", collector).collect()
    return sum(len(family.samples) for family in families)


DISTRICTS: dict[str, tuple[int, ...]] = {f"district-{i}": (90, 7, 3) for i in range(16)}
KINDS = dict.fromkeys(("fused", "seasonal", "trend", "total", "stuck"), 1.0)


def lanes_of(count: int) -> list[LaneStatus]:
    """Lanes without shadows, shared out among 17 lifelines."""
    names = [f"lifeline-{i % 17}-{i // 17}" for i in range(count)]
    return [
        replace(busy(name), shadow=None, hearing=DISTRICTS, kind_seconds=KINDS) for name in names
    ]


@pytest.mark.parametrize(
    ("lanes", "processes"), [(LANES_MAX, 1), (LANES_MAX + 1, 3), (68, 3), (17 * 64, 3)]
)
def test_a_city_of_17_lifelines_with_all_processes_stays_under_2000(
    lanes: int, processes: int
) -> None:
    collector_of = partial(MetricsCollector, series=series_of(lanes))
    owned = lanes_of(lanes)
    lifelines = [lifeline_of(lane) for lane in owned]
    shares: list[list[LaneStatus]] = [[] for _ in range(processes)]
    for lane in owned:  # a process takes whole lifelines
        shares[lifelines.index(lifeline_of(lane)) % processes].append(lane)
    counts = {
        **{f"worker {i}": series(share, collector_of) for i, share in enumerate(shares)},
        "desk": series([DeskStatus("desk-0", open={"alarms": 7})], DeskCollector),
        "history": series([ProjectionStatus("history")], ProjectionCollector),
        "ledger": series([ProjectionStatus("ledger")], ProjectionCollector),
        "notices": series([ReceiverStatus(f"receiver-{i}") for i in range(4)], NoticeCollector),
    }
    assert min(counts.values()) > 20, counts
    assert sum(counts.values()) < 2000, counts
