"""Thirty days of a made city on one page: how well its desks are served, drawn from their notices.

`python docs/month.py` runs the month through the whole desk and draws `docs/images/month.png`.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import matplotlib as mpl

mpl.use("agg")
import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray

from alarms.duty.kpi import DAY_S, WINDOW_S, Period, Rates, rates
from contracts.civil_time import CITY
from contracts.desk.notice import Notice
from tests.testkit.desk.month import BEGINS, DAYS, SEED, Ran, desks_of, month_at_the_desk

PICTURE: Final = Path(__file__).resolve().parent / "images" / "month.png"
PERIOD: Final = Period(BEGINS, BEGINS + DAYS * DAY_S)
WINDOWS: Final = DAY_S // WINDOW_S
INK: Final = {"blue": "#2f6fde", "yellow": "#e0b000", "orange": "#e8730c", "red": "#c62828"}
GREY: Final = "#8a8f98"
LEVELS: Final = ("city", "district", "street", "neighbourhood")
FLOOD: Final = 10  # more than so many in a window are a flood
BEARABLE: Final = 1.0  # in ten minutes, on average: very likely acceptable
STALE_BELOW: Final = 5  # at a desk on any day: ISA-18.2

Notices = Sequence[Notice]


def second(notice: Notice) -> int:
    """When it was told."""
    return int(datetime.fromisoformat(notice.at).timestamp())


def busiest(notices: Notices) -> dict[str, str]:
    """By level, the desk that was told most."""
    told = Counter((n.level, n.desk) for n in notices if n.withheld is None)
    found: dict[str, str] = {}
    for (level, desk), _ in told.most_common():
        found.setdefault(level, desk)
    return {level: found[level] for level in LEVELS if level in found}


def windows(notices: Notices, desk: str) -> NDArray[np.int64]:
    """Notices of a desk by day and window of ten minutes, shape (days, windows)."""
    counts = np.zeros(DAYS * WINDOWS, np.int64)
    for notice in notices:
        if notice.desk == desk and notice.withheld is None:
            counts[(second(notice) - BEGINS) // WINDOW_S] += 1
    return counts.reshape(DAYS, WINDOWS)


def calendar(axes: Any, counts: NDArray[np.int64], title: str) -> Any:
    """Every window of the month as one cell."""
    shades = mpl.colormaps["YlOrRd"].with_extremes(under="#f6f8fa")
    drawn = axes.imshow(counts, aspect="auto", cmap=shades, vmin=0.5, vmax=FLOOD + 0.5)
    axes.set_title(title, loc="left", fontweight="bold")
    axes.set_xticks(range(0, WINDOWS + 1, 18), [f"{hour:02d}" for hour in range(0, 25, 3)])
    first = datetime.fromtimestamp(BEGINS, CITY)
    days = range(0, DAYS, 5)
    axes.set_yticks(days, [f"{first + timedelta(days=day):%d %b}" for day in days])
    axes.set_xlabel("hour of the day")
    return drawn


def by_day(axes: Any, notices: Notices) -> None:
    """Notices of all desks a day, by colour."""
    counts = {colour: np.zeros(DAYS) for colour in INK}
    for notice in notices:
        if notice.withheld is None and notice.colour in counts:
            counts[notice.colour][(second(notice) - BEGINS) // DAY_S] += 1
    bottom = np.zeros(DAYS)
    for colour, ink in INK.items():
        axes.bar(range(1, DAYS + 1), counts[colour], bottom=bottom, color=ink, label=colour)
        bottom += counts[colour]
    axes.set_title("Told a day, all desks, by colour", loc="left", fontweight="bold")
    axes.set_xlabel("day")
    axes.legend(ncols=4, frameon=False, loc="upper right", fontsize=7)
    axes.set_ylim(0, bottom.max() * 1.25)


def worst(axes: Any, notices: Notices, desks: dict[str, str]) -> None:
    """Each day's worst window at the busiest desk of each level, against a flood."""
    for level, desk in desks.items():
        days = windows(notices, desk).max(axis=1)
        axes.step(range(1, DAYS + 1), days, where="mid", label=f"{level}: {desk}")
    axes.axhline(FLOOD, color="#c62828", linestyle="--", linewidth=1)
    axes.text(1, FLOOD + 0.2, "more is a flood (EEMUA 191)", color="#c62828", fontsize=7)
    axes.set_ylim(0, FLOOD + 2)
    axes.set_title("Worst ten minutes of each day", loc="left", fontweight="bold")
    axes.set_xlabel("day")
    axes.legend(frameon=False, fontsize=7, ncols=2, loc="upper right", bbox_to_anchor=(1, 0.85))


def standing(axes: Any, ran: Ran) -> None:
    """Alarms that had stood for more than a day at each midnight."""
    days = range(1, DAYS + 1)
    axes.bar(days, ran.stale, color="#d5d8dc", label="whole city")
    axes.bar(days, ran.stale_at_desk, color=GREY, width=0.45, label="desk with most")
    axes.axhline(STALE_BELOW, color="#c62828", linestyle="--", linewidth=1)
    said = f"ISA-18.2: fewer than {STALE_BELOW} at a desk"
    axes.text(1, STALE_BELOW + 0.1, said, color="#c62828", fontsize=7)
    axes.set_ylim(0, max(STALE_BELOW, *ran.stale) + 2.5)
    axes.set_title("Active for more than 24 h", loc="left", fontweight="bold")
    axes.set_xlabel("day")
    axes.legend(frameon=False, fontsize=7, ncols=2, loc="upper left")


