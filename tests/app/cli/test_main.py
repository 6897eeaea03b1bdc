"""The `tocsin` command as a shell sees it: output, errors, exit codes."""

import asyncio
import json
import re
import shutil
from datetime import UTC, datetime, timedelta
from importlib import import_module
from pathlib import Path

import pytest

from app.cli import commands
from app.cli.main import main
from configuration.configuration import Configuration
from runtime.installation import CONFIGS
from tests.testkit.config_folder import PACK, folder_with
from tests.testkit.kafka.broker import Cluster

pytestmark = pytest.mark.slow

FEED = "water.feed-01.flow"
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
LIFELINES = ", ".join(Configuration.load(CONFIGS, {}).partitions)


def feed(path: Path, values: list[float]) -> Path:
    """Hourly readings of the feed as lines of JSON."""
    lines = [
        {"channel": FEED, "time": (BEGIN + timedelta(hours=hour)).isoformat(), "value": value}
        for hour, value in enumerate(values)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_a_good_configuration_is_summed_up(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check"]) == 0
    out = capsys.readouterr().out
    assert "water.flow_hourly: 1 channel in l/s every 1 h, rules limit, unusual, silent" in out
    assert out.splitlines()[-1].startswith("configuration ")


def test_findings_go_to_standard_error_and_the_exit_code_is_2(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "tocsin.yaml").write_text("kafka: {bootstrap: 'a:1'}\nlifelines: {}\n")
    assert main(["check", str(tmp_path)]) == 2
    captured = capsys.readouterr()
    assert not captured.out
    assert "tocsin.yaml:2:12: lifelines: expected at least one lifeline" in captured.err


def test_findings_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "--json", str(tmp_path)]) == 2
    body = json.loads(capsys.readouterr().out)
    assert body["good"] is False
    assert "tocsin.yaml: expected a file" in body["findings"][0]


