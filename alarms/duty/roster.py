"""Who is on duty when: shifts that recur every week, and dated ones that take their place."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import datetime, time, timedelta, timezone
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from alarms.duty.desks import Desk, Word

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: Final[tuple[Day, ...]] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
DAY_S: Final = 86_400
WEEK_S: Final = 7 * DAY_S
_MONDAY_S: Final = 4 * DAY_S  # the first Monday after 1970-01-01, a Thursday

Span = tuple[int, int, tuple[str, ...]]  # from, to (exclusive), people


class Shift(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """People who are on duty at a desk for some time.

    Parameters
    ----------
    desk : str
    people : list of str
        Nobody, when a dated shift closes the desk.
    begins, ends : str
        `08:00` and `20:00` recur every week; an end not after the beginning is on the next day.
        `2026-02-15T08:00` and a later such time are one shift that takes the place of the weekly
        ones while it lasts. In the city's own zone, or with an offset.
    days : list of {"mon", "tue", "wed", "thu", "fri", "sat", "sun"}
        On which a weekly shift begins; every day when left out.
    """

    desk: Word
    people: Annotated[list[Word], Meta(max_length=100)]
    begins: Annotated[str, Meta(min_length=1, max_length=40)]
    ends: Annotated[str, Meta(min_length=1, max_length=40)]
    days: Annotated[list[Day], Meta(max_length=7)] = []


def seconds_of_day(text: str) -> int:
    """Seconds since midnight of a time of day.

    Raises
    ------
    ValueError
        When it is none.

    Examples
    --------
    >>> seconds_of_day("08:30"), seconds_of_day("24:00")
    (30600, 86400)
    """
    if text == "24:00":
        return DAY_S
    moment = time.fromisoformat(text)
    if moment.tzinfo is not None or moment.microsecond:
        msg = f"expected a time of day such as 08:00, got {text!r}"
        raise ValueError(msg)
    return moment.hour * 3_600 + moment.minute * 60 + moment.second


def _moment_s(text: str, zone: timezone) -> int:
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=zone)).timestamp())


def is_dated(shift: Shift) -> bool:
    """Whether it happens once."""
    return "T" in shift.begins or "T" in shift.ends


def dated_span(shift: Shift, zone: timezone) -> Span:
    """Span of a dated shift in seconds since 1970 UTC.

    Raises
    ------
    ValueError
        When its times are none, or it ends before it begins.
    """
    begins, ends = _moment_s(shift.begins, zone), _moment_s(shift.ends, zone)
    if ends <= begins:
        msg = f"expected an end after {shift.begins}, got {shift.ends}"
        raise ValueError(msg)
    return begins, ends, tuple(shift.people)


def weekly_spans(shift: Shift) -> list[Span]:
    """Spans of a weekly shift in seconds since Monday's midnight, cut at the end of the week.

    Raises
    ------
    ValueError
        When its times are none.

    Examples
    --------
    >>> weekly_spans(Shift(desk="a", people=["b"], begins="20:00", ends="08:00", days=["sun"]))
    [(590400, 604800, ('b',)), (0, 28800, ('b',))]
    """
    begins, ends = seconds_of_day(shift.begins), seconds_of_day(shift.ends)
    ends += DAY_S if ends <= begins else 0
    spans: list[Span] = []
    for day in shift.days or DAYS:
        first = DAYS.index(day) * DAY_S
        start, end = first + begins, first + ends
        people = tuple(shift.people)
        spans.append((start, min(end, WEEK_S), people))
        if end > WEEK_S:
            spans.append((0, end - WEEK_S, people))
    return spans


class _Timetable:
    """Who is there from which time on; None where no span says anything."""

    def __init__(self, spans: Sequence[Span]) -> None:
        self.edges = sorted({edge for begins, ends, _ in spans for edge in (begins, ends)})
        self._people = [self._at(edge, spans) for edge in self.edges]

    @staticmethod
    def _at(time_s: int, spans: Sequence[Span]) -> list[str] | None:
        there = [people for begins, ends, people in spans if begins <= time_s < ends]
        return sorted({one for people in there for one in people}) if there else None

    def at(self, time_s: int) -> list[str] | None:
        last = bisect_right(self.edges, time_s) - 1
        return self._people[last] if last >= 0 else None


class Roster:
    """Who is on duty at which desk.

    Parameters
    ----------
    desks : iterable of Desk
        Bring those who are always there.
    shifts : iterable of Shift
    zone : timezone
        Of the city.

    Raises
    ------
    ValueError
        When a shift's times are none.
    """

    def __init__(self, desks: Iterable[Desk], shifts: Iterable[Shift], zone: timezone) -> None:
        self._ahead_s = int((zone.utcoffset(None) or timedelta()).total_seconds())
        self._always = {desk.id: sorted(set(desk.people)) for desk in desks}
        weekly: dict[str, list[Span]] = {}
        dated: dict[str, list[Span]] = {}
        for shift in shifts:
            if is_dated(shift):
                dated.setdefault(shift.desk, []).append(dated_span(shift, zone))
            else:
                weekly.setdefault(shift.desk, []).extend(weekly_spans(shift))
        self._weekly = {desk: _Timetable(spans) for desk, spans in weekly.items()}
        self._dated = {desk: _Timetable(spans) for desk, spans in dated.items()}

    def on_duty(self, desk: str, time_s: int) -> list[str]:
        """People on duty, sorted; empty when there is nobody.

        Parameters
        ----------
        desk : str
        time_s : int
            Seconds since 1970 UTC.
        """
        rostered = self._dated[desk].at(time_s) if desk in self._dated else None
        if rostered is None and desk in self._weekly:
            rostered = self._weekly[desk].at(self._of_week(time_s))
        always = self._always.get(desk, [])
        return sorted({*always, *rostered}) if rostered else list(always)

    def next_on_duty_s(self, desk: str, time_s: int) -> int | None:
        """When somebody is on duty next, after `time_s`; None when not within a week.

        A dated shift further ahead does not count: until then the weekly roster may change.
        """
        edges: list[int] = []
        if desk in self._weekly:
            monday = time_s - self._of_week(time_s)
            ahead = self._weekly[desk].edges
            edges += [monday + week + edge for week in (0, WEEK_S) for edge in ahead]
        if desk in self._dated:
            edges += self._dated[desk].edges
        for edge in sorted(edges):
            if time_s < edge <= time_s + WEEK_S and self.on_duty(desk, edge):
                return edge
        return None

    def weekly_gap(self, desk: str) -> str:
        """First time of an ordinary week from which nobody is on duty; empty when there is none.

        Examples
        --------
        >>> from alarms.rationalisation import Text
        >>> desk = Desk(id="a", level="city", name=Text(en="a", zh="a"))
        >>> day = Shift(desk="a", people=["Li"], begins="00:00", ends="20:00")
        >>> Roster([desk], [day], timezone(timedelta(0))).weekly_gap("a")
        'mon 20:00'
        """
        if self._always.get(desk):
            return ""
        weekly = self._weekly.get(desk)
        for edge in [0, *(weekly.edges if weekly else [])]:
            if edge < WEEK_S and not (weekly and weekly.at(edge)):
                day, rest = divmod(edge, DAY_S)
                return f"{DAYS[day]} {rest // 3_600:02}:{rest % 3_600 // 60:02}"
        return ""

    def _of_week(self, time_s: int) -> int:
        return (time_s + self._ahead_s - _MONDAY_S) % WEEK_S
