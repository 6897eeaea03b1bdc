"""Trouble of a station: what each kind does to counts, density, the escalator and the train."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from lab.generators.shapes import HOUR_S, Floats, Sheet, inside

if TYPE_CHECKING:
    from lab.generators.crowd import Crowd

Span = tuple[float, float]
STOPPED, TRIPPED = 0.0, 4.0
LATER_S: Final = 600.0  # counts of five minutes are judged behind them, twice
HOURLY_S: Final = 2.2 * HOUR_S  # those of hours too
COUNTS: Final = ("seasonal", "total", "limit", "unusual", "shift", "balance", "stuck")


@dataclass
class Station:
    """A station while it is made."""

    days: int
    chance: np.random.Generator
    sheet: Sheet
    surges: list[tuple[Span, float]] = field(default_factory=list)
    closed: list[Span] = field(default_factory=list)
    gate_off: list[Span] = field(default_factory=list)
    tripped: list[Span] = field(default_factory=list)
    freezes: list[tuple[str, Span]] = field(default_factory=list)
    gaps: list[tuple[Span, float]] = field(default_factory=list)
    full: list[tuple[Span, float]] = field(default_factory=list)

    def factor(self, gate: str, time_s: Floats) -> Floats:
        """How many times the usual pass a group of gates."""
        factor = np.ones(len(time_s))
        for span, times in self.surges:
            factor = np.where(inside(time_s, span) & gate.startswith("in"), times, factor)
        for span in self.gate_off:
            share = {"in_a": 0.0, "in_b": 1.9}.get(gate, 1.0)
            factor = np.where(inside(time_s, span), factor * share, factor)
        for span in self.closed:
            factor = np.where(inside(time_s, span), 0.0, factor)
        return factor

    def crowding(self, time_s: Floats) -> Floats:
        """How many times the usual stand in zones."""
        crowd = np.ones(len(time_s))
        for span, times in self.surges:
            share = np.clip((time_s - span[0]) / 900.0, 0.0, 1.0)
            crowd = np.where(inside(time_s, span), 1 + (times - 1) * share, crowd)
        for span in self.closed:
            crowd = np.where(inside(time_s, span), 0.0, crowd)
        return crowd

    def waiting(self, zone: str, time_s: Floats) -> Floats:
        """People on a square metre of a platform that no train fetches."""
        more = np.zeros(len(time_s))
        for span, most in self.gaps:
            share = (time_s - span[0]) / (span[1] - span[0])
            more += np.where(inside(time_s, span) & (zone == "platform"), most * share, 0.0)
        return more

    def frozen(self, name: str, time_s: Floats, values: Floats) -> Floats:
        """What a camera tells while its picture stands."""
        for frozen, span in self.freezes:
            during = inside(time_s, span)
            if frozen == name and during.any():
                values = np.where(during, values[int(np.argmax(during))], values)
        return values

    def escalator(self, time_s: Floats, state: Floats) -> Floats:
        """State of the escalator: tripped, then reset for half a minute."""
        for begin, end in self.tripped:
            state = np.where(inside(time_s, (begin, end)), TRIPPED, state)
            state = np.where(inside(time_s, (end, end + 30.0)), STOPPED, state)
        return state

    def train(self, time_s: Floats, load: Floats) -> Floats:
        """Load of a car of a train."""
        for span, percent in self.full:
            load = np.where(inside(time_s, span), percent, load)
        return load


def _lasts(s: Station, begin: float, hours: tuple[float, float]) -> Span:
    return begin, begin + float(s.chance.uniform(*hours)) * HOUR_S


def _tell(s: Station, span: Span, drawn: dict[str, Any], channels: list[str], **words: Any) -> None:
    drawn = {key: round(v, 2) if isinstance(v, float) else v for key, v in drawn.items()}
    drawn["hours"] = round((span[1] - span[0]) / HOUR_S, 2)
    later = words.pop("later", 0.0)
    ids = tuple(f"metro.made.{channel}" for channel in channels)
    s.sheet.event(span, drawn, later, channels=ids, **words)


def _surge(s: Station, p: "Crowd", begin: float) -> None:
    """An event ends close by: far more come in than ever at this hour."""
    span, times = _lasts(s, begin, p.surge_h), float(s.chance.uniform(*p.surge))
    s.surges.append((span, times))
    channels = ["gate_in_a", "gate_in_b", "entries", "density_hall", "density_platform"]
    rules = (*COUNTS, "rise")
    _tell(s, span, {"kind": "surge", "times": times}, channels, rules=rules, later=HOURLY_S)


def _closed(s: Station, p: "Crowd", begin: float) -> None:
    """The station is closed: nobody comes and nobody goes."""
    span = _lasts(s, begin, p.closed_h)
    s.closed.append(span)
    channels = [f"gate_{gate}" for gate in ("in_a", "in_b", "out_a", "out_b")]
    channels += ["entries", "exits"]
    _tell(s, span, {"kind": "station closed"}, channels, rules=COUNTS, later=HOURLY_S)


def _gates_off(s: Station, p: "Crowd", begin: float) -> None:
    """A group of gates is off; people take the others."""
    span = _lasts(s, begin, p.gate_h)
    s.gate_off.append(span)
    channels = ["gate_in_a", "gate_in_b"]
    _tell(s, span, {"kind": "gates off"}, channels, rules=COUNTS, later=LATER_S)


def _escalator(s: Station, p: "Crowd", begin: float) -> None:
    """An escalator trips."""
    span = _lasts(s, begin, p.stands_h)
    s.tripped.append(span)
    _tell(s, span, {"kind": "escalator stop"}, ["escalator_state"], rules=("sequence",), later=60.0)


def _camera(s: Station, p: "Crowd", begin: float) -> None:
    """A camera's picture stands still."""
    span = _lasts(s, begin, p.stuck_h)
    s.freezes.append(("density_hall", span))
    _tell(s, span, {"kind": "camera frozen"}, ["density_hall"], rules=("stuck",))


def _gap(s: Station, p: "Crowd", begin: float) -> None:
    """No train comes, the platform fills."""
    span = begin, begin + float(s.chance.uniform(*p.gap_min)) * 60.0
    most = float(s.chance.uniform(*p.gap_m2))
    s.gaps.append((span, most))
    drawn = {"kind": "train gap", "per_m2": most}
    _tell(s, span, drawn, ["density_platform"], rules=("limit", "rise"), later=60.0)


def _full(s: Station, p: "Crowd", begin: float) -> None:
    """A car is fuller than it may be."""
    span = begin, begin + float(s.chance.uniform(*p.full_min)) * 60.0
    percent = float(s.chance.uniform(*p.full_percent))
    s.full.append((span, percent))
    drawn = {"kind": "train full", "percent": round(percent, 1)}
    drawn["minutes"] = round((span[1] - span[0]) / 60, 1)
    s.sheet.event(span, drawn, 60.0, channels=("metro.train-made.load",), rules=("limit",))


FAULTS: Final[dict[str, Callable[[Station, "Crowd", float], None]]] = {
    "surge": _surge,
    "closed": _closed,
    "gates": _gates_off,
    "escalator": _escalator,
    "camera": _camera,
    "gap": _gap,
    "full": _full,
}
