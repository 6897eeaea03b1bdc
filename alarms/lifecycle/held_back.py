"""What keeps an incident, or the line of one alarm, from being told, and what people do first."""

from collections.abc import Iterator, Sequence
from datetime import timezone
from typing import NamedTuple

from alarms.duty.case import Facts
from alarms.incidents.grouping import Incidents
from alarms.lifecycle.alarm_state import AlarmAnswers
from alarms.lifecycle.suppression import Ringing
from alarms.open_alarms import OpenAlarm, OpenAlarms, asset_of, fault_of
from alarms.wording import clock
from contracts.alarm import Alarm
from contracts.desk.answer import Answer
from contracts.desk.incident import Change, Situation
from contracts.quantities import NS_PER_S


def facts_of(
    situation: Situation,
    some: Sequence[tuple[OpenAlarm, Answer]],
    root: OpenAlarm | None,
    zone: timezone,
) -> Facts:
    """What its open alarms say of an incident; it is no drill, and nothing explains it.

    Parameters
    ----------
    situation : Situation
    some : sequence of (OpenAlarm, Answer)
        Its members that are open, at least one.
    root : OpenAlarm or None
        What lies behind all others: what to do first is said of it.
    zone : timezone
        The city's.
    """
    first, alone = some[0][0], not situation.opened
    ordered = all(held.order for held, _ in some)
    shelved = all(answer.shelved for _, answer in some)
    until = max(answer.shelving.until if answer.shelving else "" for _, answer in some)
    if ordered:
        until = clock(max(held.until_s for held, _ in some) * NS_PER_S, zone)
    return Facts(
        maintenance=first.order if ordered else "",
        shelved=situation.members[0].channel if shelved else "",
        chattering=alone and all(answer.chattering for _, answer in some),
        fleeting=alone and all(answer.fleeting for _, answer in some),
        until=until if ordered or shelved else "",
        fault=first.fault,
        first={"en": (root or first).first},
    )


class ByDesign(NamedTuple):
    """Suppresses by design what the assets of a city ring.

    Parameters
    ----------
    alarms : OpenAlarms
    answers : AlarmAnswers
        Which know the rules.
    incidents : Incidents
    """

    alarms: OpenAlarms
    answers: AlarmAnswers
    incidents: Incidents

    def mutes(self, alarm: Alarm) -> bool:
        """Whether an alarm that stands tells nothing, as another of its asset rings."""
        fault, rules = fault_of(alarm), self.answers.suppressions
        if alarm.life_safety or alarm.state == "cleared" or not rules.concern(fault):
            return False
        here = Ringing(alarm.id, fault, active=True)
        others = [one for one in self._ringing(asset_of(alarm)) if one.alarm != alarm.id]
        return bool(rules.wanted([*others, here]).get(alarm.id))

    def changing(self, asset: str, fault: str, time_s: int) -> Iterator[tuple[str, list[Change]]]:
        """Suppress what an asset rings, or let it be heard again.

        Parameters
        ----------
        asset : str
            `<lifeline>.<asset>`.
        fault : str
            What has just rung there, or is over; empty under other rules than before.
        time_s : int

        Yields
        ------
        (str, list of Change)
            Each alarm that is suppressed now and was not, or the other way round, once it is; and
            what that changes of its incident.
        """
        rules = self.answers.suppressions
        if fault and not rules.concern(fault):
            return
        ringing = self._ringing(asset)
        before = {one.alarm: "" for one in ringing if self._held(one.alarm).suppressed_by}
        for name, by in (before | rules.wanted(ringing)).items():
            held = self._held(name)
            now = self.answers.mark(name, "suppressed", on=bool(by)).suppressed
            if now != bool(held.suppressed_by):
                held.suppressed_by = by if now else ""
                yield name, self._changes(name, time_s, muted=now)

    def assets(self) -> list[str]:
        """Assets of which anything was suppressed, or may be now."""
        concern = self.answers.suppressions.concern
        some = (
            held for _, held in self.alarms.items() if held.suppressed_by or concern(held.fault)
        )
        return list(dict.fromkeys(held.asset for held in some))

    def _ringing(self, asset: str) -> list[Ringing]:
        names = self.alarms.of_assets([asset])
        return [Ringing(n, self._held(n).fault, self.answers.answer(n).active) for n in names]

    def _held(self, alarm: str) -> OpenAlarm:
        held = self.alarms.get(alarm)
        assert held is not None, "it is among the open ones"
        return held

    def _changes(self, alarm: str, time_s: int, *, muted: bool) -> list[Change]:
        """What comes of it for the incident that an alarm is in."""
        incident = self.incidents.of_alarm(alarm)
        if incident is None:
            return []
        changes = self.incidents.mute(alarm, time_s, on=muted)
        return changes if muted else [*changes, Change(incident, "new")]
