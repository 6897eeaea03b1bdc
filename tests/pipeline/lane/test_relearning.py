"""What a swap lets begin anew is said: in the journal, in the lane's numbers, in its snapshots."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from configuration.configuration import Configuration
from configuration.lane_plan import plan_of
from contracts.journal import Entry, Swap, decode_entry, encode_entry
from contracts.lane import LaneName
from contracts.ports.lane_log import LaneLog
from contracts.ports.lane_parts import Parts
from pipeline.lane.lane import Lane
from pipeline.lane.replay import replay
from pipeline.snapshot.lane_state import freeze, thaw
from pipeline.snapshot.store import pack, unpack
from pipeline.worker.journal_writer import JournalWriter
from pipeline.worker.lane_context import LanePorts
from pipeline.worker.suspects import Suspects
from runtime.installation import CONFIGS, HOME
from runtime.queues import OneThread
from tests.goldens.kept_arrays import of_readings
from tests.testkit.config_folder import PACK, loaded
from tests.testkit.memory_ports import MemoryCommands, MemoryTelemetry, WoundClock
from tests.testkit.planned_faults import Faults

pytestmark = pytest.mark.slow

LANES = 'kafka: {bootstrap: "127.0.0.1:9092"}\nlifelines: {water: {partitions: 1}}\n'
FORMER = sorted((HOME / "tests" / "goldens").glob("*.snapshot"))


class Two:
    """A lane under one configuration, and another one that may govern it."""

    def __init__(self, place: Path, was: str, now: str) -> None:
        assert was in PACK
        files: dict[str, str | bytes] = {"tocsin.yaml": LANES}
        self.first = loaded(place / "first", files)
        changed = {**files, "water/pressure.yaml": PACK.replace(was, now)}
        self.second = loaded(place / "second", changed)
        self.name = plan_of(self.first, "water").name(0)

    def parts(self, config: str) -> Parts:
        known = {one.hash: one for one in (self.first, self.second)}
        return plan_of(known[config], "water").parts(0)

    def lane(self) -> Lane:
        return Lane(self.name, self.parts(self.first.hash), self.parts)


def no_log(name: LaneName) -> LaneLog:
    raise AssertionError(name)


async def no_step(turns: Iterator[None]) -> None:
    raise AssertionError(turns)


async def swapped(two: Two) -> tuple[Lane, Entry]:
    """The lane after a swap, and what was journalled of it."""
    lane = two.lane()
    with OneThread("scoring") as scoring:
        telemetry = MemoryTelemetry({}, Faults(), seed=0)
        ports = LanePorts(telemetry, MemoryCommands(), no_log, WoundClock(), scoring)
        changes = JournalWriter(lane, ports, no_step, Suspects())
        await changes.swap(two.second.hash)
    (entry,) = changes.take()
    return lane, entry


async def test_a_swap_says_in_the_journal_what_it_made_forget(tmp_path: Path) -> None:
    two = Two(tmp_path, "smoothing: 0.1", "smoothing: 0.2")
    lane, entry = await swapped(two)
    assert entry.change == Swap(two.second.hash, {"unusual": 1})
    assert lane.relearning == {"unusual": 1}
    assert unpack(pack(freeze(lane))).header["relearning"] == {"unusual": 1}
    again = thaw(two.name, unpack(pack(freeze(lane))), two.parts)
    assert again.relearning == {"unusual": 1}, "a restore is no reload"


async def test_a_swap_of_thresholds_makes_nothing_forget(tmp_path: Path) -> None:
    two = Two(tmp_path, "band: 5 sigma", "band: 6 sigma")
    lane, entry = await swapped(two)
    assert entry.change == Swap(two.second.hash)
    assert lane.relearning == {}


async def test_a_replay_of_the_journal_finds_the_same_and_entries_without_it_are_read(
    tmp_path: Path,
) -> None:
    two = Two(tmp_path, "unit: MPa", "unit: bar")
    lane, entry = await swapped(two)
    repeated = two.lane()
    list(replay(repeated, [], [(0, decode_entry(encode_entry(entry)))]))
    assert repeated.relearning == lane.relearning == {"unusual": 1}
    assert pack(freeze(repeated)) != pack(freeze(two.lane()))
    former = b'{"at":0,"change":{"kind":"swap","config":"%s"},"command":null}'
    assert decode_entry(former % two.second.hash.encode()).change == Swap(two.second.hash)


@pytest.mark.parametrize("path", FORMER, ids=lambda path: path.stem)
def test_snapshots_without_fingerprints_keep_what_was_learned(path: Path) -> None:
    snapshot = unpack(path.read_bytes())
    configuration = Configuration.load(CONFIGS, {})
    lifeline, number = path.stem.rsplit("-", 1)
    plan = plan_of(configuration, lifeline)
    lane = thaw(plan.name(int(number)), snapshot, lambda _: plan.parts(int(number)))
    now, kept = lane.arrays(), 0
    for name, array in snapshot.arrays.items():
        assert of_readings(name, now[name]).tobytes() == of_readings(name, array).tobytes(), name
        kept += name.endswith(".state") and len(array)
    assert lane.relearning == {}
    assert kept, "idle: nothing had been learned"
