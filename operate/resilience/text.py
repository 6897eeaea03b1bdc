"""Figures of resilience in lines for people."""

from collections.abc import Iterator, Sequence
from datetime import datetime, timezone
from typing import Final

from alarms.resilience.cascade import Coupled
from alarms.resilience.figures import IncidentFigures, LifelineFigures, PeriodFigures
from alarms.resilience.phases import PHASES, Bounds
from lab.reports.tables import NONE, columns, lasting

SHOWN_MAX: Final = 20  # incidents of a period
PER_CENT_HOURS: Final = 36.0  # seconds of a whole outage in one %·h
HEAD: Final = (
    *("lifeline", "of", "lowest", "loss %·h", "minutes lost", "R", "to 80 %", "restored"),
    *("before detected", "acknowledged", "arrived"),
)
_SHOWN: Final = ("detected", "acknowledged", "arrived")


def incident_lines(found: IncidentFigures, zone: timezone) -> Iterator[str]:
    """Of one incident: what was lost, when, and what dependences made of it."""
    yield f"{found.incident}  {found.title.get('en', '')}"
    ends = "over" if found.over else "not over"
    yield f"{_when(found.begins_s, zone)} to {_when(found.ends_s, zone)}, {ends}"
    moments = []
    for phase in PHASES:
        at_s = getattr(found.moments, f"{phase}_s")
        if at_s is not None:
            moments.append(f"{phase} after {lasting(at_s - found.moments.event_s)}")
    if moments:
        yield ", ".join(moments)
    yield from lifeline_lines(found.lifelines)
    if found.coupled is not None:
        yield from coupled_lines(found.coupled)
    yield from _left_out(found.unplaced, found.unlisted)


def lifeline_lines(found: Sequence[LifelineFigures]) -> Iterator[str]:
    """A table with a row for each lifeline; of what was blind the lowest and the highest."""
    if found:
        yield from columns([HEAD, *map(row, found)])
    else:
        yield "no lifeline lost anything"


def row(one: LifelineFigures) -> tuple[str, ...]:
    """Cells of a lifeline under `HEAD`."""
    best, worst = one.best, one.worst
    return (
        one.lifeline,
        f"{one.of:,} {one.unit}" if one.of > 1 else one.unit,
        _both(*(f"{100 * each.lowest:.5g}%" for each in (worst, best))),
        _both(*(f"{each.loss_s / PER_CENT_HOURS:,.4g}" for each in (best, worst))),
        _both(*(f"{lost:,.0f}" for lost in one.lost_minutes)),
        _both(f"{worst.normalised[0]:.4f}", f"{best.normalised[1]:.4f}"),
        _both(*(_after(each.t80_s) for each in (best, worst))),
        _both(*(_after(each.restored_after_s) for each in (best, worst))),
        *(share(one.before.get(phase)) for phase in _SHOWN),
    )


def share(bounds: Bounds | None) -> str:
    """A share with its bounds.

    >>> share((0.0207, 0.0207)), share((0.0, 0.5)), share(None)
    ('2.07%', '0% to 50%', '–')
    """
    return NONE if bounds is None else _both(*(f"{100 * one:.3g}%" for one in bounds))


def coupled_lines(found: Coupled) -> Iterator[str]:
    """What dependences made of a failure, and what second feeds would have saved."""
    low, high = (_hours(one) for one in found.coupled)
    yield (
        f"its root alone, by the topology: {_both(low, high)} hours of people, {_hours(found.own)} "
        f"of them its own, {share(found.share)} by dependences"
    )
    for one in found.savings:
        saved = _both(*map(_hours, one.saved))
        yield f"if {one.child} did not hang on {one.parent} alone: {saved} hours less"


def period_lines(found: PeriodFigures, zone: timezone) -> Iterator[str]:
    """Of a period: lifelines, the city, incidents by what they took, single losses."""
    yield f"{_when(found.begins_s, zone)} to {_when(found.ends_s, zone)}"
    yield from lifeline_lines(found.lifelines)
    if found.city is not None and found.weakest is not None:
        lost = found.city.loss_s / PER_CENT_HOURS
        yield (
            f"city: lowest {found.city.lowest:.2%}, loss {lost:,.4g} %·h; weakest lifeline at "
            f"{found.weakest.lowest:.2f} of its basic function"
        )
    units = {one.lifeline: one.unit for one in found.lifelines}
    for part in found.incidents[:SHOWN_MAX]:
        of = f"{part.lost_minutes:,.0f} minutes of {units.get(part.lifeline, '')}"
        yield f"{part.incident or 'alarms of no incident'}: {part.lifeline} {of}"
    for single in found.redundancy:
        yield f"without {single.parent}, {single.lifeline} still serves {single.served:.1%}"
    yield from _left_out(found.unplaced, 0)


def _left_out(unplaced: int, unlisted: int) -> Iterator[str]:
    if unplaced:
        yield f"{unplaced} assets are not in the topology: they count nowhere"
    if unlisted > 0:
        yield f"{unlisted} alarms are counted by the incident and not listed: they count nowhere"


def _both(low: str, high: str) -> str:
    return low if low == high else f"{low} to {high}"


def _after(seconds: float | None) -> str:
    return "not yet" if seconds is None else lasting(seconds)


def _hours(seconds: float) -> str:
    return f"{seconds / 3_600:,.0f}"


def _when(at_s: float, zone: timezone) -> str:
    return datetime.fromtimestamp(at_s, zone).isoformat(timespec="seconds")