def kept_back(axes: Any, notices: Notices) -> None:
    """What was withheld, by reason."""
    counts = Counter(n.withheld.by for n in notices if n.withheld)
    words, numbers = zip(*sorted(counts.items(), key=lambda one: one[1]), strict=True)
    bars = axes.barh(words, numbers, color=GREY)
    axes.bar_label(bars, fmt="{:,.0f}", padding=3, fontsize=8)
    axes.set_xlim(0, max(numbers) * 1.2)
    axes.set_title("Withheld, by reason", loc="left", fontweight="bold")


def of_levels(axes: Any, ran: Ran) -> dict[str, Rates]:
    """Measures of every desk, the worst of each level, as a table; those of all come back."""
    by_desk: dict[str, list[Notice]] = {desk.id: [] for desk in desks_of(ran.month)}
    for notice in ran.notices:
        by_desk[notice.desk].append(notice)
    levels = {desk.id: desk.level for desk in desks_of(ran.month)}
    found = {name: rates(some, name, PERIOD) for name, some in by_desk.items()}
    rows = []
    for level in LEVELS:
        mine = [one for name, one in found.items() if levels[name] == level]
        rows.append(
            [
                level,
                f"{len(mine)}",
                f"{sum(one.notices for one in mine):,}",
                f"{max(one.mean for one in mine):.3f}",
                f"{max(one.peak for one in mine)}",
                f"{max(one.upset for one in mine):.2f}",
                f"{max(one.above for one in mine):.2%}",
                f"{sum(len(one.floods) for one in mine)}",
            ]
        )
    head = ["level", "desks", "told", "mean", "peak", "upset", "above 10", "floods"]
    axes.axis("off")
    drawn = axes.table(
        rows,
        colLabels=head,
        colWidths=[0.23, *[0.11] * 7],
        loc="center",
        cellLoc="right",
        edges="horizontal",
    )
    drawn.scale(1, 1.5)
    drawn.auto_set_font_size(False)
    drawn.set_fontsize(8)
    title = "Worst desk of each level; mean, peak, upset in 10 min"
    axes.set_title(title, loc="left", fontweight="bold")
    return found


def page(ran: Ran) -> Any:
    """The whole page."""
    notices = ran.notices
    desks = busiest(notices)
    figure = plt.figure(figsize=(11.7, 13.2), layout="constrained")
    grid = figure.add_gridspec(5, 2, height_ratios=[0.5, 2.2, 2.2, 1.6, 1.5])
    calendars = [figure.add_subplot(grid[1 + i // 2, i % 2]) for i in range(len(desks))]
    for axes, (level, desk) in zip(calendars, desks.items(), strict=True):
        drawn = calendar(axes, windows(notices, desk), f"Busiest {level} desk: {desk}")
    bar = figure.colorbar(drawn, ax=calendars, shrink=0.5, extend="max", pad=0.01)
    bar.set_label("notices in ten minutes; blank: none")
    by_day(figure.add_subplot(grid[3, 0]), notices)
    worst(figure.add_subplot(grid[3, 1]), notices, desks)
    lower = grid[4, :].subgridspec(1, 3, width_ratios=[1.1, 1, 1.7])
    standing(figure.add_subplot(lower[0]), ran)
    kept_back(figure.add_subplot(lower[1]), notices)
    found = of_levels(figure.add_subplot(lower[2]), ran)
    _heading(figure.add_subplot(grid[0, :]), ran, found)
    return figure


def _heading(axes: Any, ran: Ran, found: dict[str, Rates]) -> None:
    told = sum(one.notices for one in found.values())
    most = max(one.mean for one in found.values())
    above = max(one.above for one in found.values())
    stale = max(ran.stale_at_desk)
    held = most <= BEARABLE and above < 0.01 and stale < STALE_BELOW
    alarms = sum(one.alarm.revision == 1 for one in ran.month.told)
    axes.axis("off")
    axes.text(0, 0.95, "Thirty days of a made city", fontsize=17, fontweight="bold", va="top")
    said = (
        f"{alarms:,} alarms (lab.generators.alarm_city, seed {SEED}), {told:,} notices told to "
        f"{len(found)} desks, {len(ran.notices) - told:,} withheld with a reason; "
        f"{ran.left} incidents left open.\n"
        f"Asked for: at most 1 notice in ten minutes and desk on average (worst desk {most:.2f}), "
        f"fewer than 1 % of windows above 10 (worst {above:.2%}),\nfewer than {STALE_BELOW} stale "
        f"alarms at a desk on any day (most {stale}): "
        f"{'held' if held else 'NOT held'}. Answered after 4 minutes; nobody is off duty."
    )
    axes.text(0, 0.5, said, fontsize=9, va="top", color="#3a4450")


def main() -> None:
    """Run the month and draw it."""
    mpl.rcParams.update({"font.size": 8, "axes.spines.top": False, "axes.spines.right": False})
    figure = page(month_at_the_desk())
    figure.savefig(PICTURE, dpi=110, metadata={"Software": None})
    plt.close(figure)


if __name__ == "__main__":
    main()
