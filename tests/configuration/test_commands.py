"""The section `commands` of the settings, and everything that may be wrong in it."""

from pathlib import Path

import pytest

from configuration.commands import authority_of
from configuration.configuration import Configuration
from pipeline.worker.authority import ANYONE
from tests.pipeline.worker.keys import key_of, public_text
from tests.testkit.config_folder import SETTINGS, findings_of, folder_with

KEY = public_text(key_of(1))
SECTION = """commands:
  keys: {duty: KEY}
  roles:
    officer: {may: [shelve, unshelve], keys: [duty], where: {lifelines: [water]}}
  shelve_max: 4 h
""".replace("KEY", KEY)
# As OpenSSL prints the public half of an elliptic curve that is none of ours.
OTHER = "MCowBQYDK2VuAyEAGb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE="


def test_it_says_who_may_do_what(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {"tocsin.yaml": SETTINGS + SECTION}
    settings = Configuration.load(folder_with(tmp_path, files), {}).settings
    authority = authority_of(settings.commands)
    role = authority.roles["officer"]
    assert (set(role.may), set(role.lifelines)) == ({"shelve", "unshelve"}, {"water"})
    assert (authority.shelve_s_max, authority.valid_ms_max) == (4 * 3600, 900_000)
    assert authority.keys["duty"] == key_of(1).public_key()
    assert authority.signed


def test_without_it_anyone_may_command() -> None:
    assert authority_of(None) is ANYONE
    assert not ANYONE.signed


@pytest.mark.parametrize(
    ("written", "instead", "finding"),
    [
        (KEY, "c2hvcnQ=", "commands.keys.duty: expected an Ed25519 public key as base64"),
        (KEY, OTHER, "commands.keys.duty: expected an Ed25519 public key as base64"),
        ("duty: ", "'on duty': ", "commands.keys.on duty: expected a name of letters, digits"),
        ("keys: [duty]", "keys: [day]", "commands.roles.officer.keys[0]: expected one that is con"),
        ("[water]", "[gas]", "commands.roles.officer.where.lifelines[0]: expected one that is con"),
        ("[shelve, unshelve]", "[silence]", "commands.roles.officer.may[0]: expected one of 'acc"),
        ("[shelve, unshelve]", "[]", "commands.roles.officer.may: expected at least 1 items"),
        ("4 h", "31 d", "commands.shelve_max: expected a time from 1 s to 2592000 s"),
        ("4 h", "2 periods", "commands.shelve_max: expected a time from 1 s to 2592000 s"),
        (
            "  shelve_max: 4 h",
            "  valid_max: 2 d",
            "commands.valid_max: expected a time from 1 s to",
        ),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, written: str, instead: str, finding: str) -> None:
    assert SECTION.count(written) == 1
    files: dict[str, str | bytes] = {"tocsin.yaml": SETTINGS + SECTION.replace(written, instead)}
    found = findings_of(tmp_path, files)
    assert any(finding in line for line in found), found


def test_production_does_not_go_without(tmp_path: Path) -> None:
    text = f"profile: production\n{SETTINGS}"
    assert findings_of(tmp_path, {"tocsin.yaml": text + SECTION}) == []
    (found,) = findings_of(tmp_path, {"tocsin.yaml": text})
    assert "expected the section `commands` under `profile: production`, got none" in found
