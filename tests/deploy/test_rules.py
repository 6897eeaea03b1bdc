"""Alert rules: each fires and keeps silent when it should, names a runbook, asks what exists."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from app.cli.parser import parser
from contracts.ports.status import DeskStatus, ReceiverStatus
from contracts.quantities import NS_PER_S, Duration
from pipeline.worker.lane_context import Pace
from runtime.installation import HOME
from sinks.http.desk_metrics import DeskCollector
from sinks.http.notice_metrics import NoticeCollector
from tests.sinks.http.wound import WoundStatus
from tests.testkit.prometheus.alertmanager import alertmanager_program
from tests.testkit.prometheus.server import needed

pytestmark = pytest.mark.slow

FOLDER = HOME / "deploy" / "prometheus"
FILES = [FOLDER / "tocsin-rules.yml", FOLDER / "tocsin-slo-rules.yml"]
CASES = Path(__file__).with_name("rules.test.yml")
METRIC = re.compile(r"\b(?:up|tocsin_[a-z0-9_]+)\b")


def rules() -> list[dict[str, Any]]:
    """Every shipped rule."""
    texts = [yaml.safe_load(path.read_text()) for path in FILES]
    return [rule for text in texts for group in text["groups"] for rule in group["rules"]]


METRICS = {name for rule in rules() for name in METRIC.findall(rule["expr"])}
OTHERS = ("tocsin_desk_", "tocsin_notices_")  # of other processes than workers
ALERTS = [rule for rule in rules() if "alert" in rule]


def test_promtool_finds_that_each_alert_fires_and_keeps_silent() -> None:
    promtool = needed("promtool")
    config = str(FOLDER / "prometheus.yml")
    for command in (["check", "config", config], ["test", "rules", str(CASES)]):
        done = subprocess.run([promtool, *command], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("alert", [rule["alert"] for rule in ALERTS])
def test_each_alert_has_a_case_in_which_it_fires_and_one_in_which_it_does_not(alert: str) -> None:
    cases = yaml.safe_load(CASES.read_text())["tests"]
    (own,) = [case for case in cases if alert in case["name"].split(", ")]
    told = [json.dumps(query["exp_samples"]) for query in own["promql_expr_test"]]
    assert any(f'alertname=\\"{alert}\\"' in samples for samples in told)
    assert "[]" in told


@pytest.mark.parametrize("alert", ALERTS, ids=lambda rule: rule["alert"])
def test_each_alert_says_how_urgent_it_is_and_what_to_do(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in {"page", "ticket"}
    told = alert["annotations"]
    assert set(told) == {"summary", "description", "runbook_url"}
    page = (HOME / told["runbook_url"]).read_text()
    assert f"`{alert['alert']}`" in page


def test_each_runbook_is_of_an_alert() -> None:
    wanted = {alert["annotations"]["runbook_url"] for alert in ALERTS}
    found = {path.relative_to(HOME).as_posix() for path in (HOME / "docs/runbooks").glob("*.md")}
    assert found == wanted


def test_each_command_of_a_runbook_is_one_that_tocsin_takes() -> None:
    pages = (HOME / "docs/runbooks").glob("*.md")
    lines = [line.strip() for page in pages for line in page.read_text().splitlines()]
    commands = [line.removeprefix("tocsin ") for line in lines if line.startswith("tocsin ")]
    for command in commands:
        parser().parse_args(command.split())  # else it exits
    assert len(commands) > 10


def test_alertmanager_can_read_how_alerts_are_routed() -> None:
    alertmanager_program()
    command = [needed("amtool"), "check-config", str(FOLDER / "alertmanager.yml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    config = yaml.safe_load((FOLDER / "alertmanager.yml").read_text())
    matchers = [
        matcher
        for rule in config["inhibit_rules"]
        for matcher in rule["source_matchers"] + rule["target_matchers"]
    ]
    named = {name for matcher in matchers for name in re.findall(r"Tocsin\w+", matcher)}
    assert named <= {alert["alert"] for alert in ALERTS}
    assert len(named) > 5


def test_what_alerts_ask_of_the_desk_stage_is_what_it_tells() -> None:
    families = DeskCollector(WoundStatus([DeskStatus("desk-0")]), "").collect()
    told = {sample.name for family in families for sample in family.samples}
    asked = {name for name in METRICS if name.startswith("tocsin_desk_")}
    assert asked
    assert asked <= told


def test_what_alerts_ask_of_notices_is_what_is_told() -> None:
    families = NoticeCollector(WoundStatus([ReceiverStatus("hook")]), "").collect()
    told = {sample.name for family in families for sample in family.samples}
    asked = {name for name in METRICS if name.startswith("tocsin_notices_")}
    assert asked
    assert asked <= told


def test_burn_rates_are_those_of_the_objectives() -> None:
    command = [sys.executable, str(FOLDER / "burn_rates.py"), "--print"]
    made = subprocess.run(command, capture_output=True, check=True).stdout
    assert made == FILES[1].read_bytes()


def test_a_blind_detector_rings_within_two_minutes() -> None:
    (rule,) = [rule for rule in ALERTS if rule["alert"] == "TocsinDetectorBlind"]
    missed = int(rule["expr"].rpartition(">= ")[2])
    watch = yaml.safe_load((FOLDER / "prometheus.yml").read_text())["global"]
    intervals = watch["scrape_interval"], watch["evaluation_interval"]
    looks = [Duration(interval.replace("s", " s")).ns for interval in intervals]
    assert "for" not in rule
    assert missed * Pace().canary_s + sum(looks) / NS_PER_S <= 120
