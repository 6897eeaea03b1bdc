"""Kinds of day: a city lives its Sundays and holidays unlike its working days."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Final, Literal

DayType = Literal["workday", "saturday", "sunday", "eve"]
DAY_TYPES: Final[tuple[DayType, ...]] = ("workday", "saturday", "sunday", "eve")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def day_type(time_ns: int, utc_offset_ns: int, calendar: Mapping[str, DayType]) -> DayType:
    """Kind of the civil day that a time lies in: what the calendar says, else its weekday's.

    >>> day_type(0, 0, {}), day_type(0, 0, {"1970-01-01": "sunday"})
    ('workday', 'sunday')
    """
    local = _EPOCH + timedelta(microseconds=(time_ns + utc_offset_ns) // 1000)
    return calendar.get(local.date().isoformat()) or plain_day_type(local.date())


def plain_day_type(day: date) -> DayType:
    """Kind of a day that no calendar names.

    >>> plain_day_type(date(2026, 11, 28))
    'saturday'
    """
    return DAY_TYPES[max(day.weekday() - 4, 0)]


CITY: Final = timezone(timedelta(hours=8))


def civil(text: str) -> datetime:
    """Moment of the city's civil time, from `2021-01-16T08:00`.

    >>> civil("2021-01-16T08:00").isoformat()
    '2021-01-16T08:00:00+08:00'
    """
    return datetime.fromisoformat(text).replace(tzinfo=CITY)


def milliseconds(moment: datetime) -> int:
    """Milliseconds since 1970 UTC."""
    return round(moment.timestamp() * 1000)
