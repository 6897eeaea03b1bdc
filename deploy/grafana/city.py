"""Is the city watched? What somebody looks at first, and what is worth waking up for."""

from typing import Final

from deploy.grafana.panel import (
    OF_LIFELINE,
    Dashboard,
    Panel,
    Row,
    by_lifeline,
    lines,
    number,
    rate,
    stack,
)

_COUNT: Final = rate("tocsin_sample_to_alarm_seconds_count", by="lifeline")
_BUCKET: Final = "tocsin_sample_to_alarm_seconds_bucket"

_NOW: Final[tuple[Panel, ...]] = (
    number(
        "Lanes that watch",
        "Share of owned lanes whose phase is running. Below 100 % some channels are not watched: "
        "see Lanes.",
        "percentunit",
        'sum(tocsin_lane_phase{phase="running", HERE}) / sum(tocsin_lane_phase{HERE})',
        None,
    ),
    number(
        "Processes that do not answer",
        "Workers and desk stages of which Prometheus cannot read the metrics.",
        "short",
        "count(up{HERE} == 0) or vector(0)",
        1,
    ),
    number(
        "Processes that are not ready",
        "A lane does not run or does not see its log, or lanes are still shared out.",
        "short",
        "count(tocsin_ready{HERE} == 0) or vector(0)",
        1,
    ),
    number(
        "Lanes without a broker",
        "No broker has answered them for 15 s: they are blind.",
        "short",
        "count(tocsin_lane_answer_age_seconds{HERE} > 15) or vector(0)",
        1,
    ),
    number(
        "Longest lag",
        "Longest time that a record may have waited for its lane. Alarms come late by that.",
        "s",
        "max(tocsin_lane_lag_seconds{HERE})",
        60,
    ),
    number(
        "Desk stage behind",
        "Age of the newest alarm that the desk stage has taken while others wait.",
        "s",
        "max(tocsin_desk_lag_seconds{HERE})",
        60,
    ),
)


def _heard(metric: str, by: str) -> str:
    """Share of channels that are heard, by a label."""
    heard = f'sum by ({by}) ({metric}{{hearing="heard", HERE}})'
    return f"{heard} / sum by ({by}) ({metric}{{HERE}})"


CITY: Final = Dashboard(
    "tocsin-city",
    "Tocsin: is the city watched?",
    "Whether readings come, are judged in time and reach a desk. Everything else says why not.",
    (
        Row("Now", _NOW),
        Row(
            "In time",
            (
                lines(
                    "Records judged within a second",
                    "Share of records all of whose alarms were committed within a second; the "
                    "objective is 99 %.",
                    "percentunit",
                    (
                        rate(_BUCKET, by="lifeline", matching='le="1.0"') + f" / ({_COUNT} > 0)",
                        "{{lifeline}}",
                    ),
                ),
                lines(
                    "Sample to alarm, 99 %",
                    "Time from a record's Kafka timestamp until its alarms are committed, of the "
                    "slowest hundredth.",
                    "s",
                    (
                        f"histogram_quantile(0.99, {rate(_BUCKET, by='lifeline, le')})",
                        "{{lifeline}}",
                    ),
                ),
                lines(
                    "Lag by lifeline",
                    "The longest lag of a lifeline's lanes. Grows while no broker answers.",
                    "s",
                    (
                        "max by (lifeline) (label_replace("
                        f"tocsin_lane_lag_seconds{{HERE}}, {OF_LIFELINE}))",
                        "{{lifeline}}",
                    ),
                ),
            ),
        ),
        Row(
            "Who is heard",
            (
                lines(
                    "Channels heard",
                    "Share of the channels of a lifeline that are neither silent nor blind.",
                    "percentunit",
                    (_heard("tocsin_channels", "lifeline"), "{{lifeline}}"),
                ),
                lines(
                    "Channels heard, by district",
                    "Share of the channels of a district that are neither silent nor blind.",
                    "percentunit",
                    (_heard("tocsin_district_channels", "district"), "{{district}}"),
                ),
                lines(
                    "Channels blind",
                    "Channels behind a link that rings for their silence.",
                    "short",
                    (
                        'sum by (lifeline) (tocsin_channels{hearing="blind", HERE})',
                        "{{lifeline}}",
                    ),
                ),
            ),
        ),
        Row(
            "What comes and what rings",
            (
                lines(
                    "Readings",
                    "Readings a second. Half of the usual means that channels or a gateway are "
                    "silent; a recovery counts once more what it repeats.",
                    "ops",
                    (
                        by_lifeline("rate(tocsin_readings_received_total{HERE}[$__rate_interval])"),
                        "{{lifeline}}",
                    ),
                ),
                stack(
                    "Open alarms",
                    "Alarms that have not cleared, by colour.",
                    "short",
                    ("sum by (colour) (tocsin_alarms_open{HERE})", "{{colour}}"),
                ),
                lines(
                    "Alerts on the pipeline",
                    "Alerts of deploy/prometheus that fire; each has a runbook. Empty when all is "
                    "well.",
                    "short",
                    (
                        'count by (alertname) (ALERTS{alertstate="firing", HERE})',
                        "{{alertname}}",
                    ),
                ),
            ),
        ),
    ),
)
