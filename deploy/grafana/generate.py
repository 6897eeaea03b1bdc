"""Writes the dashboards as Grafana reads them: `python -m deploy.grafana.generate`.

The first version of the schema, which every Grafana from 10 to 13 takes.
"""

import json
import sys
import warnings
from itertools import count
from pathlib import Path
from typing import Any, Final

from deploy.grafana.city import CITY
from deploy.grafana.desks import DESKS
from deploy.grafana.detectors import DETECTORS
from deploy.grafana.lanes import LANES
from deploy.grafana.panel import Dashboard, Panel
from deploy.grafana.quality import QUALITY
from deploy.grafana.recovery import RECOVERY

with warnings.catch_warnings():  # the builder would rather have the second version written
    warnings.simplefilter("ignore", DeprecationWarning)
    from grafana_foundation_sdk.builders import common, dashboard, prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import (
    DataSourceRef,
    LegendDisplayMode,
    LegendPlacement,
    StackingMode,
    TooltipDisplayMode,
)
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    Threshold,
    ThresholdsMode,
    VariableRefresh,
    VariableSort,
)

DASHBOARDS: Final = (CITY, LANES, DETECTORS, DESKS, QUALITY, RECOVERY)
FOLDER: Final = Path(__file__).resolve().parent / "dashboards"
SOURCE: Final = DataSourceRef("prometheus", "${datasource}")
WIDTH: Final = 24


def _number(panel: Panel) -> stat.Panel:
    steps = [Threshold(None, "green")]
    if panel.bad_from is not None:
        steps.append(Threshold(panel.bad_from, "red"))
    limits = dashboard.ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(steps)
    newest = common.ReduceDataOptions().calcs(["lastNotNull"])
    return stat.Panel().thresholds(limits).reduce_options(newest).height(4)


def _lines(panel: Panel, width: int) -> timeseries.Panel:
    legend = common.VizLegendOptions().show_legend(True)
    legend.display_mode(LegendDisplayMode.LIST).placement(LegendPlacement.BOTTOM)
    tooltip = common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI)
    shown = timeseries.Panel().legend(legend).tooltip(tooltip).height(8).span(width)
    if panel.least is not None:
        shown.min(panel.least)
    if panel.kind == "stack":
        shown.stacking(common.StackingConfig().mode(StackingMode.NORMAL)).fill_opacity(30)
    return shown


def _panel(panel: Panel, number: int, width: int) -> stat.Panel | timeseries.Panel:
    shown = _number(panel).span(width) if panel.kind == "number" else _lines(panel, width)
    shown.id(number).title(panel.title).description(panel.says).unit(panel.unit)
    shown.datasource(SOURCE)
    for place, query in enumerate(panel.queries):
        target = prometheus.Dataquery().expr(query.promql).legend_format(query.legend)
        shown.with_target(target.range().ref_id(chr(ord("A") + place)).datasource(SOURCE))
    return shown


def _variable(name: str, metric: str) -> dashboard.QueryVariable:
    """A choice of some values of a label, all of them at first."""
    query = f"label_values({metric}, {name})"
    chosen = dashboard.QueryVariable(name).label(name.title()).datasource(SOURCE)
    chosen.query({"query": query, "refId": name}).definition(query)
    chosen.refresh(VariableRefresh.ON_TIME_RANGE_CHANGED).sort(VariableSort.ALPHABETICAL_ASC)
    return chosen.multi(True).include_all(True).all_value(".+")


def _dashboard(page: Dashboard) -> dashboard.Dashboard:
    """A page that nobody edits in the browser: what is changed there would be lost."""
    made = dashboard.Dashboard(page.title).uid(page.uid).description(page.says)
    made.tags(["tocsin"]).readonly().timezone("browser").refresh("30s").time("now-3h", "now")
    made.tooltip(DashboardCursorSync.CROSSHAIR)
    others = dashboard.DashboardLink("Tocsin").type(DashboardLinkType.DASHBOARDS)
    made.link(others.tags(["tocsin"]).as_dropdown(True).include_vars(True).keep_time(True))
    source = dashboard.DatasourceVariable("datasource").label("Data source").type("prometheus")
    made.with_variable(source)
    made.with_variable(_variable("job", "tocsin_ready"))
    made.with_variable(_variable("instance", 'tocsin_ready{job=~"$job"}'))
    numbers = count(1)
    for row in page.rows:
        made.with_row(dashboard.Row(row.title).id(next(numbers)))
        width = WIDTH // len(row.panels) if row.panels[0].kind == "number" else WIDTH // 3
        for panel in row.panels:
            made.with_panel(_panel(panel, next(numbers), width))
    return made


def texts() -> dict[str, str]:
    """What each file is to hold, by its name."""
    built = {page.uid: _dashboard(page).build() for page in DASHBOARDS}
    return {
        f"{uid}.json": json.dumps(page, cls=JSONEncoder, indent=2, sort_keys=True) + "\n"
        for uid, page in built.items()
    }


def main(arguments: list[str]) -> int:
    """Write the files, or with `--check` say which are not what they should be."""
    wanted = texts()
    if arguments == ["--check"]:
        found: dict[str, Any] = {path.name: path.read_text() for path in FOLDER.glob("*.json")}
        stale = sorted(name for name in wanted | found if wanted.get(name) != found.get(name))
        sys.stderr.writelines(f"{name}: run python -m deploy.grafana.generate\n" for name in stale)
        return bool(stale)
    for name, text in wanted.items():
        (FOLDER / name).write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
