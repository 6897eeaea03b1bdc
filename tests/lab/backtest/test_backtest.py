"""`tocsin backtest`: labels, figures that can be counted by hand, the report, the carried sets."""

import json
import re
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.cli.main import main
from configuration.configuration import Configuration
from contracts.alarm import Alarm, OwnedBy, RespondTo, RungBy
from contracts.catalogue import Where
from contracts.errors import ConfigError
from lab.backtest.result import BacktestResult
from lab.backtest.score import Outcome, Scores, scores
from lab.data.labels import events_on, read_labels
from lab.feeds.__main__ import FEEDS
from runtime.installation import HOME
from tests.testkit.config_folder import folder_with, loaded

pytestmark = pytest.mark.slow

ROOT = HOME
BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
DAY_NS = 86_400 * 10**9
TWO: dict[str, str | bytes] = {
    "water/catalogue.csv": "id,class,asset,group,district\n"
    "water.a.p,water.pressure,a,water.a,d-1\nwater.b.p,water.pressure,b,water.b,d-2\n"
}


def at(hours: float) -> str:
    return (BEGIN + timedelta(hours=hours)).isoformat()


def alarm(channel: str, hours: float, colour: str, revision: int = 1, rule: str = "limit") -> Alarm:
    """A revision of an alarm; its id is channel and rule."""
    return Alarm(
        id=f"{channel}/{rule}",
        revision=revision,
        state="cleared" if colour == "clear" else "active",
        colour=colour,
        was="clear",
        lifeline="water",
        channel=channel,
        group=channel,
        onset=at(hours),
        detected=at(hours),
        say={"en": f"{channel} is low", "zh": "低"},
        observed=0.1,
        expected=None,
        band=None,
        unit="MPa",
        next=None,
        where=Where("", "", "", "", None, None),
        criticality="normal",
        evidence=[],
        cause="",
        consequence="",
        respond=RespondTo("W-7", []),
        owner=OwnedBy("district", "water bureau", at(hours), "city"),
        rule=RungBy(rule, "", "", ""),
    )


def trial(configuration: Configuration, alarms: list[Alarm], days: int) -> BacktestResult:
    begin = round(BEGIN.timestamp()) * 10**9
    spans = dict.fromkeys(configuration.catalogue.ids, (100, begin, begin + days * DAY_NS))
    return BacktestResult(configuration, alarms, {"received": 200, "scored": 200}, 0, spans)


def labels(path: Path, *events: dict[str, Any]) -> Path:
    path.write_text(json.dumps({"events": list(events)}))
    return path


def test_figures_are_those_that_a_hand_counts(tmp_path: Path) -> None:
    configuration = loaded(tmp_path / "c", TWO)
    burst = {"name": "burst", "from": at(10), "to": at(20), "channel": "water.a.p", "colour": "red"}
    place = {"name": "works", "from": at(30), "to": at(40), "place": "d-2", "rules": "limit"}
    kind = {"name": "both", "from": at(90), "to": at(91), "class": "water.pressure"}
    path = labels(tmp_path / "labels.yaml", burst, place, kind)
    told = [
        alarm("water.a.p", 12, "yellow"),
        alarm("water.a.p", 13, "orange", 2),
        alarm("water.b.p", 15, "blue", rule="unusual"),
        alarm("water.a.p", 21, "clear", 3),
        alarm("water.b.p", 30.5, "blue"),
    ]
    events = events_on(read_labels(path), configuration.catalogue)
    found = scores(trial(configuration, told, 100), events)
    whole = found.whole
    assert (whole.events, whole.found, whole.missed) == (3, 2, 1)
    assert (whole.delay_p50_s, whole.delay_p95_s) == (1800, 7200)
    assert (whole.alarms, whole.false_alarms, whole.colour_errors) == (3, 1, 1)
    assert whole.precision == pytest.approx(2 / 3)
    assert whole.channel_years == pytest.approx(200 / 365.25)
    assert whole.false_per_channel_year == pytest.approx(365.25 / 200)
    assert (whole.desks, whole.desk_days) == (2, 200)
    assert whole.false_per_desk_day == pytest.approx(0.005)
    assert found.classes["water.pressure"] == whole
    assert found.desks["water, district: water bureau"]["alarms_per_day"] == pytest.approx(0.03)
    assert [_name(outcome) for outcome in found.outcomes if not outcome.rung] == ["both"]
    assert _unsaid(scores(trial(configuration, told, 100), None))


