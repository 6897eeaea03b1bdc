"""What makes no sense in limits although every value by itself is allowed."""

from collections.abc import Mapping
from itertools import pairwise
from typing import NamedTuple

from configuration.pack import LimitRule
from configuration.yaml.fill import Page
from configuration.yaml.findings import Path
from contracts.civil_time import DAY_TYPES
from detectors.base.thresholds import COLOURS, Steps
from ingest.admit import Plausible


class _Limits(NamedTuple):
    """Limits as they govern on some day, and where each side was written."""

    low: Steps | None
    high: Steps | None
    back: float
    at: Mapping[str, Path]


def check_limit(limit: LimitRule, plausible: Plausible | None, page: Page) -> None:
    """Note limits that never ring, always ring or never clear, on any kind of day.

    Parameters
    ----------
    limit : LimitRule
    plausible : Plausible or None
        None when it is wrong itself.
    page : Page
    """
    everyday = {"low": ("limit", "low"), "high": ("limit", "high")}
    _judge(_Limits(limit.low, limit.high, limit.hysteresis, everyday), plausible, page)
    _judge_delays(limit, page)
    for day in DAY_TYPES:
        sides = None if limit.days is None else getattr(limit.days, day)
        if sides is not None:
            own = {side for side in everyday if getattr(sides, side) is not None}
            at = {s: ("limit", "days", day, s) if s in own else everyday[s] for s in everyday}
            there = limit.on(day)
            _judge(_Limits(there.low, there.high, there.hysteresis, at), plausible, page)


def _judge_delays(limit: LimitRule, page: Page) -> None:
    """On-delays of colours that never ring, or of which it is not known on which side they do."""
    if limit.on_delays is None:
        return
    low, high = ({c for c, _ in _thresholds(side)} for side in (limit.low, limit.high))
    for colour in COLOURS:
        if getattr(limit.on_delays, colour) is not None and colour not in low | high:
            text = f"expected a colour that has a threshold, got {colour}; drop it"
            page.find(("limit", "on_delays", colour), text, key=True)
    if low and high and low != high:
        text = "expected the same colours under low and high where they wait by colour"
        got = f"got {', '.join(sorted(low ^ high))} on one side alone"
        page.find(("limit", "on_delays"), f"{text}, {got}", key=True)


def _judge(limit: _Limits, plausible: Plausible | None, page: Page) -> None:
    if not any(_thresholds(steps) for steps in (limit.low, limit.high)):
        text = "expected a threshold under low or high, got none; add one or drop the rule"
        page.find(("limit",), text, key=True)
    if limit.low is not None:
        _judge_steps(limit.low, limit.at["low"], page)
    if limit.high is not None:
        _judge_steps(limit.high, limit.at["high"], page)
    if plausible is not None and not _judge_reach(limit, plausible, page):
        return
    if _judge_overlap(limit, page) and plausible is not None:
        _judge_way_back(limit, plausible, page)


def _thresholds(steps: Steps | None) -> list[tuple[str, float]]:
    """Colours that have a threshold, mildest first."""
    if steps is None:
        return []
    pairs = [(colour, getattr(steps, colour)) for colour in COLOURS]
    return [(colour, threshold) for colour, threshold in pairs if threshold is not None]


def _judge_steps(steps: Steps, path: Path, page: Page) -> None:
    """Worse colours must lie further out."""
    side, move = ("below", "lower") if path[-1] == "low" else ("above", "raise")
    for (milder, near), (worse, far) in pairwise(_thresholds(steps)):
        if (far >= near) if side == "below" else (far <= near):
            advice = f"{milder} could never ring alone, {move} {worse}"
            page.find((*path, worse), f"expected {side} {milder} ({near}), got {far}; {advice}")


def _judge_reach(limit: _Limits, plausible: Plausible, page: Page) -> bool:
    """Thresholds outside the plausible range never ring, or always."""
    low, high = plausible.range
    good = True
    for side in ("low", "high"):
        for colour, threshold in _thresholds(getattr(limit, side)):
            if low < threshold < high:
                continue
            good = False
            text = f"expected inside the plausible range ({low} to {high}), got {threshold}"
            outside = (threshold <= low) == (side == "low")
            why = "could never ring" if outside else "would always ring"
            page.find((*limit.at[side], colour), f"{text}; {colour} {why}, move it inside")
    return good


def _judge_overlap(limit: _Limits, page: Page) -> bool:
    """Between the two sides there must be values at which both are clear."""
    low = max((threshold for _, threshold in _thresholds(limit.low)), default=None)
    high = min((threshold for _, threshold in _thresholds(limit.high)), default=None)
    if low is None or high is None:
        return True
    back = limit.back
    if low >= high:
        text = f"expected below the lowest high threshold ({high}), got {low}"
        page.find(limit.at["low"], f"{text}; every value would ring, lower it", key=True)
        return False
    if low + back >= high - back:
        text = f"expected less than half of the way from {low} to {high}, got {back}"
        page.find(("limit", "hysteresis"), f"{text}; no value would clear both sides, lower it")
        return False
    return True


def _judge_way_back(limit: _Limits, plausible: Plausible, page: Page) -> None:
    """The value at which the mildest colour clears must be one that can come."""
    low, high = plausible.range
    for side, inwards in (("low", limit.back), ("high", -limit.back)):
        for colour, threshold in _thresholds(getattr(limit, side))[:1]:
            back = threshold + inwards
            if not low <= back <= high:
                text = f"expected the way back inside the plausible range ({low} to {high})"
                advice = f"{colour} could never clear, lower it"
                page.find(("limit", "hysteresis"), f"{text}, got {back:g}; {advice}")
