"""Open alarms as the desk publishes them: newest revision, answer, incident, work order."""

from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Any, Final

import msgspec

from alarms.book import alarm_id
from alarms.copies.records import Records
from alarms.wording import clock
from contracts.alarm import Alarm, OwnedBy, RespondTo, RungBy, decode_alarm, encode_alarm
from contracts.catalogue import Where
from contracts.desk.answer import Answer
from contracts.desk.commands import Report
from contracts.ports.desk import SlicedCopy
from contracts.ports.lane_log import Message
from contracts.quantities import NS_PER_S

REPORT: Final = "report"  # rule of what a person found
_NOWHERE: Final = Where("", "", "", "", None, None)


class _Current(msgspec.Struct):
    """`CurrentAlarm` around an alarm that is encoded already."""

    alarm: msgspec.Raw
    answer: Answer
    incident: str
    drill: bool


class OpenAlarm(msgspec.Struct, array_like=True):
    """What is kept of an open alarm.

    Parameters
    ----------
    body : str
        Its newest revision, as it came.
    asset : str
        `<lifeline>.<asset>`.
    fault : str
        `class/rule`.
    first : str
        What to do first.
    incident : str
    order : str
        Work order that covers it, empty when none does.
    until_s : int
        Desk time at which the order ends.
    suppressed_by : str
        Alarm of its asset by which it is suppressed by design, empty when it is not.
    """

    body: str
    asset: str
    fault: str
    first: str
    incident: str
    order: str = ""
    until_s: int = 0
    suppressed_by: str = ""

    @property
    def reported(self) -> bool:
        """Whether a person found it, so that no lane will clear it."""
        return self.fault.startswith(f"{REPORT}/")

    def alarm(self) -> Alarm:
        """Its newest revision."""
        return decode_alarm(self.body.encode())


class OpenAlarms:
    """Alarms that are not over and answered, by id, by asset and by incident."""

    def __init__(self) -> None:
        self._held: Records[str, OpenAlarm] = Records()
        self._of_asset: dict[str, dict[str, None]] = {}
        self._of_incident: dict[str, dict[str, None]] = {}

    def __len__(self) -> int:
        return len(self._held)

    def get(self, alarm: str) -> OpenAlarm | None:
        """One of them, None when it is not open."""
        held: OpenAlarm | None = self._held.get(alarm)
        return held

    def items(self) -> Iterable[tuple[str, OpenAlarm]]:
        """Ids and what is kept of them."""
        yield from self._held.items()

    def of_assets(self, assets: list[str]) -> list[str]:
        """Ids of the open alarms of some assets, each in the order of its last revisions."""
        return [name for asset in assets for name in self._of_asset.get(asset, ())]

    def keep(self, alarm: Alarm, incident: str) -> OpenAlarm:
        """Take a revision of an open alarm."""
        before = self._held.get(alarm.id)
        held = OpenAlarm(
            encode_alarm(alarm).decode(),
            asset_of(alarm),
            fault_of(alarm),
            next(iter(alarm.respond.first), ""),
            incident,
            *((before.order, before.until_s, before.suppressed_by) if before else ()),
        )
        self._take_out(alarm.id)
        self._put(alarm.id, held)
        return held

    def move(self, alarm: str, incident: str) -> None:
        """Let an open alarm be in another incident."""
        held = self._held[alarm]
        _drop(self._of_incident, held.incident, alarm)
        held.incident = incident
        self._of_incident.setdefault(incident, {})[alarm] = None

    def of_incident(self, incident: str) -> list[str]:
        """Ids of the open alarms that are said to be in an incident, sorted."""
        return sorted(self._of_incident.get(incident, ()))

    def _put(self, alarm: str, held: OpenAlarm) -> None:
        self._held[alarm] = held
        self._of_asset.setdefault(held.asset, {})[alarm] = None
        self._of_incident.setdefault(held.incident, {})[alarm] = None

    def _take_out(self, alarm: str) -> None:
        if (held := self._held.pop(alarm, None)) is not None:
            _drop(self._of_asset, held.asset, alarm)
            _drop(self._of_incident, held.incident, alarm)

    def drop(self, alarm: str) -> Message:
        """Let go of an alarm; its last record, which has no body."""
        self._take_out(alarm)
        return Message("current", alarm.encode(), b"")

    def record(self, alarm: str, answer: Answer, *, drill: bool) -> Message:
        """Record of an open alarm with its answer."""
        held = self._held[alarm]
        told = _Current(msgspec.Raw(held.body.encode()), answer, held.incident, drill)
        return Message("current", alarm.encode(), msgspec.json.encode(told))

    def state(self) -> dict[str, Any]:
        """All of them, as plain data."""
        return {name: msgspec.to_builtins(held) for name, held in self._held.items()}

    def copying(self) -> SlicedCopy:
        """Begin a copy of what `state` gives now."""
        return self._held.copying()

    def restore(self, state: dict[str, Any]) -> None:
        """Take over what `state` gave, in place of what was known."""
        self._held, self._of_asset, self._of_incident = Records(), {}, {}
        for name, held in state.items():
            self._put(name, msgspec.convert(held, OpenAlarm))


