"""Detectors: what rules cost and tell, live and in shadow."""

from typing import Final

from deploy.grafana.panel import Dashboard, Row, by_lifeline, lines, rate, stack

_RATE = "rate({}{{HERE}}[$__rate_interval])"

DETECTORS: Final = Dashboard(
    "tocsin-detectors",
    "Tocsin: detectors",
    "What rules cost, what they ring, what they have forgotten, and how a shadow compares.",
    (
        Row(
            "Cost",
            (
                lines(
                    "Time of a reading",
                    "Decoding, admitting and scoring, over readings received.",
                    "s",
                    (
                        by_lifeline(_RATE.format("tocsin_score_seconds_total"))
                        + " / ("
                        + by_lifeline(_RATE.format("tocsin_readings_received_total"))
                        + " > 0)",
                        "{{lifeline}}",
                    ),
                ),
                lines(
                    "Time of each kind of rule",
                    "Seconds in a second that rules of a kind take to score readings; limits, "
                    "unusual and frozen values are fused.",
                    "short",
                    (rate("tocsin_kind_seconds_total", by="kind"), "{{kind}}"),
                ),
                lines(
                    "Readings scored",
                    "Readings a second that rules have judged.",
                    "ops",
                    (
                        by_lifeline(
                            'rate(tocsin_readings_total{destiny="scored", HERE}[$__rate_interval])'
                        ),
                        "{{lifeline}}",
                    ),
                ),
                lines(
                    "Readings not scored",
                    "Share of readings that no rule has judged, whatever the reason; see Data "
                    "quality.",
                    "percentunit",
                    (
                        "1 - "
                        + by_lifeline(
                            'rate(tocsin_readings_total{destiny="scored", HERE}[$__rate_interval])'
                        )
                        + " / ("
                        + by_lifeline(_RATE.format("tocsin_readings_received_total"))
                        + " > 0)",
                        "{{lifeline}}",
                    ),
                ),
            ),
        ),
        Row(
            "What they ring",
            (
                lines(
                    "Alarm revisions",
                    "Revisions of alarms told, a second: beginnings, changes and ends.",
                    "ops",
                    (
                        by_lifeline(
                            'rate(tocsin_outputs_total{kind="alarm", HERE}[$__rate_interval])'
                        ),
                        "{{lifeline}}",
                    ),
                ),
                stack(
                    "Open alarms by lifeline",
                    "Alarms that have not cleared.",
                    "short",
                    (by_lifeline("tocsin_alarms_open{HERE}"), "{{lifeline}}"),
                ),
                lines(
                    "Channels held back",
                    "Channels whose alarms are shelved by a command.",
                    "short",
                    (by_lifeline("tocsin_channels_shelved{HERE}"), "{{lifeline}}"),
                ),
                lines(
                    "Canaries missed",
                    "Known anomalies in a row, three a minute, for which a lane has not rung; of "
                    "the lane that has missed most. From 3 on it counts as blind.",
                    "short",
                    ("max by (lifeline) (tocsin_canaries_missed{HERE})", "{{lifeline}}"),
                ),
            ),
        ),
        Row(
            "What changed",
            (
                lines(
                    "Configurations in force",
                    "Lanes by the hash of their configuration; two at once only while a change "
                    "comes.",
                    "short",
                    ("count by (config) (tocsin_lane_config_info{HERE})", "{{config}}"),
                ),
                lines(
                    "Configurations read again",
                    "Times a second by what came of it; the earlier one stays in force where it "
                    "is refused.",
                    "ops",
                    (rate("tocsin_config_reloads_total", by="outcome"), "{{outcome}}"),
                ),
                lines(
                    "Channels that learn anew",
                    "Channels a second whose learned state a configuration has given another "
                    "meaning, by rule. Empty before that happens.",
                    "ops",
                    (rate("tocsin_channels_relearning_total", by="rule"), "{{rule}}"),
                ),
                lines(
                    "Shadows let go",
                    "Shadows a second that lanes have let go of because of the load.",
                    "ops",
                    (rate("tocsin_shadows_shed_total", by="lane"), "{{lane}}"),
                ),
            ),
        ),
        Row(
            "Shadow",
            (
                lines(
                    "Findings by who rang",
                    "Since the shadow began: found by both, by what rings alone, by the shadow "
                    "alone. Empty without a shadow.",
                    "short",
                    ("sum by (rang) (tocsin_shadow_findings{HERE})", "{{rang}}"),
                ),
                lines(
                    "Alarms a day",
                    "Of what rings and of the shadow, in a day of lane time. Empty without a "
                    "shadow.",
                    "short",
                    ("sum by (rang) (tocsin_shadow_alarms_per_day{HERE})", "{{rang}}"),
                ),
                lines(
                    "Lead of the shadow, median",
                    "By how much earlier the shadow rang what both found. Empty without a shadow.",
                    "s",
                    (
                        "histogram_quantile(0.5, "
                        + rate("tocsin_shadow_lead_seconds_bucket", by="le")
                        + ")",
                        "median",
                    ),
                )._replace(least=None),
            ),
        ),
    ),
)
