"""What Prometheus reads of a projection of topics."""

from collections.abc import Iterator
from typing import Final

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from contracts.ports.status import ProjectionStatus, WorkerStatus
from sinks.http.measures import Measure, counter, gauge
from sinks.http.metrics import process_families

_HERE: Final = "since this process began"
_MEASURES: Final[tuple[Measure[ProjectionStatus], ...]] = (
    counter("projection_records", f"Records kept {_HERE}", lambda one: one.taken),
    counter(
        "projection_retries",
        f"Times that a broker or the store was waited for {_HERE}",
        lambda one: one.recoveries,
    ),
    counter(
        "projection_lost_offsets",
        f"Offsets that logs had dropped before they were read {_HERE}",
        lambda one: one.lost,
    ),
    counter(
        "projection_unreadable_records",
        f"Records that are not what their topic says, of a history kept beside its rows, {_HERE}",
        lambda one: one.unreadable,
    ),
    gauge(
        "projection_up",
        "1 while topics are being followed, else 0",
        lambda one: one.phase == "running",
    ),
    gauge(
        "projection_lag_records",
        "Offsets between what was fetched and the ends of the logs",
        lambda one: one.waiting,
    ),
    gauge(
        "projection_newest_seconds",
        "Stamp of the newest record kept, seconds since 1970 UTC; 0 before",
        lambda one: one.taken_ms / 1000,
    ),
)


class ProjectionCollector(Collector):
    """A projection's numbers as Prometheus families.

    Parameters
    ----------
    status : WorkerStatus
        Whoever can be asked how the process is.
    version : str
        Version of Tocsin.
    """

    def __init__(self, status: WorkerStatus, version: str) -> None:
        self._status = status
        self._version = version

    def collect(self) -> Iterator[Metric]:
        """Families with their present samples."""
        yield from process_families(self._status, self._version)
        found = [one for one in self._status.lanes() if isinstance(one, ProjectionStatus)]
        for measure in _MEASURES:
            yield measure.family(found, "projection")
