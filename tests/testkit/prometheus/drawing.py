"""Pictures of dashboards from what a Prometheus holds, where there is no Grafana to show them.

They show the queries, units and names of a dashboard, in its order; not how Grafana would look.
"""

import math
from pathlib import Path
from typing import Any, Final

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
    "ops": EngFormatter("/s"),
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
    grid = figure.subplots(math.ceil(len(panels) / COLUMNS), COLUMNS, squeeze=False).flat
    for axes, panel in zip(grid, panels, strict=False):
        series = await _series(panel, server, span)
        _show(axes, panel, series, span)
    for axes in list(grid)[len(panels) :]:
        axes.set_axis_off()
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
            minutes = [(float(time) - first) / 60 for time, _ in line["values"]]
            found.append((name, minutes, [float(value) for _, value in line["values"]]))
    return found


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
        axes.plot(minutes, values, label=name, linewidth=1.4, color=COLOURS.get(name))
    if defaults.get("min") is not None or panel["type"] == "stat":
        axes.set_ylim(bottom=0)
    if panel["type"] == "stat":
        newest = UNITS[defaults["unit"]](series[0][2][-1], None)
        axes.text(0.02, 0.8, newest, transform=axes.transAxes, fontsize=20, fontweight="bold")
    elif len(series) <= LINES_NAMED:
        axes.legend(fontsize=7, frameon=False, loc="upper left")
    else:
        moving = sorted(series, key=lambda line: -max(line[2]))[:LINES_NAMED]
        wanted = {name for name, _, _ in moving}
        handles = [line for line in axes.get_lines() if line.get_label() in wanted]
        axes.legend(handles=handles, fontsize=7, frameon=False, loc="upper left")


def save(figure: Figure, path: Path) -> None:
    """Write a picture for a page of the documentation."""
    figure.savefig(path, dpi=70, metadata={"Software": None})
