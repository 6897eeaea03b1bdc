"""`tocsin compare`: exactly the alarms that differ, what they cost, and when a proposal fails."""

import json
import shutil
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.cli.main import main
from configuration.configuration import Configuration
from contracts.alarm import Alarm
from lab.backtest.lanes import BacktestRun
from lab.backtest.score import Episode
from lab.compare.alarm_diff import (
    ADDED,
    EARLIER,
    LATER,
    RECOLOURED,
    REMOVED,
    REVISED,
    Change,
    changes,
)
from lab.data.export_files import Loaded
from lab.data.open_data import Data
from lab.data.readings import Names, Readings
from tests.testkit.config_folder import PACK, folder_with, loaded
from tests.testkit.level_twin import LevelTwin

pytestmark = pytest.mark.slow

CHANNELS = ["water.a.p", "water.b.p"]
BEGIN_NS = 1_772_409_600 * 10**9
MINUTE_NS = 60 * 10**9
BLUE, YELLOW = [0.26, 0.24, 0.22, 0.2], 0.16
VALUES = [0.3, 0.25, 0.23, 0.21, 0.18, 0.15, 0.13, 0.05]
LOW = "low: {blue: 0.20, yellow: 0.16, orange: 0.14, red: 0.10}"
DELAYS = {
    "on_delay: 5 min": "on_delay: 2 min",
    "off_delay: 30 min": "off_delay: 3 min",
    ", fastest: 0.6 per min": "",
}
LIMIT_ONLY = PACK.partition("unusual:")[0]
CATALOGUE: dict[str, str | bytes] = {
    "water/catalogue.csv": "id,class,asset,group\n"
    + "".join(f"{name},water.pressure,a,water.a\n" for name in CHANNELS)
}


class ResultBuilder(NamedTuple):
    """An alarm of the brute force: channel, onset, and when it took which colour, in minutes."""

    channel: str
    onset: int
    steps: tuple[tuple[int, int], ...]

    @property
    def end(self) -> float:
        return self.steps[-1][0] if self.steps[-1][1] == 0 else float("inf")

    @property
    def worst(self) -> int:
        return max(colour for _, colour in self.steps)


def pack(blue: float, yellow: float = YELLOW) -> str:
    """Limits alone, with an on-delay of two minutes and an off-delay of three."""
    text = LIMIT_ONLY.replace(LOW, LOW.replace("0.20", str(blue)).replace("0.16", str(yellow)))
    text = text.replace("on_delay: 5 min", "on_delay: 2 min")
    assert text != LIMIT_ONLY
    return text.replace("off_delay: 30 min", "off_delay: 3 min").replace(
        ", fastest: 0.6 per min", ""
    )


@cache
def configured(blue: float, yellow: float) -> Configuration:
    place = Path(mkdtemp(prefix="tocsin-compare-"))
    try:
        return loaded(place, {**CATALOGUE, "water/pressure.yaml": pack(blue, yellow)})
    finally:
        shutil.rmtree(place)


def rung(configuration: Configuration, series: list[list[float]]) -> list[Alarm]:
    """Alarms of the lanes over a series for each channel, a reading a minute."""
    names = Names()
    code = np.concatenate(
        [np.full(len(s), c, np.int32) for s, c in zip(series, names.codes(CHANNELS), strict=True)]
    )
    minutes = np.concatenate([np.arange(len(s)) for s in series])
    time_ns = (BEGIN_NS + minutes * MINUTE_NS).astype(np.int64)
    quality = np.zeros(len(code), np.uint8)
    readings = Readings(code, time_ns, np.concatenate(series), quality, time_ns).in_order()
    data = Data(names, [Loaded(readings)])
    return BacktestRun(configuration, data).run(lambda count, time_ns: None).alarms


def by_force(series: list[list[float]], thresholds: list[float]) -> set[ResultBuilder]:
    """Alarms of a plain automaton that goes through one reading after another."""
    found = set()
    for channel, values in zip(CHANNELS, series, strict=True):
        twin, onset, told = LevelTwin(2, 3), 0, list[tuple[int, int]]()
        for minute, value in enumerate(values):
            beyond = max((c for c, t in enumerate(thresholds, 1) if value < t), default=0)
            held = max((c for c, t in enumerate(thresholds, 1) if value < t + 0.01), default=0)
            change = twin.advance(beyond, max(beyond, held), minute)
            if change is None:
                continue
            onset = change[2] if not told else onset
            told.append((minute, change[1]))
            if not change[1]:
                found.add(ResultBuilder(channel, onset, tuple(told)))
                told = []
        if told:
            found.add(ResultBuilder(channel, onset, tuple(told)))
    return found


