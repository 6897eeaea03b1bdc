"""A short run of one lane on made readings, to hold the prediction against."""

import gc
import time
from dataclasses import dataclass, replace
from pathlib import Path
from resource import getpagesize
from typing import Final

from configuration.catalogue.store import by_id
from configuration.configuration import Configuration
from configuration.lane_plan import Plan, plan_of
from contracts.catalogue import Catalogue
from operate.plan.costs import Costs
from operate.plan.estimate import lifeline_needs, whole_groups
from operate.plan.made_readings import MadeReadings
from operate.plan.messages import Messages
from pipeline.lane.lane import Lane
from pipeline.snapshot.lane_state import freeze
from pipeline.snapshot.store import pack

RUN_CHANNELS: Final = 200_000
RUN_READINGS: Final = 400_000
_STATM: Final = Path("/proc/self/statm")


@dataclass(frozen=True, slots=True)
class Figures:
    """What a lane takes, predicted or seen.

    Parameters
    ----------
    memory_bytes : float
        Resident, beside what the process has without it.
    snapshot_bytes : float
    scoring_ns : float
        Of the lane's thread, a reading: to decode, admit and score.
    """

    memory_bytes: float
    snapshot_bytes: float
    scoring_ns: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """A prediction and the run that it is held against.

    Parameters
    ----------
    lifeline : str
    channels, readings : int
        Of the run.
    predicted, seen : Figures
    """

    lifeline: str
    channels: int
    readings: int
    predicted: Figures
    seen: Figures

    def error(self, name: str) -> float:
        """By what share of what was seen the prediction of a figure is too large."""
        seen = float(getattr(self.seen, name))
        return (float(getattr(self.predicted, name)) - seen) / seen if seen else float("inf")


def resident_bytes() -> int:
    """Memory of this process that is in use now; 0 where the system does not say."""
    if not _STATM.exists():
        return 0
    return int(_STATM.read_text(encoding="ascii").split()[1]) * getpagesize()


def compared(
    configuration: Configuration,
    messages: Messages,
    costs: Costs,
    slower: float,
    most: tuple[int, int] = (RUN_CHANNELS, RUN_READINGS),
) -> Comparison:
    """Run the channels of the largest lifeline, or some of them, as one lane.

    Parameters
    ----------
    configuration : Configuration
    messages : Messages
    costs : Costs
    slower : float
        How many times as long as the measured machine this one takes.
    most : (int, int)
        Channels and readings of the run, about.
    """
    catalogues = configuration.catalogues
    lifeline = max(catalogues, key=lambda name: len(catalogues[name]))
    some = whole_groups(plan_of(configuration, lifeline), catalogues[lifeline], most[0])
    plan = alone(configuration, lifeline, some)
    predicted = _predicted(plan, messages, costs, slower)
    few = whole_groups(plan, plan.catalogue, 1)
    run_lane(alone(configuration, lifeline, few), messages, 1)  # loads kernels and libraries
    readings, seen = run_lane(plan, messages, most[1])
    return Comparison(lifeline, len(some), readings, predicted, seen)


def alone(configuration: Configuration, lifeline: str, channels: Catalogue) -> Plan:
    """Plan of a lifeline that has these channels and one lane."""
    one = replace(configuration, partitions={lifeline: 1})
    return plan_of(one.with_channels(Catalogue(by_id(channels.table))), lifeline)


def _predicted(plan: Plan, messages: Messages, costs: Costs, slower: float) -> Figures:
    (lane,) = lifeline_needs(plan, messages, costs)
    scoring_ns = lane.scoring_cores / lane.readings_s * 1e9 * slower
    return Figures(lane.state_bytes + lane.table_bytes, lane.state_bytes, scoring_ns)


def run_lane(plan: Plan, messages: Messages, readings: int) -> tuple[int, Figures]:
    """Readings that the only lane of a lifeline took, and what it took for them."""
    made = MadeReadings(plan, messages)
    gc.collect()
    before = resident_bytes()
    parts = plan.parts(0)
    lane = Lane(plan.name(0), parts, lambda _: parts)
    for records in made.first():
        lane.feed(records)
    begun, taken_s = lane.accounts.received, 0.0
    for records in made.later(readings):
        began = time.thread_time()
        lane.feed(records)
        taken_s += time.thread_time() - began
    count = lane.accounts.received - begun
    gc.collect()
    memory = resident_bytes() - before
    size = len(pack(freeze(lane)))
    return count, Figures(memory, size, taken_s / count * 1e9)