@pytest.mark.parametrize(
    ("was", "now", "said"),
    [
        (
            "smoothing: 0.1",
            "smoothing: 0.2",
            "water.pressure: unusual: 1 channel would learn anew: smoothing was 0.1, is 0.2",
        ),
        (
            "unit: MPa",
            "unit: bar",
            "water.pressure: unusual: 1 channel would learn anew: unit was MPa, is bar",
        ),
        ("band: 5 sigma", "band: 6 sigma", "a reload would forget nothing that was learned"),
        (PACK[PACK.index("unusual:") : PACK.index("silent:")], "", "the rule is dropped"),
    ],
)
def test_what_a_reload_would_forget_is_told_before_it_happens(
    was: str, now: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert was in PACK
    old = folder_with(tmp_path / "old", {})
    new = folder_with(tmp_path / "new", {"water/pressure.yaml": PACK.replace(was, now)})
    assert main(["check", str(new), "--against", str(old)]) == 0
    assert capsys.readouterr().out.splitlines()[-1].endswith(said)
    assert main(["check", str(new), "--against", str(old), "--json"]) == 0
    forgets = json.loads(capsys.readouterr().out)["forgets"]
    assert bool(forgets) is ("forget nothing" not in said)


@pytest.mark.parametrize(
    ("what", "field"),
    [
        ("reading", "quality"),
        ("command", "seconds"),
        ("alarm", "evidence"),
        ("dead-letter", "reason"),
    ],
)
def test_every_record_has_a_schema(
    what: str, field: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["schema", what]) == 0
    schema = json.loads(capsys.readouterr().out)
    assert any(field in shape.get("properties", {}) for shape in schema["$defs"].values())


def test_a_replay_tells_an_episode_and_balances(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = feed(tmp_path / "feed.jsonl", [100.0] * 200 + [20.0] * 3 + [100.0] * 6)
    assert main(["replay", str(lines), "--out", str(tmp_path / "alarms.jsonl")]) == 0
    out = capsys.readouterr().out.splitlines()
    assert any(
        "red" in line and "mean feed of the last hour 20.0 L/s, below 30.0 L/s" in line
        for line in out
    )
    assert out[-2].startswith("209 received = 209 scored + 0 held")
    alarms = (tmp_path / "alarms.jsonl").read_text().splitlines()
    told = [alarm for alarm in map(json.loads, alarms) if alarm["channel"] == FEED]
    assert [(alarm["rule"]["name"], alarm["state"]) for alarm in told] == [
        ("limit", "active"),
        ("unusual", "active"),
        ("limit", "cleared"),
        ("unusual", "cleared"),
    ]
    assert out[-1] == f"{len(alarms)} revisions, 0 dead letters"


def test_a_journal_that_is_none_is_named_with_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    journal = tmp_path / "journal.jsonl"
    journal.write_text('{"lane": 0, "offset": 0, "entry": {"at": 0}}\n')
    lines = feed(tmp_path / "feed.jsonl", [100.0])
    assert main(["replay", str(lines), "--journal", str(journal)]) == 2
    assert f"{journal}:1: expected a journal entry" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        (["replay", "nowhere.jsonl"], 2, "tocsin replay: nowhere.jsonl: expected a file\n"),
        (
            ["run", "--lifeline", "none"],
            2,
            f"--lifeline: expected a configured one ({LIFELINES}), got 'none'\n",
        ),
        (
            ["topics", "--create", "--bootstrap", "127.0.0.1:9"],
            1,
            "tocsin topics: 127.0.0.1:9: expected Kafka brokers to answer, got "
            "KafkaConnectionError; look at the address\n",
        ),
        *(
            (
                [*words, "--bootstrap", address],
                2,
                "--bootstrap: expected `host:port`, with commas between several, got "
                f"{address!r}; correct the address\n",
            )
            for words in (["topics", "--create"], ["run"], ["topics"])
            for address in ("kafka-1", "kafka-1:", "kafka 1:9092", "kafka-1:99999", "")
        ),
        (
            ["run", "--lifeline", "water", "power", "water"],
            2,
            "--lifeline: expected each one once, got water again; leave it out\n",
        ),
        (
            ["replay", "--out", f"{__file__}/out.jsonl", __file__],
            2,
            f"tocsin replay: {__file__}/out.jsonl: expected a folder above it, got a file; "
            "name another\n",
        ),
        (
            ["compile", "--cpu", "generic"],
            2,
            "--cpu: expected --into FOLDER beside it, got generic alone; name a folder\n",
        ),
        (
            ["compile", "--into", __file__],
            2,
            f"--into: expected a folder, got the file {__file__}; name another\n",
        ),
    ],
)
def test_what_went_wrong_is_said_in_one_line(
    line: list[str], code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(line) == code
    assert capsys.readouterr().err == message


def test_wrong_usage_is_2_and_shows_the_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["rnu"])
    assert exit_.value.code == 2
    assert "usage: tocsin" in capsys.readouterr().err


def test_topics_are_listed_without_a_broker(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["topics", "--json", "--replication", "1"]) == 0
    topics = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {topic["name"] for topic in topics} >= {"tocsin.alarms.water", "tocsin.dead-letters"}
    assert all(topic["replication"] == 1 for topic in topics)


@pytest.mark.parametrize(
    ("words", "stamps"), [([], "LogAppendTime"), (["--keep-stamps"], "CreateTime")]
)
def test_telemetry_keeps_its_stamps_where_another_site_is_mirrored(
    words: list[str], stamps: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["topics", "--json", *words]) == 0
    topics = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    settings = {topic["name"]: topic["settings"] for topic in topics}
    assert settings["tocsin.telemetry.water"]["message.timestamp.type"] == stamps


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["--version"])
    assert exit_.value.code == 0
    assert re.fullmatch(r"tocsin \d+\.\d+\.\d+\n", capsys.readouterr().out)


