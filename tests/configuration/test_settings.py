"""Worker settings, and the environment in them."""

from pathlib import Path

import pytest

from configuration.configuration import Configuration
from contracts.errors import ConfigError
from runtime.installation import HOME
from tests.testkit.config_folder import SETTINGS, findings_of, folder_with

pytestmark = pytest.mark.slow

REPOSITORY = HOME


def settings_with(more: str) -> dict[str, str | bytes]:
    return {"tocsin.yaml": SETTINGS + more}


def test_what_is_left_out_has_a_default(tmp_path: Path) -> None:
    settings = Configuration.load(folder_with(tmp_path, {}), {}).settings
    assert settings.app == "tocsin"
    assert settings.http.port == 9108
    assert settings.transaction_timeout.ns == 10_000_000_000
    assert settings.session_timeout.ns == 30_000_000_000
    assert settings.lifelines["water"].partitions == 4


def test_a_value_may_come_from_the_environment_as_a_whole(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, settings_with("http: {port: '${env:PORT}'}\nstate: ${env:S}\n"))
    settings = Configuration.load(folder, {"PORT": "80", "S": "12"}).settings
    assert (settings.http.port, settings.state) == (80, "12")


@pytest.mark.parametrize(
    ("more", "finding"),
    [
        *(
            (
                f"zone: {zone}",
                "tocsin.yaml:3:7: zone: expected the IANA name of a zone that has kept one offset "
                f"since 2000, at or ahead of UTC, such as Asia/Shanghai, Asia/Kolkata or Etc/UTC, "
                f"got '{zone}'; {why}",
            )
            for zone, why in (
                ("Europe/Berlin", "its offset changes between UTC+01:00 and UTC+02:00"),
                ("Africa/Casablanca", "its offset changes between UTC and UTC+01:00"),
                ("America/Bogota", "it is behind UTC, by 5:00:00"),
                ("Asia/Shangai", "no such zone is known here"),
                ("../zones", "no such zone is known here"),
                ("Asia", "no such zone is known here"),
            )
        ),
        (
            "state: ${env:NOWHERE}",
            "tocsin.yaml:3:8: state: expected the environment variable NOWHERE, got none; set it",
        ),
        (
            "state: s3://${env:SECRET}/x",
            "tocsin.yaml:3:8: state: expected `${env:NAME}` as the whole value, got "
            "'s3://${env:SECRET}/x'; put all of it in a variable",
        ),
        (
            "http: {port: '${env:SECRET}'}",
            "tocsin.yaml:3:14: http.port: expected a whole number from 0 to 65535, got what "
            "`${env:SECRET}` holds",
        ),
        (
            "app: Tocsin",
            "tocsin.yaml:3:6: app: expected lower-case letters, digits and `-`, got 'Tocsin'",
        ),
        (
            "transaction_timeout: 100 ms",
            "tocsin.yaml:3:22: transaction_timeout: expected at least 1 s, got '100 ms'; "
            "a flush under load would time out",
        ),
        (
            "transaction_timeout: 2 periods",
            "tocsin.yaml:3:22: transaction_timeout: expected a time, got '2 periods'; only "
            "classes have periods",
        ),
        (
            "snapshot: {every: 0 s}",
            "tocsin.yaml:3:19: snapshot.every: expected more than no time, got '0 s'",
        ),
        (
            "limits: {poll_record: 1}",
            "tocsin.yaml:3:10: limits: unknown key 'poll_record'; nearest is 'poll_records'",
        ),
        *(
            (
                f"reload: {{{name}: 9110}}",
                f"tocsin.yaml:3:{len(name) + 12}: reload.{name}: expected a token beside the port, "
                "got none; name where it lies, as ${file:PATH}",
            )
            for name in ("port", "desk_port")
        ),
        (
            "reload: {token: '${env:SECRET}', port: 9110, desk_port: 9110}",
            "tocsin.yaml:3:57: reload.desk_port: expected another port than that of workers, got "
            "9110; take a free one",
        ),
    ],
)
def test_a_wrong_setting_is_named_with_its_place_and_secrets_are_not_quoted(
    more: str, finding: str, tmp_path: Path
) -> None:
    assert findings_of(tmp_path, settings_with(more), {"SECRET": "hush"}) == [finding]


def test_a_broker_without_port_is_refused(tmp_path: Path) -> None:
    text = SETTINGS.replace("127.0.0.1:9092", "a:9092, b")
    assert findings_of(tmp_path, {"tocsin.yaml": text}) == [
        "tocsin.yaml:1:20: kafka.bootstrap: expected `host:port`, with commas between several, "
        "got 'a:9092, b'"
    ]


def test_a_folder_that_no_lifeline_names_is_not_passed_over(tmp_path: Path) -> None:
    assert findings_of(tmp_path, {"gas/pressure.yaml": "class: gas.pressure"}) == [
        "gas: expected a lifeline of tocsin.yaml, got 'gas'; add it under `lifelines` or move "
        "the folder away"
    ]


def test_a_lifeline_without_folder_is_refused(tmp_path: Path) -> None:
    text = SETTINGS.replace(
        "{water: {partitions: 4}}", "{water: {partitions: 4}, gas: {partitions: 1}}"
    )
    assert findings_of(tmp_path, {"tocsin.yaml": text}) == [
        "gas: expected a folder with packs and a catalogue, got none; add it"
    ]


def test_another_ending_of_yaml_is_refused(tmp_path: Path) -> None:
    assert findings_of(tmp_path, {"water/flow.yml": "x"}) == [
        "water/flow.yml: expected the ending `.yaml`, got `.yml`; rename the file"
    ]


def test_a_folder_that_is_not_there_is_a_finding(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected a configuration folder, got none"):
        Configuration.load(tmp_path / "none", {})


def test_a_folder_without_settings_is_a_finding(tmp_path: Path) -> None:
    folder_with(tmp_path, {})
    (tmp_path / "tocsin.yaml").unlink()
    with pytest.raises(ConfigError, match=r"tocsin\.yaml: expected a file, got an error: No such"):
        Configuration.load(tmp_path, {})


def test_the_configuration_that_comes_with_tocsin_is_good() -> None:
    configuration = Configuration.load(REPOSITORY / "configs", {})
    assert "water.feed-01.flow" in configuration.catalogue.row_of
    assert {"water.pressure", "water.flow_hourly"} <= configuration.packs.keys()
