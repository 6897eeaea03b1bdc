"""What Prometheus reads of the desk stage."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import product
from typing import Final, get_args

from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from contracts.desk.performance import (
    CLOCK_SHARES,
    Condition,
    DeskFigures,
    LevelAnswers,
    LifelineAlarms,
    LifelineFunction,
    Share,
)
from contracts.ports.status import DeskStatus, WorkerStatus
from contracts.transition import RINGING
from sinks.http.measures import PREFIX, Measure, buckets, counter, gauge
from sinks.http.metrics import PHASES, process_families

DESKS_MAX: Final = 500  # with series of their own; neighbourhoods of a large city are thousands
OTHERS: Final = "others"
_HERE: Final = "since this process took the stage"
_BEGAN: Final = "since the stage began; kept in its snapshot, so a restart does not reset it"

_KINDS: Final[dict[str, Callable[[DeskStatus], float]]] = {
    "current": lambda desk: desk.currents,
    "dead_letter": lambda desk: desk.dead_letters,
    "incident": lambda desk: desk.incidents,
    "notice": lambda desk: desk.notices,
}


_MEASURES: Final[tuple[Measure[DeskStatus], ...]] = (
    gauge(
        "desk_alarms_open",
        "Alarms that are current: active, or waiting for somebody",
        lambda desk: desk.open.get("alarms", 0),
    ),
    gauge("desk_incidents_open", "Open incidents", lambda desk: desk.open.get("incidents", 0)),
    gauge(
        "desk_lag_records",
        "Offsets between the stage and the ends of all alarm logs, marks of lanes included",
        lambda desk: desk.waiting,
    ),
    gauge(
        "desk_lag_seconds",
        "Age of the newest alarm that was taken while others wait, else 0",
        lambda desk: desk.behind_s,
    ),
    gauge(
        "desk_time_seconds",
        "Desk time, seconds since 1970 UTC; 0 before it begins",
        lambda desk: max(desk.lane_time_s, 0),
    ),
    gauge(
        "desk_snapshot_hold_seconds",
        "How long the newest snapshot held the stage; its file is written while the stage goes on",
        lambda desk: desk.snapshot_hold_s,
    ),
    gauge(
        "desk_recoveries_in_vain",
        "Recoveries in a row after which the stage stood where it had stood before",
        lambda desk: desk.in_vain,
    ),
    counter("desk_alarms_taken", f"Alarm revisions judged {_HERE}", lambda desk: desk.taken),
    counter("desk_commands", f"Commands carried out {_HERE}", lambda desk: desk.commands),
    counter("desk_refusals", f"Commands refused {_HERE}", lambda desk: desk.refusals),
    counter("desk_flushes", f"Transactions {_HERE}", lambda desk: desk.flushes),
    counter(
        "desk_flush_seconds", f"Time spent in transactions {_HERE}", lambda desk: desk.flush_seconds
    ),
    counter(
        "desk_judge_seconds", f"Time spent judging alarms {_HERE}", lambda desk: desk.score_seconds
    ),
    counter("desk_snapshots", f"Snapshots {_HERE}", lambda desk: desk.snapshots),
    gauge(
        "desk_snapshots_in_vain",
        "Snapshots in a row that could not be written; the stage recovers after each",
        lambda desk: desk.snapshots_in_vain,
    ),
    counter(
        "desk_recoveries",
        f"Times that the stage was recovered {_HERE}",
        lambda desk: desk.recoveries,
    ),
    counter(
        "desk_records_set_aside",
        f"Alarm records that could not be judged and were passed over {_HERE}",
        lambda desk: desk.set_aside,
    ),
    Measure(
        "desk_phase",
        "1 for the phase that the stage is in, 0 for the others",
        counts=False,
        of=lambda desk, phase: desk.phase == phase,
        label="phase",
        values=PHASES,
    ),
    Measure(
        "desk_outputs",
        f"Outputs committed {_HERE}",
        counts=True,
        of=lambda desk, kind: _KINDS[kind](desk),
        label="kind",
        values=tuple(_KINDS),
    ),
)
_OF_DESKS: Final[tuple[Measure[DeskFigures], ...]] = (
    counter("desk_notices_told", f"Notices that a desk was told {_BEGAN}", lambda one: one.told),
    counter("desk_floods", f"Floods of notices, by ISA-18.2, {_BEGAN}", lambda one: one.floods),
    gauge(
        "desk_flooded",
        "1 while a desk is told more than it can bear: a flood has begun and is not over",
        lambda one: one.flooded,
    ),
    Measure(
        "desk_standing_alarms",
        "Open alarms that a desk has to do with, by how they stand; `stale` is active for a day",
        counts=False,
        of=lambda one, condition: one.standing.get(condition, 0),
        label="condition",
        values=get_args(Condition),
    ),
)


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
        for measure in _MEASURES:
            yield measure.family(desks, "")
        figures = _bounded([one for desk in desks for one in desk.performance.desks])
        for of_desk in _OF_DESKS:
            yield of_desk.family(figures, "desk")
        yield _withheld(figures)
        yield from _answers([one for desk in desks for one in desk.performance.levels])
        yield _lifelines([one for desk in desks for one in desk.performance.lifelines])
        yield _functions([one for desk in desks for one in desk.performance.functions])


def _bounded(figures: Sequence[DeskFigures]) -> list[DeskFigures]:
    """At most so many desks, the first by id; what lies beyond them is one."""
    rest = figures[DESKS_MAX:]
    if not rest:
        return [*figures]
    withheld: Counter[str] = Counter()
    standing: Counter[str] = Counter()
    for one in rest:
        withheld.update(one.withheld)
        standing.update(one.standing)
    others = DeskFigures(
        name=OTHERS,
        told=sum(one.told for one in rest),
        floods=sum(one.floods for one in rest),
        withheld=withheld,
        flooded=any(one.flooded for one in rest),
        standing=standing,
    )
    return [*figures[:DESKS_MAX], others]


def _withheld(figures: Iterable[DeskFigures]) -> Metric:
    """A desk has a series for each reason that it ever had."""
    family = CounterMetricFamily(
        f"{PREFIX}desk_notices_withheld",
        f"Notices that a desk was not told, by reason, {_BEGAN}",
        labels=["desk", "reason"],
    )
    for one in figures:
        for reason, count in sorted(one.withheld.items()):
            family.add_metric([one.name, reason], float(count))
    return family


def _lifelines(lifelines: Iterable[LifelineAlarms]) -> Metric:
    """Every lifeline that is configured has a series for each colour, from the start."""
    family = GaugeMetricFamily(
        f"{PREFIX}desk_lifeline_alarms",
        "Alarms that ring, by lifeline and colour: `open` are all; of them some are `shelved`, and "
        "`withheld` are those of whose incident no desk was told",
        labels=["lifeline", "colour", "share"],
    )
    for one in lifelines:
        for colour, share in product(RINGING, get_args(Share)):
            family.add_metric([one.name, colour, share], float(one.counts.get((colour, share), 0)))
    return family


def _functions(functions: Iterable[LifelineFunction]) -> Metric:
    """Every lifeline of the topology has two series."""
    family = GaugeMetricFamily(
        f"{PREFIX}lifeline_functionality_ratio",
        "Share of those whom a lifeline serves that it serves now, by its open alarms: an asset is "
        "lost from orange on; what is blind counts as lost in `worst` and as served in `best`",
        labels=["lifeline", "bound"],
    )
    for one in functions:
        family.add_metric([one.name, "worst"], one.worst)
        family.add_metric([one.name, "best"], one.best)
    return family


def _answers(levels: Iterable[LevelAnswers]) -> Iterator[Metric]:
    """Calls of each level, and how soon they were answered against their clock."""
    calls = CounterMetricFamily(
        f"{PREFIX}desk_calls", f"Calls that ask for an acknowledgement {_BEGAN}", labels=["level"]
    )
    shares = HistogramMetricFamily(
        f"{PREFIX}desk_acknowledgement_clock_ratio",
        "Time until a call was acknowledged or its incident assigned, over the time that its clock "
        f"allows: up to 1 is in time; {_BEGAN}",
        labels=["level"],
    )
    for one in levels:
        calls.add_metric([one.name], float(one.calls))
        shares.add_metric([one.name], buckets(CLOCK_SHARES, one.counts), sum_value=one.shares)
    yield from (calls, shares)
