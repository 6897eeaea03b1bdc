"""How many series Prometheus keeps of a whole city."""

from dataclasses import replace

from prometheus_client.registry import Collector

from contracts.ports.status import (
    DeskStatus,
    LaneStatus,
    ProcessStatus,
    ProjectionStatus,
    QueueStatus,
    ReceiverStatus,
    ReloadStatus,
)
from sinks.http.desk_metrics import DeskCollector
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


def series(lanes: list[LaneStatus], collector: type[Collector]) -> int:
    """Series of one process, its own ones (`process_`) and those of its health included."""
    status = WoundStatus(lanes, heart=HEART)
    families = registry(status, "1.2.3", collector).collect()
    return sum(len(family.samples) for family in families)


def test_a_city_of_17_lifelines_and_26_lanes_with_all_processes_stays_under_2000() -> None:
    names = [f"lifeline-{i % 17}-{i // 17}" for i in range(26)]
    busy_lanes = [replace(busy(name), shadow=None) for name in names]
    counts = {
        "workers": series(busy_lanes, MetricsCollector),
        "desk": series([DeskStatus("desk-0", open={"alarms": 7})], DeskCollector),
        "history": series([ProjectionStatus("history")], ProjectionCollector),
        "ledger": series([ProjectionStatus("ledger")], ProjectionCollector),
        "notices": series([ReceiverStatus(f"receiver-{i}") for i in range(4)], NoticeCollector),
    }
    assert min(counts.values()) > 20, counts
    assert sum(counts.values()) < 2000, counts
