"""A proposal as lines for a terminal and as one page with its trade-off curve."""

from collections.abc import Sequence
from html import escape
from math import log1p
from typing import TYPE_CHECKING, Final

from lab.reports.style import STYLE
from lab.reports.tables import cell, columns
from lab.tune.folds import Seen
from lab.tune.search import Tried

if TYPE_CHECKING:
    from lab.tune.proposal import Proposal

WIDTH, HEIGHT, LEFT, BOTTOM = 720, 300, 60, 40
HEAD: Final = ("part", "events", "found", "delay", "false", "false per channel-year")


def lines(found: "Proposal") -> list[str]:
    """What a person reads of it on a terminal."""
    text = [
        f"{len(found.tried)} sets of figures tried, {found.parts[0]}; budget "
        f"{found.budget:g} false alarms per channel-year",
        "",
        *columns([HEAD, *rows(found)]),
        "",
        "trade-off where it was searched:",
        *columns([CURVE, *curve(found.curve)]),
        "",
        *found.changes,
    ]
    text += ["", found.diff.rstrip()] if found.diff else []
    return text + [f"do not take it: {reason}" for reason in found.broken]


def rows(found: "Proposal") -> list[tuple[str, ...]]:
    """Each part, as it is and as proposed."""
    return [
        (f"{name}: {word}", *figures(seen))
        for i, name in enumerate(found.parts)
        for word, seen in (("now", found.present.seen[i]), ("proposed", found.best.seen[i]))
    ]


def figures(seen: Seen) -> tuple[str, ...]:
    """Figures of a part."""
    return (
        str(seen.events),
        str(seen.found),
        cell("delay", seen.delay_s),
        str(seen.false_alarms),
        f"{seen.false_rate:.3g}",
    )


CURVE: Final = ("false per channel-year", "found", "delay", "figures")


def curve(tried: Sequence[Tried]) -> list[tuple[str, ...]]:
    """Each point of the trade-off."""
    return [
        (
            f"{t.seen[0].false_rate:.3g}",
            f"{t.seen[0].found} of {t.seen[0].events}",
            cell("delay", t.seen[0].delay_s),
            ", ".join(f"{value:.3g}" for value in t.values),
        )
        for t in tried
    ]


def page(found: "Proposal") -> str:
    """HTML that needs nothing beside it."""
    broken = "".join(f"<li>{escape(reason)}</li>" for reason in found.broken)
    judged = f"<h2>Do not take it</h2><ul>{broken}</ul>" if broken else ""
    changes = "".join(f"<li>{escape(change)}</li>" for change in found.changes)
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>Tocsin tune</title><style>{STYLE}pre{{overflow-x:auto}}</style></head><body>"
        f"<h1>Tocsin tune</h1><p>{len(found.tried)} sets of figures tried; budget {found.budget:g} "
        f"false alarms per channel-year.</p>{judged}<ul>{changes}</ul>"
        f"<h2>Where it was searched, and where it was not</h2>{table(HEAD, rows(found))}"
        f"<h2>Trade-off</h2>{drawn(found)}{table(CURVE, curve(found.curve))}"
        f"<h2>Change</h2><pre>{escape(found.diff) or 'none'}</pre></body></html>\n"
    )


def table(head: Sequence[str], body: Sequence[Sequence[str]]) -> str:
    """Rows of text."""
    heads = "".join(f"<th>{escape(text)}</th>" for text in head)
    cells = "".join(
        f"<tr>{''.join(f'<td>{escape(text)}</td>' for text in row)}</tr>" for row in body
    )
    return f'<div class="wide"><table><tr>{heads}</tr>{cells}</table></div>'


def drawn(found: "Proposal") -> str:
    """Found events over false alarms: every trial, the curve, the budget, now and proposed."""
    most = max(found.budget, *(t.seen[0].false_rate for t in found.tried)) * 1.05 or 1.0
    events = max(found.best.seen[0].events, 1)
    near = found.budget / 10 or most / 100  # what is nearer to none than this is drawn apart

    def at(t: Tried) -> tuple[float, float]:
        return x(t.seen[0].false_rate), y(t.seen[0].found / events)

    def x(rate: float) -> float:
        return LEFT + (WIDTH - LEFT - 20) * log1p(rate / near) / log1p(most / near)

    def y(share: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - BOTTOM - 20) * share

    line = " ".join(f"{a:.1f},{b:.1f}" for a, b in map(at, found.curve))
    dots = "".join(_dot(*at(t), "#bbb", 3) for t in found.tried)
    dots += "".join(_dot(*at(t), "#2f6fde", 4) for t in found.curve)
    for word, t, fill, drop in (
        ("now", found.present, "#888", 18),
        ("proposed", found.best, "#1a7f37", -8),
    ):
        a, b = at(t)
        dots += _dot(a, b, fill, 5) + f'<text x="{a + 8:.1f}" y="{b + drop:.1f}">{word}</text>'
    budget = x(found.budget)
    return (
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="trade-off">'
        f'<path class="axis" d="M{LEFT} 20V{HEIGHT - BOTTOM}H{WIDTH - 20}"/>'
        f'<line class="mark" x1="{budget:.1f}" x2="{budget:.1f}" y1="20" y2="{HEIGHT - BOTTOM}" '
        f'stroke="#b35900"/><text x="{budget + 4:.1f}" y="{HEIGHT - BOTTOM - 6}">budget</text>'
        f'<polyline class="line" points="{line}"/>{dots}'
        f'<text x="{LEFT}" y="{HEIGHT - 12}">0</text>'
        f'<text x="{budget:.1f}" y="{HEIGHT - 26}">{found.budget:g}</text>'
        f'<text x="{WIDTH - 190}" y="{HEIGHT - 12}">{most:.3g} false per channel-year, log</text>'
        f'<text x="4" y="{y(1):.0f}">all found</text><text x="4" y="{y(0):.0f}">none</text></svg>'
        '<p class="soft">Grey: every set of figures that was tried. Blue: those that no other '
        "beats in false alarms, found events and delay at once.</p>"
    )


def _dot(x: float, y: float, fill: str, radius: int) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" fill="{fill}"/>'
