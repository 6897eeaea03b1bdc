"""What Prometheus reads of a lifeline, and of a district, whatever lanes they lie in."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric

from contracts.ports.lane_parts import HEARING
from contracts.ports.status import LATENCIES_S, LaneStatus
from sinks.http.lane_groups import LaneGroup, grouped
from sinks.http.measures import PREFIX, buckets

NOWHERE: Final = "none"  # of channels whose catalogue names no district: an empty label is none
_HEARD: Final = (
    "by how they are heard: `silent` have sent nothing valid for longer than their rule allows, "
    "`blind` too, behind a link that rings for them; counted every half minute"
)


def lifeline_families(lanes: Sequence[LaneStatus]) -> Iterator[Metric]:
    """Families with labels `lifeline` or `district`."""
    lifelines = grouped(lanes, "lifeline")
    yield _latencies(lifelines)
    yield from _canaries(lifelines)
    yield _hidden_commands(lifelines)
    yield _snapshots(lifelines)
    yield _undecodable(lifelines)
    yield _kinds(lifelines)
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


def _canaries(lifelines: Iterable[LaneGroup]) -> Iterator[Metric]:
    """The lane of each lifeline that has missed most, and how many of all lanes have rung."""
    missed = GaugeMetricFamily(
        f"{PREFIX}canaries_missed",
        "Known anomalies in a row, three a minute, for which a lane has not rung; of the lane of "
        "the lifeline that has missed most",
        labels=["lifeline"],
    )
    judged = CounterMetricFamily(
        f"{PREFIX}canaries_judged",
        "Known anomalies that lanes have judged",
        labels=["lifeline"],
    )
    told = CounterMetricFamily(
        f"{PREFIX}canaries_told",
        "Known anomalies whose alarm has been committed",
        labels=["lifeline"],
    )
    for lifeline in lifelines:
        count = lifeline.lanes[0].canaries
        missed.add_metric([lifeline.name], max(lane.canaries_missed for lane in lifeline.lanes))
        judged.add_metric([lifeline.name], count.judged)
        told.add_metric([lifeline.name], count.told)
    yield from (missed, judged, told)


def _snapshots(lifelines: Iterable[LaneGroup]) -> Metric:
    """The lane of each lifeline whose snapshots fail most."""
    family = GaugeMetricFamily(
        f"{PREFIX}snapshots_in_vain",
        "Snapshots in a row that could not be written, of the lane of the lifeline with most; a "
        "lane recovers after each",
        labels=["lifeline"],
    )
    for lifeline in lifelines:
        family.add_metric([lifeline.name], max(lane.snapshots_in_vain for lane in lifeline.lanes))
    return family


def _undecodable(lifelines: Iterable[LaneGroup]) -> Metric:
    """Why messages could not be decoded; a reason has a series once it was met."""
    family = CounterMetricFamily(
        f"{PREFIX}messages_undecodable",
        "Messages that could not be decoded, by the reason of their dead letters; a lane that "
        "recovers begins anew",
        labels=["lifeline", "reason"],
    )
    for lifeline in lifelines:
        counts: Counter[str] = Counter()
        for lane in lifeline.lanes:
            counts.update(lane.undecodable)
        for reason, count in sorted(counts.items()):
            family.add_metric([lifeline.name, reason], count)
    return family


def _hidden_commands(lifelines: Iterable[LaneGroup]) -> Metric:
    """The lane of each lifeline that has waited longest."""
    family = GaugeMetricFamily(
        f"{PREFIX}commands_hidden_seconds",
        "How long an open transaction has hidden the same command, and all behind it; of the lane "
        "of the lifeline that has waited longest",
        labels=["lifeline"],
    )
    for lifeline in lifelines:
        family.add_metric([lifeline.name], max(lane.commands_hidden_s for lane in lifeline.lanes))
    return family


def _kinds(lifelines: Iterable[LaneGroup]) -> Metric:
    """What each kind of rule costs."""
    family = CounterMetricFamily(
        f"{PREFIX}kind_seconds",
        "Time that rules of a kind took to score readings, `fused` those of limits, unusual and "
        "frozen values together; begins anew with each configuration",
        labels=["lifeline", "kind"],
    )
    for lifeline in lifelines:
        seconds: Counter[str] = Counter()
        for lane in lifeline.lanes:
            seconds.update(lane.kind_seconds)
        for kind, spent in sorted(seconds.items()):
            family.add_metric([lifeline.name, kind], spent)
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
