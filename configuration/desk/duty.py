"""Desks, rosters, clocks and the alarm budget, from the folder `desks` beside the lifelines."""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import timezone
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from alarms.duty.budget import Budget
from alarms.duty.clocks import CLOCKS, ClockRule
from alarms.duty.desks import LEVELS, TRADE, CoveredAbove, Desk, Desks, Level
from alarms.duty.plan import CITY_DESK, DutyPlan
from alarms.duty.responsibility import Party, Plan, Risk
from alarms.duty.roster import Roster, Shift, dated_span, is_dated, seconds_of_day, weekly_spans
from alarms.rationalisation import Text
from configuration.desk.responsibility import judge_responsibilities, responsibilities
from configuration.yaml.fill import Page, fill
from configuration.yaml.findings import NOWHERE, Findings, nearest
from configuration.yaml.findings import Path as Place
from configuration.yaml.located import located
from configuration.yaml.source import source_of
from contracts.errors import ConfigError
from contracts.quantities import NS_PER_S, Duration

FOLDER: Final = "desks"
SHIFTS_MAX: Final = 1_000  # of one desk: three years of dated shifts, one a day
HEARTBEAT_MIN: Final = Duration("1 min")
HEARTBEAT_MAX: Final = Duration("24 h")
URGENT: Final = ("orange", "red")

Colour = Literal["blue", "yellow", "orange", "red"]


class DutyFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What one file of the folder may hold; all files are read as one.

    Parameters
    ----------
    levels : list of Level
        Upwards, the whole city last; left out for neighbourhood, street, district and city.
    desks : list of Desk
    roster : list of Shift
    clocks : dict of colour to ClockRule
        Colours that are left out keep the built-in clock.
    budget : Budget or None
    areas : dict of str to Text
        Names of areas by their codes, for notices.
    risks : list of Risk
    plans : list of Plan
    responsible : list of Party
    covered_above : list of CoveredAbove
        Where a level has no desk by design; what has none otherwise is refused.
    """

    levels: Annotated[list[Level], Meta(max_length=10)] = []
    desks: Annotated[list[Desk], Meta(max_length=20_000)] = []
    roster: Annotated[list[Shift], Meta(max_length=50_000)] = []
    clocks: dict[Colour, ClockRule] = {}
    budget: Budget | None = None
    areas: dict[str, Text] = {}
    risks: Annotated[list[Risk], Meta(max_length=10_000)] = []
    plans: Annotated[list[Plan], Meta(max_length=10_000)] = []
    responsible: Annotated[list[Party], Meta(max_length=50_000)] = []
    covered_above: Annotated[list[CoveredAbove], Meta(max_length=1_000)] = []


@dataclass(frozen=True)
class DutyFolder:
    """A good folder.

    Parameters
    ----------
    plan : DutyPlan
    config : str
        Hash of the files' names and content; that of nothing where there are none.
    places : dict of str to (Page, Place)
        Where each desk was written.
    covered_above : list of CoveredAbove
        Where a level has no desk by design.
    """

    plan: DutyPlan
    config: str
    places: dict[str, tuple[Page, Place]]
    covered_above: list[CoveredAbove]


def load_duty(folder: Path, zone: timezone, lifelines: Iterable[str]) -> DutyFolder:
    """What a city has laid down of its desks; the built-in city desk without the folder.

    Parameters
    ----------
    folder : Path
        The configuration folder, which may hold a folder `desks`.
    zone : timezone
        Of the city.
    lifelines : iterable of str
        For each of which a city desk must answer.

    Raises
    ------
    ConfigError
        With every finding in every file.
    """
    findings = Findings()
    duty = read_duty(folder, zone, lifelines, findings)
    if duty is None:
        raise ConfigError(*findings.lines())
    return duty


def read_duty(
    folder: Path, zone: timezone, lifelines: Iterable[str], findings: Findings
) -> DutyFolder | None:
    """The same, noting what is wrong; None when anything was."""
    before, digest = len(findings), hashlib.blake2b(digest_size=8)
    files: list[tuple[Page, DutyFile]] = []
    for path in sorted((folder / FOLDER).glob("*.y*ml")):
        source = _source(path, findings)
        digest.update(f"{path.name}\0{len(source)}\0".encode() + source)
        tree = located(path.as_posix(), source, findings)
        if tree is not None:
            page = Page(path.as_posix(), tree, findings)
            if (filled := fill(DutyFile, page)) is not None:
                files.append((page, filled))
    if len(findings) > before:
        return None
    levels = _levels(files)
    _judge_levels(files, levels)
    if len(findings) > before:
        return None
    places = _judge_desks(files, levels)
    _judge_roster(files, places, zone)
    _judge_clocks(files)
    _judge_once(files)
    judge_responsibilities(files)
    if len(findings) > before:
        return None
    plan = _plan([file for _, file in files], zone)
    _judge_owners(folder, plan.desks, lifelines, findings)
    meant = [one for _, file in files for one in file.covered_above]
    return DutyFolder(plan, digest.hexdigest(), places, meant) if len(findings) == before else None


def _source(path: Path, findings: Findings) -> bytes:
    if path.suffix == ".yml":
        text = "expected the ending `.yaml`, got `.yml`; rename the file"
        findings.add(path.as_posix(), NOWHERE, "", text)
    return source_of(path, path.as_posix(), findings) or b""


def _plan(files: list[DutyFile], zone: timezone) -> DutyPlan:
    desks = [desk for file in files for desk in file.desks] or [CITY_DESK]
    shifts = [shift for file in files for shift in file.roster]
    clocks: dict[str, ClockRule] = dict(CLOCKS)
    for file in files:
        clocks |= dict(file.clocks.items())
    budget = next((file.budget for file in files if file.budget), Budget())
    areas = {code: text for file in files for code, text in file.areas.items()}
    return DutyPlan(
        Desks(desks, _levels([(None, file) for file in files])),
        Roster(desks, shifts, zone),
        zone,
        clocks,
        budget,
        areas,
        responsibilities=responsibilities(files),
    )


def _judge_desks(
    files: list[tuple[Page, DutyFile]], levels: Sequence[Level]
) -> dict[str, tuple[Page, Place]]:
    """Ids once, areas where there may be one, hours that are hours, somebody on duty some time."""
    manned = {shift.desk for _, file in files for shift in file.roster if shift.people}
    places: dict[str, tuple[Page, Place]] = {}
    for page, file in files:
        for number, desk in enumerate(file.desks):
            path: Place = ("desks", number)
            other, _ = places.setdefault(desk.id, (page, path))
            if places[desk.id] != (page, path):
                text = f"expected each desk once, got {desk.id!r} of {other.file} again; keep one"
                page.find((*path, "id"), text)
            if desk.level == levels[-1].id and desk.area:
                expected = f"no area of a {desk.level} desk"
                page.refuse((*path, "area"), expected, desk.area, "leave it out")
            if not _is_time_of_day(desk.daily):
                page.refuse((*path, "daily"), "a time of day such as '08:00'", desk.daily)
            _judge_heartbeat((*path, "heartbeat"), desk.heartbeat, page)
            if not desk.people and desk.id not in manned:
                text = f"expected somebody on duty at {desk.id!r} some time, got nobody"
                page.find(path, f"{text}; add `people`, or a shift to the `roster`")
    return places


def _judge_roster(
    files: list[tuple[Page, DutyFile]], places: dict[str, tuple[Page, Place]], zone: timezone
) -> None:
    counts: dict[str, int] = {}
    for page, file in files:
        for number, shift in enumerate(file.roster):
            path: Place = ("roster", number)
            counts[shift.desk] = counts.get(shift.desk, 0) + 1
            if shift.desk not in places:
                advice = nearest(shift.desk, places)
                page.refuse((*path, "desk"), "a desk's id", shift.desk, advice)
            elif counts[shift.desk] == SHIFTS_MAX + 1:
                text = f"expected at most {SHIFTS_MAX} shifts of {shift.desk!r}, got more"
                page.find(path, f"{text}; take those out that are past")
            _judge_shift(shift, path, page, zone)


def _judge_shift(shift: Shift, path: Place, page: Page, zone: timezone) -> None:
    if is_dated(shift):
        if shift.days:
            page.find((*path, "days"), "expected no days of a shift with dates; leave them out")
        expected = "times such as 2026-02-15T08:00, the second one later"
    else:
        expected = "times of day such as '08:00' and '20:00'"
        if not shift.people:
            text = "expected people, got none; only a shift with dates may close a desk"
            page.find((*path, "people"), text)
    try:
        _ = dated_span(shift, zone) if is_dated(shift) else weekly_spans(shift)
    except (ValueError, OverflowError):
        page.refuse((*path, "begins"), expected, f"{shift.begins} to {shift.ends}")


def _judge_clocks(files: list[tuple[Page, DutyFile]]) -> None:
    for page, file in files:
        for colour, rule in file.clocks.items():
            path: Place = ("clocks", colour)
            if (rule.acknowledge is None) != (rule.escalate is None):
                text = "expected `acknowledge` and `escalate`, got one of them; write both"
                page.find(path, f"{text}, or none for a colour that waits for the daily list")
            elif rule.daily and colour in URGENT:
                text = f"expected `acknowledge` and `escalate`, got none; {colour} cannot wait"
                page.find(path, text)
            times = {"acknowledge": rule.acknowledge, "escalate": rule.escalate}
            written = {key: time for key, time in times.items() if time is not None}
            good = [_judge_time((*path, key), time, page) for key, time in written.items()]
            if all(good) and rule.acknowledge and rule.escalate:
                first, then = rule.acknowledge, rule.escalate
                if then.ns < first.ns:
                    page.refuse((*path, "escalate"), f"at least {first}", str(then))


def _levels(files: Iterable[tuple[object, DutyFile]]) -> Sequence[Level]:
    """Those of the first file that has any, else the ones that come with Tocsin."""
    return next((file.levels for _, file in files if file.levels), LEVELS)


def _judge_levels(files: list[tuple[Page, DutyFile]], levels: Sequence[Level]) -> None:
    """Levels once, each with areas of its own but the last, and no other ones named."""
    known = [level.id for level in levels]
    for page, file in files:
        for number, level in enumerate(file.levels):
            path: Place = ("levels", number)
            if level.id == TRADE or level.id in known[:number]:
                page.refuse((*path, "id"), f"a name of its own, and not `{TRADE}`", level.id)
            if number == len(levels) - 1 and level.area:
                advice = "leave it out, or add a level of the whole city"
                page.refuse((*path, "area"), "no area of the highest level", level.area, advice)
            elif number < len(levels) - 1 and not level.area:
                text = "expected `area`, a column of the catalogues, as another level is above"
                page.find(path, f"{text}; add it")
        _judge_named(page, file, known)
    for colour, rule in CLOCKS.items():
        given = any(colour in file.clocks for _, file in files)
        if not given and not {*rule.told, *rule.informed} <= {*known, TRADE}:
            page = next(page for page, file in files if file.levels)
            text = f"expected a clock of {colour}, got none; the built-in one names other levels"
            page.find(("levels",), f"{text}, so write it under `clocks`", key=True)


def _judge_named(page: Page, file: DutyFile, known: Sequence[str]) -> None:
    """Levels that desks, clocks and covered areas of a file name."""
    named: list[tuple[Place, str]] = [
        *((("desks", n, "level"), desk.level) for n, desk in enumerate(file.desks)),
        *((("covered_above", n, "level"), one.level) for n, one in enumerate(file.covered_above)),
    ]
    for path, level in named:
        if level not in known:
            page.refuse(path, f"one of {_quoted(known)}", level, nearest(level, known))
    for colour, rule in file.clocks.items():
        for key, parties in (("told", rule.told), ("informed", rule.informed)):
            for number, party in enumerate(parties):
                if party not in known and party != TRADE:
                    some = [*known, TRADE]
                    path = ("clocks", colour, key, number)
                    page.refuse(path, f"one of {_quoted(some)}", party, nearest(party, some))


def _quoted(words: Iterable[str]) -> str:
    return ", ".join(f"'{word}'" for word in words)


def _judge_once(files: list[tuple[Page, DutyFile]]) -> None:
    """Budget, levels, clocks and names of areas stand in one place each."""
    seen: dict[Place, str] = {}
    for page, file in files:
        there: list[Place] = [("clocks", colour) for colour in file.clocks]
        there += [("areas", code) for code in file.areas]
        there += [("levels",)] if file.levels else []
        if file.budget is not None:
            there.append(("budget",))
            _judge_time(("budget", "every"), file.budget.every, page)
        for path in there:
            if seen.setdefault(path, page.file) != page.file:
                text = f"expected this once, got it in {seen[path]} already; keep one"
                page.find(path, text, key=True)


def _judge_heartbeat(path: Place, every: Duration, page: Page) -> None:
    good = _judge_time(path, every, page)
    if good and not HEARTBEAT_MIN.ns <= every.ns <= HEARTBEAT_MAX.ns:
        page.refuse(path, f"{HEARTBEAT_MIN} to {HEARTBEAT_MAX}", str(every))


def _judge_time(path: Place, time: Duration, page: Page) -> bool:
    if time.periods or time.ns < NS_PER_S or time.ns % NS_PER_S:
        page.refuse(path, "a time of whole seconds", str(time))
        return False
    return True


def _judge_owners(folder: Path, desks: Desks, lifelines: Iterable[str], findings: Findings) -> None:
    """Above every desk there is one of the city, or an alarm could have nobody to tell."""
    city = [desk for desk in desks if desk.level == desks.top]
    for lifeline in sorted(lifelines):
        if not any(not desk.lifelines or lifeline in desk.lifelines for desk in city):
            text = f"expected a {desks.top} desk that answers for {lifeline!r}, got none"
            file = (folder / FOLDER).as_posix()
            findings.add(file, NOWHERE, "desks", f"{text}; add one, or one without `lifelines`")


def _is_time_of_day(text: str) -> bool:
    try:
        return seconds_of_day(text) >= 0
    except ValueError:
        return False
