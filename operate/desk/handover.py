"""`tocsin alarms handover`: the sheet that one shift leaves to the next."""

import argparse
import sys
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from typing import Final, NamedTuple

from alarms.duty.desk_kpi import DeskKpi, DeskTold, desk_kpi
from alarms.duty.kpi import Period
from alarms.rationalisation import Text
from contracts.alarm import ShelvingRecord
from contracts.desk.incident import Incident
from operate.desk import handover_text as words
from operate.desk.records import desk_told, desks_asked, instant_s, period_asked, shelvings
from operate.desk.sheet import Section, Sheet, as_html, as_markdown
from operate.ledger import newest_checkpoint
from operate.settings import settled

SHIFT_S: Final = 12 * 3_600
CLOSED: Final = "closed"
LANGUAGES: Final = ("en", "zh")


class Shift(NamedTuple):
    """What a sheet is made of.

    Parameters
    ----------
    desk : str
    name : Text
        Of the desk.
    period : Period
    told : DeskTold
    shelved : sequence of ShelvingRecord
    zone : timezone
    """

    desk: str
    name: Text
    period: Period
    told: DeskTold
    shelved: Sequence[ShelvingRecord]
    zone: timezone


async def handover(arguments: argparse.Namespace) -> int:
    """Print the sheet of a desk's shift, in both languages or in one."""
    configuration = settled(arguments)
    period = period_asked(arguments, SHIFT_S)
    (desk,) = desks_asked(arguments, configuration)
    told = await desk_told(configuration)
    shelved = await shelvings(configuration, period.ends_s)
    shift = Shift(desk.id, desk.name, period, told, shelved, configuration.civil_time)
    languages = [arguments.language] if arguments.language else LANGUAGES
    checkpoint = newest_checkpoint(configuration.settings) or ""
    sheets = [sheet(shift, language, checkpoint) for language in languages]
    sys.stdout.write(as_html(sheets) if arguments.html else as_markdown(sheets))
    return 0


def sheet(shift: Shift, language: str, checkpoint: str = "") -> Sheet:
    """A shift on one page, in one language.

    Parameters
    ----------
    shift : Shift
    language : {"en", "zh"}
    checkpoint : str
        Newest signed checkpoint of the ledger, so that a copy lies in other hands; empty where no
        ledger is kept.
    """
    told = shift.told
    mine = {notice.incident for notice in told.notices if notice.desk == shift.desk}
    newest = {one.id: one for one in told.incidents if instant_s(one.at) < shift.period.ends_s}
    own = [one for name, one in newest.items() if name in mine]
    kpi = desk_kpi(told, shift.desk, shift.period)
    page = _Page(shift, language)
    sections = [
        page.open([one for one in own if not _over(one)]),
        page.closed([one for one in own if _over(one)]),
        page.shelved(),
        page.withheld(kpi),
        page.load(kpi),
        page.drills(own),
    ]
    if checkpoint:
        sections.append(Section(page.say(words.LEDGER), verbatim=checkpoint))
    begins, ends = (page.clock(second) for second in shift.period)
    title = page.say(words.TITLE, desk=page.say(shift.name), begins=begins, ends=ends)
    return Sheet(language, title, sections)


def _over(incident: Incident) -> bool:
    """Whether nobody has to do anything about it any more."""
    return incident.ticket.state == CLOSED or incident.situation.state == "merged"


