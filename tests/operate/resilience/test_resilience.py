"""`tocsin resilience`: from a history as online, from files, on a page, and what it refuses."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
import yaml

from alarms.resilience.figures import IncidentFigures, PeriodFigures
from app.cli.commands import resilience as act
from app.cli.parser import parser
from contracts.alarm import encode_alarm
from contracts.desk.incident import Incident
from contracts.errors import ConfigError
from contracts.ports.projection import TopicRecord
from contracts.settings.history import HistorySettings
from runtime.installation import HOME
from sinks.history.opening import store_of
from sinks.history.projection import History
from tests.alarms.resilience.replays import (
    FEEDER,
    ZHENGZHOU,
    Replay,
    at_s,
    figures_of,
    incidents_of,
    revisions_of,
    topology_of,
)
from tests.testkit.config_folder import SETTINGS, folder_with
from tests.testkit.desk.topics import NAMES

pytestmark = pytest.mark.slow

Says = Callable[..., str]


def topology_files(replay: Replay) -> dict[str, str | bytes]:
    """What a configuration folder says of a replay's city; its kinds know no classes."""
    city = topology_of(replay)
    nodes = "".join(f"{one.id},{one.kind},{one.people}\n" for one in city.nodes)
    edges = "".join(
        f"{e.parent},{e.child},{e.kind},{'' if e.buffer_s is None else f'{e.buffer_s} s'}\n"
        for one in city.nodes
        for e in city.children(one.id)
    )
    said = yaml.safe_load((HOME / "configs/topology/edges.yaml").read_text(encoding="utf-8"))
    for kind in said["kinds"].values():
        kind.pop("parents", None)
        kind.pop("children", None)
    return {
        "topology/nodes.csv": f"id,kind,people\n{nodes}",
        "topology/edges.csv": f"parent,child,kind,buffer\n{edges}",
        "topology/edges.yaml": yaml.safe_dump(said, allow_unicode=True),
    }


def kept(state: Path, replay: Replay, verdict: str = "") -> None:
    """A history of what was told, which knows of everything until the replay's end."""
    judged = [_judged(one, verdict) for one in incidents_of(replay)]
    told = [
        (NAMES.alarms(alarm.lifeline), "revision", encode_alarm(alarm))
        for alarm in revisions_of(replay)
    ]
    told += [(NAMES.incidents, "incident", msgspec.json.encode(one)) for one in judged]
    store = store_of(HistorySettings(), str(state))
    history = History(store, NAMES)
    history.positions()
    records = [
        TopicRecord(topic, 0, at, 1_000 + at, b"k", body, kind)
        for at, (topic, kind, body) in enumerate(told)
    ]
    history.apply(records, {(one.topic, 0): one.offset + 1 for one in records})
    history.current(at_s(replay.until) * 1_000)
    history.close()


def _judged(incident: Incident, verdict: str) -> Incident:
    ticket = msgspec.structs.replace(incident.ticket, verdict=verdict)
    return msgspec.structs.replace(incident, ticket=ticket)


@pytest.fixture(params=[FEEDER, ZHENGZHOU], ids=["feeder", "zhengzhou"])
def replay(request: pytest.FixtureRequest) -> Replay:
    """A city whose every figure is known."""
    found: Replay = request.param
    return found


@pytest.fixture
def says(tmp_path: Path, replay: Replay, capsys: pytest.CaptureFixture[str]) -> Says:
    """What the command prints beside a history of the replay."""
    state = tmp_path / "state"
    files: dict[str, str | bytes] = {
        "tocsin.yaml": f"{SETTINGS}\nstate: {state}\n",
        **topology_files(replay),
    }
    folder = folder_with(tmp_path, files)
    kept(state, replay)

    def run(*words: str) -> str:
        control = ["--control", f"{replay.control_s} s"]
        said = ["resilience", "--configs", str(folder), *control, *words]
        assert act(parser().parse_args(said)) == 0
        return capsys.readouterr().out

    return run


def test_a_history_gives_the_figures_that_were_there_online(says: Says, replay: Replay) -> None:
    for figures in figures_of(replay):
        line = says(figures.incident, "--json")
        assert msgspec.json.decode(line, type=IncidentFigures) == figures
        out = says(figures.incident)
        assert all(one.lifeline in out for one in figures.lifelines)