def named(folder: Path, app: str) -> Path:
    """The shipped configuration under another name, whose topics nobody has made."""
    shutil.copytree(CONFIGS, folder)
    settings = folder / "tocsin.yaml"
    text = re.sub(r"(?m)^app: .*$", f"app: {app}", settings.read_text())
    assert f"app: {app}" in text
    settings.write_text(text)
    return folder


def test_topics_that_are_missing_are_named_until_they_are_made(
    kafka: Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["topics", "--configs", str(named(tmp_path / "c", "first-steps"))]
    line += ["--bootstrap", kafka.bootstrap, "--replication", "1"]
    assert main(line) == 1
    said = capsys.readouterr().out
    assert "first-steps.telemetry.water: missing" in said
    assert f"make what is missing: tocsin topics --create --bootstrap {kafka.bootstrap}" in said
    assert main([*line, "--create"]) == 0
    capsys.readouterr()
    assert main(line) == 0
    assert "first-steps.telemetry.water: good" in capsys.readouterr().out


def test_more_copies_than_brokers_are_refused_with_the_way_out(
    kafka: Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["topics", "--create", "--configs", str(named(tmp_path / "c", "many-copies"))]
    assert main([*line, "--bootstrap", kafka.bootstrap]) == 2
    assert "add `--replication 1` on a single broker" in capsys.readouterr().err


def test_a_worker_without_topics_names_the_command_that_makes_them(
    kafka: Cluster, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["run", "--configs", str(named(tmp_path / "c", "no-topics")), "--port", "0"]
    assert main([*line, "--bootstrap", kafka.bootstrap, "--state", str(tmp_path / "s")]) == 2
    said = capsys.readouterr().err
    assert "no-topics.telemetry.water" in said
    assert f"make them with `tocsin topics --create --bootstrap {kafka.bootstrap}`" in said


def test_topics_are_made_once(kafka: Cluster, capsys: pytest.CaptureFixture[str]) -> None:
    line = ["topics", "--create", "--replication", "1", "--bootstrap", kafka.bootstrap]
    assert main(line) == 0
    first = capsys.readouterr().out
    assert main(line) == 0
    assert first != capsys.readouterr().out


def test_kernels_are_compiled_before_readings_wait_for_them() -> None:
    assert main(["compile"]) == 0


def test_what_a_replay_learned_is_kept_for_lanes_that_begin_there(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = folder_with(tmp_path / "city", {})
    history, today = tmp_path / "history.jsonl", tmp_path / "today.jsonl"
    line = '{{"channel":"water.a.p","time":{},"value":{}}}\n'
    start = 1_772_323_200_000
    minutes = [start + 60_000 * i for i in range(200)]
    history.write_text("".join(line.format(t, 0.3 + 0.001 * (t // 60_000 % 2)) for t in minutes))
    # Four minutes of another pressure, which is inside all limits: only who knows may wonder.
    today.write_text("".join(line.format(minutes[-1] + 60_000 * i, 0.4) for i in range(1, 5)))
    state = str(tmp_path / "state")
    replay = ["replay", "--configs", str(folder), "--lifeline", "water", "--state", state]
    assert main([*replay, "--warm", state, str(history)]) == 0
    capsys.readouterr()
    assert main([*replay, str(today)]) == 0
    assert "0 revisions" in capsys.readouterr().out
    journal = tmp_path / "journal.jsonl"
    with journal.open("w") as file:
        for lane in range(4):
            learned = (tmp_path / "state" / "warm" / f"water-{lane}").read_text()
            entry = {"at": 0, "change": {"kind": "warm", "learned": learned}, "command": None}
            file.write(json.dumps({"lane": lane, "offset": 0, "entry": entry}) + "\n")
    assert main([*replay, "--journal", str(journal), str(today)]) == 0
    assert "1 revisions" in capsys.readouterr().out


def test_each_act_of_alarms_has_a_tool() -> None:
    for module, name in {*commands._DESK_TOOLS.values(), commands._ANSWER}:
        assert asyncio.iscoroutinefunction(getattr(import_module(module), name))