def _name(outcome: Outcome) -> str:
    return outcome.event.label.name


def _unsaid(found: Scores) -> bool:
    """Without labels nothing is called false."""
    return found.whole.false_alarms is None and found.whole.precision is None


def test_csv_says_of_labels_what_yaml_says(tmp_path: Path) -> None:
    event = {"name": "burst", "from": at(10), "to": at(20), "channel": "water.a.p"}
    yaml = labels(tmp_path / "labels.yaml", event)
    table = tmp_path / "labels.csv"
    table.write_text(",".join([*event, "colour"]) + "\n" + ",".join([*event.values(), ""]) + "\n")
    assert read_labels(table) == read_labels(yaml)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"from": "2026-03-01T10:00"}, "from: expected an RFC 3339 time with its zone"),
        ({"to": "2026-02-01T10:00Z"}, "to: expected a time behind `from`"),
        ({"channel": ""}, "expected a channel, a class or a place, got none"),
        ({"colour": "pink"}, "colour: expected one of "),
        ({"until": "x"}, "unknown key 'until'"),
    ],
)
def test_what_is_wrong_with_labels_is_said(
    tmp_path: Path, change: dict[str, str], said: str
) -> None:
    event = {"name": "burst", "from": at(10), "to": at(20), "channel": "water.a.p", **change}
    with pytest.raises(ConfigError, match=said):
        read_labels(labels(tmp_path / "labels.yaml", event))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"channel": "water.a.p water.a.q"}, "channel that exists, got 'water.a.q'; nearest is"),
        ({"class": "water.presure"}, "got 'water.presure'; nearest is 'water.pressure'"),
        ({"place": "d-3"}, "group or place that exists, got 'd-3'; nearest is 'd-"),
        ({"rules": "limt"}, "name of a rule that exists, got 'limt'; nearest is 'limit'"),
    ],
)
@pytest.mark.parametrize("suffix", [".yaml", ".csv"])
def test_a_label_that_names_what_does_not_exist_is_refused_with_its_line(
    tmp_path: Path, change: dict[str, str], said: str, suffix: str
) -> None:
    configuration = loaded(tmp_path / "c", TWO)
    good = {"name": "burst", "from": at(10), "to": at(20), "channel": "water.a.p", "rules": "limit"}
    bad = {"name": "x", "from": at(10), "to": at(20), "channel": "water.a.p", **change}
    path = tmp_path / f"labels{suffix}"
    if suffix == ".yaml":
        path.write_text("events:\n" + "".join(f"  - {json.dumps(e)}\n" for e in (good, bad)))
    else:
        keys = sorted({*good, *bad})
        rows = [keys, *([event.get(key, "") for key in keys] for event in (good, bad))]
        path.write_text("".join(",".join(row) + "\n" for row in rows))
    with pytest.raises(ConfigError, match=rf"labels\{suffix}:3:.*{said}"):
        read_labels(path, [configuration])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{head}\n{row},1\n", "labels.csv:2:1: expected 4 cells as in the head line, got 5"),
        ("{head},channel\n{row},b\n", "labels.csv:1:1: expected the column 'channel' once"),
        ("{head}\n", "labels.csv:1:1: expected a head line and an event in each row, got none"),
        ("", "labels.csv:1:1: expected a head line and an event in each row, got none"),
    ],
)
def test_labels_of_csv_that_would_be_lost_are_refused(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "labels.csv"
    row = "x,2026-03-02T09:00:00Z,2026-03-02T10:00:00Z,a"
    path.write_text(text.format(head="name,from,to,channel", row=row))
    with pytest.raises(ConfigError) as caught:
        read_labels(path)
    assert said in str(caught.value)


def test_without_labels_every_alarm_is_listed_with_its_picture(tmp_path: Path) -> None:
    config = folder_with(tmp_path / "c", TWO)
    rows = ["time,water.a.p"]
    for minute in range(600):
        low = minute in range(100, 140) or minute >= 500
        rows.append(f"{at(minute / 60)},{0.05 if low else 0.3}")
    (tmp_path / "d.csv").write_text("\n".join(rows) + "\n")
    report = tmp_path / "r"
    assert main(["backtest", str(config), str(tmp_path / "d.csv"), "--report", str(report)]) == 0
    told = json.loads((report / "backtest.json").read_text())
    assert told["whole"]["alarms"] == len(told["alarms"]) >= 2
    assert told["false_alarms"] == []
    assert {one["rule"] for one in told["alarms"]} >= {"limit"}
    page = (report / "index.html").read_text()
    cards = page.split('class="card"')[1:]
    assert len(cards) == len(told["alarms"])
    for card, one in zip(cards, told["alarms"], strict=True):
        assert one["say"].split(": ")[0] in card
        assert "<svg" in card
        assert "no readings around it" not in card
    assert "still rings" in cards[-1]
    known = labels(tmp_path / "k.yaml", {"name": "x", "from": at(1), "to": at(2), "place": "d-1"})
    words = ["backtest", str(config), str(tmp_path / "d.csv"), "--labels", str(known)]
    assert main([*words, "--report", str(report)]) == 0
    assert "alarms" not in json.loads((report / "backtest.json").read_text())


def test_refused_readings_are_crosses_with_their_reason_and_no_part_of_the_line(
    tmp_path: Path,
) -> None:
    config = folder_with(tmp_path / "c", TWO)
    rows = ["time,water.a.p"]
    for minute in range(200):
        value = "-9999" if minute == 99 else "0.05" if minute >= 100 else "0.3"
        rows.append(f"{at(minute / 60)},{value}")
    (tmp_path / "d.csv").write_text("\n".join(rows) + "\n")
    known = labels(
        tmp_path / "k.yaml",
        {"name": "x", "from": at(1.5), "to": at(2.5), "channel": "water.a.p"},
    )
    report = tmp_path / "r"
    words = ["backtest", str(config), str(tmp_path / "d.csv"), "--report", str(report)]
    for more in ([], ["--labels", str(known)]):
        assert main([*words, *more]) == 0
        page = (report / "index.html").read_text()
        assert page.count('class="refused"') >= 1
        assert "<title>refused: out_of_range; " in page
        assert "refused (crosses): 1 out_of_range" in page
        assert "-9999" not in re.sub("<title>.*?</title>", "", page), (
            "the scale is that of the rest"
        )


@pytest.mark.parametrize("name", ["labels.csv", "labels.yaml", "columns.yaml"])
def test_a_file_that_is_not_utf_8_is_refused_in_one_line(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    config = folder_with(tmp_path / "c", TWO)
    data, path = tmp_path / "d.csv", tmp_path / name
    data.write_text(f"time,water.a.p\n{at(1)},0.3\n")
    head = "name,from,to,channel\n爆管" if path.suffix == ".csv" else "爆管:\n"
    path.write_bytes(head.encode("gb18030"))
    named = ["--labels", str(path)] if name.startswith("labels") else []
    assert main(["backtest", str(config), str(data), *named]) == 2
    said = capsys.readouterr().err.strip()
    assert said.count("\n") == 0
    assert f"{name}:" in said
    assert "expected UTF-8, got the byte 0xb1; save the file as UTF-8" in said


def test_an_event_without_readings_at_its_time_is_not_judged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = folder_with(tmp_path / "c", TWO)
    rows = [f"{at(m / 60)},{0.12 if 60 < m < 90 else 0.3}\n" for m in range(240)]
    (tmp_path / "d.csv").write_text("time,water.a.p\n" + "".join(rows))
    found = {"name": "burst", "from": at(1), "to": at(2), "channel": "water.a.p"}
    missed = {**found, "name": "quiet", "from": at(3), "to": at(3.5)}
    before = {**found, "name": "before", "from": at(-5), "to": at(-4)}
    elsewhere = {**found, "name": "elsewhere", "channel": "water.b.p"}
    path = labels(tmp_path / "labels.yaml", found, missed, before, elsewhere)
    report = tmp_path / "report"
    line = ["backtest", str(config), str(tmp_path / "d.csv"), "--labels", str(path)]
    assert main([*line, "--report", str(report)]) == 0
    said = capsys.readouterr().out
    assert "before: not judged" in said
    assert "elsewhere: not judged" in said
    assert "quiet: MISSED" in said
    assert "not judged" in (report / "index.html").read_text()
    figures = json.loads((report / "backtest.json").read_text())
    assert [event["found"] for event in figures["events"]] == [True, False, None, None]
    whole = figures["whole"]
    assert [whole[name] for name in ("events", "found", "missed", "not_judged")] == [2, 1, 1, 2]


def test_a_channel_that_stopped_while_others_went_on_can_still_be_missed_as_silent(
    tmp_path: Path,
) -> None:
    configuration = loaded(tmp_path / "c", TWO)
    event = {"name": "gone", "from": at(30), "to": at(40), "channel": "water.a.p"}
    events = events_on(
        read_labels(labels(tmp_path / "l.yaml", event, {**event, "rules": "limit"})),
        configuration.catalogue,
    )
    result = trial(configuration, [], 4)
    result.spans["water.a.p"] = (
        10,
        *result.spans["water.a.p"][1:2],
        round(BEGIN.timestamp()) * 10**9 + DAY_NS,
    )
    assert [outcome.judged for outcome in scores(result, events).outcomes] == [True, False]


def test_a_backtest_from_a_shell_leaves_a_page_with_a_picture_of_every_event(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = folder_with(tmp_path / "c", TWO)
    rows = [f"{at(m / 60)},{0.12 if 60 < m < 90 else 0.3},0.3\n" for m in range(240)]
    (tmp_path / "d.csv").write_text("time,water.a.p,water.b.p\n" + "".join(rows))
    burst = {"name": "a <burst>", "from": at(1), "to": at(2), "channel": "water.a.p"}
    quiet = {"name": "nothing", "from": at(3), "to": at(3.5), "place": "d-2"}
    path = labels(tmp_path / "labels.yaml", {**burst, "colour": "orange"}, quiet)
    report = tmp_path / "report"
    line = ["backtest", str(config), str(tmp_path / "d.csv"), "--labels", str(path)]
    assert main([*line, "--report", str(report)]) == 0
    captured = capsys.readouterr()
    assert "a <burst>: rang after" in captured.out
    assert "nothing: MISSED" in captured.out
    assert "480 readings in" in captured.err
    page = (report / "index.html").read_text()
    assert page.count("<svg") == 2
    assert "a &lt;burst&gt;" in page
    assert "MISSED" in page
    figures = json.loads((report / "backtest.json").read_text())
    assert [event["found"] for event in figures["events"]] == [True, False]
    assert figures["accounting"]["scored"] == 480
    assert main([*line, "--report", str(report), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["whole"] == figures["whole"]


def test_the_carried_sets_ring_every_event_that_is_known_in_them(tmp_path: Path) -> None:
    data, report = ROOT / "data", tmp_path / "report"
    line = ["backtest", str(ROOT / "configs"), str(data), "--labels", str(data / "known.yaml")]
    assert main([*line, "--report", str(report)]) == 0
    figures = json.loads((report / "backtest.json").read_text())
    assert figures["accounting"]["received"] == figures["accounting"]["scored"] == 9_140
    water = figures["classes"]["water.flow_hourly"]
    assert (water["found"], water["missed"], water["false_alarms"]) == (10, 0, 0)
    assert len(figures["false_alarms"]) <= 1


@pytest.mark.soak
def test_the_feeds_of_the_demo_ring_every_event_that_is_known_in_them(tmp_path: Path) -> None:
    feeds, labelled = tmp_path / "feeds", tmp_path / "labels.csv"
    feeds.mkdir()
    for name, path in [("labels", labelled), *((n, feeds / f"{n}.jsonl") for n in FEEDS)]:
        with path.open("wb") as file:
            subprocess.run([sys.executable, "-m", "lab.feeds", name], stdout=file, check=True)
    line = ["backtest", str(ROOT / "configs"), str(feeds), "--labels", str(labelled)]
    assert main([*line, "--report", str(tmp_path / "report")]) == 0
    whole = json.loads((tmp_path / "report" / "backtest.json").read_text())["whole"]
    assert (whole["events"], whole["missed"]) == (19, 0)
    assert whole["false_alarms"] <= 3
