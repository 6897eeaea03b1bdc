"""`tocsin compare`: what a proposed configuration would ring that the present one does not."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from configuration.configuration import Configuration
from lab.backtest.backtest import said
from lab.backtest.lanes import BacktestRun
from lab.backtest.processes import tried
from lab.backtest.result import BacktestResult
from lab.backtest.score import Scores, scores
from lab.compare.alarm_diff import Comparison, Rung, changes
from lab.compare.report import as_json, markdown
from lab.data.labels import Event, Label, events_on, read_labels
from lab.data.open_data import Data, open_data
from lab.reports.progress import Progress


def compare(arguments: argparse.Namespace) -> int:
    """Run both, say what differs; 1 when an event is lost or the budget is broken."""
    folders = (arguments.old, arguments.new)
    configurations = [Configuration.load(folder) for folder in folders]
    labels = read_labels(arguments.labels) if arguments.labels else None
    data = open_data(arguments.data, arguments.columns, arguments.labels)
    trials = [
        _tried(configuration, data, word)
        for configuration, word in zip(configurations, ("old", "new"), strict=True)
    ]
    events = [_events(labels, configuration) for configuration in configurations]
    scored = [scores(result, known) for result, known in zip(trials, events, strict=True)]
    found = compared(trials, scored, arguments.budget, said(trials[1], data))
    result = as_json(found)
    if arguments.json:
        sys.stdout.write(json.dumps(result, indent=2, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write(markdown(found, result))
    return 1 if result["broken"] else 0


def _tried(configuration: Configuration, data: Data, what: str) -> BacktestResult:
    progress = Progress(what, data.count, zone=configuration.civil_time)
    with TemporaryDirectory(prefix="tocsin-compare-") as aside:
        result = tried(BacktestRun(configuration, data), Path(aside), progress)
    progress.end()
    return result


def _events(labels: Sequence[Label] | None, configuration: Configuration) -> list[Event] | None:
    return None if labels is None else events_on(labels, configuration.catalogue)


def compared(
    trials: Sequence[BacktestResult], scored: Sequence[Scores], budget: float | None, words: str
) -> Comparison:
    """What differs between two trials over the same readings, old and new."""
    old, new = trials
    class_of: dict[str, str] = {}
    for result in trials:
        catalogue = result.configuration.catalogue
        class_of.update(zip(catalogue.ids, catalogue.classes(), strict=True))
    known = None
    if scored[0].false_alarms is not None:
        known = (_rung(scored[0]), _rung(scored[1]))
    return Comparison(
        words,
        (old.configuration.hash, new.configuration.hash),
        changes(old.alarms, new.alarms),
        (scored[0].told, scored[1].told),
        class_of,
        scored[1].desks,
        known,
        budget,
    )


def _rung(found: Scores) -> list[Rung]:
    return [
        Rung(
            f"{outcome.event.label.name} ({outcome.event.label.begin})",
            outcome.event.classes,
            frozenset(episode.desk for episode in outcome.rung),
        )
        for outcome in found.outcomes
        if outcome.rung
    ]
