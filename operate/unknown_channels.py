"""`tocsin unknown-channels`: ids that came and are in no catalogue, as rows for one."""

import argparse
import csv
import json
import sys
from typing import Final

from configuration.configuration import Configuration
from contracts.batch import Disposition
from ingest.kafka.dead_letters import Letter, letter_box
from operate.dead_letters import time_of
from operate.settings import settled

IDS_MAX: Final = 10_000  # remembered, whatever comes; readings of others are counted together
COLUMNS: Final = ("id", "class", "asset", "group")


class UnknownChannels:
    """What dead letters say of ids that no catalogue has.

    Parameters
    ----------
    configuration : Configuration
        As it is now: ids that were added since are left out.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._classes = {pack.class_name for pack in configuration.packs.values()}
        self._catalogues = configuration.catalogues
        self.readings: dict[tuple[str, str], int] = {}  # by lifeline and id
        self._last_ms: dict[tuple[str, str], int] = {}
        self.others = 0  # readings of ids beyond those

    def add(self, found: Letter) -> None:
        """Count a dead letter, if it is of an unknown channel."""
        lifeline, channel = found.letter.lane.rpartition("-")[0], found.letter.channel
        if found.letter.reason != Disposition.UNKNOWN_CHANNEL.word or channel is None:
            return
        if lifeline in self._catalogues and channel in self._catalogues[lifeline].row_of:
            return
        key = lifeline, channel
        full = key not in self.readings and len(self.readings) >= IDS_MAX
        if full or not channel.isprintable():
            self.others += found.letter.count
            return
        self.readings[key] = self.readings.get(key, 0) + found.letter.count
        self._last_ms[key] = max(self._last_ms.get(key, 0), found.record.timestamp)

    def row(self, lifeline: str, channel: str) -> tuple[str, str, str, str]:
        """Row of a catalogue, as far as an id of `lifeline.asset.quantity` says it."""
        group, _, quantity = channel.rpartition(".")
        label = f"{lifeline}.{quantity}"
        asset = group.removeprefix(f"{lifeline}.")
        return channel, label if label in self._classes else "", asset, group

    def found(self, lifeline: str, channel: str) -> dict[str, object]:
        """What programs may want to know of an id."""
        key = lifeline, channel
        row = dict(zip(COLUMNS, self.row(lifeline, channel), strict=True))
        return {**row, "readings": self.readings[key], "last": time_of(self._last_ms[key])}


async def unknown_channels(arguments: argparse.Namespace) -> int:
    """Print them, those that sent most first."""
    configuration = settled(arguments)
    unknown = UnknownChannels(configuration)
    settings = configuration.settings
    async with letter_box(settings.app, settings.kafka) as box:
        async for found in box.letters(arguments.lifeline):
            unknown.add(found)
    keys = sorted(unknown.readings, key=lambda key: (-unknown.readings[key], key))
    if arguments.json:
        for key in keys:
            sys.stdout.write(json.dumps(unknown.found(*key), ensure_ascii=False) + "\n")
    else:
        table = csv.writer(sys.stdout, lineterminator="\n")
        table.writerow(COLUMNS)
        table.writerows(unknown.row(*key) for key in keys)
    told = f"{len(keys):,} unknown ids in {sum(unknown.readings.values()):,} readings"
    if unknown.others:
        told += f"; {unknown.others:,} readings more, of ids beyond {IDS_MAX:,} or not printable"
    sys.stderr.write(f"{told}; fill in classes, judge each row, then `tocsin check`\n")
    return 0
