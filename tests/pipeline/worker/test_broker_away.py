"""Brokers that are away, or hide what they hold: what a lane does not hear then is not silence."""

import asyncio
import json
import time
from datetime import datetime

import pytest

from contracts.journal import Outage, Tick
from contracts.ports.source import LogView
from pipeline.worker import hidden_records
from pipeline.worker.broker_contact import BrokerContact, BrokerContacts
from tests.testkit.day import BEGAN_MS
from tests.testkit.memory_ports import WoundClock
from tests.testkit.world import Crew, World, holding

OUTAGE_S = 43
SOON_S = 0.05  # until brokers that do not answer count as away
AFTER_S = 3  # until a channel of the small city is silent


@pytest.fixture(autouse=True)
def soon(world: World) -> None:
    world.away_s = SOON_S


def reading(channel: str, time_ms: int) -> tuple[int, bytes]:
    return time_ms, json.dumps({"channel": channel, "time": time_ms, "value": 5.0}).encode()


class Town:
    """One lane whose channels all send once a second."""

    def __init__(self, world: World, crew: Crew) -> None:
        self.world, self.crew = world, crew
        catalogue = world.plans.first.parts(0).catalogue
        self.channels = list(catalogue.ids)
        world.clock.time_ms = BEGAN_MS

    async def send(self, *channels: str) -> None:
        """A reading of each, and wait until the lane has them."""
        stream = self.world.streams[0]
        stream.add([reading(channel, self.world.clock.time_ms) for channel in channels])
        await self.crew.until(lambda: self.crew.runner.status.position == stream.end)

    async def changed(self, kind: type, at_least: int = 1) -> list[object]:
        """Wait until so many changes of a kind are journalled."""
        await self.crew.until(lambda: len(self.changes(kind)) >= at_least)
        return self.changes(kind)

    def changes(self, kind: type) -> list[object]:
        return [e.change for _, e in self.world.journal() if isinstance(e.change, kind)]

    def silent(self) -> list[str]:
        """Channels that rang `silent`, in order."""
        bodies = [json.loads(message.body) for message in self.world.told()["alarm"]]
        return [
            b["channel"] for b in bodies if b["rule"]["name"] == "silent" and b["revision"] == 1
        ]

    def assert_repeatable(self) -> None:
        told = self.world.told()
        golden = self.world.golden()
        for kind, messages in told.items():
            assert messages == [m for m in golden if m.kind == kind]


async def vain(town: Town) -> None:
    """Wait until the lane knows that it asks in vain."""
    contact: BrokerContact = town.crew.runner._contact
    await town.crew.until(lambda: contact.vain_s > 2 * SOON_S)


async def test_the_first_reading_after_an_outage_does_not_let_all_others_ring(
    world: World,
) -> None:
    with world.context() as context:
        async with holding(world, context) as crew:
            town = Town(world, crew)
            await town.send(*town.channels)
            world.telemetry.away = True
            await vain(town)
            world.clock.time_ms += OUTAGE_S * 1000
            await asyncio.sleep(0.05)
            assert not town.changes(Tick)  # nobody was heard, and nobody could be
            world.telemetry.away = False
            alive, dead = town.channels[:-1], town.channels[-1]
            for channel in alive:
                await town.send(channel)
            assert await town.changed(Outage) == [Outage(OUTAGE_S)]
            for _ in range(AFTER_S + OUTAGE_S + 30):
                world.clock.time_ms += 1000
                await town.send(*alive)
            await crew.until(lambda: town.silent() == [dead])
        town.assert_repeatable()


async def test_a_long_outage_is_told_once_when_it_is_over(world: World) -> None:
    with world.context() as context:
        async with holding(world, context) as crew:
            town = Town(world, crew)
            await town.send(*town.channels)
            began_ms = world.clock.time_ms
            for blind_s in (59, 61):
                world.telemetry.away = True
                await vain(town)
                world.clock.time_ms += blind_s * 1000
                world.telemetry.away = False
                await town.send(*town.channels)
            await crew.until(lambda: bool(world.stopped_alarm()))
            await town.changed(Outage, 2)
            for _ in range(3):
                world.clock.time_ms += 1000
                await town.send(*town.channels)
            rung, over = world.stopped_alarm()
        town.assert_repeatable()
    assert (rung.rule.name, rung.state, rung.colour) == ("outage", "active", "orange")
    assert (over.id, over.revision, over.state) == (rung.id, 2, "cleared")
    assert datetime.fromisoformat(rung.onset).timestamp() == began_ms / 1000 + 59
    assert "heard no broker for 1 min 1 s" in rung.say["en"]
    assert "1 分 1 秒" in rung.say["zh"]