def minutes(time: str) -> int:
    return round((datetime.fromisoformat(time).timestamp() * 1e9 - BEGIN_NS) / MINUTE_NS)


def seen(episode: Episode) -> ResultBuilder:
    """An alarm of the lanes in the words of the brute force."""
    words = ["clear", "blue", "yellow", "orange", "red"]
    steps = tuple((minutes(a.detected), words.index(a.colour)) for a in episode.revisions)
    return ResultBuilder(episode.first.channel, minutes(episode.first.onset), steps)


def kinds_by_force(old: ResultBuilder, new: ResultBuilder) -> set[str]:
    kinds = set()
    if old.steps[0][0] != new.steps[0][0]:
        kinds.add(EARLIER if new.steps[0][0] < old.steps[0][0] else LATER)
    if (old.steps[0][1], old.worst) != (new.steps[0][1], new.worst):
        kinds.add(RECOLOURED)
    return kinds or {REVISED}


walk = st.lists(st.tuples(st.sampled_from(VALUES), st.integers(1, 6)), min_size=2, max_size=14).map(
    lambda runs: [value for value, times in runs for _ in range(times)]
)


@settings(max_examples=120, deadline=None)
@given(
    st.tuples(walk, walk),
    st.sampled_from([(old, new) for old in BLUE for new in BLUE if old != new]),
    st.booleans(),
)
def test_two_configurations_of_which_one_threshold_differs_differ_in_exactly_these_alarms(
    walks: tuple[list[float], list[float]], thresholds: tuple[float, float], blue: bool
) -> None:
    pairs = [(t, YELLOW) if blue else (0.28, t) for t in thresholds]
    series = list(walks)
    told = [rung(configured(*pair), series) for pair in pairs]
    forced = [by_force(series, [*pair, 0.14, 0.10]) for pair in pairs]
    found = changes(*told)
    named = [[seen(e) for c in found if (e := side(c)) is not None] for side in (_old, _new)]
    for mine, theirs, others in zip(named, forced, reversed(forced), strict=True):
        assert len(mine) == len(set(mine))
        assert set(mine) == {alarm for alarm in theirs if not _same(alarm, others)}
    for change in found:
        if change.old and change.new:
            old, new = seen(change.old), seen(change.new)
            assert old.onset < new.end
            assert new.onset < old.end
            assert set(change.kinds) == kinds_by_force(old, new)
        else:
            assert change.kinds == ((ADDED,) if change.new else (REMOVED,))
    _nothing_left_unpaired(found)


def _same(alarm: ResultBuilder, others: set[ResultBuilder]) -> bool:
    return any((alarm.channel, alarm.steps) == (other.channel, other.steps) for other in others)


def _old(change: Change) -> Episode | None:
    return change.old


def _new(change: Change) -> Episode | None:
    return change.new


