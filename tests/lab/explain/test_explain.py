"""`tocsin explain`: values with their places, overrides, and a moment looked into."""

import json
from pathlib import Path

import pytest

from app.cli.main import main
from configuration.yaml.findings import KNOWN_MAX, nearest
from tests.testkit.config_folder import PACK, folder_with

CHANNEL = "water.a.p"
CATALOGUE = f"id,class,asset,group,tags\n{CHANNEL},water.pressure,a,water.a,old\n"
OVERRIDE = "overrides: {tag:old: {limit.low: {blue: 0.26}}}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return folder_with(
        tmp_path, {"water/catalogue.csv": CATALOGUE, "water/pressure.yaml": PACK + OVERRIDE}
    )


def minutes(path: Path, values: list[float]) -> Path:
    """Readings every minute from 2026-03-02T00:00:00Z."""
    begin_ms = 1_772_409_600_000
    path.write_text(
        "".join(
            json.dumps({"channel": CHANNEL, "time": begin_ms + 60_000 * i, "value": value}) + "\n"
            for i, value in enumerate(values)
        )
    )
    return path


def test_each_value_is_told_with_its_place_and_who_put_it_there(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["explain", "--configs", str(folder), CHANNEL, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["class"] == "water.pressure tag:old"
    values = {value["path"]: value for value in told["values"]}
    line = PACK.count("\n") + 1
    assert values["limit.low.blue"]["text"] == "0.26"
    assert values["limit.low.blue"]["override"] == "tag:old"
    assert values["limit.low.blue"]["written"].endswith(f"water/pressure.yaml:{line}:41")
    assert values["limit.low.yellow"]["override"] == ""
    assert values["unusual.on_delay"]["written"] == "default"
    assert values["silent.after"]["text"] == "3 min"


def test_a_moment_is_explained_before_and_after_it_rings(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = minutes(tmp_path / "day.jsonl", [0.3] * 40 + [0.15] * 10)
    line = ["explain", "--configs", str(folder), "--telemetry", str(file), CHANNEL]
    assert main([*line, "2026-03-02T00:42:30Z"]) == 0
    before = capsys.readouterr().out
    assert "newest reading 0.15 MPa of 2026-03-02T08:42:00+08:00: scored" in before
    assert "limit: clear, yellow breached since 2026-03-02T08:40:00+08:00" in before
    assert main([*line, "2026-03-02T00:49:30Z"]) == 0
    after = capsys.readouterr().out
    assert "limit: yellow, yellow breached since 2026-03-02T08:40:00+08:00" in after
    assert "2026-03-02T08:45:00+08:00  yellow  limit" in after


def test_a_moment_before_all_readings_is_said_to_be_one(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = minutes(tmp_path / "day.jsonl", [])
    line = ["explain", "--configs", str(folder), "--telemetry", str(file), CHANNEL]
    assert main([*line, "2026-03-02T00:42:30Z"]) == 0
    said = capsys.readouterr().out
    assert "no reading of the channel up to then" in said
    assert "silent: not waited for yet, the lane has no time" in said


def test_advice_names_so_many_words_at_most() -> None:
    words = [f"{i:02d}" for i in range(KNOWN_MAX + 1)]
    assert nearest("colour", words).endswith(f", {KNOWN_MAX - 1} and 1 more")
    assert nearest("colour", words[:-1]).endswith(f", {KNOWN_MAX - 1}")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["water.a.q"], "explain: expected a channel of the catalogue, got 'water.a.q'; nearest"),
        ([CHANNEL, "2026-03-02T00:42:30Z"], "explain: expected --telemetry FILE beside a time"),
        (
            [CHANNEL, "noon", "--telemetry", "FILE"],
            "explain: expected an RFC 3339 time, got 'noon'",
        ),
    ],
)
def test_wrong_questions_are_2(
    folder: Path,
    tmp_path: Path,
    more: list[str],
    message: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = minutes(tmp_path / "day.jsonl", [0.3])
    more = [str(file) if word == "FILE" else word for word in more]
    assert main(["explain", "--configs", str(folder), *more]) == 2
    assert message in capsys.readouterr().err
