"""One alarm as a picture: the channel's values around it, what was expected, when it rang."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from datetime import datetime, timezone, tzinfo
from html import escape
from itertools import pairwise
from typing import Final

from contracts.alarm import Alarm
from contracts.dead_letter import DeadLetter

WIDTH, HEIGHT = 640, 200
LEFT, RIGHT, TOP, BOTTOM = 56, 8, 10, 26
POINTS_MAX: Final = 600
FILL: Final = {
    "blue": "#2f6fde",
    "yellow": "#d9a400",
    "orange": "#e8730c",
    "red": "#d22b2b",
    "clear": "#2e9e5b",
}

Points = Sequence[tuple[int, float]]


class Scale:
    """Places of times and values in the picture."""

    def __init__(self, points: Points, marks: Sequence[float]) -> None:
        self.begin, self.end = points[0][0], max(points[-1][0], points[0][0] + 1)
        values = [value for _, value in points] + list(marks)
        low, high = min(values), max(values)
        margin = 0.06 * (high - low) or 1.0
        self.low, self.high = low - margin, high + margin

    def x(self, time_ms: float) -> float:
        """Place of a time, kept inside."""
        share = (time_ms - self.begin) / (self.end - self.begin)
        return LEFT + min(max(share, 0.0), 1.0) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        """Place of a value."""
        share = (value - self.low) / (self.high - self.low)
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)


def moment(text: str) -> int:
    """Milliseconds of an alarm's time."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def plot(points: Points, revisions: Sequence[Alarm], refused: Sequence[DeadLetter] = ()) -> str:
    """SVG of one alarm.

    Parameters
    ----------
    points : sequence of (int, float)
        Time in milliseconds and value of the channel, rising by time; not empty.
    revisions : sequence of Alarm
        Of one alarm, in order.
    refused : sequence of DeadLetter
        Readings of the channel that no rule heard: crosses, with their reason.
    """
    shown = _around(without(points, refused), revisions)
    marks = [mark for alarm in revisions for mark in (alarm.band or [])]
    scale = Scale(shown, marks)
    parts = [_frame(scale, revisions[0].unit, _zone_of(revisions[0]))]
    parts += [_band(scale, alarm) for alarm in revisions if alarm.band]
    parts.append(_line(scale, shown))
    parts += [_mark(scale, alarm) for alarm in revisions]
    parts += _crosses(scale, refused)
    label = escape(revisions[0].say["en"])
    head = f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{label}">'
    return head + "".join(parts) + "</svg>"


