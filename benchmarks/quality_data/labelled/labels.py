"""What events are called by those who labelled them, so that hits and misses can be told apart."""

import re
from typing import Final

import numpy as np

from benchmarks.quality_data.labelled import sheets
from benchmarks.quality_data.labelled.corpus import Corpus, Event, Recording
from benchmarks.quality_data.labelled.tally import Tally

MOST: Final = 6  # names in a cell
HEAD: Final = ("corpus", "events by name: told of all", "never told")


def cases(one: Corpus, tally: Tally, configuration: int) -> list[str]:
    """A line of the table: the corpus, names of which some were told, and names of which none."""
    names = [_name(one, rec, event) for rec in one.recordings for event in rec.wanted]
    told = np.isfinite(tally.delays_s[configuration])
    counts = {name: [0, 0] for name in sorted(names)}
    for name, hit in zip(names, told, strict=True):
        counts[name][0] += int(hit)
        counts[name][1] += 1
    some = sorted((n for n in counts if counts[n][0]), key=lambda n: (-counts[n][0], n))
    none = sorted((n for n in counts if not counts[n][0]), key=lambda n: (-counts[n][1], n))
    hits = [f"{name} {counts[name][0]} of {counts[name][1]}" for name in some]
    return [one.name, _listed(hits), _listed([f"{name} ({counts[name][1]})" for name in none])]


def _listed(names: list[str]) -> str:
    rest = f"; and {len(names) - MOST} more" if len(names) > MOST else ""
    return "; ".join(names[:MOST]) + rest if names else "none"


def _name(one: Corpus, recording: Recording, event: Event) -> str:
    """Channel and label; of sets without labels by name, what says most: file, channel, length."""
    channel = " ".join(sorted(event.channels)) if len(event.channels) == 1 else ""
    if one.name in sheets.SHEETS:
        label = _label(one.name, recording, event)
        return f"{channel} {label}".strip() if len(recording.channels) > 1 else label
    if one.name == "subsidence_gnss":
        return f"{channel}, step put in" if channel else "earthquake"
    if one.name == "metro_bmrcl":
        hours = round((event.last_s - event.first_s) / 3600) + 1
        return "nobody for four hours" if hours == 4 else "twice the people for three"
    if one.name == "power_kptcl":
        return "a quarter less or a third more"
    folder, _, file = recording.name.rpartition("/")
    return folder or f"file {file}"


def _label(name: str, recording: Recording, event: Event) -> str:
    """The first label within an event, without numbers of its own and remarks."""
    sheet, rows = sheets.SHEETS[name], sheets.labels(name)
    several = len({row["series"] for row in rows}) > 1
    for row in rows:
        begin = sheets.second(row["start"], sheet.unit_s) - sheet.before_s
        here = event.first_s <= begin <= event.last_s
        mine = not event.channels or event.channels & set(row["channel"].split(","))
        if here and mine and (not several or row["series"] in recording.name):
            return re.sub(r" ?\(.*|^\d+; ", "", row["label"]).replace("|", "/")
    return "unnamed"
