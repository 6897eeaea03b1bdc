"""`tocsin check`: what is wrong with a configuration folder, and what a good one holds."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from configuration.catalogue.store import lanes_of
from configuration.checks.false_alarms import Expected, expected, together
from configuration.checks.warnings import Folder, warnings
from configuration.configuration import Configuration
from configuration.desk.answers import read_answers
from configuration.desk.duty import DutyFolder
from configuration.desk.notices import read_notices
from configuration.desk.outlines import read_outlines
from configuration.desk.topology import unplaced
from configuration.loader import Loader
from configuration.pack import RULES, ClassPack
from configuration.yaml.findings import Findings
from contracts.catalogue import Catalogue
from contracts.errors import ConfigError


def check(folder: Path, environment: Mapping[str, str] | None = None) -> list[str]:
    """Findings, one line each by file and place; empty when the folder is good."""
    return judged(folder, environment)[0]


def judged(
    folder: Path, environment: Mapping[str, str] | None = None
) -> tuple[list[str], list[str]]:
    """Findings, and of a good folder warnings: what is allowed and yet hardly meant."""
    findings = Findings()
    loader = Loader(folder, os.environ if environment is None else environment, findings)
    try:
        found = loader.load()
    except ConfigError as error:
        return list(error.findings), []
    read_answers(folder, findings)
    if loader.duty is not None:
        desks = [desk.id for desk in loader.duty.plan.desks]
        levels = [level.id for level in loader.duty.plan.desks.levels]
        read_notices(folder, desks, found[0].profile if found else "", findings, levels)
    if found is not None:
        read_outlines(folder, _districts(found[2], loader.duty), findings)
    if found is None or findings.found:
        return findings.lines(), []
    warned = warnings(Folder(found[1], loader.pages, loader.tables, loader.duty))
    return [], [*warned, *loader.unmet, *unplaced(loader.topology, loader.tables)]


def _districts(tables: Mapping[str, pa.Table], duty: DutyFolder | None) -> set[str]:
    """Codes of places: districts of channels, and areas that have a name."""
    named = set() if duty is None else set(duty.plan.areas)
    words = (word for table in tables.values() for word in Catalogue(table).codes("district")[0])
    return named.union(filter(None, words))


def summary(configuration: Configuration) -> list[str]:
    """What a good configuration holds, one line per lifeline and class, and its hash.

    Statistical rules say how often they are expected to ring on clean data.
    """
    lines: list[str] = []
    whole: list[Expected] = []
    for lifeline, lanes in configuration.partitions.items():
        catalogue = configuration.catalogues[lifeline]
        lines.append(_head(lifeline, np.bincount(lanes_of(catalogue, lanes), minlength=lanes)))
        counted = _counted(configuration, catalogue)
        for pack in configuration.packs.values():
            if pack.lifeline == lifeline:
                channels, groups = counted.get(pack.label, (0, 0))
                promised = list(expected(pack, channels, groups))
                lines += _class(pack, channels, promised)
                whole += promised
    return [*lines, *([together(whole)] if whole else []), f"configuration {configuration.hash}"]


def _counted(configuration: Configuration, catalogue: Catalogue) -> dict[str, tuple[int, int]]:
    """Channels and groups of each label."""
    labels, label_of = configuration.labels(catalogue)
    _, group_of = catalogue.codes("group")
    pairs = np.unique(label_of * (np.int64(group_of.max(initial=0)) + 1) + group_of)
    channels = np.bincount(label_of, minlength=len(labels)).tolist()
    groups = np.bincount(pairs // (group_of.max(initial=0) + 1), minlength=len(labels)).tolist()
    return dict(zip(labels, zip(channels, groups, strict=True), strict=True))


def _head(lifeline: str, of_lane: NDArray[np.int64]) -> str:
    """A lifeline and how its channels lie in lanes."""
    shares = " + ".join(map(str, of_lane))
    channels, lanes = int(of_lane.sum()), len(of_lane)
    return f"{lifeline}: {_count(channels, 'channel')} in {_count(lanes, 'lane')} ({shares})"


def _class(pack: ClassPack, channels: int, promised: Sequence[Expected]) -> list[str]:
    rules = [rule for rule in RULES if pack.rule(rule) is not None]
    line = (
        f"  {pack.label}: {_count(channels, 'channel')} in {pack.unit} every {pack.period}, "
        f"rules {', '.join(rules) or 'none'}"
    )
    told = ", ".join(map(str, promised)) if channels else ""
    return [line, f"    false alarms on clean data: {told}"] if told else [line]


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
