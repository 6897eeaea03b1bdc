"""What a desk is told, and what is kept back: by facts, by an empty chair, by the budget."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

import msgspec

from alarms.copies.records import Records
from alarms.deadlines import Deadlines
from alarms.duty.budget import FOREMOST, LISTED_MAX, Bucket, DeskLoad, HeldBack, load_of
from alarms.duty.case import TOLD, Case
from alarms.duty.clocks import seconds
from alarms.duty.desks import Desk
from alarms.duty.notices import Call, daily_text, notice_id, notice_text, summary_text
from alarms.duty.plan import DutyPlan
from alarms.duty.roster import DAY_S, seconds_of_day
from alarms.performance.counts import Counts
from alarms.wording import clock as rfc3339
from contracts.desk.notice import Notice, NoticeReason, Withheld
from contracts.ports.desk import SlicedCopy
from contracts.quantities import NS_PER_S
from contracts.transition import RINGING

# What may take the last token of a budget: everything else is an update that can wait.
PRESSING: Final = frozenset({"new", "colour", "split", "escalated", "nobody on duty"})


class Annunciator:
    """Makes notices, and decides desk by desk which are told.

    Parameters
    ----------
    plan : DutyPlan
    deadlines : Deadlines
        Receives when summaries and daily lists are due, as `("summary", desk)` and
        `("daily", desk)`.
    counts : Counts
        Of what desks are told and what is withheld.
    """

    def __init__(self, plan: DutyPlan, deadlines: Deadlines, counts: Counts) -> None:
        self._plan = plan
        self._deadlines = deadlines
        self._counts = counts
        self._loads: Records[str, DeskLoad] = Records()
        self._every_s = max(seconds(plan.budget.every), 1)

    def notice(
        self, case: Case, desk: Desk, call: Call, time_s: int, held: Withheld | None = None
    ) -> Notice:
        """Notice of an incident to a desk, told or with the one reason why it is not.

        Parameters
        ----------
        case : Case
            Remembers what became of it.
        desk : Desk
        call : Call
        time_s : int
        held : Withheld or None
            What keeps it back whatever the desk is doing; never of a life-safety case.
        """
        withheld = held
        if withheld is None and not case.life_safety:
            withheld = self._put_off(case, desk, call.reason, time_s)
        elif withheld is None:
            self._load(desk, time_s).bucket.overdraw(self._every_s)
        self._count(desk, withheld, time_s)
        key = f"{desk.id}\n{call.reason}"
        count = case.sent.get(key, 0)
        case.sent[key] = count + 1
        if case.desks.get(desk.id) != TOLD:
            case.desks[desk.id] = withheld.by if withheld else TOLD
        clock = case.clock_of(desk.id)
        by_s = clock.acknowledge_s if clock and clock.fired_s < 0 else None
        return Notice(
            id=notice_id(case.incident, case.revision, desk.id, call.reason, count),
            incident=case.incident,
            alarm=case.alarm,
            revision=case.revision,
            desk=desk.id,
            level=desk.level,
            to=self._plan.roster.on_duty(desk.id, time_s),
            reason=call.reason,
            colour=case.colour,
            at=self._text(time_s),
            text=notice_text(case, call, self._plan, by_s),
            withheld=withheld,
            drill=case.drill,
            late=call.late,
            acknowledge_by="" if by_s is None else self._text(by_s),
        )

    def absent(self, case: Case, desk: Desk, time_s: int) -> bool:
        """Whether nobody is on duty at a desk and the one above must be called instead.

        Not for what waits for the daily list, nor at a desk with none above.
        """
        if self._plan.roster.on_duty(desk.id, time_s):
            return False
        if self._plan.clocks[case.colour].daily and not case.life_safety:
            return False
        return self._plan.desks.above(desk, case.where, case.lifelines) is not None

    def summary(self, desk: Desk, time_s: int, *, late: bool = False) -> list[Notice]:
        """The one notice for all that the budget kept back; empty when nothing waits.

        It is put off once when urgent notices have emptied the bucket. The desk is told nothing
        else that the budget counts until then, so the budget holds.
        """
        load = self._load(desk, time_s)
        if load.held is None:
            return []
        if not load.bucket.take(self._every_s):
            if not load.overdue:
                load.overdue, load.summary_s = True, time_s + self._every_s
                self._deadlines.set(("summary", desk.id), load.summary_s)
                return []
            load.bucket.overdraw(self._every_s)
        held, load.held, load.overdue = load.held, None, False
        return [self._collected(desk, "summary", held, time_s, late)]

    def daily(self, desk: Desk, time_s: int, *, late: bool = False) -> list[Notice]:
        """The daily list; empty when nothing waits."""
        load = self._load(desk, time_s)
        if load.listed is None:
            return []
        listed, load.listed = load.listed, None
        load.bucket.overdraw(self._every_s)
        return [self._collected(desk, "daily list", listed, time_s, late)]

    def state(self) -> dict[str, Any]:
        """What desks were told lately and what waits for them, as plain data."""
        return {desk: msgspec.to_builtins(self._loads[desk]) for desk in sorted(self._loads)}

    def copying(self) -> SlicedCopy:
        """Begin a copy of what `state` gives now."""
        return self._loads.copying(lambda copies: {desk: copies[desk] for desk in sorted(copies)})

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what was remembered; what waits for a desk that is gone goes to the city's."""
        self._loads = Records((name, load_of(state[name])) for name in sorted(state))
        for name in [name for name in self._loads if self._plan.desks.get(name) is None]:
            self._pass_on(self._loads.pop(name))
        for name, load in self._loads.items():
            if load.held is not None:
                self._deadlines.set(("summary", name), load.summary_s)
            if load.listed is not None:
                self._deadlines.set(("daily", name), load.daily_s)

    def _pass_on(self, gone: DeskLoad) -> None:
        """Let the city's operations centre, or its first desk, be told of what waits."""
        city = [desk for desk in self._plan.desks if desk.level == self._plan.desks.top]
        if not city:
            return
        heir = min(city, key=lambda desk: (desk.of_trade, desk.id))
        load = self._load(heir, gone.bucket.at_s)
        if gone.held is not None:
            load.summary_s = min(load.summary_s, gone.summary_s) if load.held else gone.summary_s
            load.held = load.held or HeldBack()
            load.held.join(gone.held, FOREMOST)
        if gone.listed is not None:
            load.daily_s = min(load.daily_s, gone.daily_s) if load.listed else gone.daily_s
            load.listed = load.listed or HeldBack()
            load.listed.join(gone.listed, LISTED_MAX)

    def _collected(
        self, desk: Desk, reason: NoticeReason, held: HeldBack, time_s: int, late: bool
    ) -> Notice:
        self._count(desk, None, time_s)
        worst = min(matter.order for matter in held.foremost)[0]
        text = summary_text(held) if reason == "summary" else daily_text(held)
        return Notice(
            id=notice_id("", time_s, desk.id, reason),
            incident="",
            alarm="",
            revision=time_s,
            desk=desk.id,
            level=desk.level,
            to=self._plan.roster.on_duty(desk.id, time_s),
            reason=reason,
            colour=RINGING[-worst],
            at=self._text(time_s),
            text=text,
            late=late,
            counts=held.counts,
        )

    def _count(self, desk: Desk, withheld: Withheld | None, time_s: int) -> None:
        counts = self._counts.desk(desk.id)
        if withheld is None:
            counts.tell(time_s)
        else:
            counts.withhold(withheld.by)

    def _put_off(
        self, case: Case, desk: Desk, reason: NoticeReason, time_s: int
    ) -> Withheld | None:
        """What an empty chair, the daily list or the budget puts off; None tells it."""
        load = self._load(desk, time_s)
        daily = self._plan.clocks[case.colour].daily and reason != "handover"
        if daily or (reason == "reminder" and case.answered):
            return self._listed(case, desk, reason, load)
        if self.absent(case, desk, time_s):
            ahead = self._plan.roster.next_on_duty_s(desk.id, time_s)
            return Withheld("off duty", self._text(ahead) if ahead is not None else "", desk.id)
        if case.urgent or reason == "handover":
            load.bucket.overdraw(self._every_s)
            return None
        return self._budgeted(case, desk, reason, time_s)

    def _budgeted(
        self, case: Case, desk: Desk, reason: NoticeReason, time_s: int
    ) -> Withheld | None:
        load = self._load(desk, time_s)
        pressing = reason in PRESSING and (case.people > 0 or case.critical > 0)
        if self._affords(load, pressing):
            return None
        if load.held is None:
            load.held = HeldBack()
            load.summary_s = time_s + max(self._every_s + self._reserve_s - load.bucket.credit_s, 0)
            self._deadlines.set(("summary", desk.id), load.summary_s)
        load.held.add(case.matter, case.colour, reason, FOREMOST)
        detail = f"one notice in {self._plan.budget.every}, {self._plan.budget.burst} at once"
        return Withheld("budget", self._text(load.summary_s), detail)

    def _affords(self, load: DeskLoad, pressing: bool) -> bool:
        """Whether the budget has a notice left; if so it is taken.

        The last one is kept for what presses and hurts people. While a summary is being put
        together everything else joins it, and once that is overdue nothing may go before it.
        """
        if load.held is not None and (load.overdue or not pressing):
            return False
        return load.bucket.take(self._every_s, 0 if pressing else self._reserve_s)

    def _listed(self, case: Case, desk: Desk, reason: NoticeReason, load: DeskLoad) -> Withheld:
        if load.listed is None:
            load.listed = HeldBack()
            load.daily_s = self._daily_s(desk, load.bucket.at_s)
            self._deadlines.set(("daily", desk.id), load.daily_s)
        load.listed.add(case.matter, case.colour, reason, LISTED_MAX)
        return Withheld("daily list", self._text(load.daily_s), desk.daily)

    @property
    def _reserve_s(self) -> int:
        return self._every_s if self._plan.budget.burst > 1 else 0

    def _daily_s(self, desk: Desk, time_s: int) -> int:
        """The next time of the daily list, after `time_s`."""
        ahead = int((self._plan.zone.utcoffset(None) or timedelta()).total_seconds())
        passed = (time_s + ahead - seconds_of_day(desk.daily)) % DAY_S
        return time_s + DAY_S - passed

    def _load(self, desk: Desk, time_s: int) -> DeskLoad:
        """A desk's load, refilled up to now; it begins with a full bucket."""
        burst = self._plan.budget.burst
        load: DeskLoad | None = self._loads.get(desk.id)
        if load is None:
            load = self._loads[desk.id] = DeskLoad(Bucket(burst * self._every_s, time_s))
        load.bucket.refill(time_s, self._every_s, burst)
        return load

    def _text(self, time_s: int) -> str:
        return rfc3339(time_s * NS_PER_S, self._plan.zone)