class _Page:
    """Sections of a sheet in one language."""

    def __init__(self, shift: Shift, language: str) -> None:
        self._shift = shift
        self._language = language

    def say(self, text: Text, **values: object) -> str:
        return str(getattr(text, self._language)).format(**values)

    def clock(self, second: int) -> str:
        return datetime.fromtimestamp(second, self._shift.zone).strftime("%Y-%m-%d %H:%M")

    def _at(self, text: str) -> str:
        return self.clock(instant_s(text))

    def _word(self, word: str, chinese: dict[str, str]) -> str:
        return chinese.get(word, word) if self._language == "zh" else word

    def _section(
        self, title: Text, head: Text, rows: Iterable[Sequence[str]], lines: Sequence[str] = ()
    ) -> Section:
        found = list(rows)
        said = lines if found or lines else [self.say(words.NONE)]
        return Section(self.say(title), said, self.say(head).split("|"), found)

    def open(self, incidents: Sequence[Incident]) -> Section:
        rows = [
            (
                one.id,
                self._word(one.situation.colour, words.COLOURS_ZH),
                self._state(one),
                one.ticket.owner or self.say(words.NOBODY),
                self._clock_of(one),
                self._next(one),
                one.situation.title[self._language],
            )
            for one in incidents
        ]
        return self._section(words.OPEN, words.OPEN_HEAD, rows)

    def _state(self, one: Incident) -> str:
        return self._word(one.ticket.state, words.STATES_ZH)

    def _clock_of(self, one: Incident) -> str:
        """The clock of this desk, or until when the ticket's state may last."""
        for clock in one.clocks:
            if clock.desk == self._shift.desk and not one.ticket.acknowledged:
                if clock.fired:
                    return self.say(words.RAN_OUT, at=self._at(clock.fired))
                by = self._at(clock.acknowledge_by)
                return self.say(words.BY, at=by, then=clock.escalates_to)
        due = one.ticket.due
        return self.say(words.DUE, state=self._state(one), at=self._at(due)) if due else ""

    def _next(self, one: Incident) -> str:
        ticket = one.ticket
        if not ticket.acknowledged:
            return self.say(words.ACKNOWLEDGE)
        if not ticket.owner:
            return self.say(words.ASSIGN)
        if one.situation.state == "over":
            return self.say(words.CLOSE)
        return self.say(words.GO_ON, state=self._state(one))

    def closed(self, incidents: Sequence[Incident]) -> Section:
        rows = []
        for one in incidents:
            last = one.ticket.history[-1] if one.ticket.history else None
            at = last.at if last else one.at
            if instant_s(at) >= self._shift.period.begins_s:
                verdict = self._word(one.ticket.verdict, words.VERDICTS_ZH)
                into = one.situation.merged_into
                title = one.situation.title[self._language]
                who = last.by if last else ""
                rows.append((one.id, verdict or into, who, self._at(at), title))
        return self._section(words.CLOSED, words.CLOSED_HEAD, rows)

    def shelved(self) -> Section:
        rows = [
            (one.channel, self._at(one.until), one.by, one.reason) for one in self._shift.shelved
        ]
        return self._section(words.SHELVED, words.SHELVED_HEAD, rows)

    def withheld(self, kpi: DeskKpi) -> Section:
        counts = kpi.rates.withheld.items()
        rows = [(self._word(by, words.REASONS_ZH), str(count)) for by, count in counts]
        return self._section(words.WITHHELD, words.WITHHELD_HEAD, rows)

    def load(self, kpi: DeskKpi) -> Section:
        rates, answers = kpi.rates, kpi.responses.values()
        lines = [
            self.say(
                words.RATES,
                notices=rates.notices,
                mean=rates.mean,
                peak=rates.peak,
                floods=len(rates.floods),
            ),
            self.say(
                words.ANSWERS,
                asked=sum(one.asked for one in answers),
                answered=sum(one.answered for one in answers),
                in_time=sum(one.in_time for one in answers),
            ),
            self.say(
                words.NUISANCE,
                chattering=len(kpi.chattering),
                fleeting=len(kpi.fleeting),
                stale=len(kpi.stale),
            ),
        ]
        return Section(self.say(words.LOAD), lines)

    def drills(self, incidents: Sequence[Incident]) -> Section:
        said = [f"{one.id} {one.situation.title[self._language]}" for one in incidents if one.drill]
        return Section(self.say(words.DRILLS), said or [self.say(words.NONE)])
