"""`tocsin resilience`: figures of an incident, a period, or a series, for people and programs."""

import argparse
import sys
from typing import Final

import msgspec

from alarms.incidents.topology import Topology
from alarms.resilience.figures import (
    IncidentFigures,
    LifelineFigures,
    PeriodFigures,
    Told,
    incident_figures,
    lifeline_figures,
    period_figures,
)
from configuration.configuration import Configuration
from contracts.civil_time import moment_ms
from contracts.errors import ConfigError
from contracts.quantities import NS_PER_S, Duration
from operate.resilience.page import page
from operate.resilience.sources import (
    MS_PER_S,
    Asked,
    of_alarms,
    of_history,
    of_incident,
    of_series,
)
from operate.resilience.text import incident_lines, lifeline_lines, period_lines
from operate.settings import settled
from runtime.exit_codes import GOOD

SERIES: Final = "share"  # what a series counts: nobody says how many it serves
Figures = IncidentFigures | PeriodFigures | LifelineFigures


def resilience(arguments: argparse.Namespace) -> int:
    """Print the figures, and write the page where one is asked for."""
    configuration = settled(arguments)
    found = _figures(arguments, configuration)
    zone = configuration.civil_time
    if isinstance(found, IncidentFigures):
        lines = list(incident_lines(found, zone))
    elif isinstance(found, PeriodFigures):
        lines = list(period_lines(found, zone))
    else:
        lines = list(lifeline_lines([found]))
    if arguments.report is not None:
        arguments.report.write_text(page(found, lines), encoding="utf-8")
    shown = [msgspec.json.encode(found).decode()] if arguments.json else lines
    sys.stdout.write("".join(f"{line}\n" for line in shown))
    return GOOD


def _figures(arguments: argparse.Namespace, configuration: Configuration) -> Figures:
    asked, control_s = _asked(arguments), _control_s(arguments.control)
    file = arguments.alarms or arguments.series
    if arguments.incident is not None and file is not None:
        msg = f"resilience: expected an incident of the history or a file, got both ({file}); "
        msg += "leave one out"
        raise ConfigError(msg)
    if arguments.series is not None:
        band = of_series(arguments.series, asked)
        name = arguments.series.stem
        return lifeline_figures(name, band, band.worst.begins, (SERIES, 1), control_s)
    if arguments.incident is not None:
        known = of_incident(configuration, arguments.incident, asked)
        told = known.incident, known.outages, configuration.topology, known.known_s
        return incident_figures(*told, control_s)
    if arguments.alarms is not None:
        return period_figures(*_of(of_alarms(arguments.alarms, asked), configuration), control_s)
    return period_figures(*_of(of_history(configuration, asked), configuration), control_s)


def _of(
    found: tuple[Told, tuple[float, float]], configuration: Configuration
) -> tuple[Told, Topology, tuple[float, float]]:
    told, period = found
    return told, configuration.topology, period


def _asked(arguments: argparse.Namespace) -> Asked:
    ends = (("--from", arguments.begin), ("--to", arguments.end))
    begins_s, ends_s = (
        None if text is None else moment_ms(option, text) / MS_PER_S for option, text in ends
    )
    return Asked(begins_s, ends_s)


def _control_s(text: str) -> float:
    try:
        length = Duration(text)
    except ValueError:
        length = Duration("0 s")
    if length.periods or length.ns <= 0:
        msg = f"--control: expected a time such as '24 h' or '72 h', got {text!r}; correct it"
        raise ConfigError(msg)
    return length.ns / NS_PER_S