async def test_an_outage_is_not_forgotten_when_the_lane_begins_anew(world: World) -> None:
    with world.context() as context:
        async with holding(world, context) as crew:
            town = Town(world, crew)
            await town.send(*town.channels)
            world.telemetry.away = True
            await vain(town)
            await crew.kill()  # nothing of what it heard was told or filed
            world.clock.time_ms += OUTAGE_S * 1000
            world.telemetry.away = False
            crew.hire(context)
            await town.send(town.channels[0])
            await crew.until(lambda: bool(town.changes(Outage)))
            assert town.silent() == []
        town.assert_repeatable()


async def test_records_that_an_open_transaction_hides_are_not_silence(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hidden_records, "HIDDEN_S_MAX", 0.1)
    with world.context() as context:
        async with holding(world, context) as crew:
            town = Town(world, crew)
            await town.send(*town.channels)
            world.telemetry.hidden = 7
            await crew.until(lambda: crew.runner.status.lag == 7)
            world.clock.time_ms += 10 * AFTER_S * 1000
            await crew.until(lambda: bool(world.stopped_alarm()))
            (alarm,) = world.stopped_alarm()
            assert (alarm.rule.name, alarm.state, alarm.colour) == ("hidden", "active", "red")
            end = world.streams[0].end
            assert [(e.first, e.last) for e in alarm.evidence] == [(end, end + 6)]
            assert not town.changes(Tick)
            assert crew.runner.status.hidden_s > 0.1
            world.telemetry.hidden = 0
            await crew.until(lambda: len(world.stopped_alarm()) == 2)
            cleared = world.stopped_alarm()[1]
            assert (cleared.id, cleared.revision, cleared.state) == (alarm.id, 2, "cleared")
            await town.changed(Tick)
        town.assert_repeatable()


async def test_commands_that_an_open_transaction_hides_are_told_and_readings_go_on(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hidden_records, "HIDDEN_S_MAX", 0.1)
    with world.context() as context:
        async with holding(world, context) as crew:
            town = Town(world, crew)
            await town.send(*town.channels)
            world.commands.hidden = 3
            await crew.until(lambda: bool(world.stopped_alarm()))
            (alarm,) = world.stopped_alarm()
            assert (alarm.rule.name, alarm.colour) == ("hidden_commands", "orange")
            (evidence,) = alarm.evidence
            assert (evidence.topic, evidence.first, evidence.last) == (world.name().commands, 0, 2)
            assert crew.runner.status.commands_hidden_s > 0.1
            await town.send(*town.channels)
            world.commands.hidden = 0
            await crew.until(lambda: len(world.stopped_alarm()) == 2)
            cleared = world.stopped_alarm()[1]
            assert (cleared.id, cleared.revision, cleared.state) == (alarm.id, 2, "cleared")
            await crew.until(lambda: not crew.runner.status.commands_hidden_s)
        town.assert_repeatable()


def test_a_lane_that_is_busy_does_not_ask_in_vain() -> None:
    contact = BrokerContact(WoundClock(), SOON_S)
    for answered_ms in range(1, 4):
        contact.ask()
        contact.hear(LogView(answered_ms, 0, 0))
        time.sleep(2 * SOON_S)
    assert contact.in_touch
    assert contact.outage(0) is None


def test_an_outage_lies_where_the_log_ended_before_it_until_it_is_written() -> None:
    clock = WoundClock(60_000)
    contact = BrokerContacts(clock).of(3)
    contact.begin(0)
    contact.ask()
    contact.hear(LogView(1, 70, 70))
    contact.fail()
    clock.time_ms += 43_000
    contact.ask()
    contact.hear(LogView(2, 90, 90))
    assert not contact.in_touch
    assert contact.outage(60) == (70, 43)
    contact.take()
    assert contact.outage(60) is None
    contact.begin(60)  # before it was written
    assert contact.outage(60) == (70, 43)
    assert contact.outage(90) == (70, 43)
    contact.take()
    contact.written()
    assert contact.outage(60) is None
    assert contact.in_touch


def test_what_another_worker_has_heard_since_is_no_outage() -> None:
    clock = WoundClock(60_000)
    contact = BrokerContacts(clock).of(3)
    contact.begin(0)
    contact.ask()
    contact.hear(LogView(1, 70, 70))
    contact.fail()
    clock.time_ms += 3_600_000
    contact.begin(500)
    contact.ask()
    contact.hear(LogView(2, 500, 500))
    assert contact.outage(500) is None


def test_an_outage_in_which_the_end_of_the_log_was_lost_is_journalled_at_its_new_end() -> None:
    clock = WoundClock(60_000)
    contact = BrokerContacts(clock).of(3)
    for answered_ms, end in ((1, 70), (2, 50)):
        contact.ask()
        contact.hear(LogView(answered_ms, end, end))
        contact.fail()
        clock.time_ms += 43_000
    assert contact.outage(49) == (70, 43)
    assert contact.outage(50) == (50, 43)
