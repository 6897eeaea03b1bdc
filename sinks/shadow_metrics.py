"""What Prometheus reads of shadows; their series are there while one plays along."""

from collections.abc import Iterable, Iterator
from itertools import accumulate

from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric

from contracts.vitals import LEADS_S, LaneVitals, ShadowVitals


def shadow_families(prefix: str, lanes: Iterable[LaneVitals]) -> Iterator[Metric]:
    """How each lane's shadow compares with what rings.

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
    for lane in lanes:
        if lane.shadow is not None:
            _add(found, load, lead, lane.name, lane.shadow)
    yield from (found, load, lead)


def _add(
    found: GaugeMetricFamily,
    load: GaugeMetricFamily,
    lead: HistogramMetricFamily,
    lane: str,
    shadow: ShadowVitals,
) -> None:
    names = [lane, shadow.config]
    rang = {"both": shadow.both, "only_live": shadow.only_live, "only_shadow": shadow.only_shadow}
    for who, count in rang.items():
        found.add_metric([*names, who], count)
    load.add_metric([*names, "live"], shadow.live_per_day)
    load.add_metric([*names, "shadow"], shadow.shadow_per_day)
    bounds = [*map(str, LEADS_S), "+Inf"]
    buckets = list(zip(bounds, accumulate(map(float, shadow.leads)), strict=True))
    lead.add_metric(names, buckets, sum_value=None)
