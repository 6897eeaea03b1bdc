"""What every channel learned is the same in the lane that it moves to."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from configuration.configuration import Configuration
from configuration.lane_plan import Plan
from contracts.ports.lane_parts import Arrays, Parts
from contracts.records import Records
from contracts.topics import TopicNames
from detectors.fused.scorer import ROWS
from ingest.limits import DecodeLimits
from operate.copy_state import _joined
from pipeline.lane.lane import Lane
from pipeline.lane.replay import replay
from pipeline.snapshot.lane_state import learned
from pipeline.snapshot.store import unpack
from tests.testkit import city

GROUPS, MESSAGES = 12, 3_000


def plan(folder: Path, lanes: int) -> tuple[Plan, list[str]]:
    channels = city.configure(folder / str(lanes), GROUPS, lanes, folder)
    found = Configuration.load(folder / str(lanes))
    return Plan(found, "water", TopicNames(), DecodeLimits()), channels


def no_swap(config: str) -> Parts:
    raise AssertionError(config)


def lived(old: Plan, number: int, sent: list[city.Sample]) -> Lane:
    homes = dict(zip(old.catalogue.groups(), old.lane_of.tolist(), strict=True))
    rows: list[tuple[int, int, bytes | None]] = [
        (i, 1_700_000_000_000 + 20 * i, sample.payload)
        for i, sample in enumerate(sent)
        if homes[sample.group] == number
    ]
    lane = Lane(old.name(number), old.parts(number), no_swap)
    assert list(replay(lane, [Records.of(rows, len(sent))], []))
    return lane


def row_of(arrays: Arrays, rows: Mapping[str, int], channel: str) -> bytes:
    return bytes(arrays[ROWS][rows[channel]]["mean"]) + bytes(
        arrays[ROWS][rows[channel]]["learned"]
    )


def test_two_lanes_become_three_and_no_channel_forgets(tmp_path: Path) -> None:
    old, channels = plan(tmp_path, 2)
    new, _ = plan(tmp_path, 3)
    telemetry = city.Telemetry(channels, seed=5)
    sent = [telemetry.message(1_700_000_000_000 + 20 * i) for i in range(MESSAGES)]
    lanes = [lived(old, number, sent) for number in range(2)]
    found = [unpack(learned(lane)).arrays for lane in lanes]
    before = {
        channel: row_of(arrays, lane.parts.catalogue.row_of, channel)
        for lane, arrays in zip(lanes, found, strict=True)
        for channel in lane.parts.catalogue.ids
    }
    after: dict[str, bytes] = {}
    for number in range(3):
        parts = new.parts(number)
        arrays, known = _joined(parts, (new.parts(number) for _ in found), found)
        assert known == len(parts.catalogue.ids) > 0
        parts.scorer.warm(arrays, np.arange(known))
        state = parts.scorer.arrays()
        after |= {c: row_of(state, parts.catalogue.row_of, c) for c in parts.catalogue.ids}
    assert sorted(after) == sorted(channels)
    assert after == before
    assert len(set(before.values())) > len(channels) // 2, "they learned nothing of their own"
