"""What Prometheus reads of the process that tells notices to receivers."""

from collections.abc import Iterator
from typing import Final

from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from contracts.ports.status import ReceiverStatus, WorkerStatus
from sinks.http.measures import Measure, counter, gauge
from sinks.http.metrics import process_families

_HERE: Final = "since this process began"
_MEASURES: Final[tuple[Measure[ReceiverStatus], ...]] = (
    counter(
        "notices_delivered",
        f"Notices that the receiver confirmed {_HERE}",
        lambda one: one.outcomes["delivered"],
    ),
    counter(
        "notices_failed",
        f"Notices that the receiver refused for good, or that were given up {_HERE}",
        lambda one: one.outcomes["failed"],
    ),
    counter(
        "notices_superseded",
        f"Notices of incidents that were over before they could be told {_HERE}",
        lambda one: one.outcomes["superseded"],
    ),
    counter(
        "notices_failed_tries",
        f"Requests that were not confirmed {_HERE}",
        lambda one: one.failed_tries,
    ),
    gauge(
        "notices_waiting",
        "Notices that wait for the receiver, as far as they were read ahead",
        lambda one: one.waiting,
    ),
    gauge(
        "notices_oldest_waiting_seconds",
        "Age of the oldest notice that waits for the receiver, 0 when none does",
        lambda one: one.oldest_s(),
    ),
    gauge(
        "notices_receiver_disabled",
        "1 when the receiver has said that it wants no more notices (410), else 0",
        lambda one: one.disabled,
    ),
)


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
        for measure in _MEASURES:
            yield measure.family(found, "receiver")
