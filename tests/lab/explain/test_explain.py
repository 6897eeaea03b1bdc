"""`tocsin explain`: values with their places, overrides, and a moment looked into."""

import json
from pathlib import Path

import pytest

from app.cli.main import main
from configuration.bundle_store import keep
from configuration.configuration import Configuration
from configuration.lane_plan import plan_of
from configuration.yaml.findings import KNOWN_MAX, nearest
from contracts.journal import (
    Accept,
    Change,
    Entry,
    Promote,
    Refuse,
    Rollback,
    Shadow,
    Shed,
    Shelve,
    Swap,
    Tick,
    Unshelve,
    Warm,
    encode_entry,
)
from lab.explain.replay import ReplayLanes
from pipeline.snapshot.lane_state import learned
from pipeline.snapshot.store import SnapshotStore
from tests.testkit.city import DUTY
from tests.testkit.config_folder import PACK, folder_with

CHANNEL = "water.a.p"
CATALOGUE = f"id,class,asset,group,tags\n{CHANNEL},water.pressure,a,water.a,old\n"
OVERRIDE = "overrides: {tag:old: {limit.low: {blue: 0.26}}}\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return folder_with(
        tmp_path / "configs",
        {"water/catalogue.csv": CATALOGUE, "water/pressure.yaml": PACK + OVERRIDE},
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


def test_a_calendar_is_one_line_and_only_of_rules_that_go_by_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seasonal = "seasonal:\n  slot: 1 h\n  band: 5 sigma\n  floor: 0.01\n  at_most: yellow\n"
    files: dict[str, str | bytes] = {
        "water/catalogue.csv": CATALOGUE,
        "water/pressure.yaml": f"{PACK}\n{seasonal}  duty:\n{DUTY}{OVERRIDE}",
        "calendar.yaml": "2026-10-01: sunday\n2026-10-02: sunday\n",
    }
    folder = folder_with(tmp_path / "configs", files)
    assert main(["explain", "--configs", str(folder), CHANNEL, "--json"]) == 0
    values = json.loads(capsys.readouterr().out)["values"]
    by_day = [value for value in values if value["path"].endswith(("calendar", "utc_offset"))]
    assert [(value["path"], value["text"]) for value in by_day] == [
        ("seasonal.utc_offset", "8 h"),
        ("seasonal.calendar", "2 dates"),
    ]
    assert by_day[1]["written"] == f"{folder}/calendar.yaml"


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


class Past:
    """A recorded journal, and what it names at a snapshot location."""

    def __init__(self, folder: Path, place: Path) -> None:
        self._place = place
        self._entries: list[Entry] = []
        self._store = SnapshotStore(str(place / "state"))
        self.configuration = Configuration.load(folder)
        self.lane = int(plan_of(self.configuration, "water").lane_of[0])

    def bundle(self, name: str, files: dict[str, str | bytes]) -> str:
        """Hash of another configuration, whose bundle is kept."""
        return keep(self._store, Configuration.load(folder_with(self._place / name, files)))

    def learned(self) -> str:
        """Hash of what a newborn lane learned of nothing."""
        lane = ReplayLanes(self.configuration, "water", None).lane(self.lane)
        return self._store.put_warm(str(lane.name), learned(lane))

    def add(self, at: int, *changes: Change) -> None:
        """Let changes take effect before the record at an offset."""
        self._entries += [Entry(at, change) for change in changes]

    def options(self) -> list[str]:
        """What `explain` must be given of it."""
        path = self._place / "journal.jsonl"
        lines = [
            f'{{"lane":{self.lane},"offset":{i},"entry":{encode_entry(entry).decode()}}}\n'
            for i, entry in enumerate(self._entries)
        ]
        path.write_text("".join(lines))
        return ["--journal", str(path), "--state", str(self._place / "state")]


@pytest.fixture
def past(folder: Path, tmp_path: Path) -> Past:
    return Past(folder, tmp_path)


OTHER: dict[str, str | bytes] = {
    "water/catalogue.csv": CATALOGUE,
    "water/pressure.yaml": "\n\n" + PACK.replace("0.16", "0.19"),
}
BEGIN_S = 1_772_409_600
BY = ("li.wei", "a test")


