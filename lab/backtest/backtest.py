"""`tocsin backtest`: months of readings through the lanes, held against known events."""

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from msgspec import to_builtins

from configuration.configuration import Configuration
from lab.backtest.column_decoder import Points, Window
from lab.backtest.lanes import BacktestRun, look
from lab.backtest.processes import forget, tried
from lab.backtest.report import LISTED_MAX, page, tally_fields
from lab.backtest.result import BacktestResult
from lab.backtest.score import NOT_JUDGED, YEAR_NS, Episode, Scores, as_json, scores
from lab.data.labels import Event, events_on, read_labels
from lab.data.open_data import Data, open_data
from lab.data.refusals import say_notes
from lab.reports.progress import Progress
from lab.reports.tables import cell, columns

PICTURED_MAX: Final = 40  # channels of an event whose readings are kept for its picture
PERIODS_AROUND: Final = 24
PERIODS_SHOWN: Final = 2_000  # of an alarm
ASIDE: Final = "unfinished"  # in the report's folder, until it is written


def backtest(arguments: argparse.Namespace) -> int:
    """Run, score, write the report, print the tables."""
    configuration = Configuration.load(arguments.config)
    labels = read_labels(arguments.labels, [configuration]) if arguments.labels else None
    data = open_data(arguments.data, arguments.columns, arguments.labels)
    events = None if labels is None else events_on(labels, configuration.catalogue)
    windows = [window(event, configuration) for event in events or []]
    trial = _tried(BacktestRun(configuration, data, windows), arguments)
    found = scores(trial, events)
    if events is None:
        windows = [alarm_window(one, trial.configuration) for one in found.told[:LISTED_MAX]]
        look(trial.configuration, data, windows)
    pictures = [w.points for w in windows]
    result = {"said": said(trial, data), **_facts(trial), **as_json(found)}
    write_report(arguments.report, trial, (found, pictures), result)
    forget(arguments.report / ASIDE)
    if arguments.json:
        sys.stdout.write(json.dumps(result, ensure_ascii=False) + "\n")
    else:
        sys.stdout.write("\n".join(lines(found, result)) + "\n")
        sys.stdout.write(f"report in {arguments.report}/index.html\n")
    return told_refusals("backtest", trial, data)


def told_refusals(command: str, trial: BacktestResult, data: Data) -> int:
    """Say which readings were refused, and what else is odd of them; the exit code."""
    say_notes(command, list(dict.fromkeys([*data.notes, *trial.notes])))
    return trial.refusals.tell(command, trial.accounting, data.place)


def _tried(run: BacktestRun, arguments: argparse.Namespace) -> BacktestResult:
    """The readings through the lanes, here or on Spark."""
    progress = Progress("backtest", run.data.count, zone=run.configuration.civil_time)
    if arguments.spark:
        from lab.backtest.spark import tried_on  # noqa: PLC0415 - only who asks for Spark has it

        trial = tried_on(arguments.spark, run)
        progress(run.data.count, 0)
    else:
        trial = tried(run, arguments.report / ASIDE, progress)
    progress.end()
    return trial


def window(event: Event, configuration: Configuration) -> Window:
    """Readings to keep for the picture of an event: half of its length, or some, around it."""
    begin, end = (round(t.timestamp()) * 10**9 for t in (event.begin, event.end))
    periods = [
        pack.period.ns for pack in configuration.packs.values() if pack.class_name in event.classes
    ]
    margin = max((end - begin) // 2, PERIODS_AROUND * max(periods, default=0))
    channels = frozenset(sorted(event.channels)[:PICTURED_MAX])
    return Window(channels, begin - margin, end + margin)


def alarm_window(episode: Episode, configuration: Configuration) -> Window:
    """Readings to keep for the picture of an alarm; of one that lasts for ever its beginning."""
    first, last = episode.first, episode.revisions[-1]
    catalogue = configuration.catalogue
    kind = configuration.packs[catalogue.classes()[catalogue.row_of[first.channel]]]
    begin, end = (
        round(datetime.fromisoformat(text).timestamp()) * 10**9
        for text in (first.onset, last.detected)
    )
    end = min(end, begin + PERIODS_SHOWN * kind.period.ns)
    margin = max((end - begin) // 2, 2 * PERIODS_AROUND * kind.period.ns)
    return Window(frozenset({first.channel}), begin - margin, end + margin)


def said(trial: BacktestResult, data: Data) -> str:
    """What was read, in one sentence."""
    account = trial.accounting
    parts = " + ".join(f"{n:,} {word}" for word, n in account.items() if n and word != "received")
    text = f"{account['received']:,} readings of {len(trial.spans)} channels = {parts}"
    if trial.spans:
        first = min(first for _, first, _ in trial.spans.values())
        last = max(last for _, _, last in trial.spans.values())
        zone = trial.configuration.civil_time
        begin, end = (f"{datetime.fromtimestamp(t / 1e9, zone):%Y-%m-%d}" for t in (first, last))
        text += f", {begin} to {end}"
    if trial.unknown_ids:
        known = trial.configuration.catalogue.row_of.keys()
        names = [name for name in data.channels() if name not in known]
        text += f"; left out: {trial.unknown_ids:,} of channels that no catalogue has"
        text += f" ({', '.join(names[:3])}{', …' if len(names) > 3 else ''})"
    return text


def _facts(trial: BacktestResult) -> dict[str, Any]:
    years = sum(last - first for _, first, last in trial.spans.values()) / YEAR_NS
    return {
        "config": trial.configuration.hash,
        "accounting": trial.accounting,
        "strangers": trial.unknown_ids,
        "channels": len(trial.spans),
        "channel_years": years,
        **({"refused": to_builtins(trial.refusals.found)} if trial.refusals.found else {}),
    }


def write_report(
    folder: Path,
    trial: BacktestResult,
    found: tuple[Scores, Sequence[Points]],
    result: dict[str, Any],
) -> None:
    """Page, figures and alarms."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "index.html").write_text(page(trial, *found, result), encoding="utf-8")
    text = json.dumps(result, indent=2, ensure_ascii=False)
    (folder / "backtest.json").write_text(text + "\n", encoding="utf-8")


def lines(found: Scores, result: dict[str, Any]) -> list[str]:
    """What a person reads of it on a terminal."""
    fields = tally_fields(found.whole)
    head = ["class", *(words for _, words in fields)]
    rows = [*found.classes.items(), ("all", found.whole)]
    cells = [
        [name, *(cell(field, getattr(tally, field)) for field, _ in fields)] for name, tally in rows
    ]
    text = [result["said"], "", *columns([head, *cells]), ""]
    for outcome in found.outcomes:
        rang = f"rang after {cell('delay_s', outcome.delay_s)}" if outcome.rung else "MISSED"
        rang = rang if outcome.judged else NOT_JUDGED
        wrong = f", {outcome.colour} instead of {outcome.event.label.colour}"
        text.append(f"{outcome.event.label.name}: {rang}{wrong if outcome.wrong_colour else ''}")
    for name, load in found.desks.items():
        a_day = cell("alarms_per_day", load["alarms_per_day"])
        text.append(f"{name}: {load['alarms']} alarms in {load['days']:.0f} days, {a_day} a day")
    return text
