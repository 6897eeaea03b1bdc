"""From channels, rules and measured costs to memory, cores, lanes and snapshots."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import Final

import numpy as np

from configuration.configuration import Configuration
from configuration.lane_plan import Plan, plan_of
from configuration.pack import ClassPack
from configuration.rule_kinds import kinds
from contracts.catalogue import Catalogue
from contracts.quantities import NS_PER_S
from operate.plan.costs import Costs
from operate.plan.messages import Messages
from pipeline.lane.lane import Lane

# A lane is scored by one thread, and must work off what waited while it was away as fast as new
# readings come.
LANE_BUSY_MAX: Final = 0.5
LANE_CHANNELS_MAX: Final = 2_000_000  # of the largest lanes that were ever measured
SAMPLE_CHANNELS: Final = 20_000  # whose state is built to see how large it is


@dataclass(frozen=True, slots=True)
class StateBytes:
    """Bytes of a lane's state, as its arrays are laid out.

    Parameters
    ----------
    lane : int
        Whatever its channels.
    channel : float
        Each channel, whatever rules its class has.
    kinds : dict of str to float
        Each channel with a rule of a kind.
    """

    lane: int
    channel: float
    kinds: dict[str, float]

    def of(self, names: Iterable[str]) -> float:
        """State of a channel whose class has rules of these kinds."""
        return self.channel + sum(self.kinds.get(name, 0.0) for name in names)


@dataclass(frozen=True, slots=True)
class LaneNeeds:
    """What one lane needs.

    Parameters
    ----------
    lifeline : str
    channels : int
    readings_s : float
    state_bytes : float
        In memory, and in each snapshot.
    table_bytes : float
        In memory beside it.
    scoring_cores, client_cores : float
        Of the thread that decodes and scores, and of the others, for the readings.
    """

    lifeline: str
    channels: int
    readings_s: float
    state_bytes: float
    table_bytes: float
    scoring_cores: float
    client_cores: float


@dataclass(frozen=True, slots=True)
class Needs:
    """What one worker with all of some lanes needs.

    Parameters
    ----------
    lanes : sequence of LaneNeeds
    costs : Costs
    slower : float
        How many times as long as the measured one this machine takes.
    snapshot_s : float
        Time between two snapshots of a lane.
    """

    lanes: Sequence[LaneNeeds]
    costs: Costs
    slower: float
    snapshot_s: float

    @property
    def memory_bytes(self) -> float:
        """The process, all lanes, and a copy of the largest one, which becomes its snapshot."""
        state = [lane.state_bytes for lane in self.lanes]
        tables = sum(lane.table_bytes for lane in self.lanes)
        return self.costs.process_bytes + sum(state) + tables + max(state)

    @property
    def cores(self) -> float:
        """Busy on average: the process, its lanes, and their readings."""
        idle = self.costs.process_cores + len(self.lanes) * self.costs.lane_cores
        readings = sum(lane.scoring_cores + lane.client_cores for lane in self.lanes)
        return (idle + readings) * self.slower

    @property
    def snapshot_bytes(self) -> float:
        """One snapshot of each lane."""
        return sum(lane.state_bytes for lane in self.lanes)

    @property
    def snapshot_bytes_s(self) -> float:
        """Written to the state location, on average."""
        return self.snapshot_bytes / self.snapshot_s

    def lanes_needed(self, lifeline: str) -> int:
        """Partitions that a lifeline cannot do without."""
        mine = [lane for lane in self.lanes if lane.lifeline == lifeline]
        busy = sum(lane.scoring_cores for lane in mine) * self.slower
        channels = sum(lane.channels for lane in mine)
        return max(1, ceil(busy / LANE_BUSY_MAX), ceil(channels / LANE_CHANNELS_MAX))


def needs(configuration: Configuration, messages: Messages, costs: Costs, slower: float) -> Needs:
    """What a configuration needs, all of its lifelines in one worker.

    Parameters
    ----------
    configuration : Configuration
    messages : Messages
    costs : Costs
    slower : float
        How many times as long as the measured machine this one takes.
    """
    lanes = []
    for lifeline, channels in configuration.catalogues.items():
        if len(channels):
            lanes += lifeline_needs(plan_of(configuration, lifeline), messages, costs)
    every_s = configuration.settings.snapshot.every.ns / NS_PER_S
    return Needs(lanes, costs, slower, every_s)


def lifeline_needs(plan: Plan, messages: Messages, costs: Costs) -> list[LaneNeeds]:
    """What each lane of a lifeline needs, from how many channels of each class it has."""
    labels, label_of = plan.configuration.labels(plan.catalogue)
    packs = [plan.packs[label] for label in labels]
    state = state_bytes(plan)
    counts = np.zeros((plan.partitions, len(labels)), np.int64)
    np.add.at(counts, (plan.lane_of, label_of), 1)
    names = [_kinds_of(pack) for pack in packs]
    rate = np.array([NS_PER_S / pack.period.ns for pack in packs])
    plain_ns = costs.taking_ns(messages)
    scoring_ns = np.array([plain_ns + sum(costs.kinds_ns.get(n, 0.0) for n in of) for of in names])
    bytes_of = np.array([state.of(of) for of in names])
    there = {name for pack in plan.packs.values() for name in _kinds_of(pack)}
    tables = costs.channel_bytes + len(there) * costs.kind_channel_bytes
    client_ns = costs.client_ns / messages.readings
    return [
        LaneNeeds(
            plan.lifeline,
            int(mine.sum()),
            float(mine @ rate),
            state.lane + float(mine @ bytes_of),
            float(mine.sum()) * tables,
            float(mine @ (rate * scoring_ns)) / NS_PER_S,
            float(mine @ rate) * client_ns / NS_PER_S,
        )
        for mine in counts
    ]


def unmeasured(configuration: Configuration, costs: Costs) -> list[str]:
    """Kinds that some class has a rule of and nobody measured, as those of installed packages."""
    there = {name for pack in configuration.packs.values() for name in _kinds_of(pack)}
    return sorted(there - costs.kinds_ns.keys())


def _kinds_of(pack: ClassPack) -> list[str]:
    """Kinds of a class's rules, but for the built-in ones, which every channel has room for."""
    return [name for name in kinds() if pack.rule(name) is not None]


