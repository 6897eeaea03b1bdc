"""`tocsin demo` from a shell: rung events, the report in a browser, a clean interrupt.

With TOCSIN_SCREENSHOTS=1 the pictures in docs/images are taken anew.
"""

import json
import os
import signal
import subprocess
import time
from collections import Counter
from pathlib import Path

import pytest

from runtime.installation import HOME
from tests.app.demo.conftest import TOCSIN, Played
from tests.testkit.browser import chromium

FEEDS = {"water", "power", "metro", "subsidence", "elevator", "district"}
IMAGES = HOME / "docs" / "images"
TAKE = bool(os.environ.get("TOCSIN_SCREENSHOTS"))
BYTES_MAX = 400_000
LOWS = ["low feed on 24 March", "low feed on 29 March", "low feed on 27 April"]

MEASURE = """(() => {
  const wide = document.documentElement.scrollWidth;
  const boxes = [...document.querySelectorAll('.card svg')].map(e => e.getBoundingClientRect());
  const over = [...document.querySelectorAll('body *')].filter(e =>
    !e.closest(".wide") && !e.closest('svg') &&
    e.getBoundingClientRect().right > innerWidth + 0.5);
  return {
    wide, screen: innerWidth,
    pictures: boxes.length,
    lost: boxes.filter(b => b.height < 50 || b.width < 200 || b.right > innerWidth + 0.5).length,
    over: over.map(e => e.outerHTML.slice(0, 80)),
    cards: document.querySelectorAll('.card').length,
    fetched: performance.getEntriesByType('resource').map(e => e.name),
  };
})()"""


def demo(folder: Path, seconds: float) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [TOCSIN, "demo", "--seconds", str(seconds), "--report", str(folder / "report")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=folder,
    )


@pytest.mark.long
@pytest.mark.slow
def test_the_demo_rings_every_known_event_and_hardly_anything_else(played: Played) -> None:
    assert (played.code, played.err) == (0, "")
    summary = json.loads((played.report / "summary.json").read_text())
    rung = {event["name"]: event["rung_at"] for event in summary["known_events"]}
    assert set(LOWS) <= set(rung)
    assert len(rung) == 25
    assert None not in rung.values()
    others = Counter(other["lifeline"] for other in summary["others"])
    assert max(others.values(), default=0) <= 1, summary["others"]
    assert set(summary["accounting_by_lifeline"]) == FEEDS
    account = summary["accounting"]
    assert account["received"] == sum(n for word, n in account.items() if word != "received")
    told = (played.report / "alarms.jsonl").read_text().splitlines()
    shown = [line for line in played.out.splitlines() if line[:4].isdigit() and "T" in line[:12]]
    assert len(told) == len(shown)
    assert summary["accounting_by_lifeline"]["water"]["scored"] == 1268


@pytest.mark.long
@pytest.mark.slow
def test_a_lost_feeder_is_one_incident_with_the_feeder_as_its_root(played: Played) -> None:
    summary = json.loads((played.report / "summary.json").read_text())["desk"]
    assert (summary["incidents"], summary["alarms_in_incidents"]) == (1, 6)
    assert max(summary["notices_by_desk"].values()) <= 15
    revisions = (played.report / "incidents.jsonl").read_text().splitlines()
    told = json.loads(revisions[-1])["situation"]
    root = told["root"]
    assert (root["lifeline"], root["asset"]) == ("power", "feeder-0102")
    assert told["lifelines"] == ["elevator", "metro", "power", "water"]
    channels = {member["channel"] for member in told["members"]}
    assert "water.house-02.outlet" in channels
    assert "water.house-01.pump_1" not in channels, "that pump tripped by itself"
    lines = (played.report / "notices.jsonl").read_text().splitlines()
    notices = [json.loads(line) for line in lines]
    assert {"new", "escalated"} <= {notice["reason"] for notice in notices}
    shown = [line for line in played.out.splitlines() if line.startswith("incident ")]
    assert any("root power.feeder-0102" in line for line in shown)
    page = (played.report / "index.html").read_text()
    assert "Feeder Heron 02: 6 alarms in 4 lifelines" in page
    assert "power pump: " in page


@pytest.mark.long
@pytest.mark.slow
def test_an_interrupted_demo_ends_at_once_and_says_so(tmp_path: Path) -> None:
    with demo(tmp_path, 0) as process:
        assert process.stdout is not None
        while "metrics on" not in process.stdout.readline():
            pass
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        out, err = process.communicate(timeout=30)
    assert time.monotonic() - began < 5
    assert (process.returncode, err) == (0, "")
    assert "interrupted" in out
    assert json.loads((tmp_path / "report/summary.json").read_text())["interrupted"] is True


@pytest.mark.slow
@pytest.mark.parametrize("after_s", [0.2, 1.0, 1.7, 2.4, 3.1, 5.3])
def test_a_demo_interrupted_at_any_moment_ends_within_five_seconds_and_says_where_it_was(
    tmp_path: Path, after_s: float
) -> None:
    with demo(tmp_path, 20) as process:
        time.sleep(after_s)
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        out, err = process.communicate(timeout=30)
    assert time.monotonic() - began < 5
    assert (process.returncode, err) == (0, "")
    (said,) = [line for line in out.splitlines() if line.startswith("interrupted before the end")]
    assert "while loading" in said or "water " in said


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize(
    ("width", "height", "name"), [(1280, 1000, "report.png"), (390, 844, "report-phone.png")]
)
async def test_the_report_fits_the_screen_and_shows_a_picture_per_alarm(
    width: int, height: int, name: str, played: Played
) -> None:
    async with chromium() as page:
        await page.open((played.report / "index.html").as_uri(), width, height)
        seen = await page.evaluate(MEASURE)
        taken = await page.picture()
    assert (seen["wide"], seen["screen"]) == (width, width)
    assert seen["pictures"] == seen["cards"] >= 19
    assert seen["lost"] == 0
    assert seen["over"] == []
    assert seen["fetched"] == []
    assert 20_000 < len(taken) < BYTES_MAX
    if TAKE:
        (IMAGES / name).write_bytes(taken)
