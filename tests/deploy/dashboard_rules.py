"""What a dashboard has to keep: the rules of Grafana's dashboard-linter, by its names for them.

Each takes a dashboard as Grafana reads it and gives findings. `target-promql` is left to a real
Prometheus, which the expressions are put to. Of `target-logql` and `target-logql-auto` there is
nothing to judge: no panel asks Loki, which `panel-datasource` holds.

Source: https://github.com/grafana/dashboard-linter (commit 4d0844b).
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, Final

Page = dict[str, Any]
Rule = Callable[[Page], Iterator[str]]

SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
UNITS: Final = {"bytes", "ops", "percentunit", "s", "short"}  # ids of Grafana
RATES: Final = ("rate(", "irate(", "increase(")
SELECTOR: Final = re.compile(r"\b([a-zA-Z_:]\w*)\{([^}]*)\}")
NAME: Final = re.compile(r"\b(tocsin_\w+|process_\w+|up|ALERTS)\b")
VALUES: Final = re.compile(r"label_values\((\w+)(\{[^}]*\})?, (\w+)\)")


def panels(page: Page) -> list[dict[str, Any]]:
    """All panels but headings."""
    return [panel for panel in page["panels"] if panel["type"] != "row"]


def expressions(page: Page) -> list[tuple[str, str]]:
    """Title of the panel and PromQL of each query."""
    return [
        (panel["title"], target["expr"]) for panel in panels(page) for target in panel["targets"]
    ]


def template_datasource(page: Page) -> Iterator[str]:
    """The source is chosen by a variable `datasource`."""
    found = [v for v in page["templating"]["list"] if v["type"] == "datasource"]
    names = [(v["name"], v["label"], v["query"]) for v in found]
    if names != [("datasource", "Data source", "prometheus")]:
        yield f"expected one variable for the data source, got {names}"


def template_job(page: Page) -> Iterator[str]:
    """Jobs are chosen by a variable."""
    yield from _choice(page, "job")


def template_instance(page: Page) -> Iterator[str]:
    """Instances are chosen by a variable."""
    yield from _choice(page, "instance")


def _choice(page: Page, name: str) -> Iterator[str]:
    found = [v for v in page["templating"]["list"] if v["name"] == name]
    if len(found) != 1:
        yield f"expected one variable {name!r}, got {len(found)}"
        return
    wanted = {"type": "query", "datasource": SOURCE, "label": name.title(), "multi": True}
    wanted |= {"includeAll": True, "allValue": ".+"}
    for key, value in wanted.items():
        if found[0].get(key) != value:
            yield f"variable {name}: {key}: expected {value!r}, got {found[0].get(key)!r}"


def _queried(page: Page) -> list[dict[str, Any]]:
    return [v for v in page["templating"]["list"] if v["type"] == "query"]


def template_label_promql(page: Page) -> Iterator[str]:
    """A variable asks for values of its own label."""
    for variable in _queried(page):
        query = variable["query"]["query"]
        found = VALUES.fullmatch(query)
        if found is None or found[3] != variable["name"]:
            yield f"variable {variable['name']}: expected label_values of it, got {query!r}"


def template_on_time_change_reload(page: Page) -> Iterator[str]:
    """Choices are those of the time that is shown."""
    for variable in _queried(page):
        if variable.get("refresh") != 2:
            yield f"variable {variable['name']}: expected a reload when the time range changes"


def panel_datasource(page: Page) -> Iterator[str]:
    """Panels and their queries ask the chosen source."""
    for panel in panels(page):
        sources = [panel.get("datasource"), *(t.get("datasource") for t in panel["targets"])]
        if sources != [SOURCE] * len(sources):
            yield f"{panel['title']}: expected the source of the variable, got {sources}"


def panel_title_description(page: Page) -> Iterator[str]:
    """A panel says what it shows."""
    for panel in panels(page):
        if not panel.get("title") or not panel.get("description"):
            yield f"panel {panel['id']}: expected a title and a description"


def panel_units(page: Page) -> Iterator[str]:
    """A panel's numbers have a unit."""
    for panel in panels(page):
        unit = panel["fieldConfig"]["defaults"].get("unit")
        if unit not in UNITS:
            yield f"{panel.get('title')}: expected a unit of {sorted(UNITS)}, got {unit!r}"


def panel_no_targets(page: Page) -> Iterator[str]:
    """A panel asks something."""
    for panel in panels(page):
        if not panel.get("targets"):
            yield f"{panel['title']}: expected queries, got none"


def target_rate_interval(page: Page) -> Iterator[str]:
    """Windows follow the resolution at which a person looks."""
    for title, expression in expressions(page):
        for window in re.findall(r"\}\[(.*?)\]", expression):
            if window != "$__rate_interval":
                yield f"{title}: expected [$__rate_interval], got [{window}]"


def target_job(page: Page) -> Iterator[str]:
    """Each selector is of the chosen jobs."""
    yield from _selected(page, "job")


def target_instance(page: Page) -> Iterator[str]:
    """Each selector is of the chosen instances."""
    yield from _selected(page, "instance")


def _selected(page: Page, name: str) -> Iterator[str]:
    for title, expression in expressions(page):
        selectors = SELECTOR.findall(expression)
        bare = len(NAME.findall(expression)) - len(selectors)
        missing = sum(f'{name}=~"${name}"' not in matchers for _, matchers in selectors)
        if bare or missing:
            yield f"{title}: expected {name}=~${name} in each selector of {expression}"


def target_counter_agg(page: Page) -> Iterator[str]:
    """What only rises is shown as a rate."""
    for title, expression in expressions(page):
        for found in SELECTOR.finditer(expression):
            counts = found[1].endswith(("_total", "_bucket", "_count"))
            if counts and not expression[: found.start()].endswith(RATES):
                yield f"{title}: expected a rate of {found[1]}"


def uneditable_dashboard(page: Page) -> Iterator[str]:
    """What is changed in a browser would be lost."""
    if page.get("editable") is not False:
        yield "expected a dashboard that nobody can edit in the browser"


RULES: Final[dict[str, Rule]] = {
    "template-datasource": template_datasource,
    "template-job": template_job,
    "template-instance": template_instance,
    "template-label-promql": template_label_promql,
    "template-on-time-change-reload": template_on_time_change_reload,
    "panel-datasource": panel_datasource,
    "panel-title-description": panel_title_description,
    "panel-units": panel_units,
    "panel-no-targets": panel_no_targets,
    "target-rate-interval": target_rate_interval,
    "target-job": target_job,
    "target-instance": target_instance,
    "target-counter-agg": target_counter_agg,
    "uneditable-dashboard": uneditable_dashboard,
}
