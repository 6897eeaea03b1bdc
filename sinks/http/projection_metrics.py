"""What Prometheus reads of a projection of topics."""

from collections.abc import Callable, Iterator
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from contracts.ports.status import ProjectionStatus, WorkerStatus
from sinks.http.metrics import PREFIX, process_families

_Number = tuple[
    type[CounterMetricFamily] | type[GaugeMetricFamily],
    str,
    str,
    Callable[[ProjectionStatus], float],
]
_HERE: Final = "since this process began"
_NUMBERS: Final[tuple[_Number, ...]] = (
    (CounterMetricFamily, "records", f"Records kept {_HERE}", lambda one: one.taken),
    (CounterMetricFamily, "retries", f"Times that a broker or the store was waited for {_HERE}",
     lambda one: one.recoveries),
    (CounterMetricFamily, "lost_offsets",
     f"Offsets that logs had dropped before they were read {_HERE}", lambda one: one.lost),
    (GaugeMetricFamily, "up", "1 while topics are being followed, else 0",
     lambda one: one.phase == "running"),
    (GaugeMetricFamily, "lag_records", "Offsets between what was fetched and the ends of the logs",
     lambda one: one.waiting),
    (GaugeMetricFamily, "newest_seconds",
     "Stamp of the newest record kept, seconds since 1970 UTC; 0 before",
     lambda one: one.taken_ms / 1000),
)  # fmt: skip


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
        for kind, name, say, of in _NUMBERS:
            family = kind(f"{PREFIX}projection_{name}", say, labels=["projection"])
            for one in found:
                family.add_metric([one.name], float(of(one)))
            yield family
