"""The city's calendar: dates that are another kind of day than their weekday."""

from datetime import date
from typing import Any, Final

import msgspec

from configuration.yaml.fill import Page
from configuration.yaml.findings import nearest
from contracts.civil_time import DAY_TYPES, DayType

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
        if getattr(rule, "calendar", None) == {} and _by_day(rule)
    }
    return {**fields, **follows}


def _by_day(rule: Any) -> bool:
    """Whether kinds of day make a difference to a rule: to limits only where it says so."""
    return getattr(rule, "days", True) is not None
