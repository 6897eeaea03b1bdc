"""The city's calendar: dates that are another kind of day than their weekday."""

from datetime import date, timedelta, timezone
from typing import Any, Final

import msgspec

from configuration.yaml.fill import Page
from configuration.yaml.findings import nearest
from contracts.civil_time import DAY_TYPES, DayType
from contracts.quantities import Duration

FILE: Final = "calendar.yaml"


def read_calendar(page: Page) -> dict[str, DayType]:
    """Kind of day by date; what is wrong is noted."""
    data = page.located.data
    if not isinstance(data, dict):
        page.refuse((), "a mapping of dates to kinds of day", data)
        return {}
    calendar: dict[str, DayType] = {}
    for day, kind in data.items():
        try:
            date.fromisoformat(day)
        except ValueError:
            page.find((day,), f"expected a date such as 2025-10-01, got {day!r}", key=True)
        if kind not in DAY_TYPES:
            page.find((day,), f"expected a kind of day, got {kind!r}; {nearest('', DAY_TYPES)}")
        else:
            calendar[day] = kind
    return calendar


def with_calendar(fields: dict[str, Any], calendar: dict[str, DayType]) -> dict[str, Any]:
    """Fields of a class whose rules follow the city's calendar unless they have their own."""
    if not calendar:
        return fields
    follows = {
        name: msgspec.structs.replace(rule, calendar=calendar)
        for name, rule in fields.items()
        if getattr(rule, "calendar", None) == {} and by_day(rule)
    }
    return {**fields, **follows}


def in_zone(fields: dict[str, Any], written: Any, zone: timezone) -> dict[str, Any]:
    """Fields of a class whose rules keep the city's time unless they say another offset.

    Parameters
    ----------
    fields : dict
        Rules by name, among others.
    written : dict
        The class file's data.
    zone : timezone
        Of the city.
    """
    ahead = Duration(f"{zone.utcoffset(None) // timedelta(seconds=1)} s")
    follows = {
        name: msgspec.structs.replace(rule, utc_offset=ahead)
        for name, rule in fields.items()
        if (said := getattr(rule, "utc_offset", None)) is not None
        and said.ns != ahead.ns  # the default is left as it stands, so old hashes stay
        and "utc_offset" not in written.get(name, {})
    }
    return {**fields, **follows}


def by_day(rule: Any) -> bool:
    """Whether kinds of day make a difference to a rule: to limits only where it says so."""
    return getattr(rule, "days", True) is not None
