"""What Prometheus reads of the process that tells notices to receivers."""

from collections.abc import Callable, Iterator
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from contracts.ports.status import ReceiverStatus, WorkerStatus
from sinks.http.metrics import PREFIX, process_families

_HERE: Final = "since this process began"
_Number = tuple[
    type[CounterMetricFamily] | type[GaugeMetricFamily],
    str,
    str,
    Callable[[ReceiverStatus], float],
]
_NUMBERS: Final[tuple[_Number, ...]] = (
    (CounterMetricFamily, "delivered", f"Notices that the receiver confirmed {_HERE}",
     lambda one: one.outcomes["delivered"]),
    (CounterMetricFamily, "failed",
     f"Notices that the receiver refused for good, or that were given up {_HERE}",
     lambda one: one.outcomes["failed"]),
    (CounterMetricFamily, "superseded",
     f"Notices of incidents that were over before they could be told {_HERE}",
     lambda one: one.outcomes["superseded"]),
    (CounterMetricFamily, "failed_tries", f"Requests that were not confirmed {_HERE}",
     lambda one: one.failed_tries),
    (GaugeMetricFamily, "waiting",
     "Notices that wait for the receiver, as far as they were read ahead",
     lambda one: one.waiting),
    (GaugeMetricFamily, "oldest_waiting_seconds",
     "Age of the oldest notice that waits for the receiver, 0 when none does",
     lambda one: one.oldest_s()),
    (GaugeMetricFamily, "receiver_disabled",
     "1 when the receiver has said that it wants no more notices (410), else 0",
     lambda one: one.disabled),
)  # fmt: skip


class NoticeCollector(Collector):
    """Numbers of each receiver as Prometheus families.

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
        found = [one for one in self._status.lanes() if isinstance(one, ReceiverStatus)]
        for kind, name, say, of in _NUMBERS:
            family = kind(f"{PREFIX}notices_{name}", say, labels=["receiver"])
            for one in found:
                family.add_metric([one.name], float(of(one)))
            yield family
