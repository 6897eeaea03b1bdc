"""What Prometheus reads of a lifeline, and of a district, whatever lanes they lie in."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric

from contracts.ports.status import HEARING, LATENCIES_S, LaneStatus
from sinks.http.lane_groups import LaneGroup, grouped
from sinks.http.measures import PREFIX, Measure, buckets, counter, gauge

NOWHERE: Final = "none"  # of channels whose catalogue names no district: an empty label is none
_HEARD: Final = (
    "by how they are heard: `silent` have sent nothing valid for longer than their rule allows, "
    "`blind` too, behind a link that rings for them; counted every half minute"
)

_MEASURES: Final[tuple[Measure[LaneGroup], ...]] = (
    gauge(
        "canaries_missed",
        "Known anomalies in a row, three a minute, for which a lane has not rung; of the lane of "
        "the lifeline that has missed most",
        lambda of: max(lane.canaries_missed for lane in of.lanes),
    ),
    counter(
        "canaries_judged",
        "Known anomalies that lanes have judged",
        lambda of: of.lanes[0].canaries.judged,  # its lanes share one count
    ),
    counter(
        "canaries_told",
        "Known anomalies whose alarm has been committed",
        lambda of: of.lanes[0].canaries.told,
    ),
    gauge(
        "commands_hidden_seconds",
        "How long an open transaction has hidden the same command, and all behind it; of the lane "
        "of the lifeline that has waited longest",
        lambda of: max(lane.commands_hidden_s for lane in of.lanes),
    ),
    gauge(
        "snapshots_in_vain",
        "Snapshots in a row that could not be written, of the lane of the lifeline with most; a "
        "lane recovers after each",
        lambda of: max(lane.snapshots_in_vain for lane in of.lanes),
    ),
)


def lifeline_families(lanes: Sequence[LaneStatus]) -> Iterator[Metric]:
    """Families with labels `lifeline` or `district`."""
    lifelines = grouped(lanes, "lifeline")
    yield _latencies(lifelines)
    for measure in _MEASURES:
        yield measure.family(lifelines, "lifeline")
    yield _summed(
        "messages_undecodable",
        "Messages that could not be decoded, by the reason of their dead letters; a lane that "
        "recovers begins anew",
        "reason",
        lifelines,
        lambda lane: lane.undecodable,
    )
    yield _summed(
        "kind_seconds",
        "Time that rules of a kind took to score readings, `fused` those of limits, unusual and "
        "frozen values together; begins anew with each configuration",
        "kind",
        lifelines,
        lambda lane: lane.kind_seconds,
    )
    yield from _channels(lifelines)


def _latencies(lifelines: Iterable[LaneGroup]) -> Metric:
    """One histogram a lifeline: its lanes share one count."""
    family = HistogramMetricFamily(
        f"{PREFIX}sample_to_alarm_seconds",
        "Time from records' Kafka timestamps until all alarms that they caused were committed, of "
        "records with alarms or without; each counts with the oldest of its batch",
        labels=["lifeline"],
    )
    for lifeline in lifelines:
        latency = lifeline.lanes[0].latency
        counts = buckets(LATENCIES_S, latency.counts)
        family.add_metric([lifeline.name], counts, sum_value=latency.seconds)
    return family


def _summed(
    name: str,
    say: str,
    label: str,
    lifelines: Iterable[LaneGroup],
    of: Callable[[LaneStatus], Mapping[str, float]],
) -> Metric:
    """What the lanes of each lifeline have together, by a label with a series once it was met."""
    family = CounterMetricFamily(PREFIX + name, say, labels=["lifeline", label])
    for lifeline in lifelines:
        sums: Counter[str] = Counter()
        for lane in lifeline.lanes:
            sums.update(of(lane))
        for key, amount in sorted(sums.items()):
            family.add_metric([lifeline.name, key], amount)
    return family


def _channels(lifelines: Iterable[LaneGroup]) -> Iterator[Metric]:
    """How channels are heard."""
    by_lifeline: dict[str, Counter[str]] = {}
    by_district: dict[str, Counter[str]] = {}
    for lifeline in lifelines:
        for district, counts in (item for lane in lifeline.lanes for item in lane.hearing.items()):
            heard = dict(zip(HEARING, counts, strict=True))
            by_lifeline.setdefault(lifeline.name, Counter()).update(heard)
            by_district.setdefault(district or NOWHERE, Counter()).update(heard)
    whose = f"{PREFIX}channels", "lifeline", by_lifeline
    where = f"{PREFIX}district_channels", "district", by_district
    for name, label, found in (whose, where):
        family = GaugeMetricFamily(
            name, f"Channels of a {label} {_HEARD}", labels=[label, "hearing"]
        )
        for of, counts_of in found.items():
            for way in HEARING:
                family.add_metric([of, way], counts_of[way])
        yield family
