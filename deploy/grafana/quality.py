"""Data quality: what becomes of readings, and what is refused."""

from typing import Final

from deploy.grafana.panel import Dashboard, Row, by_lifeline, lines, rate, stack

_REFUSED: Final = (
    'destiny=~"undecodable|unknown_channel|misplaced_group|future|not_finite|out_of_range|too_fast"'
)


def _share(matching: str) -> str:
    some = by_lifeline(f"rate(tocsin_readings_total{{{matching}, HERE}}[$__rate_interval])")
    received = by_lifeline("rate(tocsin_readings_received_total{HERE}[$__rate_interval])")
    return f"{some} / ({received} > 0)"


QUALITY: Final = Dashboard(
    "tocsin-quality",
    "Tocsin: data quality",
    "Each reading has one destiny; they add up to what was received.",
    (
        Row(
            "What comes",
            (
                lines(
                    "Readings received",
                    "Readings a second, whatever becomes of them; a recovery counts once more "
                    "what it repeats.",
                    "ops",
                    (
                        by_lifeline("rate(tocsin_readings_received_total{HERE}[$__rate_interval])"),
                        "{{lifeline}}",
                    ),
                ),
                lines(
                    "Readings of an offset",
                    "Readings over telemetry offsets: small messages cost most.",
                    "short",
                    (
                        by_lifeline("rate(tocsin_readings_received_total{HERE}[$__rate_interval])")
                        + " / ("
                        + by_lifeline("deriv(tocsin_lane_position{HERE}[$__rate_interval])")
                        + " > 0)",
                        "{{lifeline}}",
                    ),
                ),
                lines(
                    "Age of the newest record",
                    "By its Kafka timestamp. Grows on a lane for which nothing comes.",
                    "s",
                    (
                        "time() - max by (lane) "
                        "(tocsin_lane_last_record_timestamp_seconds{HERE} > 0)",
                        "{{lane}}",
                    ),
                ),
            ),
        ),
        Row(
            "What becomes of it",
            (
                stack(
                    "Readings by destiny",
                    "Readings a second; all that is not scored has a name.",
                    "ops",
                    (rate("tocsin_readings_total", by="destiny"), "{{destiny}}"),
                ),
                lines(
                    "Refused by cause",
                    "Readings a second that cannot be read or cannot be believed.",
                    "ops",
                    (rate("tocsin_readings_total", by="destiny", matching=_REFUSED), "{{destiny}}"),
                ),
                lines(
                    "Share refused",
                    "Above 1 % for a quarter of an hour an alert rings.",
                    "percentunit",
                    (_share(_REFUSED), "{{lifeline}}"),
                ),
                lines(
                    "Share late",
                    "Older than the newest of their channel: gateways that reorder or repeat.",
                    "percentunit",
                    (_share('destiny="late"'), "{{lifeline}}"),
                ),
                lines(
                    "Share of duplicates",
                    "The same time once more: gateways that send again.",
                    "percentunit",
                    (_share('destiny="duplicate"'), "{{lifeline}}"),
                ),
                lines(
                    "Share held or back-filled",
                    "Shelved or of bad quality, and history that came behind: neither rings.",
                    "percentunit",
                    (_share('destiny="held"'), "{{lifeline}} held"),
                    (_share('destiny="back_filled"'), "{{lifeline}} back-filled"),
                ),
            ),
        ),
        Row(
            "Said about it",
            (
                lines(
                    "Dead letters",
                    "What was refused and kept with its reason, a second.",
                    "ops",
                    (
                        rate("tocsin_outputs_total", by="lane", matching='kind="dead_letter"'),
                        "{{lane}}",
                    ),
                ),
                lines(
                    "Undecodable by reason",
                    "Messages a second that could not be decoded: a gateway that sends another "
                    "format, or half of one. Empty before the first.",
                    "ops",
                    (rate("tocsin_messages_undecodable_total", by="reason"), "{{reason}}"),
                ),
                lines(
                    "Records set aside",
                    "Records that could not be judged, a second: each is a defect of Tocsin.",
                    "ops",
                    (rate("tocsin_records_set_aside_total", by="lane"), "{{lane}}"),
                ),
                lines(
                    "Lane time behind the clock",
                    "The watermark; far behind on a lane whose records wait or do not come.",
                    "s",
                    (
                        "time() - max by (lane) (tocsin_lane_time_seconds{HERE} > 0)",
                        "{{lane}}",
                    ),
                ),
            ),
        ),
    ),
)
