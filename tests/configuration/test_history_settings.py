"""Where a history lies: passwords by where they lie, and nothing in the clear in production."""

from pathlib import Path

import pytest

from configuration.configuration import Configuration
from contracts.kafka import Secret
from tests.testkit.config_folder import SETTINGS, findings_of, folder_with

AWAY = "postgresql+pg8000://tocsin@db-1:5432/alarms"


def settings_with(more: str) -> dict[str, str | bytes]:
    return {"tocsin.yaml": SETTINGS + more}


def test_a_history_is_a_file_beside_the_state_that_is_kept_for_three_years(tmp_path: Path) -> None:
    history = Configuration.load(folder_with(tmp_path, {}), {}).settings.history
    assert (history.url, history.days) == (None, 1095)


def test_a_password_is_where_it_lies_and_an_address_is_shown_without_its_user(
    tmp_path: Path,
) -> None:
    text = f"history: {{url: '{AWAY}', password: '${{env:DB}}', tls: true, days: 30}}"
    folder = folder_with(tmp_path, settings_with(text))
    history = Configuration.load(folder, {"DB": "hunter2"}).settings.history
    assert (history.password, history.days) == (Secret("${env:DB}"), 30)
    assert "tocsin@" not in repr(history)


@pytest.mark.parametrize(
    ("history", "finding"),
    [
        (
            "{url: 'postgresql+pg8000://tocsin:hush@db-1/alarms'}",
            "tocsin.yaml:3:16: history.url: expected an address without a password, which belongs "
            "in `history.password`, got 'postgresql+pg8000://***@db-1/alarms'",
        ),
        (
            "{url: 'mysql://db-1/alarms'}",
            "tocsin.yaml:3:16: history.url: expected `sqlite:///FILE` or "
            "`postgresql+pg8000://USER@HOST:PORT/DATABASE`, got 'mysql://db-1/alarms'",
        ),
        (
            "{url: 'sqlite:///h.sqlite', tls: true}",
            "tocsin.yaml:3:38: history.tls: expected no 'tls' beside a file, got one; leave it out",
        ),
        (
            f"{{url: '{AWAY}', ca_file: ca.pem}}",
            "tocsin.yaml:3:63: history.ca_file: expected `tls: true` beside it, got none; set it "
            "or delete this",
        ),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_place(
    history: str, finding: str, tmp_path: Path
) -> None:
    assert findings_of(tmp_path, settings_with(f"history: {history}")) == [finding]


def test_a_password_in_the_file_is_refused_and_not_quoted(tmp_path: Path) -> None:
    text = f"history: {{url: '{AWAY}', password: hush}}"
    (finding,) = findings_of(tmp_path, settings_with(text))
    assert "expected `${env:NAME}` or `${file:PATH}`" in finding
    assert "hush" not in finding


def test_production_speaks_to_a_database_by_tls_alone(tmp_path: Path) -> None:
    for url, good in ((AWAY, False), (AWAY.replace("db-1", "127.0.0.1"), True)):
        text = f"profile: production\nhistory: {{url: '{url}'}}"
        found = findings_of(tmp_path, settings_with(text))
        wanted = "expected `tls: true` under `profile: production`, got none to db-1; set it"
        assert any(wanted in finding for finding in found) is not good
