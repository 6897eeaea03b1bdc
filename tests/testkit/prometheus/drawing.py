"""Pictures of dashboards from what a Prometheus holds, where there is no Grafana to show them.

They show the queries, units and names of a dashboard, in its order; not how Grafana would look.
"""

import math
from pathlib import Path
from typing import Any, Final

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import EngFormatter, FuncFormatter, PercentFormatter

from tests.testkit.prometheus.server import Prometheus

Series = tuple[str, list[float], list[float]]

CHOSEN: Final = {"$__rate_interval": "15s", "$job": ".+", "$instance": ".+"}
POINTS: Final = 240
COLUMNS: Final = 3
LINES_NAMED: Final = 8
COLOURS: Final = {"blue": "#3b78c4", "yellow": "#d9b310", "orange": "#e8833a", "red": "#b3261e"}
UNITS: Final[dict[str, Any]] = {
    "percentunit": PercentFormatter(1.0),
    "s": EngFormatter("s"),
    "ops": FuncFormatter(lambda value, _: f"{value:,.4g}/s"),
    "bytes": EngFormatter("B"),
    "short": FuncFormatter(lambda value, _: f"{value:g}"),
}


def chosen(expression: str) -> str:
    """An expression with everything chosen, as Grafana would send it at first."""
    for variable, value in CHOSEN.items():
        expression = expression.replace(variable, value)
    return expression


async def draw(page: dict[str, Any], server: Prometheus, span: tuple[float, float]) -> Figure:
    """A dashboard over a span of time.

    Parameters
    ----------
    page : dict
        As Grafana reads it.
    server : Prometheus
    span : tuple of float
        Seconds since 1970 UTC.
    """
    panels = [panel for panel in page["panels"] if panel["type"] != "row"]
    figure = Figure(
        figsize=(15, 0.6 + 2.7 * math.ceil(len(panels) / COLUMNS)), layout="constrained"
    )
    figure.suptitle(page["title"], x=0.01, ha="left", fontsize=14, fontweight="bold")
    grid = figure.subplots(math.ceil(len(panels) / COLUMNS), COLUMNS, squeeze=False)
    for place, axes in enumerate(grid.flat):
        if place < len(panels):
            series = await _series(panels[place], server, span)
            _show(axes, panels[place], series, span)
        else:
            axes.set_axis_off()
    for axes in grid[-1]:
        axes.set_xlabel("minutes", fontsize=8)
    return figure


async def _series(
    panel: dict[str, Any], server: Prometheus, span: tuple[float, float]
) -> list[Series]:
    """Name, minutes since the beginning, and values of each line."""
    first, last = span
    asked = {"start": str(first), "end": str(last), "step": str(max((last - first) / POINTS, 1.0))}
    found: list[Series] = []
    for target in panel["targets"]:
        answer = await server.api("query_range", query=chosen(target["expr"]), **asked)
        for line in answer["result"]:
            name = target["legendFormat"]
            for label, value in line["metric"].items():
                name = name.replace(f"{{{{{label}}}}}", value)
            found.append((name, *_with_gaps(line["values"], first, float(asked["step"]))))
    return found


def _with_gaps(
    samples: list[tuple[float, str]], first: float, step_s: float
) -> tuple[list[float], list[float]]:
    """Minutes and values; where nothing was for longer than a step, the line is interrupted."""
    minutes: list[float] = []
    values: list[float] = []
    before = math.inf
    for time, value in samples:
        if time - before > 1.5 * step_s:
            minutes.append(minutes[-1])
            values.append(math.nan)
        minutes.append((time - first) / 60)
        values.append(float(value))
        before = time
    return minutes, values


def _show(
    axes: Axes, panel: dict[str, Any], series: list[Series], span: tuple[float, float]
) -> None:
    defaults = panel["fieldConfig"]["defaults"]
    axes.set_title(panel["title"], loc="left", fontsize=10)
    axes.tick_params(labelsize=8)
    axes.grid(visible=True, alpha=0.25)
    axes.set_xlim(0, (span[1] - span[0]) / 60)
    axes.yaxis.set_major_formatter(UNITS[defaults["unit"]])
    if not series:
        axes.text(0.5, 0.5, "nothing", transform=axes.transAxes, ha="center", color="grey")
        return
    for name, minutes, values in series:
        colour = COLOURS.get(name)
        axes.plot(minutes, values, label=name, linewidth=1.4, color=colour, clip_on=False)
    if defaults.get("min") is not None or panel["type"] == "stat":
        axes.set_ylim(bottom=0)
    if panel["type"] == "stat":
        newest = UNITS[defaults["unit"]](series[0][2][-1], None)
        axes.text(0.02, 0.78, newest, transform=axes.transAxes, fontsize=20, fontweight="bold")
    elif len(series) <= LINES_NAMED:
        axes.legend(fontsize=7, frameon=False, loc="upper left")
    else:
        moving = sorted(series, key=lambda line: -np.nanmax(line[2]))[:LINES_NAMED]
        wanted = {name for name, _, _ in moving}
        handles = [line for line in axes.get_lines() if line.get_label() in wanted]
        axes.legend(handles=handles, fontsize=7, frameon=False, loc="upper left")


def save(figure: Figure, path: Path) -> None:
    """Write a picture for a page of the documentation."""
    figure.savefig(path, dpi=70, metadata={"Software": None})
