"""What the commands print and write is what it was; what the version before stored is still read.

`pytest tests/goldens --update-goldens` writes the outputs anew: review the difference like code.
A stored snapshot is never overwritten; where its layout must change, delete it, and say in the
changelog that lanes begin anew.
"""

import argparse
import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import chdir, redirect_stderr, redirect_stdout
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prometheus_client.exposition import generate_latest

from app.cli.main import main
from app.cli.parser import parser
from configuration.configuration import Configuration
from contracts.alarm import decode_alarm, encode_alarm
from contracts.records import Records
from lab.explain.replay import ReplayLanes
from lab.feeds.__main__ import FEEDS
from lab.feeds.__main__ import main as print_feed
from pipeline.lane.lane import Lane
from pipeline.lane.replay import replay
from pipeline.snapshot.lane_state import freeze, thaw
from pipeline.snapshot.store import pack, unpack
from runtime.installation import CONFIGS, HOME
from sinks.http.metrics import registry
from tests.goldens.kept_arrays import of_readings
from tests.sinks.http.wound import WoundStatus, busy

GOLDENS = Path(__file__).parent
# One lane of each lifeline, behind the last reading of its feed.
SNAPSHOTS = ("elevator-1", "metro-0", "power-0", "subsidence-1", "water-1")
RECORDS = ("alarm", "command", "dead-letter", "reading", "shelving")
LABELS = ("--labels", "data/known.yaml")
RANG = ("explain", "water.feed-01.flow", "2022-04-28T12:00:00+08:00")
GAP_MS = 3_600_000
OTHER_ARGPARSE = sys.version_info[:2] != (3, 11)

Same = Callable[[str, str], None]


@pytest.fixture
def same(request: pytest.FixtureRequest) -> Same:
    """Compares a text with the stored one of a name."""
    renew = request.config.getoption("--update-goldens")

    def compare(name: str, text: str) -> None:
        path = GOLDENS / name
        if renew:
            path.write_text(text, encoding="utf-8")
        assert text == path.read_text(encoding="utf-8")

    return compare


def said(call: Callable[[list[str]], int], *words: str) -> str:
    """Standard output of a command at the repository's root, whose path is left out; exit code."""
    out = StringIO()
    with chdir(HOME), redirect_stdout(out), redirect_stderr(StringIO()):
        code = call(list(words))
    return f"{out.getvalue()}exit {code}\n".replace(f"{HOME}/", "")


