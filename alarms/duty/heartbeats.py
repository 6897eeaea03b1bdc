"""Heartbeats: each desk is told regularly how much of what it answers for is watched.

They are told of the present alone, once nothing waits to be judged. So a desk whose heartbeat stays
away knows that something between the sensors and itself is ill.
"""

import math
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from alarms.deadlines import Deadlines
from alarms.duty.clocks import seconds
from alarms.duty.coverage import Coverage, View, Zone
from alarms.duty.desks import Desk
from alarms.duty.notices import notice_id
from alarms.duty.plan import DutyPlan
from alarms.rationalisation import Text
from alarms.wording import clock as rfc3339
from contracts.desk.notice import Notice, Withheld
from contracts.quantities import NS_PER_S

AREAS_NAMED: Final = 5  # blind ones; a person reads no more at one glance
AT_ONCE: Final = 0  # when the heartbeat of a desk is due that has had none


class Heartbeats:
    """Tells desks that have channels what share of them is watched.

    Parameters
    ----------
    plan : DutyPlan

    Attributes
    ----------
    coverage : Coverage
        Must be shown each alarm.
    """

    def __init__(self, plan: DutyPlan) -> None:
        self.coverage = Coverage(plan.desks, plan.inventory)
        self._plan = plan
        self._deadlines = Deadlines()
        self._due: dict[str, int] = {}
        for desk in self.coverage:
            self._set(desk, AT_ONCE)

    @property
    def soonest_s(self) -> int | None:
        """When the next one is due, None when there is no desk with channels."""
        return self._deadlines.soonest_s

    def advance(self, time_s: int) -> list[Notice]:
        """One notice for each desk whose heartbeat is due, however many it has missed."""
        if (soonest_s := self.soonest_s) is None or soonest_s > time_s:
            return []
        views = self.coverage.views()
        notices = []
        while (due := self._deadlines.pop(time_s)) is not None:
            desk = self._plan.desks.get(due[1][0])
            assert desk is not None, "desks of the plan alone have heartbeats"
            self._set(desk.id, self._next_s(desk, time_s))
            notices.append(self._notice(desk, views[desk.id], time_s))
        return notices

    def state(self) -> dict[str, int]:
        """When the heartbeat of each desk is due, as plain data."""
        return dict(self._due)

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on with the desks that are still there; under a shorter interval sooner."""
        for desk in self.coverage:
            self._set(desk, state.get(desk, AT_ONCE))

    def _set(self, desk: str, due_s: int) -> None:
        self._due[desk] = due_s
        self._deadlines.set((desk,), due_s)

    def _next_s(self, desk: Desk, time_s: int) -> int:
        """The next whole multiple of its interval, counted from midnight in the city."""
        every_s = seconds(desk.heartbeat)
        ahead_s = int((self._plan.zone.utcoffset(None) or timedelta()).total_seconds())
        return time_s + every_s - (time_s + ahead_s) % every_s

    def _notice(self, desk: Desk, view: View, time_s: int) -> Notice:
        people = self._plan.roster.on_duty(desk.id, time_s)
        withheld = None
        if not people:
            ahead_s = self._plan.roster.next_on_duty_s(desk.id, time_s)
            withheld = Withheld("off duty", self._text(ahead_s) if ahead_s else "", desk.id)
        return Notice(
            id=notice_id("", time_s, desk.id, "heartbeat"),
            incident="",
            alarm="",
            revision=time_s,
            desk=desk.id,
            level=desk.level,
            to=people,
            reason="heartbeat",
            colour="blue",
            at=self._text(time_s),
            text=heartbeat_text(view, self._plan.areas),
            withheld=withheld,
            counts={
                "channels": view.channels,
                "watched": view.channels - view.dark,
                "blind areas": len(view.areas),
            },
        )

    def _text(self, time_s: int) -> str:
        return rfc3339(time_s * NS_PER_S, self._plan.zone)


def heartbeat_text(view: View, areas: Mapping[str, Text]) -> dict[str, str]:
    """Sentences of a heartbeat.

    Parameters
    ----------
    view : View
        Of a desk with at least one channel.
    areas : mapping of str to Text
        Names of areas by their codes.

    Examples
    --------
    >>> heartbeat_text(View(1000, 13, [Zone("water", "310101", "", "")], []), {})["en"]
    'Watching 98.7 % of 1,000 channels; 1 blind area: 310101 (water).'
    """
    watched = view.channels - view.dark
    # Rounded down: all is 100 % alone.
    share = f"{math.floor(1_000 * watched / view.channels) / 10:.1f} %"
    en = [f"Watching {share} of {view.channels:,} channels"]
    zh = [f"监测在线率 {share}（{watched:,}/{view.channels:,} 个测点）"]
    if view.areas:
        count, plural = len(view.areas), "s" * (len(view.areas) > 1)
        en.append(f"{count} blind area{plural}: {_named(view.areas, areas, 'en')}")
        zh.append(f"{count} 个区域失去监测：{_named(view.areas, areas, 'zh')}")
    else:
        en.append("no blind area")
        zh.append("无失去监测的区域")
    if view.standing:
        en.append(f"a lane stands: {', '.join(view.standing)}")
        zh.append(f"处理通道停止：{'、'.join(view.standing)}")
    return {"en": "; ".join(en) + ".", "zh": "；".join(zh) + "。"}


def _named(zones: Sequence[Zone], areas: Mapping[str, Text], language: str) -> str:
    """The first areas by name, and how many more."""
    names = []
    for zone in zones[:AREAS_NAMED]:
        text = areas.get(zone.code) or Text(en=zone.code or "city", zh=zone.code or "全市")
        chinese = language == "zh"
        names.append(f"{text.zh}（{zone.lifeline}）" if chinese else f"{text.en} ({zone.lifeline})")
    more = len(zones) - AREAS_NAMED
    if language == "zh":
        return "、".join(names) + (f"等，另有 {more} 个" if more > 0 else "")
    return ", ".join(names) + (f" and {more} more" if more > 0 else "")
