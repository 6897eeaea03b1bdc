"""`tocsin tune`: what it proposes keeps its budget, and holds where the search did not look."""

import json
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.cli.main import main
from configuration.configuration import Configuration
from contracts.errors import ConfigError
from lab.backtest.score import scores
from lab.data.labels import events_on, read_labels
from lab.tune.folds import Seen, halves
from lab.tune.search import Tried, cost, frontier
from lab.tune.space import read_space
from tests.lab.backtest.test_backtest import TWO, alarm, at, labels, trial
from tests.testkit.config_folder import PACK, folder_with

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
MINUTES = 2_000
PLACES = "abcdef"
SEED = 7
BOUNDS = """\
parameters:
  - {file: water/pressure.yaml, at: unusual.band, from: 1.5, to: 20}
"""
CATALOGUE = "id,class,asset,group\n" + "".join(
    f"water.{place}.p,water.pressure,{place},water.{place}\n" for place in PLACES
)
TIGHT = PACK.replace("band: 5 sigma", "band: 2.5 sigma")


def moment(minute: int) -> str:
    return (BEGIN + timedelta(minutes=minute)).isoformat()


def scene(folder: Path, *, later: bool = True) -> list[str]:
    """Noisy pressures and two falls a place, one in each half of the time."""
    draw = np.random.default_rng(SEED)
    configs = folder_with(
        folder / "configs", {"water/pressure.yaml": TIGHT, "water/catalogue.csv": CATALOGUE}
    )
    rows, events = ["channel,time,value"], []
    for i, place in enumerate(PLACES):
        value = 0.3 + 0.004 * draw.standard_normal(MINUTES)
        for name, begin in (("early", 400 + 50 * i), ("late", 1_300 + 50 * i)):
            value[begin : begin + 20] -= 0.1
            times = {"from": moment(begin), "to": moment(begin + 20)}
            if later or name == "early":
                events.append({"name": f"{name} {place}", "channel": f"water.{place}.p", **times})
        rows += [f"water.{place}.p,{moment(m)},{v:.5f}" for m, v in enumerate(value.tolist())]
    (folder / "month.csv").write_text("\n".join(rows) + "\n")
    (folder / "tune.yaml").write_text(BOUNDS)
    known = labels(folder / "known.json", *events).rename(folder / "known.yaml")
    words = ["tune", str(configs), str(folder / "month.csv"), "--labels", str(known)]
    return [*words, "--bounds", str(folder / "tune.yaml"), "--out", str(folder / "out")]


@pytest.mark.slow
def test_a_proposal_keeps_the_budget_and_its_patch_applies(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = scene(tmp_path)
    assert main([*words, "--false-alarms", "300", "--trials", "12"]) == 0
    told = json.loads((tmp_path / "out/tune.json").read_text())
    for present, best in zip(told["present"]["seen"], told["best"]["seen"], strict=True):
        assert present["events"] == best["events"] == best["found"] == 3
        rate = [s["false_alarms"] / s["channel_years"] for s in (present, best)]
        assert rate[1] <= 300 < rate[0]
    (value,) = told["best"]["values"]
    assert told["broken"] == []
    out = capsys.readouterr().out
    assert f"water/pressure.yaml: unusual.band: 2.5 → {value:.3g}" in out
    folder = tmp_path / "patched"
    shutil.copytree(tmp_path / "configs", folder)
    patch = (tmp_path / "out/proposal.diff").read_bytes()
    subprocess.run(["patch", "-p1"], input=patch, cwd=folder, check=True, capture_output=True)
    text = (folder / "water/pressure.yaml").read_text()
    assert f"band: {value:.3g} sigma" in text
    assert len(text.splitlines()) == len(TIGHT.splitlines())
    Configuration.load(folder, {})
    page = (tmp_path / "out/index.html").read_text()
    assert page.count("<circle") == len(told["tried"]) + len(told["curve"]) + 2
    assert len(told["tried"]) > len(told["curve"]) > 0


@pytest.mark.slow
def test_the_search_does_not_look_where_it_is_judged(tmp_path: Path) -> None:
    """Without the later labels the later alarms become false; the proposal stays the same."""
    best = []
    for name, later in (("whole", True), ("half", False)):
        (tmp_path / name).mkdir()
        words = scene(tmp_path / name, later=later)
        main([*words, "--false-alarms", "300", "--trials", "6"])
        told = json.loads((tmp_path / name / "out/tune.json").read_text())
        best.append((told["best"]["values"], told["best"]["seen"][0], told["curve"]))
        judged = [seen["events"] for seen in told["best"]["seen"]]
        assert judged == [3, 3, 3, 3] if later else [3, 3, 0, 0]
    assert best[0][:2] == best[1][:2]


@pytest.mark.slow
def test_bounds_without_a_way_to_keep_the_budget_are_no_proposal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = scene(tmp_path)
    (tmp_path / "tune.yaml").write_text(BOUNDS.replace("to: 20", "to: 2.6"))
    assert main([*words, "--false-alarms", "1", "--trials", "3"]) == 1
    assert "do not take it: no figures within the bounds keep the budget" in capsys.readouterr().out


def test_colours_change_together_and_comments_stay(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "c", {})
    bounds = tmp_path / "tune.yaml"
    bounds.write_text(
        "parameters: [{file: water/pressure.yaml, at: limit.low, from: 0.5, to: 1.5}]\n"
    )
    space = read_space(folder, bounds)
    assert space.present == [1.0]
    assert (
        "low: {blue: 0.22, yellow: 0.176, orange: 0.154, red: 0.11}"
        in (space.written([1.1])["water/pressure.yaml"])
    )
    assert space.configuration([1.1]) is not None
    assert space.diff([1.0]).count("\n-") <= 1  # what it writes of the present is the same figures
    assert space.written([1.1])["water/pressure.yaml"].count("#") == PACK.count("#")


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{file: no.yaml, at: a, from: 1, to: 2}", "file: expected a class file in"),
        ("{file: water/pressure.yaml, at: limit.hihg, from: 1, to: 2}", "at: expected a figure"),
        ("{file: water/pressure.yaml, at: unit, from: 1, to: 2}", "at: expected a figure"),
        ("{file: water/pressure.yaml, at: limit.low, from: 2, to: 1}", "to: expected a figure abo"),
        ("{file: water/pressure.yaml, at: limit.low, from: 2}", "expected the key 'to', got none"),
    ],
)
def test_bounds_that_are_none_are_named(tmp_path: Path, line: str, message: str) -> None:
    folder = folder_with(tmp_path / "c", {})
    (tmp_path / "tune.yaml").write_text(f"parameters:\n  - {line}\n")
    with pytest.raises(ConfigError) as refused:
        read_space(folder, tmp_path / "tune.yaml")
    assert "tune.yaml:2:" in str(refused.value)
    assert message in str(refused.value)