def test_a_period_sums_its_incidents_and_a_file_of_alarms_says_the_same(
    says: Says, replay: Replay, tmp_path: Path
) -> None:
    of_history = msgspec.json.decode(says("--json"), type=PeriodFigures)
    for one in of_history.lifelines:
        parts = [p.lost_minutes for p in of_history.incidents if p.lifeline == one.lifeline]
        assert sum(parts) == pytest.approx(one.lost_minutes[0])
    assert of_history.redundancy
    file = tmp_path / "alarms.jsonl"
    file.write_bytes(b"\n".join(encode_alarm(alarm) for alarm in revisions_of(replay)))
    of_file = msgspec.json.decode(says("--alarms", str(file), "--json"), type=PeriodFigures)
    for one, other in zip(of_history.lifelines, of_file.lifelines, strict=True):
        assert (one.worst.lowest, one.best.lowest) == (other.worst.lowest, other.best.lowest)


@pytest.mark.parametrize("replay", [FEEDER], indirect=True)
@pytest.mark.parametrize("verdict", ["true", "false"])
def test_of_a_period_false_alarms_lost_nothing(says: Says, tmp_path: Path, verdict: str) -> None:
    (tmp_path / "state" / "history.sqlite").unlink()
    kept(tmp_path / "state", FEEDER, verdict)
    found = msgspec.json.decode(says("--json"), type=PeriodFigures)
    assert bool(found.lifelines) == bool(found.incidents) == (verdict == "true")


def test_up_to_a_time_nothing_behind_it_is_known(says: Says, replay: Replay) -> None:
    first = figures_of(replay)[0]
    cut_s = first.begins_s + 3_600
    moment = datetime.fromtimestamp(cut_s, UTC).isoformat()
    found = msgspec.json.decode(
        says(first.incident, "--to", moment, "--json"), type=IncidentFigures
    )
    assert found.ends_s == cut_s
    assert not found.over
    assert found.lifelines[0].worst.restored_after_s is None
    assert found.lifelines[0].worst.loss_s < first.lifelines[0].worst.loss_s


def test_a_page_stands_alone_and_shows_every_curve(
    says: Says, replay: Replay, tmp_path: Path
) -> None:
    page = tmp_path / "resilience.html"
    out = says(figures_of(replay)[0].incident, "--report", str(page))
    assert out == says(figures_of(replay)[0].incident), "the page takes nothing from the terminal"
    text = page.read_text(encoding="utf-8")
    assert text.count("<svg ") == len(figures_of(replay)[0].lifelines)
    assert "http" not in text.replace("http://www.w3.org/2000/svg", "")


SERIES = """time,supply,demand
2026-03-01T00:00:00+08:00,100,100
2026-03-01T00:10:00+08:00,100,100
2026-03-01T00:20:00+08:00,,100
2026-03-01T00:30:00+08:00,50,100
2026-03-01T00:40:00+08:00,100,100
2026-03-01T02:00:00+08:00,100,100
"""


@pytest.mark.parametrize("replay", [FEEDER], indirect=True)
def test_a_series_is_an_interval_where_nobody_knew(says: Says, tmp_path: Path) -> None:
    """From 50 % up within ten minutes: 2.5 minutes of a whole outage, 20 more if blind is lost."""
    file = tmp_path / "supply.csv"
    file.write_text(SERIES, encoding="utf-8")
    out = says("--series", str(file)).splitlines()[1].split()
    assert out[:5] == ["supply", "share", "0%", "to", "50%"]
    assert "4.167 to 37.5" in says("--series", str(file))  # 2.5 / 60 and 22.5 / 60 of an hour


@pytest.mark.parametrize("replay", [FEEDER], indirect=True)
def test_what_cannot_be_answered_says_what_was_expected(says: Says, tmp_path: Path) -> None:
    file = tmp_path / "some.csv"
    for text, said in (
        (
            "time,supply\n",
            r"some\.csv:1: expected the columns time, supply, demand, got time, supply",
        ),
        (SERIES.replace("50,", "half,"), r"some\.csv:5: expected figures for supply"),
        (SERIES.replace("50,100", "50,0"), "expected more than 0, got 0"),
        (SERIES.replace("50,100", "50,"), r"some\.csv:5: expected figures"),
        ("time,supply,demand\n", "two or more"),
    ):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(ConfigError, match=said):
            says("--series", str(file))
    file.write_text("{}\n", encoding="utf-8")
    with pytest.raises(ConfigError, match=r"some\.csv:1: expected a revision of an alarm"):
        says("--alarms", str(file))
    with pytest.raises(ConfigError, match="expected an incident of this history, got 'i-none'"):
        says("i-none")
    with pytest.raises(ConfigError, match="a file, got both"):
        says("i-none", "--alarms", str(file))
    with pytest.raises(ConfigError, match="--control: expected a time such as '24 h'"):
        says("--control", "soon", "i-none")
    with pytest.raises(ConfigError, match="--from: expected a time before"):
        says("--from", "2030-01-01T00:00Z")
