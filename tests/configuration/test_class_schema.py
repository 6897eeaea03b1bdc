"""The schema that editors complete class files from says what `tocsin check` says."""

import json
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from app.cli.main import main
from configuration.class_schema import class_schema
from configuration.pack import RULES
from configuration.rule_kinds import kinds
from configuration.yaml.findings import Findings
from configuration.yaml.located import located
from runtime.installation import CONFIGS
from tests.testkit.config_folder import BROKEN

pytestmark = pytest.mark.slow

LIFELINES = sorted(path.parent for path in CONFIGS.glob("*/catalogue.csv"))
PACKS = sorted(
    path
    for folder in LIFELINES
    for path in folder.glob("*.yaml")
    if not path.name.endswith(".test.yaml")
)


def errors_of(path: Path) -> list[str]:
    tree = located(path.name, path.read_bytes(), Findings())
    assert tree is not None
    return [error.message for error in Draft7Validator(class_schema()).iter_errors(tree.data)]


def test_the_schema_itself_is_one() -> None:
    Draft7Validator.check_schema(class_schema())


@pytest.mark.parametrize("path", PACKS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_every_pack_is_allowed(path: Path) -> None:
    assert errors_of(path) == []


@pytest.mark.parametrize("name", ["good", "figure_turned_out_of_order"])
def test_what_only_check_can_judge_is_allowed(name: str) -> None:
    assert errors_of(BROKEN / f"{name}.yaml") == []


@pytest.mark.parametrize(
    ("name", "part"),
    [
        ("misspelt_key", "'smothing' was unexpected"),
        ("class_without_quantity", "does not match"),
        ("duration_as_number", "is not of type 'string'"),
        ("duration_in_mins", "does not match"),
        ("duty_missing", "'duty' is a required property"),
        ("number_in_quotes", "is not valid under any of the given schemas"),
        ("number_out_of_bounds", "than"),
        ("rate_without_time", "is not of type 'string'"),
        ("worse_than_yellow", "is not one of"),
    ],
)
def test_what_an_editor_can_see_is_refused(name: str, part: str) -> None:
    found = errors_of(BROKEN / f"{name}.yaml")
    assert any(part in error for error in found), found


def without_words(schema: Any, path: str = "") -> list[str]:
    """Keys of rules that say nothing of what they mean."""
    found = []
    for key, shape in schema.get("properties", {}).items():
        found += [] if shape.get("description") else [f"{path}{key}"]
        found += without_words(shape, f"{path}{key}.")
    return found


def test_every_kind_of_rule_is_there_and_explained() -> None:
    properties = class_schema()["properties"]
    assert set(properties) >= {*RULES, "class", "unit", "period", "plausible", "overrides"}
    for name in kinds():
        words = [key for key in without_words(properties[name]) if "." not in key]
        assert not words, f"{name}: {words}"


def test_the_command_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema", "class"]) == 0
    assert json.loads(capsys.readouterr().out) == class_schema()