def _nothing_left_unpaired(found: list[Change]) -> None:
    """No alarm is called removed that one which is called added overlaps."""
    removed = [seen(c.old) for c in found if c.old and not c.new]
    added = [seen(c.new) for c in found if c.new and not c.old]
    for old in removed:
        for new in added:
            apart = old.channel != new.channel or old.end <= new.onset or new.end <= old.onset
            assert apart, (old, new)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three configurations and a day of readings: a deep low and a shallow one."""
    folder = tmp_path_factory.mktemp("compare")
    for name, blue in (("old", 0.2), ("bold", 0.24), ("deaf", 0.165)):
        folder_with(folder / name, {**CATALOGUE, "water/pressure.yaml": pack(blue)})
    rows = [
        f"{BEGIN_NS // 10**6 + 60_000 * m},{0.05 if 100 <= m < 150 else 0.3},"
        f"{0.18 if 300 <= m < 340 else 0.22 if 500 <= m < 520 else 0.3}\n"
        for m in range(1440)
    ]
    (folder / "d.csv").write_text(f"time,{','.join(CHANNELS)}\n" + "".join(rows))
    begin = datetime.fromtimestamp(BEGIN_NS / 1e9 + 300 * 60, UTC).isoformat()
    end = datetime.fromtimestamp(BEGIN_NS / 1e9 + 340 * 60, UTC).isoformat()
    event = {"name": "shallow | low", "from": begin, "to": end, "channel": CHANNELS[1]}
    (folder / "labels.yaml").write_text(json.dumps({"events": [event]}))
    return folder


def line(place: Path, new: str, *more: str) -> list[str]:
    labels = str(place / "labels.yaml")
    folders = [str(place / "old"), str(place / new), str(place / "d.csv")]
    return ["compare", *folders, "--labels", labels, *more]


def test_a_lost_event_fails_a_proposal(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(line(place, "deaf")) == 1
    out = capsys.readouterr().out
    assert "**1 removed**: 2 alarms before, 1 after." in out
    assert "**Broken:** known event lost: shallow \\| low" in out
    assert "| removed | water.b.p | limit |" in out
    assert main(line(place, "deaf", "--json")) == 1
    result = json.loads(capsys.readouterr().out)
    (name,) = result["events"]["lost"]
    assert name.startswith("shallow | low (2026-03-02")
    rows = [result["desks"]["water, district: water bureau"], result["classes"]["water.pressure"]]
    assert [(row["events lost"], row["events gained"]) for row in rows] == [(1, 0), (1, 0)]


def test_a_gained_event_is_named_and_counted_at_its_desk_and_its_class(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folders = [str(place / "deaf"), str(place / "old"), str(place / "d.csv")]
    assert main(["compare", *folders, "--labels", str(place / "labels.yaml")]) == 0
    out = capsys.readouterr().out
    assert "- gained: shallow \\| low (2026-03-02" in out
    assert "| water, district: water bureau | 1 | 2 | 1 | 0 | 0 | 0 | 0 | 0 | 0 | 1 | 2 |" in out
    assert "| water.pressure | 1 | 2 | 1 | 0 | 0 | 0 | 0 | 0 | 0 | 1 |" in out


def test_a_broken_budget_fails_a_proposal_and_a_kept_one_does_not(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(line(place, "bold", "--budget", "2.5")) == 1
    out = capsys.readouterr().out
    assert "water, district: water bureau: 3 alarms a day, budget 2.5" in out
    assert "Known events rung: 1 before, 1 after." in out
    assert main(line(place, "bold", "--budget", "4", "--json")) == 0
    result = json.loads(capsys.readouterr().out)
    assert result["broken"] == []
    assert result["events"]["lost"] == result["events"]["gained"] == []
    (desk,) = result["desks"].values()
    assert (desk["old"], desk["new"], desk["added"]) == (2, 3, 1)
    assert [change["kinds"] for change in result["changes"]] == [["added"]]
    assert result["classes"]["water.pressure"]["added"] == 1


def test_equal_configurations_differ_in_nothing(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(line(place, "old")) == 0
    assert "**nothing differs**: 2 alarms before, 2 after." in capsys.readouterr().out


def test_every_way_to_differ_has_its_name() -> None:
    low = [0.3] * 5 + [0.23] * 6 + [0.19] * 6 + [0.3] * 8
    deep = [0.3] * 5 + [0.15] * 8 + [0.23] * 6 + [0.3] * 8
    shallow = [0.3] * 5 + [0.23] * 8 + [0.3] * 8

    def kinds(old: tuple[float, float], new: tuple[float, float], walk: list[float]) -> list[str]:
        told = [rung(configured(*pair), [walk, [0.3]]) for pair in (old, new)]
        return [kind for change in changes(*told) for kind in change.kinds]

    assert kinds((0.2, YELLOW), (0.24, YELLOW), low) == [EARLIER]
    assert kinds((0.24, YELLOW), (0.2, YELLOW), low) == [LATER]
    assert kinds((0.2, YELLOW), (0.24, YELLOW), deep) == [REVISED]
    assert kinds((0.24, YELLOW), (0.24, 0.145), deep) == [RECOLOURED]
    assert kinds((0.2, YELLOW), (0.24, YELLOW), shallow) == [ADDED]
    assert kinds((0.24, YELLOW), (0.2, YELLOW), shallow) == [REMOVED]
