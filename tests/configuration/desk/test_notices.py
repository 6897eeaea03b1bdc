"""Receivers of notices from their files, and what is wrong with them."""

import re
from pathlib import Path

import pytest

from app.cli.main import main
from configuration.desk.duty import load_duty
from configuration.desk.notices import duties_of, load_notices
from contracts.civil_time import CITY
from contracts.desk.receiver import Duties
from contracts.errors import ConfigError
from contracts.quantities import Duration
from runtime.installation import CONFIGS, HOME
from tests.testkit.config_folder import findings_of, folder_with

SAMPLE = re.search(r"```yaml\n(receivers:.*?)```", (HOME / "docs/notices.md").read_text(), re.S)
HOOK = "webhook: {url: 'https://a.example/x', secrets: ['${env:KEY}']}"


def receivers(text: str) -> str:
    return f"receivers:\n  - {text}\n"


def test_the_receivers_of_the_guide_are_good(tmp_path: Path) -> None:
    assert SAMPLE is not None
    folder = folder_with(tmp_path, {"notices/all.yaml": SAMPLE[1]})
    assert findings_of(tmp_path / "again", {"notices/all.yaml": SAMPLE[1]}) == []
    alerts, app, centre = load_notices(folder, ["city"], "production")
    assert alerts.alertmanager is not None
    assert alerts.alertmanager.resend == Duration("1 min")
    assert app.webhook is not None
    assert str(app.webhook.secrets[0]) == "${file:/run/secrets/duty-app}"
    plan = "5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h"
    assert ", ".join(map(str, app.webhook.retry)) == plan
    assert (centre.desks, centre.drills) == (["city"], False)


def test_what_the_shipped_desks_answer_for_has_the_names_of_areas() -> None:
    found = duties_of(load_duty(CONFIGS, CITY, ["water", "power"]).plan)
    names = {"en": "Old Town", "zh": "老城区"}
    assert found["water-310101"] == Duties("310101", names, ("water", "drainage"))
    assert found["city"] == Duties("", {}, ())


def test_a_folder_without_receivers_has_none(tmp_path: Path) -> None:
    assert load_notices(folder_with(tmp_path, {}), [], "development") == []


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        (f"{{id: Duty, {HOOK}}}", "2:10: receivers[0].id: expected lower-case letters, digits"),
        (
            f"{{id: a, desks: [citi], {HOOK}}}",
            "got 'citi'; nearest is 'city'",
        ),
        (
            f"{{id: a, colours: [green], {HOOK}}}",
            "expected one of 'blue', 'orange', 'red', 'yellow', got",
        ),
        (f"{{id: a, reasons: [noo], {HOOK}}}", "got 'noo'"),
        (
            f"{{id: a, levels: [distrct], {HOOK}}}",
            "levels[0]: expected a level of neighbourhood, street, district, city, got 'distrct'; "
            "nearest is 'district'",
        ),
        ("{id: a}", "expected one of alertmanager, webhook, cap, got none; a receiver has one"),
        (f"{{id: a, {HOOK}, cap: {{sender: t, folder: f}}}}", "got webhook and cap"),
        ("{id: a, cap: {sender: t}}", "expected `folder` or `url`, got none of them"),
        (
            "{id: a, webhook: {url: 'https://a.example', secrets: [whsec_hunter2]}}",
            "expected `${env:NAME}` or `${file:PATH}`, got something else",
        ),
        (
            "{id: a, webhook: {url: 'https://u:hunter2@a.example', secrets: ['${env:KEY}']}}",
            "got 'https://***@a.example'; names and passwords do not belong in it",
        ),
        (
            "{id: a, alertmanager: {url: 'ftp://a.example'}}",
            "2:33: receivers[0].alertmanager.url: expected an address such as `https://host/path`",
        ),
        (
            "{id: a, alertmanager: {url: 'http://a', labels: {desk: x}}}",
            "another label than alertname, desk, drill, incident, level, notice, got 'desk'",
        ),
        (
            "{id: a, alertmanager: {url: 'http://a', resend: 10 ms}}",
            "expected a time of at least 1 s, got '10 ms'",
        ),
        (f"{{id: a, late_after: 2 periods, {HOOK}}}", "expected a time of at least 1 s"),
    ],
)
def test_what_is_wrong_is_named_by_file_and_place(tmp_path: Path, text: str, finding: str) -> None:
    (found,) = findings_of(tmp_path, {"notices/all.yaml": receivers(text)})
    assert found.startswith("notices/all.yaml:2:")
    assert finding in found
    assert "hunter2" not in found


def test_a_receiver_is_named_once(tmp_path: Path) -> None:
    one = receivers(f"{{id: a, {HOOK}}}")
    (found,) = findings_of(tmp_path, {"notices/a.yaml": one, "notices/b.yaml": one})
    assert found.startswith("notices/b.yaml:2:")
    assert "expected each receiver once, got 'a' of" in found


def test_production_sends_nothing_in_the_clear_beyond_this_machine(tmp_path: Path) -> None:
    far = receivers("{id: a, alertmanager: {url: 'http://alerts.example:9093'}}")
    near = receivers("{id: a, alertmanager: {url: 'http://localhost:9093'}}")
    with pytest.raises(ConfigError, match="expected https under `profile: production`"):
        load_notices(folder_with(tmp_path / "far", {"notices/a.yaml": far}), [], "production")
    assert load_notices(folder_with(tmp_path / "far", {"notices/a.yaml": far}), [], "development")
    assert load_notices(folder_with(tmp_path / "near", {"notices/a.yaml": near}), [], "production")


def test_nobody_to_tell_is_a_mistake(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = folder_with(tmp_path, {})
    assert main(["notify", "--configs", str(folder)]) == 2
    assert "expected at least one receiver, got none" in capsys.readouterr().err
