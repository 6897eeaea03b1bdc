"""`tocsin tune`: figures of rules that keep a budget of false alarms, found and then judged."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from configuration.configuration import Configuration
from contracts.errors import ConfigError
from lab.backtest.backtest import told_refusals
from lab.data.labels import Event, events_on, read_labels
from lab.data.open_data import Data, open_data
from lab.reports.progress import Progress
from lab.tune.folds import SEARCHED, Part, halves, parts, seen
from lab.tune.proposal import Proposal
from lab.tune.report import lines, page
from lab.tune.search import Search, Tried, frontier, run_over
from lab.tune.space import Space, read_space, told


def tune(arguments: argparse.Namespace) -> int:
    """Search, judge, write; 1 when what was found should not be taken."""
    configuration = Configuration.load(arguments.config)
    space = read_space(arguments.config, arguments.bounds)
    data = open_data(arguments.data, arguments.columns, arguments.labels)
    events = events_on(read_labels(arguments.labels, [configuration]), configuration.catalogue)
    tuned = _tuned(configuration, space)
    _judge_labels(events, tuned, data, configuration)
    readings = data.count * (arguments.trials + 1)
    progress = Progress("tune", readings, zone=configuration.civil_time)
    result = run_over(configuration, data, space, progress)
    of = parts(result, tuned)
    if not of or not seen(result, events, of[0]).events:
        raise ConfigError(_no_events(of))
    search = Search(space, data, events, of)
    patience_s = median(_lengths_s(events))
    best = search.run(arguments.false_alarms, patience_s, arguments.trials, progress)
    progress.end()
    found = proposal(space, search, best, arguments.false_alarms, of)
    write(arguments.out, found)
    if arguments.json:
        sys.stdout.write(json.dumps(found.as_json(), ensure_ascii=False) + "\n")
    else:
        sys.stdout.write("\n".join(lines(found)) + f"\nreport in {arguments.out}/index.html\n")
    refused = told_refusals("tune", result, data)
    return 1 if found.broken else refused


def _tuned(configuration: Configuration, space: Space) -> list[str]:
    """Channels of the classes whose files may change."""
    names = {Path(p.bound.file).with_suffix("").as_posix() for p in space.parameters}
    classes = {name.replace("/", ".") for name in names}
    catalogue = configuration.catalogue
    return [
        channel
        for channel, name in zip(catalogue.ids, catalogue.classes(), strict=True)
        if name in classes
    ]


def _judge_labels(
    events: Sequence[Event], tuned: Sequence[str], data: Data, configuration: Configuration
) -> None:
    """Refuse, before anything runs, labels that leave the search without an event."""
    there = set(data.channels())
    fed = tuned if data.recordings else [name for name in tuned if name in there]
    if not fed:
        msg = (
            "tune: expected readings of the tuned classes, got none of their "
            f"{len(tuned)} channels; name others in the bounds, or give other readings"
        )
        raise ConfigError(msg)
    known = [event for event in events if event.label.verdict == "event"]
    searched = halves(configuration.catalogue, fed)[SEARCHED]
    if not any(event.channels & searched for event in known):
        elsewhere = sum(bool(event.channels.intersection(fed)) for event in known)
        msg = (
            f"tune: expected known events of the tuned classes at the {len(searched)} channels "
            f"that are searched, got none; {elsewhere} of {len(known)} are at the other ones, "
            "which only judge; label more of them"
        )
        raise ConfigError(msg)


def _no_events(of: Sequence[Part]) -> str:
    where = f"the part for the search ({of[0].name}, to {of[0].end})" if of else "the readings"
    return (
        f"tune: expected known events of the tuned classes in {where}, got none; "
        "label some, or give readings of a longer time"
    )


def _lengths_s(events: Sequence[Event]) -> list[float]:
    return [(event.end - event.begin).total_seconds() for event in events]


def proposal(
    space: Space, search: Search, best: Tried, budget: float, of: Sequence[Part]
) -> Proposal:
    """What was found beside what is in force, and what speaks against it."""
    present = search.tried[0]
    changes = [told(p, value) for p, value in zip(space.parameters, best.values, strict=True)]
    return Proposal(
        budget,
        [part.name for part in of],
        present,
        best,
        search.tried,
        frontier(search.tried),
        changes if best != present else ["the figures stay as they are"],
        space.diff(best.values) if best != present else "",
        _broken(present, best, budget, [part.name for part in of]),
    )


def _broken(present: Tried, best: Tried, budget: float, names: Sequence[str]) -> list[str]:
    """A budget that is not kept where it was searched, and what got worse where it was not."""
    found = []
    if (rate := best.seen[0].false_rate) > budget:
        found.append(f"no figures within the bounds keep the budget: at best {rate:.3g} a year")
    for name, old, new in zip(names[1:], present.seen[1:], best.seen[1:], strict=True):
        if new.found < old.found:
            found.append(f"{name}: finds {new.found} of {new.events} events, now {old.found}")
        if new.false_rate > max(budget, old.false_rate):
            found.append(
                f"{name}: {new.false_rate:.3g} false alarms per channel-year, now "
                f"{old.false_rate:.3g}, budget {budget:g}"
            )
    return found


def write(folder: Path, found: Proposal) -> None:
    """Page, figures, and the change as a patch."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "index.html").write_text(page(found), encoding="utf-8")
    text = json.dumps(found.as_json(), indent=2, ensure_ascii=False)
    (folder / "tune.json").write_text(text + "\n", encoding="utf-8")
    (folder / "proposal.diff").write_text(found.diff, encoding="utf-8")
