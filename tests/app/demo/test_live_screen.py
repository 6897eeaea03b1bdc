"""The demo's live view: its figures, its panel, and a real run on a terminal."""

import asyncio
import fcntl
import io
import os
import pty
import signal
import struct
import subprocess
import sys
import termios
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from aiokafka.structs import RecordMetadata, TopicPartition
from rich.console import Console

from app.demo.interrupt import Interrupt
from app.demo.live_screen import (
    Live,
    Rate,
    alive_share,
    desk_line,
    incident_row,
    open_alarms,
    sentence,
)
from app.demo.run import DemoRun
from contracts.alarm import Alarm
from lab.feeds import subsidence
from lab.reports.latency import DELAYS_MAX, READINGS_MAX, LatencyMeter
from runtime.installation import HOME
from tests.app.demo.terminal import picture, terminal_svg
from tests.testkit.browser import needed
from tests.testkit.desk.told import incident, notice, situation

PICTURE = HOME / "docs" / "images" / "terminal.png"
BYTES_MAX = 400_000
TOCSIN = str(Path(sys.executable).with_name("tocsin"))


def alarm(channel: str = "water.a", rule: str = "limit", **changes: Any) -> Alarm:
    """A yellow alarm of water that a reading at offset 7 rang."""
    proof = {"channel": channel, "topic": "t", "partition": 1, "first": 3, "last": 7}
    fields: dict[str, Any] = {
        **dict.fromkeys(("was", "group", "unit", "criticality", "cause", "consequence"), ""),
        **dict.fromkeys(("observed", "expected", "band", "next")),
        "id": f"{channel}-{rule}",
        "revision": 1,
        "state": "active",
        "colour": "yellow",
        "lifeline": "water",
        "channel": channel,
        "onset": "2022-03-24T15:00:00+08:00",
        "detected": "2022-03-24T16:00:00+08:00",
        "say": {"en": "Feed main 01: low.", "zh": ""},
        "where": {
            **dict.fromkeys(("district", "street", "neighbourhood", "grid"), ""),
            **dict.fromkeys(("lon", "lat")),
        },
        "evidence": [proof],
        "respond": {"procedure": "", "first": []},
        "owner": {"level": "", "role": "", "acknowledge_by": "", "then": ""},
        "rule": {"name": rule, "at": "", "source": "", "config": ""},
    }
    return msgspec.convert({**fields, **changes}, Alarm)


def drawn(what: Any, *, colour: bool = False) -> str:
    console = Console(file=io.StringIO(), width=100, force_terminal=colour, highlight=False)
    console.print(what)
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert isinstance(text, str)
    return text


def test_a_delay_runs_from_the_producers_hands_to_the_ear() -> None:
    meter = LatencyMeter()
    assert meter.p99_ms() is None
    meter.lies(("t", 1, 7), time.monotonic() - 2)
    meter.heard(alarm())
    assert meter.p99_ms() == pytest.approx(2000, abs=500)


def test_what_no_reading_rang_or_no_reading_is_known_of_has_no_delay() -> None:
    meter = LatencyMeter()
    meter.heard(alarm())
    meter.lies(("t", 1, 7), time.monotonic())
    meter.heard(alarm(rule="silent"))
    meter.heard(alarm(evidence=[]))
    assert meter.p99_ms() is None


def test_the_meter_keeps_a_bounded_number_of_readings_and_delays() -> None:
    meter = LatencyMeter()
    for offset in range(READINGS_MAX + 10):
        meter.lies(("t", 1, offset), time.monotonic())
    meter.heard(alarm())
    assert meter.p99_ms() is None  # the reading at offset 7 is forgotten
    meter.lies(("t", 1, 7), time.monotonic())
    for _ in range(DELAYS_MAX + 10):
        meter.heard(alarm())
    assert len(meter._delays_s) == DELAYS_MAX
    assert len(meter._began) == READINGS_MAX


async def test_a_reading_is_placed_when_the_broker_acknowledges_it_and_not_when_it_fails() -> None:
    meter, loop = LatencyMeter(), asyncio.get_running_loop()
    good, bad = loop.create_future(), loop.create_future()
    meter.sent(good, time.monotonic() - 1)
    meter.sent(bad, time.monotonic())
    good.set_result(RecordMetadata("t", 1, TopicPartition("t", 1), 7, 0, 0, 0))
    bad.set_exception(OSError("away"))
    await asyncio.sleep(0)
    meter.heard(alarm())
    assert meter.p99_ms() == pytest.approx(1000, abs=500)


def test_99_of_100_delays_stay_below_the_figure() -> None:
    meter = LatencyMeter()
    meter._delays_s.extend(n / 1000 for n in range(1, 201))
    assert meter.p99_ms() == 198


def test_the_rate_is_that_of_the_last_two_seconds() -> None:
    rate = Rate()
    assert rate.per_second(0.0, 0) == 0
    assert rate.per_second(1.0, 100) == 100
    assert rate.per_second(2.5, 1600) == 1000


def test_channels_without_an_open_silence_are_alive() -> None:
    silent, low = alarm("water.b", "silent"), alarm("water.b")
    assert alive_share(4, []) == 1
    assert alive_share(4, [silent, low]) == 0.75


