"""What Prometheus reads of a lifeline, and of a district, whatever lanes they lie in."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric

from contracts.ports.lane_parts import HEARING
from contracts.ports.status import LATENCIES_S, LaneStatus, Latency
from sinks.http.lane_groups import lifeline_of
from sinks.http.measures import PREFIX, buckets

NOWHERE: Final = "none"  # of channels whose catalogue names no district: an empty label is none
_HEARD: Final = (
    "by how they are heard: `silent` have sent nothing valid for longer than their rule allows, "
    "`blind` too, behind a link that rings for them; counted every half minute"
)


def lifeline_families(lanes: Sequence[LaneStatus]) -> Iterator[Metric]:
    """Families with labels `lifeline` or `district`."""
    yield _latencies(lanes)
    yield _canaries(lanes)
    yield _kinds(lanes)
    yield from _channels(lanes)


def _latencies(lanes: Iterable[LaneStatus]) -> Metric:
    """One histogram a lifeline: its lanes share one count."""
    family = HistogramMetricFamily(
        f"{PREFIX}sample_to_alarm_seconds",
        "Time from records' Kafka timestamps until all alarms that they caused were committed, of "
        "records with alarms or without; each counts with the oldest of its batch",
        labels=["lifeline"],
    )
    found: dict[str, Latency] = {}
    for lane in lanes:
        found.setdefault(lifeline_of(lane), lane.latency)
    for lifeline, latency in found.items():
        counts = buckets(LATENCIES_S, latency.counts)
        family.add_metric([lifeline], counts, sum_value=latency.seconds)
    return family


def _canaries(lanes: Iterable[LaneStatus]) -> Metric:
    """The lane of each lifeline that has missed most."""
    family = GaugeMetricFamily(
        f"{PREFIX}canaries_missed",
        "Known anomalies in a row, three a minute, for which a lane has not rung; of the lane of "
        "the lifeline that has missed most",
        labels=["lifeline"],
    )
    most: dict[str, int] = {}
    for lane in lanes:
        lifeline = lifeline_of(lane)
        most[lifeline] = max(most.get(lifeline, 0), lane.canaries_missed)
    for lifeline, missed in most.items():
        family.add_metric([lifeline], missed)
    return family


def _kinds(lanes: Iterable[LaneStatus]) -> Metric:
    """What each kind of rule costs."""
    family = CounterMetricFamily(
        f"{PREFIX}kind_seconds",
        "Time that rules of a kind took to score readings, `fused` those of limits, unusual and "
        "frozen values together; begins anew with each configuration",
        labels=["lifeline", "kind"],
    )
    found: dict[str, Counter[str]] = {}
    for lane in lanes:
        found.setdefault(lifeline_of(lane), Counter()).update(lane.kind_seconds)
    for lifeline, seconds in found.items():
        for kind, spent in sorted(seconds.items()):
            family.add_metric([lifeline, kind], spent)
    return family


def _channels(lanes: Iterable[LaneStatus]) -> Iterator[Metric]:
    """How channels are heard."""
    by_lifeline: dict[str, Counter[str]] = {}
    by_district: dict[str, Counter[str]] = {}
    for lane in lanes:
        for district, counts in lane.hearing.items():
            heard = dict(zip(HEARING, counts, strict=True))
            by_lifeline.setdefault(lifeline_of(lane), Counter()).update(heard)
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