@pytest.fixture(scope="session")
def feed_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Gives the feed of a lifeline as lines of readings."""
    folder = tmp_path_factory.mktemp("feeds")

    @cache
    def feed(lifeline: str) -> Path:
        path = folder / f"{lifeline}.jsonl"
        with path.open("w") as file, redirect_stdout(file):
            assert print_feed([lifeline]) == 0
        return path

    return feed


def test_every_help_page(same: Same, monkeypatch: pytest.MonkeyPatch) -> None:
    if OTHER_ARGPARSE:
        pytest.skip("expected Python 3.11: others lay help pages out differently")
    monkeypatch.setenv("COLUMNS", "80")
    whole = parser()
    text = whole.format_help()
    (commands,) = (a for a in whole._actions if isinstance(a, argparse._SubParsersAction))
    for name, command in commands.choices.items():
        text += f"\n=== {name}\n{command.format_help()}"
    same("help.txt", text)


@pytest.mark.parametrize("record", RECORDS)
def test_the_schema_of_a_record(record: str, same: Same) -> None:
    same(f"schema_{record}.json", said(main, "schema", record))


def test_every_metric_of_a_worker(same: Same, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_700_000_004.0)
    page = generate_latest(registry(WoundStatus([busy()]), "1.2.3")).decode()
    ours = [line for line in page.splitlines() if "process_" not in line and "python_" not in line]
    same("metrics.txt", "".join(f"{line}\n" for line in ours))


@pytest.mark.slow
@pytest.mark.parametrize("lifeline", sorted(FEEDS))
def test_a_replay(
    lifeline: str, same: Same, feed_of: Callable[[str], Path], tmp_path: Path
) -> None:
    alarms = tmp_path / "alarms.jsonl"
    words = ("--lifeline", lifeline, str(feed_of(lifeline)), "--out", str(alarms))
    same(f"replay_{lifeline}.txt", said(main, "replay", *words))
    same(f"alarms_{lifeline}.jsonl", alarms.read_text(encoding="utf-8"))


@pytest.mark.slow
def test_explanations(same: Same, feed_of: Callable[[str], Path]) -> None:
    telemetry = ("--telemetry", str(feed_of("water")))
    same("explain_rules.txt", said(main, *RANG[:2]))
    same("explain.txt", said(main, *RANG, *telemetry))
    same("explain.json", said(main, *RANG, *telemetry, "--json"))


@pytest.mark.slow
def test_a_check(same: Same) -> None:
    same("check.txt", said(main, "check", "configs"))
    same("check.json", said(main, "check", "configs", "--json"))


@pytest.mark.slow
def test_a_backtest_and_its_report(same: Same, tmp_path: Path) -> None:
    words = ("backtest", "configs", "data", *LABELS, "--report", str(tmp_path / "r"))
    same("backtest.json", said(main, *words, "--json"))
    same("backtest.html", (tmp_path / "r" / "index.html").read_text(encoding="utf-8"))


@pytest.mark.slow
def test_a_comparison_with_a_proposal(same: Same, tmp_path: Path) -> None:
    proposal = tmp_path / "proposal"
    shutil.copytree(CONFIGS, proposal)
    with (proposal / "water" / "flow_hourly.yaml").open("a") as file:
        file.write((HOME / "docs" / "examples" / "rise.yaml").read_text(encoding="utf-8"))
    text = said(main, "compare", "configs", str(proposal), "data", *LABELS)
    same("compare.txt", text.replace(str(tmp_path), "TMP"))


class StoredLane:
    """A lane of the shipped configuration, and its snapshot by the version before."""

    def __init__(self, name: str, feed: Path) -> None:
        self.lifeline, _, number = name.partition("-")
        self.number = int(number)
        self.path = GOLDENS / f"{name}.snapshot"
        self.bench = ReplayLanes(Configuration.load(CONFIGS), self.lifeline, None)
        self.feed = feed
        self.pieces = list(self.bench.telemetry(feed, self.number))

    def renew(self) -> None:
        """Take the snapshot anew."""
        lane = self.bench.lane(self.number)
        list(replay(lane, self.pieces, []))
        self.path.write_bytes(pack(freeze(lane)))

    def thawed(self) -> Lane:
        """The lane as the snapshot has it."""
        name, parts = self.bench.plan.name(self.number), self.bench.plan.parts(self.number)
        return thaw(name, unpack(self.path.read_bytes()), lambda _: parts)

    def more(self, folder: Path) -> Iterator[Records]:
        """The feed's readings once more, behind its last one."""
        lines = [json.loads(line) for line in self.feed.read_bytes().splitlines()]
        span_ms = max(line["time"] for line in lines) - min(line["time"] for line in lines)
        again = [{**line, "time": line["time"] + span_ms + GAP_MS} for line in lines]
        path = folder / "more.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in (*lines, *again)))
        for piece in self.bench.telemetry(path, self.number):
            first = int(np.searchsorted(piece.offset, len(lines)))
            if first < len(piece):
                yield piece.cut(first, len(piece))

    def alarms(self) -> list[Any]:
        """Stored alarms of this lane."""
        lines = (GOLDENS / f"alarms_{self.lifeline}.jsonl").read_text(encoding="utf-8").splitlines()
        plan = self.bench.plan
        mine = set(np.flatnonzero(plan.lane_of == self.number).tolist())
        found = [json.loads(line) for line in lines]
        return [alarm for alarm in found if plan.catalogue.row_of[alarm["channel"]] in mine]


