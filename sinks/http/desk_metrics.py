"""What Prometheus reads of the desk stage."""

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from contracts.ports.status import DeskStatus, WorkerStatus
from sinks.http.metrics import PHASES, PREFIX, process_families

_HERE: Final = "since this process took the stage"


class _Number(NamedTuple):
    """One number of the stage.

    Parameters
    ----------
    name, say : str
        Name behind `tocsin_desk_`, without `_total`; help text.
    counts : bool
        Whether it only rises.
    of : callable
    """

    name: str
    say: str
    counts: bool
    of: Callable[[DeskStatus], float]


def _gauge(name: str, say: str, of: Callable[[DeskStatus], float]) -> _Number:
    return _Number(name, say, counts=False, of=of)


def _counter(name: str, say: str, of: Callable[[DeskStatus], float]) -> _Number:
    return _Number(name, f"{say} {_HERE}", counts=True, of=of)


_NUMBERS: Final = (
    _gauge(
        "alarms_open",
        "Alarms that are current: active, or waiting for somebody",
        lambda desk: desk.open.get("alarms", 0),
    ),
    _gauge("incidents_open", "Open incidents", lambda desk: desk.open.get("incidents", 0)),
    _gauge(
        "lag_records",
        "Offsets between the stage and the ends of all alarm logs, marks of lanes included",
        lambda desk: desk.waiting,
    ),
    _gauge(
        "lag_seconds",
        "Age of the newest alarm that was taken while others wait, else 0",
        lambda desk: desk.behind_s,
    ),
    _gauge(
        "time_seconds",
        "Desk time, seconds since 1970 UTC; 0 before it begins",
        lambda desk: max(desk.lane_time_s, 0),
    ),
    _gauge(
        "snapshot_hold_seconds",
        "How long the newest snapshot held the stage; its file is written while the stage goes on",
        lambda desk: desk.snapshot_hold_s,
    ),
    _gauge(
        "recoveries_in_vain",
        "Recoveries in a row after which the stage stood where it had stood before",
        lambda desk: desk.in_vain,
    ),
    _counter("alarms_taken", "Alarm revisions judged", lambda desk: desk.taken),
    _counter("commands", "Commands carried out", lambda desk: desk.commands),
    _counter("refusals", "Commands refused", lambda desk: desk.refusals),
    _counter("flushes", "Transactions", lambda desk: desk.flushes),
    _counter("flush_seconds", "Time spent in transactions", lambda desk: desk.flush_seconds),
    _counter("judge_seconds", "Time spent judging alarms", lambda desk: desk.score_seconds),
    _counter("snapshots", "Snapshots", lambda desk: desk.snapshots),
    _counter("recoveries", "Times that the stage was recovered", lambda desk: desk.recoveries),
    _counter(
        "records_set_aside",
        "Alarm records that could not be judged and were passed over",
        lambda desk: desk.set_aside,
    ),
)
_KINDS: Final[dict[str, Callable[[DeskStatus], float]]] = {
    "current": lambda desk: desk.currents,
    "dead_letter": lambda desk: desk.dead_letters,
    "incident": lambda desk: desk.incidents,
    "notice": lambda desk: desk.notices,
}


class DeskCollector(Collector):
    """The stage's numbers as Prometheus families; without samples while another process has it.

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
        desks = [lane for lane in self._status.lanes() if isinstance(lane, DeskStatus)]
        for number in _NUMBERS:
            family = (CounterMetricFamily if number.counts else GaugeMetricFamily)(
                f"{PREFIX}desk_{number.name}", number.say, labels=[]
            )
            for desk in desks:
                family.add_metric([], float(number.of(desk)))
            yield family
        yield from self._labelled(desks)

    def _labelled(self, desks: list[DeskStatus]) -> Iterator[Metric]:
        phase = GaugeMetricFamily(
            f"{PREFIX}desk_phase",
            "1 for the phase that the stage is in, 0 for the others",
            labels=["phase"],
        )
        told = CounterMetricFamily(
            f"{PREFIX}desk_outputs", f"Outputs committed {_HERE}", labels=["kind"]
        )
        for desk in desks:
            for name in PHASES:
                phase.add_metric([name], float(desk.phase == name))
            for kind, of in _KINDS.items():
                told.add_metric([kind], float(of(desk)))
        yield from (phase, told)
