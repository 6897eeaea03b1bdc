"""Every alarm of the demo and of made days with every rule in them, made anew one by one."""

from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.demo.demo import feeds
from app.demo.lifeline import only_fed
from configuration.configuration import Configuration
from configuration.lane_plan import Plan, plan_of
from contracts.alarm import decode_alarm
from contracts.records import Records
from lab.feeds.compressed_clock import Sent, messages
from lab.feeds.feed import Feed
from pipeline.lane.lane import Lane
from runtime.installation import CONFIGS
from tests.laws.path import KINDS, NAMES, path
from tests.laws.path import Path as Way
from tests.operate.evidence.lane_life import LaneLife, outcomes
from tests.testkit.streams import troubled

PIECE = 200  # readings that a lane takes at once
SNAPSHOTS = 4


def lanes(feed: Feed, plan: Plan) -> dict[int, list[Sent]]:
    found: dict[int, list[Sent]] = defaultdict(list)
    for sent in messages(feed, plan):
        found[sent.partition].append(sent)
    return found


def lived(plan: Plan, number: int, sent: list[Sent], state: Path) -> LaneLife:
    """A lane of the demo from its first reading to its last."""
    lane = Lane(plan.name(number), plan.parts(number), lambda _: plan.parts(number))
    life = LaneLife(lane, state)
    pieces = [sent[at : at + PIECE] for at in range(0, len(sent), PIECE)]
    for index, piece in enumerate(pieces):
        life.tick(piece[0].time_ms // 1000)
        first = index * PIECE
        rows: list[tuple[int, int, bytes | None]] = [
            (first + i, one.time_ms, one.payload) for i, one in enumerate(piece)
        ]
        life.take(Records.of(rows, first + len(piece)))
        if index % (len(pieces) // SNAPSHOTS + 1) == 0:
            life.snapshot()
    return life


def demo(state: Path) -> Iterator[tuple[Configuration, str, LaneLife]]:
    configuration = Configuration.load(CONFIGS)
    for feed in feeds(configuration):
        for part in feed.by_lifeline():
            own = only_fed(configuration, part)
            plan = plan_of(own, part.lifeline)
            for number, sent in sorted(lanes(part, plan).items()):
                place = state / f"{feed.lifeline}-{part.lifeline}-{number}"
                yield own, part.lifeline, lived(plan, number, sent, place)


def made_day(way: Way, state: Path) -> LaneLife:
    """A day with every trouble in it, and a snapshot at noon."""
    stream = way.over(troubled())
    life = LaneLife(way.lane(), state)
    life.keep(*(plan.configuration for plan in way.plans))
    records, entries = stream.records, stream.journal
    half = len(records) // 2
    noon = int(records.offset[half])
    life.take(records.cut(0, half), [one for one in entries if one[1].at < noon])
    life.snapshot()
    life.take(records.cut(half, len(records)), [one for one in entries if one[1].at >= noon])
    return life


@pytest.mark.long
async def test_every_alarm_of_the_demo_is_made_anew_to_the_byte(tmp_path: Path) -> None:
    total: Counter[str] = Counter()
    revisions, alarms, rules = 0, set(), set()
    for today, lifeline, life in demo(tmp_path):
        total += await outcomes(today, lifeline, life)
        revisions += len(life.revisions)
        alarms |= {one.alarm for one in life.revisions}
        rules |= {decode_alarm(one.body).rule.name for one in life.revisions}
    assert total["equal"] == revisions > 80
    assert total["snapshot"] == len(alarms) > 30
    assert rules >= {"limit", "fall", "trend", "silent", "sequence", "unusual", "seasonal"}


@pytest.mark.long
@pytest.mark.parametrize("name", [*NAMES, *KINDS])
async def test_every_alarm_of_a_made_day_is_made_anew_to_the_byte(
    name: str, tmp_path: Path
) -> None:
    """Every rule by itself, then all with ticks, shelvings, swaps and shadows among readings."""
    way = path(name)
    life = made_day(way, tmp_path)
    found = await outcomes(way.plans[0].configuration, "water", life)
    assert found["equal"] == len(life.revisions) > 0
    assert way.rings <= {decode_alarm(one.body).rule.name for one in life.revisions}


@pytest.mark.slow
async def test_where_nothing_says_what_governed_at_birth_no_alarm_is_called_forged(
    tmp_path: Path,
) -> None:
    """Manifests are compacted, and the bundle of today was swapped to: which was the first."""
    way = path("shadowing")
    life = made_day(way, tmp_path)
    del life.manifests[0]
    assert life.manifests[0].config != way.plans[0].configuration.hash
    found = await outcomes(way.plans[0].configuration, "water", life)
    assert found["equal"] + found["out of reach"] == len(life.revisions)
    assert found["equal"] > 10
    assert found["out of reach"]
