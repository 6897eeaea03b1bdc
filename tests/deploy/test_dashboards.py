"""Dashboards are those that the code makes, keep Grafana's rules, and ask what is there."""

import copy
import json
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
import yaml

from runtime.installation import HOME
from tests.deploy.dashboard_rules import RULES, Page, expressions, panels

FOLDER = HOME / "deploy" / "grafana"
PAGES: dict[str, Page] = {
    path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("dashboards/*.json"))
}
QUESTIONS = {"city", "lanes", "detectors", "desks", "quality", "recovery"}
REFERENCE = HOME / "docs" / "reference" / "metrics.md"
SUFFIXES = re.compile(r"_(bucket|count|info)$")


def test_the_files_are_what_the_code_makes() -> None:
    command = [sys.executable, "-m", "deploy.grafana.generate", "--check"]
    done = subprocess.run(command, cwd=HOME, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert set(PAGES) == {f"tocsin-{name}" for name in QUESTIONS}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("page", PAGES)
def test_each_dashboard_keeps_the_rules_of_the_linter(page: str, rule: str) -> None:
    assert list(RULES[rule](PAGES[page])) == []


def variable(page: Page, name: str) -> dict[str, Any]:
    """A variable of a dashboard, to be changed."""
    found: list[dict[str, Any]] = page["templating"]["list"]
    return next(one for one in found if one["name"] == name)


def ask(page: Page, expression: str) -> None:
    """Let the first panel ask something else."""
    panels(page)[0]["targets"][0]["expr"] = expression


HERE = '{job=~"$job", instance=~"$instance"}'
FAULTS: dict[str, Callable[[Page], object]] = {
    "template-datasource": lambda page: variable(page, "datasource").update(name="source"),
    "template-job": lambda page: variable(page, "job").update(allValue=".*"),
    "template-instance": lambda page: variable(page, "instance").update(multi=False),
    "template-label-promql": lambda page: variable(page, "job").update(query={"query": "up"}),
    "template-on-time-change-reload": lambda page: variable(page, "job").update(refresh=1),
    "panel-datasource": lambda page: panels(page)[0].update(datasource={"type": "loki"}),
    "panel-title-description": lambda page: panels(page)[0].pop("description"),
    "panel-units": lambda page: panels(page)[0]["fieldConfig"]["defaults"].update(unit="parsec"),
    "panel-no-targets": lambda page: panels(page)[0].update(targets=[]),
    "target-rate-interval": lambda page: ask(page, f"rate(tocsin_flushes_total{HERE}[5m])"),
    "target-job": lambda page: ask(page, 'tocsin_ready{instance=~"$instance"}'),
    "target-instance": lambda page: ask(page, "tocsin_ready"),
    "target-counter-agg": lambda page: ask(page, f"sum(tocsin_flushes_total{HERE})"),
    "uneditable-dashboard": lambda page: page.update(editable=True),
}


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_finds_what_it_is_there_to_find(rule: str) -> None:
    page = copy.deepcopy(PAGES["tocsin-city"])
    FAULTS[rule](page)
    assert len(list(RULES[rule](page))) == 1


@pytest.mark.parametrize("page", PAGES)
def test_each_panel_has_a_place_a_number_and_a_title_of_its_own(page: str) -> None:
    found = panels(PAGES[page])
    assert len({panel["title"] for panel in found}) == len(found) >= 10
    assert len({panel["id"] for panel in PAGES[page]["panels"]}) == len(PAGES[page]["panels"])
    cells = [
        (x, y)
        for panel in PAGES[page]["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(set(cells)) == len(cells), "panels overlap"
    assert max(x for x, _ in cells) == 23


@pytest.mark.parametrize("page", PAGES)
def test_each_line_has_a_name(page: str) -> None:
    targets = [target for panel in panels(PAGES[page]) for target in panel["targets"]]
    assert all(target["legendFormat"] for target in targets)


@pytest.mark.parametrize("page", PAGES)
def test_each_metric_is_one_that_the_reference_tells(page: str) -> None:
    known = set(re.findall(r"^\| `(\w+)`", REFERENCE.read_text(), re.MULTILINE))
    asked = {
        name for _, expr in expressions(PAGES[page]) for name in re.findall(r"tocsin_\w+", expr)
    }
    assert asked
    assert {SUFFIXES.sub("", name) for name in asked} <= known


def test_grafana_is_told_where_the_files_and_prometheus_are() -> None:
    texts = {
        path.name: yaml.safe_load(path.read_text()) for path in FOLDER.glob("provisioning/*/*")
    }
    (provider,) = texts["dashboards.yml"]["providers"]
    assert (provider["type"], provider["allowUiUpdates"]) == ("file", False)
    (source,) = texts["datasource.yml"]["datasources"]
    assert (source["type"], source["isDefault"]) == ("prometheus", True)
