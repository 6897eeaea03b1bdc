"""A lane made anew from the nearest snapshot, to tell once more what it told."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from configuration.bundle_store import recall
from configuration.configuration import Configuration
from configuration.lane_plan import Plan, plan_of
from contracts.alarm import decode_alarm
from contracts.errors import Damaged
from contracts.journal import Entry, Promote, Swap
from contracts.lane import LaneName
from contracts.ports.lane_log import Manifest, Message, OutputMark
from contracts.ports.lane_parts import Arrays, Parts
from contracts.records import Records
from operate.evidence.readings import Readings, WitnessedScorer
from pipeline.lane import journal_merge
from pipeline.lane.lane import Lane
from pipeline.lane.replay import replay
from pipeline.snapshot.lane_state import thaw
from pipeline.snapshot.store import SnapshotStore, unpack


class Revision(NamedTuple):
    """A revision of an alarm as it lies on its topic."""

    alarm: str
    number: int
    offset: int
    body: bytes


@dataclass(frozen=True)
class LanePast:
    """What the topics hold of a lane around some revisions.

    Parameters
    ----------
    revisions : tuple of Revision
        In the order of their offsets.
    mark : OutputMark or None
        The first mark behind the last of them: up to where the lane had read when it told it.
    manifests : tuple of Manifest
        Oldest first.
    telemetry_begin : int
        First offset that the telemetry partition still holds.
    """

    revisions: tuple[Revision, ...]
    mark: OutputMark | None
    manifests: tuple[Manifest, ...]
    telemetry_begin: int


@dataclass(frozen=True)
class Start:
    """Where a lane begins anew.

    Parameters
    ----------
    lane : Lane
    since : str
        Where that is, for people.
    first : int
        Index of the first revision that it can tell again.
    """

    lane: Lane
    since: str
    first: int


class Replica:
    """One lane of an installation, under whatever configuration its past names.

    Parameters
    ----------
    configuration : Configuration
        That of today, with settings that say where bundles and snapshots lie.
    lifeline : str
    number : int
    readings : Readings
        Takes what is scored.
    """

    def __init__(
        self, configuration: Configuration, lifeline: str, number: int, readings: Readings
    ) -> None:
        self._configuration = configuration
        self._lifeline = lifeline
        self._number = number
        self._readings = readings
        self._store = SnapshotStore(configuration.settings.state)

    @property
    def name(self) -> LaneName:
        """Name of the lane."""
        return plan_of(self._configuration, self._lifeline).name(self._number)

    def configuration_of(self, config: str) -> Configuration:
        """The configuration whose bundle has this hash; `Damaged` when it is gone."""
        if config == self._configuration.hash:
            return self._configuration
        settings = self._configuration.settings
        return recall(self._store, config, settings, {self._lifeline})

    def start(self, past: LanePast, journal: Sequence[tuple[int, Entry]]) -> Start | None:
        """The lane before the earliest revision that can be told again; None when none can.

        The newest snapshot that lies before a revision, or the lane's birth if all telemetry is
        still there and something says which configuration governed then.
        """
        for first, revision in enumerate(past.revisions):
            for manifest in reversed(past.manifests):
                if manifest.alarms > revision.offset or manifest.telemetry < past.telemetry_begin:
                    continue
                if (lane := self._restored(manifest)) is not None:
                    offset = f"telemetry offset {manifest.telemetry}"
                    return Start(lane, f"snapshot {manifest.snapshot} at {offset}", first)
            if first == 0 and past.telemetry_begin == 0:
                config = self._first_config(past, journal)
                if config is not None:
                    since = "the beginning of the lane's telemetry"
                    return Start(self._newborn(config), since, 0)
        return None

    def _restored(self, manifest: Manifest) -> Lane | None:
        try:
            data = self._store.read(manifest.snapshot, manifest.checksum, manifest.size)
        except Damaged:  # swept: a lane keeps its last two
            return None
        lane = thaw(self.name, unpack(data), self._parts_for, self._learned)
        lane.journal, lane.commands = manifest.journal, manifest.commands
        return self._watched(lane)

    def _newborn(self, config: str) -> Lane:
        lane = Lane(self.name, self._parts_for(config), self._parts_for, self._learned)
        return self._watched(lane)

    def _watched(self, lane: Lane) -> Lane:
        self._readings.lane = lane
        return lane

    def _first_config(self, past: LanePast, journal: Sequence[tuple[int, Entry]]) -> str | None:
        """What governed at birth, None where nobody can tell: no entry says so.

        A manifest from before the first change of the configuration says it, and so does an alarm
        that was told before it, or that names one which no change has brought.
        """
        changes = [
            (offset, entry.change.config)
            for offset, entry in journal
            if isinstance(entry.change, Swap | Promote)
        ]
        first = changes[0][0] if changes else math.inf
        if (born := next((m for m in past.manifests if m.journal <= first), None)) is not None:
            return born.config
        known = [*(manifest.config for manifest in past.manifests), self._configuration.hash]
        names = (decode_alarm(one.body).rule.config for one in past.revisions)
        named = next(filter(None, names), None)
        if named is None:  # what a worker told of its lane comes of no configuration
            return known[0]
        before = past.mark is not None and past.mark.journal <= first
        if not before and any(config.startswith(named) for _, config in changes):
            return None
        return next((one for one in known if one.startswith(named)), None)

    def _parts_for(self, config: str) -> Parts:
        plan: Plan = plan_of(self.configuration_of(config), self._lifeline)
        parts = plan.parts(self._number)
        witness = WitnessedScorer(parts.scorer, parts.catalogue, self._readings)
        return replace(parts, scorer=witness)

    def _learned(self, name: str) -> Arrays:
        return unpack(self._store.bundle(name)).arrays


class Retelling:
    """What a lane tells once more of some alarms.

    Parameters
    ----------
    lane : Lane
    journal : iterable of (int, Entry)
        Entries from the lane's journal position on, up to the mark.
    alarms : set of str
    """

    def __init__(
        self, lane: Lane, journal: Iterable[tuple[int, Entry]], alarms: frozenset[str]
    ) -> None:
        self._lane = lane
        self._journal = journal_merge.in_force(one for one in journal if one[0] >= lane.journal)
        self._alarms = {name.encode() for name in alarms}
        self.bodies: dict[tuple[str, int], bytes] = {}

    def feed(self, records: Records) -> None:
        """Let the lane take records."""
        journal_merge.feed(self._lane, records, self._journal)
        self._take(self._lane.outbox.take())
        self._lane.shadow_outbox.take()

    def finish(self) -> None:
        """Let the rest of the journal take effect."""
        self._take(replay(self._lane, [], self._journal))

    def _take(self, messages: Iterable[Message]) -> None:
        for message in messages:
            if message.kind == "alarm" and message.key in self._alarms:
                self.bodies[message.key.decode(), decode_alarm(message.body).revision] = (
                    message.body
                )