def test_open_alarms_are_told_by_colour_the_worst_first() -> None:
    assert open_alarms([]).plain == "none"
    many = [alarm(colour=word) for word in ("blue", "red", "blue", "orange")]
    assert open_alarms(many).plain.split() == ["1", "red", "1", "orange", "2", "blue"]


def test_an_incident_is_drawn_with_its_title_and_what_lies_behind_it() -> None:
    said = " ".join(drawn(incident_row(incident())).split())
    assert said.startswith("2026-03-04 14:00 INCIDENT red new: Feeder 01: 2 alarms")
    assert said.endswith("Root: Feeder 01: breaker tripped.")


def test_the_desk_is_told_in_one_line_without_what_was_merged() -> None:
    gone = incident(situation=situation(id="i-0000000000000002", state="merged"))
    notices = [notice(1), notice(2, desk="city"), notice(3, withheld={"by": "budget"})]
    said = desk_line([gone, incident(1), incident(2)], notices).plain
    assert said == "desk of the district: 1 incident of 2 alarms, 2 notices to 2 desks, 1 withheld"


def test_no_color_leaves_a_sentence_without_colour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\033[33m" in drawn(sentence(alarm()), colour=True)
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\033[33m" not in drawn(sentence(alarm()), colour=True)


def test_the_screen_says_what_was_injected_and_how_far_each_feed_is() -> None:
    feed = subsidence.feed()
    console = Console(file=io.StringIO(), width=110, force_terminal=True, highlight=False)
    screen = Live(console)
    show = DemoRun([feed], screen, 10.0)
    screen.begin([feed])
    screen.ring(alarm())
    screen.tell(incident())
    screen.tell(incident(2, reason="ticket", situation=situation(title={"en": "unsaid"})))
    screen.look(show)
    screen.end()
    said = console.file.getvalue()  # type: ignore[attr-defined]
    assert all(known.name in said for known in feed.known)
    assert said.count("injected: ") == len(feed.known)
    assert "unsaid" not in said
    for word in (
        "Feed main 01: low.",
        "INCIDENT",
        "readings/s",
        "lag",
        "p99",
        "0%",
        "100%",
        "none",
    ):
        assert word in said


async def test_whoever_asks_before_the_wait_is_heard() -> None:
    leaving = Interrupt()
    leaving.ask()
    await asyncio.wait_for(leaving.wait(), 1)
    assert leaving.asked


def on_a_terminal(folder: Path, seconds: float, **environment: str) -> SimpleNamespace:
    """Run the demo on a terminal of its own; once it rang, some seconds later, interrupt it."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    clean = {k: v for k, v in os.environ.items() if k not in {"NO_COLOR", "COLUMNS", "LINES"}}
    process = subprocess.Popen(
        [TOCSIN, "demo", "--seconds", "20", "--report", str(folder / "report")],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**clean, "TERM": "xterm-256color", **environment},
    )
    os.close(theirs)
    said = b""
    playing: float | None = None
    asked: float | None = None
    while True:
        try:
            data = os.read(ours, 65_536)
        except OSError:
            break
        said += data
        if playing is None and b"Tocsin: playing" in said:
            playing = time.monotonic()
        awaited = b"injected: " in said and (b"\033[33m" in said or "NO_COLOR" in environment)
        late = playing is not None and time.monotonic() - playing > seconds
        if asked is None and late and awaited:
            asked = time.monotonic()
            process.send_signal(signal.SIGINT)
    code = process.wait(10)
    os.close(ours)
    took = time.monotonic() - asked if asked is not None else None
    # An interrupt may cut a character that was on its way to the screen.
    return SimpleNamespace(code=code, said=said.decode(errors="replace"), took=took)


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.parametrize("environment", [{}, {"NO_COLOR": "1"}])
def test_a_terminal_shows_the_panel_and_gets_its_cursor_back(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    run = on_a_terminal(tmp_path, 5, **environment)
    assert run.code == 0, run.said[-2000:]
    assert run.took is not None
    assert run.took < 5
    assert "Tocsin: playing" in run.said
    assert "injected: " in run.said
    assert "Traceback" not in run.said
    assert "interrupted before the end, while playing" in run.said
    assert run.said.rindex("\033[?25h") > run.said.rindex("\033[?25l")
    assert ("\033[33m" in run.said) is not bool(environment)


@pytest.mark.long
@pytest.mark.slow
async def test_a_picture_of_the_terminal_comes_from_a_real_run() -> None:
    svg = await terminal_svg(seconds=8.0, share=0.5)
    assert svg.startswith("<svg")
    assert "http://" not in svg.replace("http://www.w3.org/2000/svg", "")
    assert "readings/s" in svg.replace("&#160;", " ")


@pytest.mark.slow
@pytest.mark.skipif(
    "TOCSIN_SCREENSHOTS" not in os.environ,
    reason="takes a picture of the terminal: set TOCSIN_SCREENSHOTS=1",
)
async def test_the_terminal_is_pictured() -> None:
    needed()
    picture(await terminal_svg(), PICTURE)
    assert 20_000 < PICTURE.stat().st_size < BYTES_MAX