def state_bytes(plan: Plan) -> StateBytes:
    """How large the state of a lifeline's channels is, from that of some of them."""
    some = whole_groups(plan, plan.catalogue, SAMPLE_CHANNELS)
    parts = plan.parts_of(some, 0)
    lane, channel = 0, 0.0
    of_kind: dict[str, int] = {}
    for name, array in Lane(plan.name(0), parts, lambda _: parts).arrays().items():
        kind = name.partition(".")[0]
        if kind in kinds():
            of_kind[kind] = of_kind.get(kind, 0) + array.nbytes
        elif array.shape[:1] == (len(some),):
            channel += array.nbytes / len(some)
        else:
            lane += array.nbytes
    with_kind = _channels_by_kind(plan, some)
    return StateBytes(
        lane, channel, {kind: size / max(with_kind[kind], 1) for kind, size in of_kind.items()}
    )


def _channels_by_kind(plan: Plan, channels: Catalogue) -> Counter[str]:
    """How many of some channels have a rule of each kind."""
    labels, label_of = plan.configuration.labels(channels)
    counts: Counter[str] = Counter()
    for label, count in zip(labels, np.bincount(label_of, minlength=len(labels)), strict=True):
        counts.update(dict.fromkeys(_kinds_of(plan.packs[label]), int(count)))
    return counts


def whole_groups(plan: Plan, channels: Catalogue, most: int) -> Catalogue:
    """Channels of some groups, so many that each class is there, hardly more than `most`.

    Rules that judge several channels of a group are as large as their groups.
    """
    if len(channels) <= most:
        return channels
    labels, label_of = plan.configuration.labels(channels)
    _, group_of = channels.codes("group")
    wanted = np.zeros(int(group_of.max()) + 1, np.bool_)
    share = max(1, most // len(labels))
    for label in range(len(labels)):
        wanted[group_of[np.flatnonzero(label_of == label)[:share]]] = True
    return channels.take(wanted[group_of])
