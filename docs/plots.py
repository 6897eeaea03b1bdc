"""Pictures of the tables in docs/performance.md, drawn anew from the figures that stand there.

`python docs/plots.py`, after a benchmark has renewed its table with `--write`. The same table
gives the same bytes.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")
import matplotlib.pyplot as plt

DOCS = Path(__file__).resolve().parent
PAGE = DOCS / "performance.md"
IMAGES = DOCS / "images"
OURS, THEIRS = "#b3261e", "#8a8f98"
PARTS = ["#5b8def", "#b3261e", "#e8a33d", "#2e9e5b", "#8a63d2", "#8a8f98"]

Table = tuple[list[str], list[list[str]]]


def table(mark: str) -> Table:
    """Head and rows between the page's comments `mark: begin` and `mark: end`."""
    text = PAGE.read_text(encoding="utf-8")
    inside = text.partition(f"<!-- {mark}: begin -->")[2].partition(f"<!-- {mark}: end -->")[0]
    lines = [line for line in inside.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    if len(cells) < 3:
        msg = f"{PAGE.name}: expected a table `{mark}`, got none; run its benchmark with --write"
        raise ValueError(msg)
    return cells[0], cells[2:]


def number(cell: str) -> float:
    """A figure as the tables print it."""
    return float(cell.replace(",", ""))


def profile(axes: Any) -> None:
    """Where the nanoseconds of a reading go, one bar a format."""
    head, rows = table("profile")
    stages = [row for row in rows if row[0] != "in all"]
    formats = head[1:-1]
    left = [0.0] * len(formats)
    for row, colour in zip(stages, PARTS, strict=True):
        widths = [number(cell) for cell in row[1:-1]]
        axes.barh(formats, widths, left=left, color=colour, label=row[0])
        left = [a + b for a, b in zip(left, widths, strict=True)]
    axes.set_xlabel("ns a reading")
    axes.legend(ncols=3, loc="upper center", bbox_to_anchor=(0.4, -0.22), frameon=False)


def whole(axes: Any) -> None:
    """The whole worker beside bare consumption, one pair of bars a format."""
    _, rows = table("whole")
    places = range(len(rows))
    axes.barh([p + 0.2 for p in places], [number(row[1]) / 1e6 for row in rows], 0.38,
              color=OURS, label="whole worker")  # fmt: skip
    axes.barh([p - 0.2 for p in places], [number(row[2]) / 1e6 for row in rows], 0.38,
              color=THEIRS, label="bare consumption")  # fmt: skip
    axes.set_yticks(list(places), [row[0] for row in rows])
    axes.set_xlabel("million readings a second")
    axes.legend(frameon=False)


def kernel(axes: Any) -> None:
    """The fused kernel as a share of C's time."""
    head, rows = table("kernel")
    at = head.index("kernel/C")
    axes.barh([row[0] for row in rows], [number(row[at]) for row in rows], color=OURS)
    axes.axvline(1.0, color=THEIRS, linestyle="--", label="scalar C")
    axes.set_xlabel("time, scalar C = 1")
    axes.legend(frameon=False)


def rivals(axes: Any) -> None:
    """Readings a second of everybody."""
    _, rows = table("rivals")
    colours = [OURS if row[0].startswith("Tocsin") else THEIRS for row in rows]
    axes.barh([row[0] for row in rows], [number(row[1]) / 1e6 for row in rows], color=colours)
    axes.set_xlabel("million readings a second")


PICTURES: dict[str, Callable[[Any], None]] = {
    "profile": profile,
    "whole": whole,
    "kernel": kernel,
    "rivals": rivals,
}


def main() -> None:
    """Draw every picture."""
    mpl.rcParams.update({"svg.hashsalt": "tocsin", "font.size": 9, "svg.fonttype": "none"})
    for name, draw in PICTURES.items():
        figure, axes = plt.subplots(figsize=(7.2, 3.2), layout="constrained")
        draw(axes)
        if not axes.yaxis_inverted():
            axes.invert_yaxis()
        axes.spines[["top", "right"]].set_visible(False)
        figure.savefig(IMAGES / f"performance-{name}.svg", metadata={"Date": None})
        plt.close(figure)


if __name__ == "__main__":
    main()
