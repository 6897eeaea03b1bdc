"""Every alarm of a day, decided anew from what is left: equal to the byte, or said not to be."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from configuration.bundle_store import keep
from configuration.configuration import Configuration
from contracts.alarm import decode_alarm
from contracts.batch import Disposition
from contracts.journal import Accept, Shelve, Swap, Tick
from contracts.ports.lane_log import OutputMark
from contracts.records import Records
from operate.evidence.decision import LaneDecisions, decided_anew
from operate.evidence.readings import Readings
from operate.evidence.replica import LanePast, Replica, Revision
from pipeline.snapshot.store import SnapshotStore
from tests.testkit.day import Day
from tests.testkit.world import ALARMS, PACE, Plans, World, holding

CUT = 37  # records of one fetch


async def lived(world: World) -> None:
    """A day under each of two configurations, and a death behind the last snapshot."""
    day = Day(world, filing=True)
    for plan in (world.plans.first, world.plans.second):
        with world.context(plan) as context:
            async with holding(world, context) as crew:
                await day.pass_by(crew)
                await crew.drain()
    pace = replace(PACE, snapshot_readings=1_000_000)
    with world.context(world.plans.second, pace=pace) as context:
        async with holding(world, context) as crew:
            before = world.streams[0].end
            day.readings()
            await day.caught_up(crew)
            await crew.until(lambda: world.marks()[-1].telemetry > before)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A world that is over, with all that it left."""
    place = tmp_path_factory.mktemp("evidence")
    world = World(Plans.make(place), place / "state")
    asyncio.run(lived(world))
    store = SnapshotStore(world.location)
    for plan in (world.plans.first, world.plans.second):
        keep(store, plan.configuration)
    return world


def configuration_of(world: World) -> Configuration:
    """That of today: the second."""
    today = world.plans.second.configuration
    return today.with_settings(msgspec.structs.replace(today.settings, state=world.location))


def revisions_of(world: World) -> list[Revision]:
    written, _ = world.broker.committed(ALARMS.format(0))
    alarms = [(one, decode_alarm(one.body)) for one in written if one.kind == "alarm"]
    return [Revision(alarm.id, alarm.revision, one.offset, one.body) for one, alarm in alarms]


def past_of(world: World, revisions: list[Revision], telemetry_begin: int = 0) -> LanePast:
    written, _ = world.broker.committed(ALARMS.format(0), revisions[-1].offset)
    mark = next(one for one in written if one.kind == "mark")
    manifests = tuple(world.manifests())
    said = msgspec.json.decode(mark.body, type=OutputMark)
    return LanePast(tuple(revisions), said, manifests, telemetry_begin)


def decided(world: World, past: LanePast) -> LaneDecisions:
    channels = frozenset(decode_alarm(one.body).channel for one in past.revisions)
    readings = Readings(channels)
    replica = Replica(configuration_of(world), "water", 0, readings)
    assert past.mark is not None
    journal = [one for one in world.journal() if one[0] < past.mark.journal]

    async def telemetry(begin: int, end: int) -> AsyncIterator[Records]:
        whole = world.streams[0].records()
        first, last = np.searchsorted(whole.offset, [begin, end]).tolist()
        for at in range(first, last, CUT):
            yield whole.cut(at, min(at + CUT, last))

    return asyncio.run(decided_anew(replica, readings, past, journal, telemetry))


def test_every_revision_of_the_day_is_equal_to_the_byte(world: World) -> None:
    revisions = revisions_of(world)
    found = decided(world, past_of(world, revisions))
    assert [one.outcome for one in found.decisions] == ["equal"] * len(revisions)
    assert found.since == "the beginning of the lane's telemetry"
    assert len({one.alarm for one in revisions}) > 10
    assert max(one.number for one in revisions) > 1
    changes = {type(entry.change) for _, entry in world.journal()}
    assert changes >= {Accept, Tick, Shelve, Swap}, "an idle day"
    assert {decode_alarm(one.body).rule.config for one in revisions} == {
        plan.configuration.hash[:7] for plan in (world.plans.first, world.plans.second)
    }


def test_each_alarm_alone_is_made_anew_from_the_nearest_snapshot(world: World) -> None:
    revisions, since = revisions_of(world), set()
    for alarm in sorted({one.alarm for one in revisions}):
        mine = [one for one in revisions if one.alarm == alarm]
        found = decided(world, past_of(world, mine))
        assert [one.outcome for one in found.decisions] == ["equal"] * len(mine), alarm
        since.add(found.since.split(" ")[0])
    assert since == {"snapshot", "the"}, "both kinds of beginnings"


def test_readings_come_with_what_became_of_them_and_their_scores(world: World) -> None:
    revisions = revisions_of(world)
    found = decided(world, past_of(world, revisions))
    taken = [one for of in found.readings.values() for one in of]
    dispositions = {Disposition(one.disposition) for one in taken}
    assert dispositions >= {Disposition.SCORED, Disposition.HELD}
    assert any(np.isfinite(one.score) for one in taken)
    observed = {alarm.observed for alarm in (decode_alarm(one.body) for one in revisions)}
    assert observed - {None} <= {one.value for one in taken}
    assert taken[0].cells()[0].startswith("2023-11-14T22:13:2")


def test_a_revision_that_was_changed_afterwards_is_told_with_its_fields(world: World) -> None:
    revisions = revisions_of(world)[:6]
    body = json.loads(revisions[3].body)
    forged = json.dumps({**body, "colour": "blue", "observed": 0.5}).encode()
    revisions[3] = revisions[3]._replace(body=forged)
    revisions[4] = revisions[4]._replace(alarm="a-0000000000000000")
    found = decided(world, past_of(world, revisions))
    assert [one.outcome for one in found.decisions] == [
        *("equal", "equal", "equal", "differs", "not told", "equal"),
    ]
    assert set(found.decisions[3].differs) <= {"colour", "observed"}
    assert "observed" in found.decisions[3].differs


def test_what_retention_took_is_said_and_the_rest_is_made_anew(world: World) -> None:
    revisions = revisions_of(world)
    newest = world.manifests()[-2]
    found = decided(world, past_of(world, revisions, telemetry_begin=newest.telemetry))
    outcomes = [one.outcome for one in found.decisions]
    reached = sum(one.offset >= newest.alarms for one in revisions)
    assert outcomes == ["out of reach"] * (len(revisions) - reached) + ["equal"] * reached
    assert 0 < reached < len(revisions)
    gone = decided(world, past_of(world, revisions[:5], telemetry_begin=newest.telemetry))
    assert {one.outcome for one in gone.decisions} == {"out of reach"}
    assert "the record itself remains" in gone.since


def test_a_snapshot_that_is_gone_is_done_without(world: World, tmp_path: Path) -> None:
    revisions = revisions_of(world)[-1:]
    past = past_of(world, revisions)
    elsewhere = World(world.plans, tmp_path, world.broker, world.streams)
    for plan in (world.plans.first, world.plans.second):
        keep(SnapshotStore(elsewhere.location), plan.configuration)
    found = decided(elsewhere, past)
    assert found.since == "the beginning of the lane's telemetry"
    assert [one.outcome for one in found.decisions] == ["equal"]