def plot_event(
    points: Points,
    told: tuple[Sequence[Alarm], Sequence[DeadLetter]],
    span_ms: tuple[int, int],
    words: tuple[str, str],
    zone: timezone,
) -> str:
    """SVG of a known event: its span shaded, the values around it, and what rang meanwhile.

    Parameters
    ----------
    points : sequence of (int, float)
        Time in milliseconds and value of the channel, rising by time; not empty.
    told : (sequence of Alarm, sequence of DeadLetter)
        Revisions of the channel, none when the event was missed; its readings that were refused.
    span_ms : (int, int)
        When the event began and ended.
    words : (str, str)
        Unit of the values, and what the picture shows.
    """
    revisions, refused = told
    points = without(points, refused)
    step = -(-len(points) // POINTS_MAX)
    shown = points[::step] if step > 1 else points
    scale = Scale(shown, [mark for alarm in revisions for mark in (alarm.band or [])])
    unit, label = words
    left, right = (scale.x(time_ms) for time_ms in span_ms)
    parts = [
        f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img" aria-label="{escape(label)}">',
        f'<rect class="axis" style="fill:#888;opacity:.15" x="{left:.1f}" y="{TOP}" '
        f'width="{max(right - left, 1.0):.1f}" height="{HEIGHT - TOP - BOTTOM}"/>',
        _frame(scale, unit, zone),
        *(_band(scale, alarm) for alarm in revisions if alarm.band),
        _line(scale, shown),
        *(_mark(scale, alarm) for alarm in revisions),
        *_crosses(scale, refused),
        "</svg>",
    ]
    return "".join(parts)


def without(points: Points, refused: Sequence[DeadLetter]) -> Points:
    """The readings that were not refused, or all where none is left to draw."""
    times = {letter.time_ns // 1_000_000 for letter in refused if letter.time_ns is not None}
    return [point for point in points if point[0] not in times] or points


def _crosses(scale: Scale, refused: Sequence[DeadLetter]) -> list[str]:
    """Refused readings inside the picture, at the edge when their value is outside or none."""
    found = []
    for letter in refused:
        time_ms = (letter.time_ns or 0) // 1_000_000
        if scale.begin <= time_ms <= scale.end:
            x, base = scale.x(time_ms), HEIGHT - BOTTOM
            y = base if letter.value is None else min(max(scale.y(letter.value), TOP), base)
            what = escape(f"refused: {letter.reason}; {letter.detail}")
            found.append(
                f'<path d="M{x - 4:.1f},{y - 4:.1f}l8,8m0,-8l-8,8" fill="none" stroke="#777" '
                f'class="refused"><title>{what}</title></path>'
            )
    return found


def _around(points: Points, revisions: Sequence[Alarm]) -> Points:
    """The values from some time before the onset to some time after the last revision."""
    times = [time_ms for time_ms, _ in points]
    onset, last = moment(revisions[0].onset), moment(revisions[-1].detected)
    period = (times[-1] - times[0]) / max(len(times) - 1, 1)
    margin = max(0.5 * (last - onset), 24 * period)
    first = max(bisect_left(times, onset - margin) - 1, 0)
    behind = bisect_right(times, last + margin) + 1
    shown = points[first:behind]
    step = -(-len(shown) // POINTS_MAX)
    return shown[::step] if step > 1 else shown


def _frame(scale: Scale, unit: str, zone: tzinfo | None) -> str:
    """Axes with the smallest and largest value, the unit, and the first and last time."""
    base = HEIGHT - BOTTOM
    lines = f'<path class="axis" d="M{LEFT},{TOP}V{base}H{WIDTH - RIGHT}"/>'
    texts = [
        (LEFT - 6, TOP + 10, "end", f"{scale.high:.4g}"),
        (LEFT - 6, base, "end", f"{scale.low:.4g}"),
        (LEFT - 6, (TOP + base) / 2, "end", unit),
        (LEFT, HEIGHT - 8, "start", _day(scale.begin, zone)),
        (WIDTH - RIGHT, HEIGHT - 8, "end", _day(scale.end, zone)),
    ]
    words = "".join(
        f'<text x="{x}" y="{y}" text-anchor="{anchor}">{escape(text)}</text>'
        for x, y, anchor, text in texts
    )
    return lines + words


def _zone_of(alarm: Alarm) -> tzinfo | None:
    """The city's time zone, in which its alarms are stamped."""
    return datetime.fromisoformat(alarm.detected).tzinfo


def _day(time_ms: int, zone: tzinfo | None) -> str:
    return f"{datetime.fromtimestamp(time_ms / 1000, zone):%Y-%m-%d %H:%M}"


def _line(scale: Scale, points: Points) -> str:
    """The values; the line breaks where readings are missing."""
    gaps = sorted(b[0] - a[0] for a, b in pairwise(points))
    usual = gaps[len(gaps) // 2] if gaps else 0
    path, before = [], None
    for time_ms, value in points:
        broken = before is None or time_ms - before > 2.5 * usual
        path.append(f"{'M' if broken else 'L'}{scale.x(time_ms):.1f},{scale.y(value):.1f}")
        before = time_ms
    return f'<path class="line" d="{"".join(path)}"/>'


def _band(scale: Scale, alarm: Alarm) -> str:
    """What was expected when the level changed, as a bar a little wider than a mark."""
    assert alarm.band is not None
    low, high = alarm.band
    x, top = scale.x(moment(alarm.detected)), scale.y(high)
    tall = max(scale.y(low) - top, 1.0)
    return f'<rect class="band" x="{x - 5:.1f}" y="{top:.1f}" width="10" height="{tall:.1f}"/>'


def _mark(scale: Scale, alarm: Alarm) -> str:
    """When it rang or cleared, in the colour it took."""
    x = scale.x(moment(alarm.detected))
    what = escape(f"{alarm.colour} at {alarm.detected}")
    return (
        f'<line x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{HEIGHT - BOTTOM}" '
        f'stroke="{FILL[alarm.colour]}" class="mark"><title>{what}</title></line>'
    )
