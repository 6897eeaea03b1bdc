"""`tocsin replay`: the same lanes over files."""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import IO

import msgspec

from configuration.bundle_store import recall
from configuration.configuration import Configuration
from configuration.lane_plan import Plan, plan_of
from contracts.errors import ConfigError
from contracts.journal import Entry
from contracts.ports.lane_log import Message
from contracts.ports.lane_parts import Arrays, Parts
from contracts.records import Records
from ingest.partitioner import home_lane
from lab.data import recorded_lines, recording
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
    """

    def __init__(self, configuration: Configuration, lifeline: str, state: str | None) -> None:
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
            return with_parts(self._plan_for(config).parts(number))

        name, parts = self.plan.name(number), with_parts(self.plan.parts(number))
        return Lane(name, parts, parts_for, self._learned)

    def configuration_of(self, config: str) -> Configuration:
        """The configuration whose bundle has this hash; `ConfigError` says where to look for it."""
        return self._plan_for(config).configuration

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
        """Records of one lane from a recording or from lines of readings."""
        if path.suffix == ".parquet":
            return recording.read(path, number)
        return recorded_lines.read_lines(path, number, self._home)

    @staticmethod
    def count(path: Path) -> int:
        """How many records all lanes together have in a file."""
        if path.suffix == ".parquet":
            return recording.count(path)
        return recorded_lines.count(path)

    def _home(self, channel: str) -> int:
        """Home lane of a channel; strangers go where their id as a group would."""
        row = self.plan.catalogue.row_of.get(channel)
        if row is None:
            return home_lane(channel, self.plan.partitions)
        return int(self.plan.lane_of[row])


def _sentence(message: Message) -> str:
    body = json.loads(message.body)
    return f"{body['detected']}  {body['state']:8} {body['colour']:7} {body['say']['en']}"


def replay_files(arguments: argparse.Namespace) -> int:
    """Replay every lane, print alarms, write them if asked, and sum up."""
    configuration = Configuration.load(arguments.configs)
    bench = ReplayLanes(configuration, arguments.lifeline, arguments.state)
    journal = read_journal(arguments.journal) if arguments.journal else {}
    accounting: Counter[str] = Counter()
    told: Counter[str] = Counter()
    progress = Progress(
        "replay", bench.count(arguments.telemetry), piped=False, zone=configuration.civil_time
    )
    with ExitStack() as files:
        out: IO[bytes] | None = None
        if arguments.out:
            out = files.enter_context(arguments.out.open("wb"))
        for number in range(bench.plan.partitions):
            lane = bench.lane(number)
            telemetry = progress.over(bench.telemetry(arguments.telemetry, number))
            for message in replay(lane, telemetry, journal.get(number, [])):
                told[message.kind] += 1
                if message.kind != "alarm":
                    continue
                if out is not None:
                    out.write(message.body + b"\n")
                if not arguments.json:
                    progress.clear()
                    sys.stdout.write(_sentence(message) + "\n")
            accounting.update(lane.accounts.summary())
            if arguments.warm:
                SnapshotStore(arguments.warm).put_warm(str(lane.name), learned(lane))
    progress.clear()
    _sum_up(dict(accounting), told, as_json=arguments.json)
    return 0


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
