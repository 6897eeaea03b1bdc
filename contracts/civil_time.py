"""The city's civil time, and kinds of day: Sundays and holidays are unlike working days."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone
from functools import cache
from typing import Final, Literal
from zoneinfo import ZoneInfo

from contracts.errors import ConfigError

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


CITY_ZONE: Final = "Asia/Shanghai"  # unless the settings name another
CITY: Final = timezone(timedelta(hours=8))
ZONES: Final = (
    "the IANA name of a zone that has kept one offset since 2000, at or ahead of UTC, such as "
    "Asia/Shanghai, Asia/Kolkata or Etc/UTC"
)
_FIRST, _LAST = datetime(2000, 1, 1, tzinfo=UTC), datetime(2038, 1, 1, tzinfo=UTC)
_WEEK: Final = timedelta(days=7)  # no zone has kept a summer or a Ramadan time for less


@cache
def civil_zone(name: str) -> timezone:
    """The fixed offset of a time zone.

    Rules count days and hours by one offset, so a zone must have kept one in all years from which
    readings may come.

    Parameters
    ----------
    name : str
        IANA name.

    Raises
    ------
    ValueError
        When there is no such zone, its offset changes, or it is behind UTC.

    Examples
    --------
    >>> civil_zone("Asia/Kolkata").utcoffset(None)
    datetime.timedelta(seconds=19800)
    >>> civil_zone("Europe/Berlin")
    Traceback (most recent call last):
    ValueError: its offset changes between UTC+01:00 and UTC+02:00
    """
    if name == CITY_ZONE:
        return CITY
    try:
        zone = ZoneInfo(name)
    except (KeyError, ValueError, OSError) as error:
        msg = "no such zone is known here"
        raise ValueError(msg) from error
    weeks = range((_LAST - _FIRST) // _WEEK)
    found = {(_FIRST + week * _WEEK).astimezone(zone).utcoffset() for week in weeks}
    offsets = sorted(offset for offset in found if offset is not None)
    if len(offsets) > 1:
        ends = (timezone(offset) for offset in (offsets[0], offsets[-1]))
        msg = f"its offset changes between {' and '.join(map(str, ends))}"
        raise ValueError(msg)
    if offsets[0] < timedelta(0):
        msg = f"it is behind UTC, by {-offsets[0]}"
        raise ValueError(msg)
    return timezone(offsets[0])


def civil(text: str) -> datetime:
    """Moment of the city's civil time, from `2021-01-16T08:00`.

    >>> civil("2021-01-16T08:00").isoformat()
    '2021-01-16T08:00:00+08:00'
    """
    return datetime.fromisoformat(text).replace(tzinfo=CITY)


def milliseconds(moment: datetime) -> int:
    """Milliseconds since 1970 UTC."""
    return round(moment.timestamp() * 1000)


def moment_ms(where: str, text: str) -> int:
    """Milliseconds since 1970 UTC of an RFC 3339 time that somebody wrote.

    Parameters
    ----------
    where : str
        Option or column, for the message.
    text : str

    Raises
    ------
    ConfigError
        When it is none, or has no zone.

    Examples
    --------
    >>> moment_ms("--until", "1970-01-01T08:00:05+08:00")
    5000
    """
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        time = None
    if time is None or time.tzinfo is None:
        msg = f"{where}: expected an RFC 3339 time with its zone, got {text!r}; "
        msg += "write it like 2026-03-01T00:00+08:00"
        raise ConfigError(msg)
    return milliseconds(time)
