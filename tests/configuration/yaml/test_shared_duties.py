"""Duties that rules share by name: the same rules as written out, and mistakes where they stand."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import pytest

from configuration.configuration import Configuration
from configuration.yaml.findings import Findings
from configuration.yaml.located import located
from runtime.installation import CONFIGS
from tests.testkit.config_folder import PACK, findings_of, folder_with, loaded

OWNER = "owner: {level: district, role: maintenance crew, within: 4 h, then: district}"
RESPOND = "respond: {procedure: M-1, first: [restart]}"
OUT = f"""\
    cause: battery
    consequence: blind
    {RESPOND}
    {OWNER}
    say: {{en: "{{name}}: silent for {{lasted}}", zh: "{{name}}：无数据"}}
    source: "[E]"
"""
SAY = 'say: {en: "{name}: silent for {lasted}", zh: "{name}：无数据"}'
SHARED = f"dark:\n  cause: battery\n  {RESPOND}\n  {OWNER}\n"
LIKE = f'    like: dark\n    consequence: blind\n    {SAY}\n    source: "[E]"\n'
SHORT = PACK.replace(OUT, LIKE)


def rules(configuration: Configuration) -> bytes:
    """What lanes run by, without the lines on which rules stand."""
    packs = [msgspec.structs.replace(pack, at={}) for pack in configuration.packs.values()]
    return replace(configuration, packs={p.label: p for p in packs}, catalogues={}).bundle()


def test_a_shared_duty_is_the_same_rule_as_one_written_out(tmp_path: Path) -> None:
    assert SHORT != PACK
    short = loaded(tmp_path / "short", {"water/pressure.yaml": SHORT, "duties.yaml": SHARED})
    whole = loaded(tmp_path / "whole", {})
    assert rules(short) == rules(whole)
    other = SHARED.replace("4 h", "5 h")
    differs = loaded(tmp_path / "other", {"water/pressure.yaml": SHORT, "duties.yaml": other})
    assert rules(differs) != rules(whole)


def test_own_words_stand_in_place_of_shared_ones_and_mappings_are_merged(tmp_path: Path) -> None:
    text = SHORT.replace("like: dark", "like: dark\n    cause: thieves\n    owner: {within: 1 h}")
    made = loaded(tmp_path, {"water/pressure.yaml": text, "duties.yaml": SHARED})
    (pack,) = made.packs.values()
    assert pack.silent is not None
    duty = pack.silent.duty
    assert (duty.cause, duty.owner.role, duty.owner.within.text) == (
        *("thieves", "maintenance crew"),
        "1 h",
    )


def test_an_override_changes_a_shared_duty_for_its_channels(tmp_path: Path) -> None:
    text = SHORT + "overrides:\n  channel:water.a.p: {silent.duty.owner: {within: 1 h}}\n"
    made = loaded(tmp_path, {"water/pressure.yaml": text, "duties.yaml": SHARED})
    within = {
        label: pack.rule("silent").duty.owner.within.text for label, pack in made.packs.items()
    }
    assert within == {"water.pressure": "4 h", "water.pressure channel:water.a.p": "1 h"}


@pytest.mark.parametrize(
    ("shared", "short", "said"),
    [
        (
            SHARED,
            SHORT.replace("like: dark", "like: drak"),
            "water/pressure.yaml:37:11: silent.duty.like: "
            "expected a duty of duties.yaml, got 'drak'; nearest is 'dark'",
        ),
        (
            SHARED,
            SHORT.replace("like: dark", "like: [dark]"),
            "water/pressure.yaml:37:11: silent.duty.like: "
            "expected a duty of duties.yaml, got ['dark']; nearest is 'dark'",
        ),
        (
            None,
            SHORT,
            "water/pressure.yaml:37:11: silent.duty.like: "
            "expected a duty of duties.yaml, got 'dark'; known are none",
        ),
        (
            SHARED.replace("district, role", "distrikt, role"),
            SHORT,
            "duties.yaml:4:18: dark.owner.level: expected one of 'city', 'district', "
            "'neighbourhood', 'street', got 'distrikt'; nearest is 'district'",
        ),
        (
            SHARED.replace("cause:", "cuase:"),
            PACK,
            "duties.yaml:2:3: dark: unknown key 'cuase'; nearest is 'cause'",
        ),
        (
            "- dark\n",
            PACK,
            "duties.yaml:1:1: expected a mapping of names to duties, got a list of 1",
        ),
        (
            SHARED.replace("  cause: battery\n", ""),
            SHORT,
            "water/pressure.yaml:36:3: silent.duty: expected the key 'cause', got none; add it",
        ),
        (
            SHARED.replace("battery", "<fill in what lies behind it>"),
            PACK,
            "duties.yaml:2:10: dark.cause: "
            "expected what lies behind it, got a placeholder; write it in its place",
        ),
    ],
)
def test_what_is_wrong_is_said_once_where_it_stands(
    tmp_path: Path, shared: str | None, short: str, said: str
) -> None:
    files: dict[str, str | bytes] = {"water/pressure.yaml": short}
    if shared is not None:
        files["duties.yaml"] = shared
    assert findings_of(tmp_path, files) == [said]


def written_out(said: Any, duties: dict[str, Any]) -> Any:
    """A class file's data with no duty that is like another."""
    if isinstance(said, list):
        return [written_out(item, duties) for item in said]
    if not isinstance(said, dict):
        return said
    plain = {key: written_out(value, duties) for key, value in said.items() if key != "like"}
    return {**duties[said["like"]], **plain} if "like" in said else plain


def data_of(path: Path) -> Any:
    found = Findings()
    tree = located(str(path), path.read_bytes(), found)
    assert tree is not None, found.lines()
    return tree.data


@pytest.mark.slow
@pytest.mark.timeout(240)
def test_the_shipped_rules_are_those_of_packs_that_share_nothing(tmp_path: Path) -> None:
    folder, shared = tmp_path / "configs", 0
    shutil.copytree(CONFIGS, folder)
    duties = data_of(folder / "duties.yaml")
    (folder / "duties.yaml").unlink()
    for path in folder.glob("*/*.yaml"):
        if "like: " in path.read_text() and not path.name.endswith(".test.yaml"):
            path.write_text(json.dumps(written_out(data_of(path), duties)))
            shared += 1
    assert shared > 200
    assert rules(Configuration.load(folder, {})) == rules(Configuration.load(CONFIGS, {}))


def test_a_folder_without_the_file_is_as_before(tmp_path: Path) -> None:
    assert not (folder_with(tmp_path, {}) / "duties.yaml").exists()
    assert findings_of(tmp_path, {}) == []
