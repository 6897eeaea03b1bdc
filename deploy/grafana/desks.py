"""Alarms and desks: what is open, what desks were told, and whether their stage keeps up."""

from typing import Final

from deploy.grafana.panel import Dashboard, Panel, Row, lines, mean, number, rate, stack

_WITHIN: Final = rate(
    "tocsin_desk_acknowledgement_clock_ratio_bucket", by="level", matching='le="1.0"'
)
_ANSWERED: Final = rate("tocsin_desk_acknowledgement_clock_ratio_count", by="level")


def _share(share: str, by: str) -> str:
    """Alarms that ring, or those of them that are held back, by labels."""
    return f'sum by ({by}) (tocsin_desk_lifeline_alarms{{share="{share}", HERE}})'


_LIFELINES: Final[tuple[Panel, ...]] = (
    stack(
        "Ringing by lifeline and colour",
        "Alarms that ring, whoever was told of them.",
        "short",
        (_share("open", "lifeline, colour"), "{{lifeline}} {{colour}}"),
    ),
    lines(
        "Shelved by lifeline and colour",
        "Those of them that a person has shelved.",
        "short",
        (_share("shelved", "lifeline, colour"), "{{lifeline}} {{colour}}"),
    ),
    lines(
        "Told to no desk, by lifeline and colour",
        "Those of them of whose incident no desk was told: merged, over a budget, off duty.",
        "short",
        (_share("withheld", "lifeline, colour"), "{{lifeline}} {{colour}}"),
    ),
    lines(
        "What works of each lifeline",
        "Share of those whom a lifeline serves that it serves now, by its open alarms, with what "
        "is blind as lost. Only of lifelines of the topology.",
        "percentunit",
        (
            'min by (lifeline) (tocsin_lifeline_functionality_ratio{bound="worst", HERE})',
            "{{lifeline}}",
        ),
    ),
)

_SERVED: Final[tuple[Panel, ...]] = (
    lines(
        "Notices told",
        "Notices a second that a desk was told; EEMUA 191 allows one in ten minutes in the long "
        "run.",
        "ops",
        (rate("tocsin_desk_notices_told_total", by="desk"), "{{desk}}"),
    ),
    lines(
        "Notices withheld by reason",
        "Notices a second that desks were not told, each on record with its reason.",
        "ops",
        (rate("tocsin_desk_notices_withheld_total", by="reason"), "{{reason}}"),
    ),
    lines(
        "Desks in a flood",
        "Desks that are told more than they can bear, by ISA-18.2.",
        "short",
        ("sum by (desk) (tocsin_desk_flooded{HERE})", "{{desk}}"),
    ),
    lines(
        "Floods",
        "Floods that began, a second, by desk.",
        "ops",
        (rate("tocsin_desk_floods_total", by="desk"), "{{desk}}"),
    ),
    lines(
        "Standing alarms",
        "Open alarms of all desks by how they stand; stale ones have rung for a day.",
        "short",
        ("sum by (condition) (tocsin_desk_standing_alarms{HERE})", "{{condition}}"),
    ),
    lines(
        "Calls",
        "Calls a second that ask for an acknowledgement, by level.",
        "ops",
        (rate("tocsin_desk_calls_total", by="level"), "{{level}}"),
    ),
    lines(
        "Acknowledged in time",
        "Share of calls answered within their clock, of those that were answered. Empty while "
        "nobody answers.",
        "percentunit",
        (f"{_WITHIN} / ({_ANSWERED} > 0)", "{{level}}"),
    ),
)

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
        Row("Lifelines", _LIFELINES),
        Row("How well desks are served", _SERVED),
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
