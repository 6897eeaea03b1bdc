"""Figures of resilience as a page with the curves."""

from collections.abc import Sequence
from html import escape

from alarms.resilience.figures import IncidentFigures, LifelineFigures, PeriodFigures
from lab.reports.style import STYLE
from lab.reports.tables import lasting
from operate.resilience.text import HEAD, row

WIDTH, HEIGHT = 640, 170
LEFT, RIGHT, TOP, BOTTOM = 44, 10, 12, 24
TICKS = 4


def page(found: IncidentFigures | PeriodFigures | LifelineFigures, lines: Sequence[str]) -> str:
    """A page that stands alone: what the terminal shows, and Q(t) of every lifeline."""
    lifelines = [found] if isinstance(found, LifelineFigures) else found.lifelines
    moments = _moments(found) if isinstance(found, IncidentFigures) else []
    said = "".join(f"<p>{escape(line)}</p>" for line in lines if not _of_table(line, lifelines))
    head = "".join(f"<th>{escape(cell)}</th>" for cell in HEAD)
    rows = "".join(
        f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row(one))}</tr>" for one in lifelines
    )
    curves = "".join(
        f"<div class='card'><h3>{escape(one.lifeline)}</h3>{plot(one, moments)}</div>"
        for one in lifelines
    )
    return (
        "<!doctype html><html lang='en'><meta charset='utf-8'>"
        "<meta name='viewport' content='width=device-width'><title>Resilience</title>"
        f"<style>{STYLE}</style><h1>Resilience</h1>"
        f"<div class='wide'><table><tr>{head}</tr>{rows}</table></div>{said}"
        f"<h2>Functionality over time</h2><div class='cards'>{curves}</div></html>\n"
    )


def _of_table(line: str, lifelines: Sequence[LifelineFigures]) -> bool:
    return line.partition("  ")[0] in {HEAD[0], *(one.lifeline for one in lifelines)}


def _moments(found: IncidentFigures) -> list[tuple[str, float]]:
    said = found.moments
    some = (
        ("detected", said.detected_s),
        ("ack", said.acknowledged_s),
        ("on site", said.arrived_s),
    )
    return [(word, at_s) for word, at_s in some if at_s is not None]


def plot(one: LifelineFigures, moments: Sequence[tuple[str, float]] = ()) -> str:
    """Q(t) of a lifeline as SVG: a band where channels were blind, a mark at each moment."""
    begins, ends = one.curve[0][0], max(one.curve[-1][0], one.curve[0][0] + 1)
    floor = min(point[1] for point in one.curve)
    low = max(0.0, floor - 0.1 * (1 - floor))

    def x(at_s: float) -> float:
        part = (min(max(at_s, begins), ends) - begins) / (ends - begins)
        return LEFT + part * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return TOP + (1 - value) / ((1 - low) or 1.0) * (HEIGHT - TOP - BOTTOM)

    best = [f"{x(at_s):.1f},{y(high):.1f}" for at_s, _, high in one.curve]
    worst = [f"{x(at_s):.1f},{y(least):.1f}" for at_s, least, _ in one.curve]
    parts = [f"<polygon class='band' points='{' '.join([*best, *reversed(worst)])}'/>"]
    parts += [f"<polyline class='line' points='{' '.join(points)}'/>" for points in (worst, best)]
    parts += [_level(value, y(value)) for value in (1.0, *([0.8] if low < 0.8 else []), low)]
    parts += [
        _tick((ends - begins) * n / TICKS, LEFT + (WIDTH - LEFT - RIGHT) * n / TICKS)
        for n in range(TICKS + 1)
    ]
    for word, at_s in moments:
        parts.append(
            f"<line class='mark' stroke='#b3261e' x1='{x(at_s):.1f}' x2='{x(at_s):.1f}' "
            f"y1='{TOP}' y2='{HEIGHT - BOTTOM}'><title>{word}</title></line>"
        )
    label = f"Functionality of {escape(one.lifeline)}, lowest {one.worst.lowest:.1%}"
    return (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {WIDTH} {HEIGHT}' role='img' "
        f"aria-label='{label}'>{''.join(parts)}</svg>"
    )


def _level(value: float, at: float) -> str:
    line = f"<line class='axis' x1='{LEFT}' x2='{WIDTH - RIGHT}' y1='{at:.1f}' y2='{at:.1f}'/>"
    return f"{line}<text x='{LEFT - 4}' y='{at + 4:.1f}' text-anchor='end'>{value:.0%}</text>"


def _tick(after_s: float, at: float) -> str:
    """How long after the beginning a place is."""
    anchor = "end" if at > WIDTH - 50 else "middle"
    return f"<text x='{at:.1f}' y='{HEIGHT - 6}' text-anchor='{anchor}'>{lasting(after_s)}</text>"
