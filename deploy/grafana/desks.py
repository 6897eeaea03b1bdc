"""Alarms and desks: what is open, what desks were told, and whether their stage keeps up."""

from typing import Final

from deploy.grafana.panel import Dashboard, Row, lines, mean, number, rate, stack

DESKS: Final = Dashboard(
    "tocsin-desks",
    "Tocsin: alarms and desks",
    "What is open, what desks are told, what they answer, and whether the desk stage keeps up.",
    (
        Row(
            "Now",
            (
                number(
                    "Red alarms",
                    "Open alarms of the highest colour.",
                    "short",
                    'sum(tocsin_alarms_open{colour="red", HERE})',
                    1,
                ),
                number(
                    "Open incidents",
                    "Alarms of one cause are one incident.",
                    "short",
                    "sum(tocsin_desk_incidents_open{HERE})",
                    None,
                ),
                number(
                    "Current alarms",
                    "Alarms that are active, or wait for somebody.",
                    "short",
                    "sum(tocsin_desk_alarms_open{HERE})",
                    None,
                ),
                number(
                    "Alarms of an incident",
                    "Current alarms over open incidents: how much correlation spares a desk.",
                    "short",
                    "sum(tocsin_desk_alarms_open{HERE}) "
                    "/ (sum(tocsin_desk_incidents_open{HERE}) > 0)",
                    None,
                ),
            ),
        ),
        Row(
            "Alarms",
            (
                stack(
                    "Open alarms by colour",
                    "Alarms of lanes that have not cleared.",
                    "short",
                    ("sum by (colour) (tocsin_alarms_open{HERE})", "{{colour}}"),
                ),
                lines(
                    "Alarms and incidents",
                    "Current alarms beside open incidents: a flood of the one need not be a flood "
                    "of the other.",
                    "short",
                    ("sum(tocsin_desk_alarms_open{HERE})", "current alarms"),
                    ("sum(tocsin_desk_incidents_open{HERE})", "open incidents"),
                ),
                lines(
                    "Channels shelved",
                    "Channels whose alarms are held back by a command, by lane.",
                    "short",
                    ("sum by (lane) (tocsin_channels_shelved{HERE})", "{{lane}}"),
                ),
            ),
        ),
        Row(
            "Desks",
            (
                lines(
                    "What the stage tells",
                    "Records a second by kind: incidents, notices (withheld ones too, with the "
                    "reason), current alarms, dead letters.",
                    "ops",
                    (rate("tocsin_desk_outputs_total", by="kind"), "{{kind}}"),
                ),
                lines(
                    "Answers",
                    "Commands of people a second: carried out and refused.",
                    "ops",
                    (rate("tocsin_desk_commands_total", by="job"), "carried out"),
                    (rate("tocsin_desk_refusals_total", by="job"), "refused"),
                ),
                lines(
                    "Alarm revisions judged",
                    "Revisions a second that the stage has taken from lanes.",
                    "ops",
                    (rate("tocsin_desk_alarms_taken_total", by="instance"), "{{instance}}"),
                ),
            ),
        ),
        Row(
            "The desk stage",
            (
                lines(
                    "Behind the alarms",
                    "Age of the newest alarm taken while others wait; notices come late by that.",
                    "s",
                    ("max by (instance) (tocsin_desk_lag_seconds{HERE})", "{{instance}}"),
                ),
                lines(
                    "Waiting alarms",
                    "Offsets between the stage and the ends of all alarm logs.",
                    "short",
                    ("max by (instance) (tocsin_desk_lag_records{HERE})", "{{instance}}"),
                ),
                stack(
                    "Phase of the stage",
                    "One process has it; nobody while it moves.",
                    "short",
                    ("sum by (phase) (tocsin_desk_phase{HERE})", "{{phase}}"),
                ),
                lines(
                    "Time judging",
                    "Share of a core that the stage computes.",
                    "percentunit",
                    (rate("tocsin_desk_judge_seconds_total", by="instance"), "{{instance}}"),
                ),
                lines(
                    "Time of a transaction of the stage",
                    "Mean time of a flush; above 0.2 s look at the brokers.",
                    "s",
                    (
                        mean(
                            "tocsin_desk_flush_seconds_total",
                            "tocsin_desk_flushes_total",
                            by="instance",
                        ),
                        "{{instance}}",
                    ),
                ),
                lines(
                    "Alarm records set aside",
                    "Records that the stage could not judge and passed over, a second.",
                    "ops",
                    (rate("tocsin_desk_records_set_aside_total", by="instance"), "{{instance}}"),
                ),
            ),
        ),
    ),
)
