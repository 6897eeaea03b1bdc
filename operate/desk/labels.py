"""`tocsin alarms labels`: verdicts of people as labels for backtest, compare and tune."""

import argparse
import sys
from collections.abc import Iterable
from typing import Any, Final

import msgspec
import yaml

from alarms.duty.kpi import Period
from contracts.desk.incident import Incident
from lab.data.labels import Label
from operate.desk.records import desk_told, instant_s, period_asked
from operate.settings import settled

# What a verdict says about the alarms; a test, work and a duplicate say nothing of the rules.
JUDGED: Final = {"true": "event", "false": "nuisance"}


async def labels(arguments: argparse.Namespace) -> int:
    """Print a file of labels; exit code 1 when nobody judged anything in that time."""
    configuration, period = settled(arguments), period_asked(arguments)
    told = await desk_told(configuration)
    found = labels_of(told.incidents, period)
    sys.stdout.write(as_yaml(found))
    if not found:
        sys.stderr.write("no incident that began in this time was judged true or false\n")
    return int(not found)


def labels_of(incidents: Iterable[Incident], period: Period) -> list[Label]:
    """One label for each incident that was judged true or false, drills left out.

    Parameters
    ----------
    incidents : iterable of Incident
        Revisions in the order in which they were told.
    period : Period
        In which their first alarm rang.
    """
    newest: dict[str, Incident] = {}
    over: dict[str, str] = {}  # when it was last told to be over
    for one in incidents:
        newest[one.id] = one
        if one.situation.state == "active":
            over.pop(one.id, None)
        else:
            over.setdefault(one.id, one.at)
    return [
        _label(one, over.get(one.id, one.at))
        for one in newest.values()
        if one.ticket.verdict in JUDGED
        and not one.drill
        and period.begins_s <= instant_s(one.situation.onset) < period.ends_s
    ]


def _label(incident: Incident, end: str) -> Label:
    situation = incident.situation
    judged_true = incident.ticket.verdict == "true"
    return Label(
        name=f"{situation.title['en']} ({incident.id})",
        begin=situation.onset,
        end=end,
        channel=" ".join(sorted({member.channel for member in situation.members})),
        colour=situation.worst if judged_true else "",  # type: ignore[arg-type]
        verdict=JUDGED[incident.ticket.verdict],  # type: ignore[arg-type]
    )


def as_yaml(found: Iterable[Label]) -> str:
    """Labels as the file that `--labels` reads, without what is left open."""
    events: list[dict[str, Any]] = [
        {key: value for key, value in msgspec.to_builtins(label).items() if value}
        for label in found
    ]
    return yaml.safe_dump({"events": events}, allow_unicode=True, sort_keys=False, width=100)