def test_labels_are_judged_before_anything_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = scene(tmp_path)
    catalogue = Configuration.load(tmp_path / "configs", {}).catalogue
    judging = sorted(halves(catalogue, catalogue.ids)["other places"])
    events = [{"name": "x", "from": at(5), "to": at(9), "channel": name} for name in judging]
    labels(tmp_path / "known.yaml", *events)
    assert main([*words, "--false-alarms", "300"]) == 2
    said = capsys.readouterr().err
    assert f"expected known events of the tuned classes at the {len(PLACES) - len(judging)}" in said
    assert f"got none; {len(judging)} of {len(judging)} are at the other ones" in said
    assert "readings/s" not in said, "nothing ran"
    (tmp_path / "month.csv").write_text(f"channel,time,value\nwater.z.p,{moment(1)},0.3\n")
    assert main([*words, "--false-alarms", "300"]) == 2
    assert "expected readings of the tuned classes, got none" in capsys.readouterr().err


def test_labels_without_an_event_to_search_by_are_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = scene(tmp_path)
    labels(
        tmp_path / "known.yaml", {"name": "x", "from": at(-9), "to": at(-8), "channel": "water.a.p"}
    )
    assert main([*words, "--false-alarms", "300"]) == 2
    assert "expected known events of the tuned classes in the part for the search" in (
        capsys.readouterr().err
    )


def test_what_operators_called_a_nuisance_is_false_even_inside_an_event(tmp_path: Path) -> None:
    configuration = folder_with(tmp_path / "c", TWO)
    loaded = Configuration.load(configuration, {})
    known = labels(
        tmp_path / "known.yaml",
        {"name": "works", "from": at(0), "to": at(20), "channel": "water.a.p"},
        {
            "name": "flutter",
            "from": at(4),
            "to": at(6),
            "channel": "water.a.p",
            "rules": "unusual",
            "verdict": "nuisance",
        },
    )
    told = [
        alarm("water.a.p", 5, "blue"),
        alarm("water.a.p", 5, "blue", rule="unusual"),
    ]
    found = scores(trial(loaded, told, 2), events_on(read_labels(known), loaded.catalogue))
    assert [o.event.label.name for o in found.outcomes] == ["works"]
    assert [e.first.rule.name for e in found.outcomes[0].rung] == ["limit"]
    assert [e.first.rule.name for e in found.false_alarms or []] == ["unusual"]


def seens() -> st.SearchStrategy[Seen]:
    return st.builds(
        Seen,
        st.just(4),
        st.integers(0, 4),
        st.integers(0, 3).map(float),
        st.integers(0, 3),
        st.just(1.0),
    )


@given(st.lists(seens(), min_size=1, max_size=12))
def test_the_frontier_is_what_nothing_beats(found: list[Seen]) -> None:
    tried = [Tried((float(i),), (seen,)) for i, seen in enumerate(found)]
    kept = {(t.seen[0].false_rate, t.seen[0].found, t.seen[0].delay_s) for t in frontier(tried)}
    plain = {(s.false_rate, s.found, s.delay_s) for s in found}
    beaten = {
        b
        for b in plain
        for a in plain
        if a != b and a[0] <= b[0] and a[1] >= b[1] and (a[2] or 0.0) <= (b[2] or 0.0)
    }
    assert kept == plain - beaten
    rates = [t.seen[0].false_rate for t in frontier(tried)]
    assert rates == sorted(rates)


@given(seens(), seens())
def test_beyond_the_budget_is_worse_than_anything_within(one: Seen, other: Seen) -> None:
    costs = [cost(s, 1.5, 60.0) for s in (one, other)]
    if one.false_rate <= 1.5 < other.false_rate:
        assert costs[0] < costs[1]
    if one.false_rate <= 1.5 and other.false_rate <= 1.5 and one.found > other.found:
        assert costs[0] < costs[1]
