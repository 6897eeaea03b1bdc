"""What Prometheus reads of a worker: integers that the hot path bumped, looked at on demand."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from typing import Final, get_args

from prometheus_client import CollectorRegistry
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
)
from prometheus_client.metrics_core import Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from contracts.batch import Disposition
from contracts.ports.status import (
    LEADS_S,
    ErrorCause,
    LaneStatus,
    Phase,
    QueueStatus,
    ReloadStatus,
    ShadowStatus,
    WorkerStatus,
)
from contracts.transition import RINGING
from sinks.http.lane_groups import LaneGroup, Series, grouped, of_groups
from sinks.http.lifeline_metrics import lifeline_families
from sinks.http.measures import PREFIX, Measure, buckets, counter, gauge


def shadow_families(prefix: str, groups: Iterable[LaneGroup]) -> Iterator[Metric]:
    """How shadows compare with what rings.

    The histogram has no sum: leads may be negative, and then a sum that falls looks like a restart.
    """
    found = GaugeMetricFamily(
        f"{prefix}shadow_findings",
        "Findings since the shadow began, by who rang: rings of one rule on one channel within an "
        "hour are one",
        labels=["lane", "config", "rang"],
    )
    load = GaugeMetricFamily(
        f"{prefix}shadow_alarms_per_day",
        "Alarms in a day of lane time since the shadow began, by who rang them",
        labels=["lane", "config", "rang"],
    )
    lead = HistogramMetricFamily(
        f"{prefix}shadow_lead_seconds",
        "By how much earlier the shadow rang what both found",
        labels=["lane", "config"],
    )
    for group in groups:
        for shadow in group.shadows():
            _add(found, load, lead, group.name, shadow)
    yield from (found, load, lead)


def _add(
    found: GaugeMetricFamily,
    load: GaugeMetricFamily,
    lead: HistogramMetricFamily,
    lane: str,
    shadow: ShadowStatus,
) -> None:
    names = [lane, shadow.config]
    rang = {"both": shadow.both, "only_live": shadow.only_live, "only_shadow": shadow.only_shadow}
    for who, count in rang.items():
        found.add_metric([*names, who], count)
    load.add_metric([*names, "live"], shadow.live_per_day)
    load.add_metric([*names, "shadow"], shadow.shadow_per_day)
    lead.add_metric(names, buckets(LEADS_S, shadow.leads), sum_value=None)


PHASES: Final[tuple[str, ...]] = get_args(Phase)
_DESTINIES: Final = tuple(disposition.word for disposition in Disposition)
_KINDS: Final = ("alarm", "dead_letter", "shadow", "shelving")

_SINCE_BEGIN: Final = "since the lane began; kept in its snapshot, so a restart does not reset it"
_LAG: Final = "Longest delay of the event loop within the last minute"
_REBUILDS: Final = "Times that all clients were made anew because lanes stood while records waited"
_FETCH_PATH: Final = (
    "1 for how records come out of the Kafka client: raw batches, or plain records, which take "
    "several times as long, where its version is not the locked one"
)
_QUEUES: Final = {
    "depth": "What is in the worker's queues, threads and locks between stages; all lanes together",
    "limit": "Most that can be in them",
    "waiters": "Who waits for room in them",
}
_SINCE_HERE: Final = "since this worker took the lane"


def _outputs(lane: LaneStatus, kind: str) -> float:
    told = {
        "alarm": lane.revisions,
        "dead_letter": lane.dead_letters,
        "shadow": lane.shadow_outbox,
        "shelving": lane.shelvings,
    }
    return told[kind]


_MEASURES: Final[tuple[Measure[LaneStatus], ...]] = (
    counter(
        "readings_received",
        f"Readings that came {_SINCE_BEGIN}; equals the sum of tocsin_readings_total",
        lambda lane: lane.accounts.get("received", 0),
    ),
    Measure(
        "readings",
        f"Readings by their one destiny {_SINCE_BEGIN}",
        counts=True,
        label="destiny",
        values=_DESTINIES,
        of=lambda lane, disposition: lane.accounts.get(disposition, 0),
    ),
    Measure(
        "lane_phase",
        "1 for the phase that the lane is in, 0 for the others",
        counts=False,
        label="phase",
        values=PHASES,
        of=lambda lane, phase: lane.phase == phase,
    ),
    gauge(
        "lane_position",
        "Next telemetry offset that the lane takes",
        lambda lane: lane.position,
    ),
    gauge(
        "lane_lag_records",
        "Telemetry offsets between the lane and the end of the log, hidden ones too; NaN while no "
        "broker says where it ends",
        lambda lane: lane.lag,
    ),
    gauge(
        "lane_lag_seconds",
        "Longest time that a record may have waited for the lane; grows while records wait and "
        "while no broker answers; NaN before a broker said where the log ends",
        lambda lane: lane.lag_s,
        largest=True,
    ),
    gauge(
        "lane_last_record_timestamp_seconds",
        f"Kafka timestamp of the newest record taken {_SINCE_HERE}, seconds since 1970 UTC; 0 "
        "before the first",
        lambda lane: lane.taken_ms / 1000,
        largest=True,
    ),
    gauge(
        "lane_last_flush_timestamp_seconds",
        f"When a transaction was last committed {_SINCE_HERE}, seconds since 1970 UTC; 0 before "
        "the first",
        lambda lane: lane.flushed_ms / 1000,
        largest=True,
    ),
    gauge(
        "lane_answer_age_seconds",
        "Time since a broker last answered a fetch of the lane; stands while a busy lane asks for "
        "nothing; NaN before the first time",
        lambda lane: lane.answer_age_s,
        largest=True,
    ),
    gauge(
        "lane_hidden_seconds",
        "How long an open transaction has hidden the same record, and all behind it, from the lane",
        lambda lane: lane.hidden_s,
        largest=True,
    ),
    gauge(
        "lane_time_seconds",
        "Lane time (the watermark), seconds since 1970 UTC; 0 before it begins",
        lambda lane: max(lane.lane_time_s, 0),
        largest=True,
    ),
    Measure(
        "outputs",
        f"Outputs committed {_SINCE_HERE}",
        counts=True,
        label="kind",
        values=_KINDS,
        of=_outputs,
    ),
    counter(
        "flushes",
        f"Transactions {_SINCE_HERE}",
        lambda lane: lane.flushes,
    ),
    counter(
        "flush_seconds",
        f"Time spent in transactions {_SINCE_HERE}",
        lambda lane: lane.flush_seconds,
    ),
    counter(
        "score_seconds",
        f"Time spent decoding, admitting and scoring {_SINCE_HERE}",
        lambda lane: lane.score_seconds,
    ),
    counter(
        "snapshots",
        f"Snapshots {_SINCE_HERE}",
        lambda lane: lane.snapshots,
    ),
    gauge(
        "snapshot_hold_seconds",
        "How long the newest snapshot held the lane; its file is written while the lane goes on",
        lambda lane: lane.snapshot_hold_s,
        largest=True,
    ),
    gauge(
        "snapshot_timestamp_seconds",
        f"When a snapshot was last published {_SINCE_HERE}, seconds since 1970 UTC; 0 before the "
        "first",
        lambda lane: lane.snapshot_at_s,
        largest=True,
    ),
    gauge(
        "snapshot_duration_seconds",
        "How long that snapshot took, from the beginning of its copy until it was published",
        lambda lane: lane.snapshot_duration_s,
        largest=True,
    ),
    gauge(
        "snapshot_bytes",
        "Size of that snapshot's file",
        lambda lane: lane.snapshot_bytes,
    ),
    counter(
        "recoveries",
        f"Times that the lane was recovered {_SINCE_HERE}",
        lambda lane: lane.recoveries,
    ),
    counter(
        "damaged_snapshots",
        f"Snapshot files that could not be read {_SINCE_HERE}; the one before was taken",
        lambda lane: lane.damaged_snapshots,
    ),
    gauge(
        "recoveries_in_vain",
        "Recoveries in a row after which the lane stood where it had stood before",
        lambda lane: lane.in_vain,
        largest=True,
    ),
    counter(
        "records_set_aside",
        f"Records that could not be judged and were passed over {_SINCE_HERE}",
        lambda lane: lane.set_aside,
    ),
    counter(
        "shadows_shed",
        f"Shadows that the lane let go of by itself {_SINCE_BEGIN}",
        lambda lane: lane.sheds,
    ),
    gauge(
        "channels_shelved",
        "Channels whose alarms are held back by a command",
        lambda lane: lane.shelved,
    ),
    Measure(
        "alarms_open",
        "Alarms that have not cleared",
        counts=False,
        label="colour",
        values=RINGING,
        of=lambda lane, colour: lane.open_alarms.get(colour, 0),
    ),
)

# Of all lanes together: few lifelines have errors, and each series is kept for each of them.
_ERRORS: Final[Measure[LaneGroup]] = Measure(
    "lane_errors",
    "Errors after which this worker recovered a lane, by cause: `brokers` that do not answer or "
    "refuse, another owner (`fenced`), an `input` that could not be judged, `files` that could not "
    "be read or written",
    counts=True,
    label="cause",
    values=get_args(ErrorCause),
    of=lambda all_lanes, cause: sum(lane.errors.get(cause, 0) for lane in all_lanes.lanes),
)


class MetricsCollector(Collector):
    """A worker's numbers as Prometheus families; every known series is there from the start.

    There is no label per channel: what a channel does is in the alarms topic and the history.

    Parameters
    ----------
    status : WorkerStatus
        Whoever can be asked how the worker is.
    version : str
        Version of Tocsin.
    series : {'lane', 'lifeline'}, optional
        Whether each lane has series of its own, or all of a lifeline have one.
    """

    def __init__(self, status: WorkerStatus, version: str, series: Series = "lane") -> None:
        self._status = status
        self._version = version
        self._series = series

    def collect(self) -> Iterator[Metric]:
        """Families with their present samples."""
        yield from process_families(self._status, self._version)
        lanes = self._status.lanes()
        groups = grouped(lanes, self._series)
        for measure in _MEASURES:
            yield of_groups(measure).family(groups, "lane")
        yield _ERRORS.family([LaneGroup("", tuple(lanes))], "")
        yield _configs(groups)
        yield _relearning(groups)
        yield from shadow_families(PREFIX, groups)
        yield from lifeline_families(lanes)


def process_families(status: WorkerStatus, version: str) -> Iterator[Metric]:
    """What every process says of itself, whatever lanes it owns."""
    build = InfoMetricFamily(f"{PREFIX}build", "Version of Tocsin that runs")
    build.add_metric([], {"version": version})
    yield build
    yield _alone(
        "ready", "1 when every owned lane is running and sees what its log holds", status.ready()
    )
    yield _alone("lanes", "Lanes that this worker owns", len(status.lanes()))
    process_status = status.process_status()
    yield _alone("loop_lag_seconds", _LAG, process_status.lag_s)
    yield CounterMetricFamily(PREFIX + "client_rebuilds", _REBUILDS, value=process_status.rebuilds)
    yield _fetch_path(process_status.fetch_path)
    yield from _queues(process_status.queues)
    yield from _reloads(process_status.reloads)


def _reloads(status: ReloadStatus | None) -> Iterator[Metric]:
    """How often the configuration was read again, and whether the newest one is in force."""
    outcomes = CounterMetricFamily(
        f"{PREFIX}config_reloads",
        "Times that this process read its configuration again, by what came of it",
        labels=["outcome"],
    )
    good = GaugeMetricFamily(
        f"{PREFIX}config_last_reload_successful",
        "0 while the configuration that was read last is refused and an earlier one is in force",
    )
    if status is not None:
        for outcome in ("reloaded", "unchanged", "refused"):
            outcomes.add_metric([outcome], float(getattr(status, outcome)))
        good.add_metric([], float(status.good))
    yield from (outcomes, good)


def _configs(groups: Iterable[LaneGroup]) -> Metric:
    """The configurations of lanes; a lane has none before it runs."""
    family = InfoMetricFamily(
        f"{PREFIX}lane_config",
        "Hash of the configuration in force, as it stands in records",
        labels=["lane"],
    )
    for group in groups:
        for config in dict.fromkeys(lane.config for lane in group.lanes if lane.config):
            family.add_metric([group.name], {"config": config})
    return family


def _relearning(groups: Iterable[LaneGroup]) -> Metric:
    """Channels that learn anew; a rule has a series once it has forgotten something."""
    family = CounterMetricFamily(
        f"{PREFIX}channels_relearning",
        "Channels whose learned state began anew because a configuration gave it another meaning, "
        f"by rule, {_SINCE_BEGIN}",
        labels=["lane", "rule"],
    )
    for group in groups:
        counts = sum((Counter(lane.relearning) for lane in group.lanes), Counter[str]())
        for rule, count in sorted(counts.items()):
            family.add_metric([group.name, rule], float(count))
    return family


def _alone(name: str, say: str, value: float) -> Metric:
    return GaugeMetricFamily(PREFIX + name, say, value=float(value))


def _fetch_path(path: str) -> Metric:
    family = GaugeMetricFamily(PREFIX + "fetch_path", _FETCH_PATH, labels=["path"])
    if path:
        family.add_metric([path], 1.0)
    return family


def _queues(queues: Iterable[QueueStatus]) -> Iterator[Metric]:
    for name, say in _QUEUES.items():
        family = GaugeMetricFamily(f"{PREFIX}queue_{name}", say, labels=["queue"])
        for queue in queues:
            family.add_metric([queue.name], getattr(queue, name))
        yield family


def registry(
    status: WorkerStatus,
    version: str,
    collector_of: Callable[[WorkerStatus, str], Collector] = MetricsCollector,
) -> CollectorRegistry:
    """A registry of its own for one worker: its numbers, and those of its process."""
    own = CollectorRegistry(auto_describe=False)
    own.register(collector_of(status, version))
    ProcessCollector(registry=own)
    return own
