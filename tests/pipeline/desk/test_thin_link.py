"""A link whose channels lie over so many lanes that none of them has enough to ring for it."""

from pathlib import Path

import msgspec
import pytest

from app.process.desk_worker import city_desk
from configuration.configuration import Configuration
from configuration.lane_plan import plan_of
from contracts.alarm import Alarm, decode_alarm
from contracts.desk.incident import Incident
from contracts.desk.journal import DeskEntry, DeskTick, Took
from contracts.desk.notice import Notice
from contracts.ports.alarm_source import AlarmRecord
from contracts.ports.lane_log import Message
from contracts.records import Records
from contracts.topics import TopicNames
from pipeline.desk.desk_lane import DeskLane
from pipeline.lane.lane import Lane, exhaust
from tests.testkit import city

pytestmark = pytest.mark.slow

LINK, LANES, GROUPS = "telecom.cell-9", 8, 40  # of two channels each
BEGAN_S, HEARD, DARK = 1_772_305_920, (0, 1, 2), (60, 200, 240)  # seconds with a record


def configured(folder: Path) -> Configuration:
    """A city all of whose channels speak by one link."""
    city.configure(folder, GROUPS, LANES, folder / "state")
    catalogue = folder / "water" / "catalogue.csv"
    head, *rows = catalogue.read_text().splitlines()
    linked = [f"{head},link", *(f"{row},{LINK}" for row in rows)]
    catalogue.write_text("\n".join(linked) + "\n")
    return Configuration.load(folder)


def rung(configuration: Configuration, number: int) -> list[bytes]:
    """What one lane tells when all of its channels fall silent at once."""
    plan = plan_of(configuration, "water")
    parts = plan.parts(number)
    lane = Lane(plan.name(number), parts, lambda _: plan.parts(number))
    told: list[Message] = []
    for second in (*HEARD, *DARK):
        # Later what is not known keeps the lane's time moving.
        ids = parts.catalogue.ids if second in HEARD else ["water.unknown"]
        ms = 1_000 * (BEGAN_S + second)
        body = [{"channel": name, "time": ms, "value": 5.0} for name in ids]
        lane.feed(Records.of([(second, ms, msgspec.json.encode(body))]))
        told += [message for message in lane.outbox.take() if message.kind == "alarm"]
    return [message.body for message in told]


def desk_told(folder: Path, configuration: Configuration, lanes: list[list[bytes]]) -> DeskLane:
    """The desk stage behind them, which takes some alarms of each lane in turn."""
    parts = city_desk(folder, configuration)
    made = parts.desk_of(parts.bundle)
    stage = DeskLane(TopicNames(), lambda _: parts.desk_of(parts.bundle), made)
    for first in range(0, max(map(len, lanes)), 3):
        for number, bodies in enumerate(lanes):
            some = bodies[first : first + 3]
            took = Took({f"water-{number}": (first, first + len(some))})
            records = [
                AlarmRecord(f"water-{number}", first + n, 0, body) for n, body in enumerate(some)
            ]
            exhaust(stage.applying(DeskEntry(took), records))
    exhaust(stage.applying(DeskEntry(DeskTick(BEGAN_S + 400))))
    return stage


def test_it_is_one_incident_with_the_link_as_its_root_and_one_notice(tmp_path: Path) -> None:
    configuration = configured(tmp_path)
    lanes = [rung(configuration, number) for number in range(LANES)]
    alarms: list[Alarm] = [decode_alarm(body) for bodies in lanes for body in bodies]
    assert {alarm.rule.name for alarm in alarms} == {"silent"}, "a lane had enough by itself"
    assert len(alarms) == 2 * GROUPS
    assert {alarm.link for alarm in alarms} == {LINK}
    messages = desk_told(tmp_path, configuration, lanes).outbox.take()
    incidents = [
        msgspec.json.decode(m.body, type=Incident) for m in messages if m.kind == "incident"
    ]
    # The two channels of a tank were an incident of their own before the link was known.
    newest = {told.id: told.situation for told in incidents}
    (last,) = [situation for situation in newest.values() if situation.state != "merged"]
    assert last.counts["all"] == 2 * GROUPS
    assert last.root is not None
    assert f"{last.root.lifeline}.{last.root.asset}" == LINK
    assert (last.colour, last.raised) == ("orange", ["mass silence"])
    notices = [msgspec.json.decode(m.body, type=Notice) for m in messages if m.kind == "notice"]
    rang = [n for n in notices if n.withheld is None and n.reason != "heartbeat"]
    assert [(n.incident, n.colour) for n in rang] == [(last.id, "orange")]
    again = desk_told(tmp_path, configuration, lanes).outbox
    assert [m.body for m in again.take()] == [m.body for m in messages]


def test_its_channels_are_counted_over_all_lanes(tmp_path: Path) -> None:
    configuration = configured(tmp_path)
    lanes = [rung(configuration, number) for number in range(LANES)]
    few = [bodies[:2] for bodies in lanes]  # 16 of 80: less than 20, and than 30 %
    messages = desk_told(tmp_path, configuration, few).outbox.take()
    told = [msgspec.json.decode(m.body, type=Incident) for m in messages if m.kind == "incident"]
    assert all(len(incident.situation.members) <= 2 for incident in told)
