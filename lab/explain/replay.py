"""`tocsin replay`: the same lanes over files."""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import IO

import msgspec
import numpy as np

from configuration.bundle_store import recall
from configuration.configuration import Configuration
from configuration.lane_plan import Plan, plan_of
from configuration.yaml.units import slope_and_zero
from contracts.errors import ConfigError
from contracts.journal import Entry
from contracts.ports.lane_log import Message
from contracts.ports.lane_parts import Arrays, Parts
from contracts.records import Records
from ingest.decode import Decoder
from lab.data.refusals import Refusals, say_notes
from lab.explain.telemetry import Telemetry
from lab.reports.progress import Progress
from pipeline.lane.lane import Lane, nothing_learned
from pipeline.lane.replay import replay
from pipeline.snapshot.lane_state import learned
from pipeline.snapshot.store import SnapshotStore, unpack


class JournalLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of a recorded journal."""

    lane: int
    offset: int
    entry: Entry


def read_journal(path: Path) -> dict[int, list[tuple[int, Entry]]]:
    """Journal entries of each lane, in file order; `ConfigError` names a line that is none."""
    entries: dict[int, list[tuple[int, Entry]]] = {}
    for number, line in enumerate(path.read_bytes().splitlines(), 1):
        try:
            found = msgspec.json.decode(line, type=JournalLine)
        except msgspec.DecodeError as error:
            msg = f"{path}:{number}: expected a journal entry, got {error}; record it again"
            raise ConfigError(msg) from error
        entries.setdefault(found.lane, []).append((found.offset, found.entry))
    return entries


def _as_they_are(parts: Parts) -> Parts:
    return parts


class ReplayLanes:
    """Lanes of one lifeline, newborn, over files.

    Parameters
    ----------
    configuration : Configuration
    lifeline : str
    state : str or None
        Where bundles of other configurations lie, for journals that name them.
    telemetry : Telemetry, optional
        An export whose declared units are turned into those of the classes.
    """

    def __init__(
        self,
        configuration: Configuration,
        lifeline: str,
        state: str | None,
        telemetry: Telemetry | None = None,
    ) -> None:
        self._units = {} if telemetry is None else telemetry.units
        self._opened = {} if telemetry is None else {telemetry.path: telemetry}
        self._configuration = configuration
        self._lifeline = lifeline
        self._state = state
        self.plan = plan_of(configuration, lifeline)

    def lane(self, number: int, with_parts: Callable[[Parts], Parts] = _as_they_are) -> Lane:
        """A newborn lane.

        Parameters
        ----------
        number : int
        with_parts : callable
            What to run instead of the parts that a configuration makes, now and after swaps.
        """

        def parts_for(config: str) -> Parts:
            return with_parts(self._parts(self._plan_for(config), number))

        name, parts = self.plan.name(number), with_parts(self._parts(self.plan, number))
        return Lane(name, parts, parts_for, self._learned)

    def configuration_of(self, config: str) -> Configuration:
        """The configuration whose bundle has this hash; `ConfigError` says where to look for it."""
        return self._plan_for(config).configuration

    def _parts(self, plan: Plan, number: int) -> Parts:
        """Parts of a lane that reads values in their declared units."""
        parts = plan.parts(number)
        rows = parts.catalogue
        ids = rows.table.column("id").combine_chunks()
        if not self._units or not np.isin(rows.ids, sorted(self._units)).any():
            return parts
        scale, offset = rows.column("scale").copy(), rows.column("offset").copy()
        for row, (name, class_name) in enumerate(zip(rows.ids, rows.classes(), strict=True)):
            if unit := self._units.get(name):
                into = self._configuration.packs[class_name].unit
                scale[row], offset[row] = slope_and_zero(unit, into)
        return replace(parts, decoder=Decoder(ids, scale, offset, plan.limits))

    def _learned(self, name: str) -> Arrays:
        if self._state is None:
            return nothing_learned(name)
        return unpack(SnapshotStore(self._state).bundle(name)).arrays

    def _plan_for(self, config: str) -> Plan:
        if config == self._configuration.hash:
            return self.plan
        if self._state is None:
            msg = (
                f"journal: expected configuration {self._configuration.hash} of this folder, got "
                f"{config}; name the workers' snapshot location with --state"
            )
            raise ConfigError(msg)
        store, settings = SnapshotStore(self._state), self._configuration.settings
        earlier = recall(store, config, settings, {self._lifeline})
        return plan_of(earlier, self._lifeline)

    def telemetry(self, path: Path, number: int) -> Iterator[Records]:
        """Records of one lane from a recording, from lines of readings, or from an export."""
        return self.opened(path).records(self.plan, number)

    def opened(self, path: Path) -> Telemetry:
        """A file of telemetry, opened once."""
        if path not in self._opened:
            self._opened[path] = Telemetry(path)
        return self._opened[path]


def _sentence(message: Message) -> str:
    body = json.loads(message.body)
    return f"{body['detected']}  {body['state']:8} {body['colour']:7} {body['say']['en']}"


def replay_files(arguments: argparse.Namespace) -> int:
    """Replay every lane, print alarms, write them if asked, and sum up."""
    configuration = Configuration.load(arguments.configs)
    with ExitStack() as files:
        out = files.enter_context(arguments.out.open("wb")) if arguments.out else None
        return _replayed(configuration, arguments, out)


def _replayed(
    configuration: Configuration, arguments: argparse.Namespace, out: IO[bytes] | None
) -> int:
    telemetry = Telemetry(arguments.telemetry, arguments.columns)
    lifeline = arguments.lifeline or telemetry.lifeline(configuration)
    if arguments.journal is None and arguments.warm is None:
        configuration = _watched(configuration, telemetry)
    bench = ReplayLanes(configuration, lifeline, arguments.state, telemetry)
    journal = read_journal(arguments.journal) if arguments.journal else {}
    accounting: Counter[str] = Counter()
    progress = Progress("replay", telemetry.count, piped=False, zone=configuration.civil_time)
    outputs = _Outputs(out, None if arguments.json else progress)
    for number in range(bench.plan.partitions):
        lane = bench.lane(number)
        records = progress.over(telemetry.records(bench.plan, number))
        for message in replay(lane, records, journal.get(number, [])):
            outputs.take(message)
        accounting.update(lane.accounts.summary())
        if arguments.warm:
            SnapshotStore(arguments.warm).put_warm(str(lane.name), learned(lane))
    progress.clear()
    _sum_up(dict(accounting), outputs.told, as_json=arguments.json)
    say_notes("replay", telemetry.notes)
    return outputs.refusals.tell("replay", accounting, telemetry.place)


def _watched(configuration: Configuration, telemetry: Telemetry) -> Configuration:
    """The configuration without the channels that a file has no readings of.

    Nobody is called silent who was never in the file; of a recording all channels stay, as they
    were live.
    """
    channels = telemetry.channels()
    catalogue = configuration.catalogue
    if channels is None or not (fed := np.isin(catalogue.ids, sorted(channels))).any():
        return configuration
    return configuration.watching(catalogue.take(fed))


class _Outputs:
    """What lanes tell: counted, alarms written and printed where that is asked for.

    Parameters
    ----------
    out : binary file or None
        Takes revisions of alarms.
    progress : Progress or None
        Makes room for sentences on standard output; None when none are printed.
    """

    def __init__(self, out: IO[bytes] | None, progress: Progress | None) -> None:
        self._out, self._progress = out, progress
        self.told: Counter[str] = Counter()
        self.refusals = Refusals()

    def take(self, message: Message) -> None:
        """Take one output."""
        self.told[message.kind] += 1
        if message.kind == "dead_letter":
            self.refusals.add(message.body)
        if message.kind != "alarm":
            return
        if self._out is not None:
            self._out.write(message.body + b"\n")
        if self._progress is not None:
            self._progress.clear()
            sys.stdout.write(_sentence(message) + "\n")


def _sum_up(accounting: dict[str, int], told: Counter[str], *, as_json: bool) -> None:
    if as_json:
        summary = {
            "revisions": told["alarm"],
            "dead_letters": told["dead_letter"],
            "accounting": accounting,
        }
        sys.stdout.write(json.dumps(summary) + "\n")
        return
    parts = " + ".join(f"{n} {word}" for word, n in accounting.items() if word != "received")
    sys.stdout.write(f"{accounting['received']} received = {parts}\n")
    sys.stdout.write(f"{told['alarm']} revisions, {told['dead_letter']} dead letters\n")