def asset_of(alarm: Alarm) -> str:
    """Its asset with its lifeline."""
    return f"{alarm.lifeline}.{alarm.asset}"


def fault_of(alarm: Alarm) -> str:
    """What is wrong, by class and rule; what a person found is told apart by its first word."""
    rule = alarm.rule.name
    words = (rule, alarm.class_name) if rule == REPORT else (alarm.class_name, rule)
    return "/".join(words)


def _drop(index: dict[str, dict[str, None]], key: str, alarm: str) -> None:
    """Take an alarm out of an index, and a key that has none any more."""
    there = index[key]
    del there[alarm]
    if not there:
        del index[key]


def seconds_of(time: str) -> int:
    """Whole seconds since 1970 UTC of an RFC 3339 time.

    >>> seconds_of("2026-03-01T03:12:00.250+08:00")
    1772305920
    """
    return int(datetime.fromisoformat(time).timestamp() // 1)


def alarm_of_report(command: Report, time_s: int, zone: timezone, config: str) -> Alarm:
    """First revision of an alarm for what a person found; a person ends it by confirming it."""
    now = clock(time_s * NS_PER_S, zone)
    subject = f"{REPORT}.{command.lifeline}.{command.asset}"
    return Alarm(
        id=alarm_id(f"{REPORT}/{command.lifeline}", f"{subject} {command.id}", time_s * NS_PER_S),
        revision=1,
        state="active",
        colour=command.colour,
        was="clear",
        lifeline=command.lifeline,
        channel=subject,
        group=command.asset,
        onset=now,
        detected=now,
        say={
            "en": f"{command.asset}: reported by {command.by}: {command.reason}",
            "zh": f"{command.asset}：{command.by}上报：{command.reason}",
        },
        observed=None,
        expected=None,
        band=None,
        unit="",
        next=None,
        where=_NOWHERE,
        criticality="normal",
        evidence=[],
        cause=command.reason,
        consequence="not known yet: somebody must look",
        respond=RespondTo("", ["call who reported it, and send somebody to look"]),
        owner=OwnedBy("city", command.role, now, "city"),
        rule=RungBy(REPORT, f"command {command.id}", f"reported by {command.by}", config),
        asset=command.asset,
        class_name=command.lifeline,
    )


def ended(alarm: Alarm, time_s: int, zone: timezone) -> Alarm:
    """The revision that clears a report: no lane does."""
    return msgspec.structs.replace(
        alarm,
        revision=alarm.revision + 1,
        state="cleared",
        colour="clear",
        was=alarm.colour,
        detected=clock(time_s * NS_PER_S, zone),
    )