def explained(folder: Path, file: Path, more: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """What is said of the channel at the end of the file."""
    line = ["explain", "--configs", str(folder), "--telemetry", str(file), *more]
    assert main([*line, CHANNEL, "2026-03-02T00:49:30Z"]) == 0
    return capsys.readouterr().out


def test_every_kind_of_journal_entry_is_explained(
    folder: Path, tmp_path: Path, past: Past, capsys: pytest.CaptureFixture[str]
) -> None:
    other = past.bundle("other", OTHER)
    past.add(0, Warm(past.learned()), Tick(BEGIN_S))
    past.add(5, Shelve(CHANNEL, *BY, 600))
    past.add(9, Unshelve(CHANNEL, *BY))
    past.add(10, Shadow(other, *BY))
    past.add(12, Shed("too slow"), Refuse("bad_command", "no such word", "{}"))
    past.add(14, Shadow(other, *BY))
    past.add(16, Promote(other, *BY))
    past.add(18, Rollback(other, *BY))
    past.add(20, Accept(CHANNEL, *BY))
    past.add(30, Swap(other))
    past.add(35, Swap(past.configuration.hash))
    past.add(47, Accept(CHANNEL, *BY))
    file = minutes(tmp_path / "day.jsonl", [0.3] * 40 + [0.15] * 20)
    said = explained(folder, file, past.options(), capsys)
    assert "governs at this time" not in said
    assert "newest reading 0.15 MPa of 2026-03-02T08:49:00+08:00: scored" in said
    assert "limit: yellow, yellow breached since 2026-03-02T08:40:00+08:00" in said
    assert "unusual: clear, nothing breached; warming up, 0 of 30 readings learned" in said


@pytest.mark.parametrize("change", ["swap", "promote"])
def test_what_is_said_is_of_the_configuration_that_governs_then(
    folder: Path,
    tmp_path: Path,
    past: Past,
    change: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    other = past.bundle("other", OTHER)
    if change == "swap":
        past.add(46, Swap(other))
    else:
        past.add(20, Shadow(other, *BY))
        past.add(46, Promote(other, *BY))
    file = minutes(tmp_path / "day.jsonl", [0.3] * 40 + [0.18] * 20)
    said = explained(folder, file, past.options(), capsys)
    assert f"configuration {other} governs at this time, not that of the folder" in said
    (threshold,) = [line for line in said.splitlines() if "limit.low.yellow" in line]
    assert threshold.split() == ["limit.low.yellow", "0.19", f"water/pressure.yaml:{2 + 6}"]
    assert "newest reading 0.18 MPa of 2026-03-02T08:49:00+08:00: scored" in said
    assert "limit: yellow" in said if change == "promote" else "yellow breached since" in said
    as_json = json.loads(explained(folder, file, [*past.options(), "--json"], capsys))
    assert as_json["config"] == other
    assert {"limit.low.yellow": "0.19"}.items() <= {
        value["path"]: value["text"] for value in as_json["values"]
    }.items()


def test_entries_of_later_are_left_out(
    folder: Path, tmp_path: Path, past: Past, capsys: pytest.CaptureFixture[str]
) -> None:
    other = past.bundle("other", OTHER)
    past.add(50, Tick(BEGIN_S + 49 * 60 + 31), Swap(other))
    past.add(55, Swap(other))
    for readings in (50, 60):
        file = minutes(tmp_path / "day.jsonl", [0.3] * readings)
        assert "governs at this time" not in explained(folder, file, past.options(), capsys)


def test_a_channel_that_the_governing_configuration_lacks_is_said_to_be_one(
    folder: Path, tmp_path: Path, past: Past, capsys: pytest.CaptureFixture[str]
) -> None:
    renamed = CATALOGUE.replace(CHANNEL, "water.a.r")
    past.add(10, Swap(past.bundle("other", {**OTHER, "water/catalogue.csv": renamed})))
    file = minutes(tmp_path / "day.jsonl", [0.3] * 60)
    assert "; it has no such channel" in explained(folder, file, past.options(), capsys)


def test_a_bundle_that_cannot_be_looked_for_is_2(
    folder: Path, tmp_path: Path, past: Past, capsys: pytest.CaptureFixture[str]
) -> None:
    past.add(10, Swap(past.bundle("other", OTHER)))
    file = minutes(tmp_path / "day.jsonl", [0.3] * 60)
    line = ["explain", "--configs", str(folder), "--telemetry", str(file), CHANNEL]
    assert main([*line, "2026-03-02T00:49:30Z", *past.options()[:2]]) == 2
    assert "name the workers' snapshot location with --state" in capsys.readouterr().err


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
