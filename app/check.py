"""`tocsin check`: what is wrong with a configuration folder, and what a good one holds."""

import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from app.configuration import Configuration, home_lane
from app.doubts import Folder, doubts
from app.findings import Findings
from app.loader import Loader
from app.pack import RULES, ClassPack
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
    if found is None or findings.found:
        return findings.lines(), []
    return [], doubts(Folder(found[1], loader.pages, loader.tables))


def summary(configuration: Configuration) -> list[str]:
    """What a good configuration holds, one line per lifeline and class, and its hash."""
    lines: list[str] = []
    for lifeline, lanes in configuration.partitions.items():
        lines += _lifeline(configuration, lifeline, lanes)
    return [*lines, f"configuration {configuration.hash}"]


def _lifeline(configuration: Configuration, lifeline: str, lanes: int) -> list[str]:
    packs = [pack for pack in configuration.packs.values() if pack.lifeline == lifeline]
    labels = {pack.label for pack in packs}
    catalogue = configuration.catalogue
    kept = [
        (label, group)
        for label, group in zip(configuration.labels(catalogue), catalogue.groups(), strict=True)
        if label in labels
    ]
    homes = {group: home_lane(group, lanes) for group in {group for _, group in kept}}
    of_lane = Counter(homes[group] for _, group in kept)
    of_label = Counter(label for label, _ in kept)
    shares = " + ".join(str(of_lane[lane]) for lane in range(lanes))
    head = f"{lifeline}: {_count(len(kept), 'channel')} in {_count(lanes, 'lane')} ({shares})"
    return [head, *(_class(pack, of_label[pack.label]) for pack in packs)]


def _class(pack: ClassPack, channels: int) -> str:
    rules = [rule for rule in RULES if pack.rule(rule) is not None]
    return (
        f"  {pack.label}: {_count(channels, 'channel')} in {pack.unit} every {pack.period}, "
        f"rules {', '.join(rules) or 'none'}"
    )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
