"""`tocsin check`: what is wrong with a configuration folder, and what a good one holds."""

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from app.configuration import Configuration, home_lane
from app.doubts import Folder, doubts
from app.false_alarms import Expected, by_label, together
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
    """What a good configuration holds, one line per lifeline and class, and its hash.

    Statistical rules say how often they are expected to ring on clean data.
    """
    catalogue = configuration.catalogue
    words, label_of = configuration.labels(catalogue)
    named = (words[i] for i in label_of.tolist())
    channels = list(zip(named, catalogue.groups(), strict=True))
    promised = by_label(configuration.packs, channels)
    lines: list[str] = []
    for lifeline, lanes in configuration.partitions.items():
        packs = [pack for pack in configuration.packs.values() if pack.lifeline == lifeline]
        labels = {pack.label for pack in packs}
        kept = [(label, group) for label, group in channels if label in labels]
        lines.append(_head(lifeline, lanes, [group for _, group in kept]))
        of_label = Counter(label for label, _ in kept)
        for pack in packs:
            lines += _class(pack, of_label[pack.label], promised[pack.label])
    whole = [each for found in promised.values() for each in found]
    return [*lines, *([together(whole)] if whole else []), f"configuration {configuration.hash}"]


def _head(lifeline: str, lanes: int, groups: Sequence[str]) -> str:
    """A lifeline and how its channels, by their groups, lie in lanes."""
    homes = {group: home_lane(group, lanes) for group in set(groups)}
    of_lane = Counter(homes[group] for group in groups)
    shares = " + ".join(str(of_lane[lane]) for lane in range(lanes))
    return f"{lifeline}: {_count(len(groups), 'channel')} in {_count(lanes, 'lane')} ({shares})"


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
