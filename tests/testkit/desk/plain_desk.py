"""A small desk that a test can hold in its head: it republishes, counts and obeys acknowledging."""

import heapq
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import msgspec

from contracts.alarm import Alarm, ShelvingRecord, decode_alarm, encode_alarm
from contracts.catalogue import Where
from contracts.commands.concern import Concern
from contracts.desk.answer import Answer, CurrentAlarm
from contracts.desk.commands import Acknowledge, DeskCommand
from contracts.desk.incident import Impact, Incident, Situation, Ticket
from contracts.desk.notice import Notice
from contracts.desk.performance import DeskFigures, Performance
from contracts.ports.desk import Ground, Pieces, SlicedCopy
from contracts.ports.lane_log import Message

ACKNOWLEDGE_S = 60
POISON = "poison"  # of this channel, or for this reason: more than a touchy one can take
LATE_POISON = "late poison"  # raises not before it is obeyed
NOWHERE = Where("", "", "", "", None, None)


def seconds(text: str) -> int:
    """Seconds since 1970 of a time in an alarm."""
    return int(datetime.fromisoformat(text).timestamp())


class PlainDesk:
    """A `Desk`: every alarm is current until it clears, and an incident of its own from orange on.

    What is told of a shelving it tells on.

    Whoever does not acknowledge an incident within a minute of desk time is told once more.

    Parameters
    ----------
    config : str
    touchy : bool
        Raises at alarms of the channel `poison`, and at commands for such reasons.
    """

    def __init__(self, config: str, *, touchy: bool = False) -> None:
        self.config = config
        self._touchy = touchy
        self.time_s = -1
        self.taken = 0
        self._alarms: dict[str, dict[str, Any]] = {}  # id: alarm, acknowledged by
        self._incidents: dict[str, list[Any]] = {}  # id: revision, deadline, acknowledged
        self._clocks: list[tuple[int, str]] = []

    def taking(self, alarm: Alarm) -> Pieces:
        yield self.take(alarm)

    def obeying(self, command: DeskCommand) -> Pieces:
        yield self.obey(command)

    def advancing(self, time_s: int, *, late: bool = False) -> Pieces:
        yield self.advance(time_s, late=late)

    def take(self, alarm: Alarm) -> list[Message]:
        if alarm.channel == POISON and self._touchy:
            raise ZeroDivisionError(alarm.id)
        told = self.advance(seconds(alarm.detected))
        self.taken += 1
        if alarm.state == "cleared":
            self._alarms.pop(alarm.id, None)
            told.append(Message("current", alarm.id.encode(), b""))
            return told + self._over(alarm)
        by = self._alarms.get(alarm.id, {}).get("by", "")
        self._alarms[alarm.id] = {"alarm": encode_alarm(alarm).decode(), "by": by}
        told.append(self._current(alarm.id))
        if alarm.colour in {"orange", "red"} and (id_ := incident_of(alarm.id)) not in (
            self._incidents
        ):
            deadline = self.time_s + ACKNOWLEDGE_S
            self._incidents[id_] = [1, deadline, False]
            heapq.heappush(self._clocks, (deadline, id_))
            told += [self._incident(id_, "new"), self._notice(id_, "new")]
        return told

    def _over(self, alarm: Alarm) -> list[Message]:
        id_ = incident_of(alarm.id)
        if id_ not in self._incidents:
            return []
        self._incidents[id_][0] += 1
        told = self._incident(id_, "over")
        del self._incidents[id_]
        return [told]

    def shelved(self, record: ShelvingRecord) -> list[Message]:
        key, by = f"n-{record.channel}-{record.state}".encode(), record.by.encode()
        return [Message("notice", key, by)]

    def concern(self, command: DeskCommand) -> Concern:
        del command
        return Concern()

    def judge(self, command: DeskCommand) -> Ground:
        if not isinstance(command, Acknowledge):
            return "unknown_command", "expected `acknowledge`; this desk knows nothing else"
        if command.reason == POISON and self._touchy:
            raise ZeroDivisionError(command.target)
        if command.target not in self._alarms and command.target not in self._incidents:
            return "unknown_target", f"expected something open, got {command.target}"
        return None

    def obey(self, command: DeskCommand) -> list[Message]:
        assert isinstance(command, Acknowledge)
        if command.reason == LATE_POISON and self._touchy:
            raise ZeroDivisionError(command.target)
        if command.target in self._incidents:
            incident = self._incidents[command.target]
            incident[0] += 1
            incident[2] = True
            return [self._incident(command.target, "ticket")]
        self._alarms[command.target]["by"] = command.by
        return [self._current(command.target)]

    def due(self, time_s: int) -> bool:
        return bool(self._clocks) and self._clocks[0][0] <= time_s

    def advance(self, time_s: int, *, late: bool = False) -> list[Message]:
        told: list[Message] = []
        while self.due(time_s):
            _, id_ = heapq.heappop(self._clocks)
            if id_ in self._incidents and not self._incidents[id_][2]:
                told.append(self._notice(id_, "escalated", late=late))
        self.time_s = max(self.time_s, time_s)
        return told

    def state(self) -> dict[str, Any]:
        return {
            "time_s": self.time_s,
            "taken": self.taken,
            "alarms": {id_: dict(held) for id_, held in self._alarms.items()},
            "incidents": {id_: list(held) for id_, held in self._incidents.items()},
            "clocks": [list(clock) for clock in sorted(self._clocks)],
        }

    def copying(self) -> SlicedCopy:
        held, state = [self.taken], self.state()  # as many slices as alarms, of nothing

        def part(most: int) -> int:
            done = min(most, held[0])
            held[0] -= done
            return done

        return SlicedCopy(part, lambda: state)

    def restore(self, state: dict[str, Any]) -> list[Message]:
        self.time_s, self.taken = state["time_s"], state["taken"]
        self._alarms, self._incidents = state["alarms"], state["incidents"]
        self._clocks = [(deadline, id_) for deadline, id_ in state["clocks"]]
        return [Message("notice", b"n-swap", self.config.encode())]

    def surveying(self) -> Iterator[Performance | None]:
        """One desk, that of its configuration."""
        figures = DeskFigures(
            self.config,
            told=len(self._incidents),
            floods=0,
            withheld={},
            flooded=False,
            standing={},
        )
        yield Performance((figures,))

    def counts(self) -> dict[str, int]:
        return {"alarms": len(self._alarms), "incidents": len(self._incidents)}

    def _current(self, id_: str) -> Message:
        held = self._alarms[id_]
        acknowledged = bool(held["by"])
        answer = Answer(
            active=True,
            acknowledged=acknowledged,
            confirmed=False,
            latched=False,
            shelved=False,
            suppressed=False,
            out_of_service=False,
            state="acknowledged" if acknowledged else "unacknowledged",
            by=held["by"],
        )
        alarm = decode_alarm(held["alarm"].encode())
        told = CurrentAlarm(alarm, answer, incident_of(id_))
        return Message("current", id_.encode(), msgspec.json.encode(told))

    def _incident(self, id_: str, reason: Any) -> Message:
        revision, _, acknowledged = self._incidents[id_]
        situation = Situation(
            id=id_,
            opened=True,
            state="over" if reason == "over" else "active",
            colour="orange",
            worst="orange",
            raised=[],
            title={"en": id_, "zh": id_},
            lifelines=[],
            where=NOWHERE,
            root=None,
            alternatives=[],
            members=[],
            counts={},
            impact=Impact(0, 0, 0, []),
            next=[],
            redundancy=[],
            onset="",
            detected="",
            life_safety=False,
        )
        ticket = Ticket("registered", "", [], acknowledged, "", [])
        told = Incident(id_, revision, reason, str(self.time_s), situation, ticket, [], False, "")
        return Message("incident", id_.encode(), msgspec.json.encode(told))

    def _notice(self, id_: str, reason: Any, *, late: bool = False) -> Message:
        revision = self._incidents[id_][0]
        told = Notice(
            id=f"n-{id_}-{reason}",
            incident=id_,
            alarm="a" + id_[1:],
            revision=revision,
            desk="city",
            level="city",
            to=[],
            reason=reason,
            colour="orange",
            at=str(self.time_s),
            text={},
            late=late,
        )
        return Message("notice", told.id.encode(), msgspec.json.encode(told))


def incident_of(alarm: str) -> str:
    """Id of an alarm's incident."""
    return "i" + alarm[1:]