@pytest.fixture(scope="module", params=SNAPSHOTS)
def stored(request: pytest.FixtureRequest, feed_of: Callable[[str], Path]) -> StoredLane:
    lane = StoredLane(request.param, feed_of(request.param.partition("-")[0]))
    if request.config.getoption("--update-goldens") and not lane.path.exists():
        lane.renew()
    return lane


def _as_now(alarm: str) -> str:
    return encode_alarm(decode_alarm(alarm.encode())).decode()


@pytest.mark.slow
def test_a_snapshot_of_the_version_before_is_restored_whole(stored: StoredLane) -> None:
    kept = unpack(stored.path.read_bytes())
    lane = stored.thawed()
    since = {"config": lane.parts.config}  # packs move on, releases add to it
    added: dict[str, Any] = {
        "relearning": {},
        "recent": [0, []],
        "shelf_orders": [],
        "letters": {},
        "set_aside": {},
        "stamp_limit_s": None,
    }
    # Alarms of before said of themselves whether somebody had answered, and named no asset.
    book = {"open": [[*key, _as_now(last)] for *key, last in kept.header["book"]["open"]]}
    assert lane.header() == {**kept.header, **since, **added, "book": book}
    arrays = lane.arrays()
    assert arrays.keys() >= kept.arrays.keys()
    for name, array in kept.arrays.items():
        assert arrays[name].dtype == array.dtype, name
        assert of_readings(name, arrays[name]).tobytes() == of_readings(name, array).tobytes()


@pytest.mark.slow
def test_a_lane_goes_on_from_a_snapshot_as_one_that_never_stopped(
    stored: StoredLane, tmp_path: Path
) -> None:
    restored, unbroken = stored.thawed(), stored.bench.lane(stored.number)
    stored_alarms = stored.alarms()  # of the channels that the feed holds
    held = {alarm["channel"] for alarm in stored_alarms}
    rung = alarms_of(unbroken, stored.pieces)
    before = [lane.header()["sequence"] for lane in (restored, unbroken)]
    assert [alarm for alarm in rung if alarm["channel"] in held] == stored_alarms
    more = list(stored.more(tmp_path))
    old = _without_finding(restored)
    told = [_of_any_release(alarm, old) for alarm in alarms_of(restored, more)]
    assert told, "idle: nothing rang behind the snapshot"
    assert told == [_of_any_release(alarm, old) for alarm in alarms_of(unbroken, more)]
    mine, theirs = restored.header(), unbroken.header()
    for header, sequence in zip((mine, theirs), before, strict=True):
        header["sequence"] -= sequence  # by the packs of then more or less may have rung
    for name in ("book", "digest"):  # alarms that were open name the configuration of then
        del mine[name], theirs[name]
    assert mine == theirs


def _without_finding(lane: Lane) -> set[str]:
    """Alarms that were opened by a release which did not tell what a rule with several found."""
    held = [json.loads(last) for *_, last in lane.header()["book"]["open"]]
    return {alarm["id"] for alarm in held if "finding" not in alarm["rule"]}


def _of_any_release(alarm: dict[str, Any], old: set[str]) -> dict[str, Any]:
    """An alarm without the place and the configuration of its rule, which packs move on from.

    One that a release before opened without its finding keeps everything but that and its text.
    """
    left = {"at", "config"} | ({"finding"} if alarm["id"] in old else set())
    rule = {name: text for name, text in alarm["rule"].items() if name not in left}
    return {**alarm, "rule": rule, **({"say": ""} if alarm["id"] in old else {})}


def alarms_of(lane: Lane, pieces: list[Records]) -> list[Any]:
    """Alarms that a lane tells of some batches."""
    return [json.loads(m.body) for m in replay(lane, pieces, []) if m.kind == "alarm"]
