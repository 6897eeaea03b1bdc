"""Recovery: how much a restart repeats, and what has recovered lately."""

from typing import Final

from deploy.grafana.panel import Dashboard, Row, lines, rate

RECOVERY: Final = Dashboard(
    "tocsin-recovery",
    "Tocsin: recovery",
    "How far back a restart would begin, how snapshots go, and what has recovered.",
    (
        Row(
            "Snapshots",
            (
                lines(
                    "Age of the newest snapshot",
                    "A recovery repeats everything since. A lane without readings needs none.",
                    "s",
                    (
                        "time() - max by (lane) (tocsin_snapshot_timestamp_seconds{HERE} > 0)",
                        "{{lane}}",
                    ),
                ),
                lines(
                    "Duration",
                    "From the beginning of the copy until it is published.",
                    "s",
                    ("max by (lane) (tocsin_snapshot_duration_seconds{HERE})", "{{lane}}"),
                ),
                lines(
                    "Hold of the lane",
                    "How long the newest snapshot kept its lane from working.",
                    "s",
                    ("max by (lane) (tocsin_snapshot_hold_seconds{HERE})", "{{lane}}"),
                ),
                lines(
                    "Size",
                    "Bytes of the newest snapshot's file.",
                    "bytes",
                    ("max by (lane) (tocsin_snapshot_bytes{HERE})", "{{lane}}"),
                ),
                lines(
                    "Snapshots",
                    "Published, a second.",
                    "ops",
                    (rate("tocsin_snapshots_total", by="lane"), "{{lane}}"),
                ),
                lines(
                    "Damaged snapshots",
                    "Files that could not be read, a second; the lane went back one.",
                    "ops",
                    (rate("tocsin_damaged_snapshots_total", by="lane"), "{{lane}}"),
                ),
            ),
        ),
        Row(
            "Recoveries",
            (
                lines(
                    "Lanes that recover",
                    "Lanes that read a snapshot or repeat what came since.",
                    "short",
                    (
                        'sum by (phase) (tocsin_lane_phase{phase=~"recovering|replaying", HERE})',
                        "{{phase}}",
                    ),
                ),
                lines(
                    "Recoveries",
                    "A second, by lane.",
                    "ops",
                    (rate("tocsin_recoveries_total", by="lane"), "{{lane}}"),
                ),
                lines(
                    "Errors by cause",
                    "A second; after each a lane recovers. `input` could not be judged, `fenced` "
                    "means that another process has taken the lane's name.",
                    "ops",
                    (
                        rate("tocsin_lane_errors_total", by="cause"),
                        "{{cause}}",
                    ),
                ),
                lines(
                    "In vain",
                    "Recoveries in a row that got no further; from three on somebody is paged.",
                    "short",
                    ("max by (lane) (tocsin_recoveries_in_vain{HERE})", "{{lane}}"),
                ),
            ),
        ),
        Row(
            "Processes",
            (
                lines(
                    "Age of each process",
                    "Falls to 0 at a restart.",
                    "s",
                    (
                        "time() - max by (instance) (process_start_time_seconds{HERE})",
                        "{{instance}}",
                    ),
                ),
                lines(
                    "Clients made anew",
                    "Times a second that a worker has replaced clients that brought nothing.",
                    "ops",
                    (rate("tocsin_client_rebuilds_total", by="instance"), "{{instance}}"),
                ),
                lines(
                    "The desk stage",
                    "Its recoveries in vain, and how long its newest snapshot held it in seconds.",
                    "short",
                    ("max by (instance) (tocsin_desk_recoveries_in_vain{HERE})", "in vain"),
                    ("max by (instance) (tocsin_desk_snapshot_hold_seconds{HERE})", "hold, s"),
                ),
            ),
        ),
    ),
)
