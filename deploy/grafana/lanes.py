"""Lanes: whether each keeps up, and what it waits for when it does not."""

from typing import Final

from deploy.grafana.panel import Dashboard, Row, lines, mean, rate, stack

LANES: Final = Dashboard(
    "tocsin-lanes",
    "Tocsin: lanes",
    "Whether each lane keeps up with its log, and where its time goes.",
    (
        Row(
            "Keeping up",
            (
                lines(
                    "Lag in seconds",
                    "Longest time that a record may have waited. 0 on a healthy lane, idle or not.",
                    "s",
                    ("max by (lane) (tocsin_lane_lag_seconds{HERE})", "{{lane}}"),
                ),
                lines(
                    "Lag in records",
                    "Telemetry offsets between a lane and the end of its log; a gap while no "
                    "broker says where that is.",
                    "short",
                    ("max by (lane) (tocsin_lane_lag_records{HERE})", "{{lane}}"),
                ),
                lines(
                    "Offsets taken",
                    "Telemetry offsets a second; 0 while records wait means that it stands.",
                    "ops",
                    (
                        "sum by (lane) (deriv(tocsin_lane_position{HERE}[$__rate_interval]))",
                        "{{lane}}",
                    ),
                ),
            ),
        ),
        Row(
            "Seeing the log",
            (
                stack(
                    "Phases",
                    "Lanes by phase. Failed lanes need a person; recovering for long is in vain.",
                    "short",
                    ("sum by (phase) (tocsin_lane_phase{HERE})", "{{phase}}"),
                ),
                lines(
                    "Since a broker answered",
                    "Above 15 s the lane is blind, and calls no channel silent meanwhile.",
                    "s",
                    ("max by (lane) (tocsin_lane_answer_age_seconds{HERE})", "{{lane}}"),
                ),
                lines(
                    "Hidden by a transaction",
                    "How long somebody's open transaction has hidden the same record or command.",
                    "s",
                    ("max by (lane) (tocsin_lane_hidden_seconds{HERE})", "{{lane}}"),
                    (
                        "max by (lifeline) (tocsin_commands_hidden_seconds{HERE})",
                        "commands of {{lifeline}}",
                    ),
                ),
            ),
        ),
        Row(
            "Where time goes",
            (
                lines(
                    "Decoding and scoring",
                    "Share of a core that a lane computes.",
                    "percentunit",
                    (rate("tocsin_score_seconds_total", by="lane"), "{{lane}}"),
                ),
                lines(
                    "Time of a transaction",
                    "Mean time of a flush; above 0.2 s look at the brokers.",
                    "s",
                    (
                        mean("tocsin_flush_seconds_total", "tocsin_flushes_total", by="lane"),
                        "{{lane}}",
                    ),
                ),
                lines(
                    "Since the last transaction",
                    "Time since a lane last committed; grows where there is nothing to tell.",
                    "s",
                    (
                        "time() - max by (lane) "
                        "(tocsin_lane_last_flush_timestamp_seconds{HERE} > 0)",
                        "{{lane}}",
                    ),
                ),
                lines(
                    "Share of time in transactions",
                    "Above a half the lane mostly waits for brokers.",
                    "percentunit",
                    (rate("tocsin_flush_seconds_total", by="lane"), "{{lane}}"),
                ),
                lines(
                    "Waiters at queues",
                    "Who waits for room between stages: work piles up in front of the queue named.",
                    "short",
                    ("sum by (queue) (tocsin_queue_waiters{HERE})", "{{queue}}"),
                ),
                lines(
                    "Fullness of queues",
                    "What is in a queue, thread or lock, over the most that it takes.",
                    "percentunit",
                    (
                        "sum by (queue) (tocsin_queue_depth{HERE}) "
                        "/ sum by (queue) (tocsin_queue_limit{HERE})",
                        "{{queue}}",
                    ),
                ),
                lines(
                    "Delay of the event loop",
                    "Longest within the last minute; at 30 s a worker counts as dead.",
                    "s",
                    ("max by (instance) (tocsin_loop_lag_seconds{HERE})", "{{instance}}"),
                ),
            ),
        ),
        Row(
            "Processes",
            (
                lines(
                    "Cores",
                    "Cores that each process keeps busy.",
                    "short",
                    (rate("process_cpu_seconds_total", by="instance"), "{{instance}}"),
                ),
                lines(
                    "Memory",
                    "Resident memory of each process.",
                    "bytes",
                    ("max by (instance) (process_resident_memory_bytes{HERE})", "{{instance}}"),
                ),
                lines(
                    "Way out of the Kafka client",
                    "Processes by how records come out of the client: `raw` batches, or `plain` "
                    "records, which take several times as long.",
                    "short",
                    ("sum by (path) (tocsin_fetch_path{HERE})", "{{path}}"),
                ),
                lines(
                    "Lanes of each process",
                    "How lanes are shared out; the desk stage that holds the desk has one.",
                    "short",
                    ("max by (instance) (tocsin_lanes{HERE})", "{{instance}}"),
                ),
            ),
        ),
    ),
)
