"""`tocsin alarms list` and `show`: what the desk stage told last, for people and for programs."""

import argparse
import sys
from typing import Any, Final

import msgspec

from alarms import desk_text
from broker.partition_reader import LaneReader
from contracts.desk.answer import CurrentAlarm
from contracts.desk.incident import Incident
from contracts.errors import ConfigError
from contracts.topics import TopicNames
from operate.command_desk import reading
from operate.settings import settled

COLOURS: Final = ("red", "orange", "yellow", "blue", "clear")


async def desk_view(arguments: argparse.Namespace) -> int:
    """Print what is open, or all about one alarm or incident."""
    configuration = settled(arguments)
    names = TopicNames(configuration.settings.app)
    async with reading(configuration) as reader:
        alarms = await _newest(reader, names.current, CurrentAlarm)
        incidents = await _newest(reader, names.incidents, Incident)
    listing = arguments.act == "list"
    if listing:
        found = _open(incidents) + _alone(alarms, incidents)
    else:
        one = incidents.get(arguments.target) or alarms.get(arguments.target)
        if one is None:
            known = "`tocsin alarms list` has those that are open"
            msg = f"expected an alarm or incident that was told, got {arguments.target!r}; {known}"
            raise ConfigError(msg)
        found = [one]
    for one in found:
        texts = [desk_text.line(one)] if listing else desk_text.whole(one)
        told = [msgspec.json.encode(one).decode()] if arguments.json else texts
        sys.stdout.write("".join(f"{text}\n" for text in told))
    return 0


async def _newest(reader: LaneReader, topic: str, kind: type[Any]) -> dict[str, Any]:
    """The last record of every key, without those that are over."""
    found, _ = await reader.read(topic, 0, None)
    bodies = {one.key.decode(): one.value for one in found if one.key and one.key != b"mark"}
    return {key: msgspec.json.decode(body, type=kind) for key, body in bodies.items() if body}


def _open(incidents: dict[str, Incident]) -> list[Incident | CurrentAlarm]:
    """Those without a verdict that are no part of another, the worst first."""
    known = [i for i in incidents.values() if i.situation.state != "merged"]
    there = [i for i in known if not i.ticket.verdict]
    there.sort(key=lambda i: (COLOURS.index(i.situation.colour), i.situation.onset))
    return [*there]


def _alone(
    alarms: dict[str, CurrentAlarm], incidents: dict[str, Incident]
) -> list[Incident | CurrentAlarm]:
    """Alarms that are in no incident that was told."""
    there = [a for a in alarms.values() if a.incident not in incidents]
    there.sort(key=lambda a: (COLOURS.index(a.alarm.colour), a.alarm.onset))
    return [*there]
