"""The city's time zone: one setting for rules, alarms and what is said of them."""

import json
from pathlib import Path

import pytest

from app.cli.main import main
from configuration.configuration import Configuration
from configuration.lane_plan import plan_of, stopped_alarm
from contracts.alarm import decode_alarm
from contracts.errors import FatalError
from lab.explain.rule_tests import run_tests
from tests.testkit.config_folder import PACK, SETTINGS, again, folder_with, loaded

LOW = "  high: {orange: 0.7, red: 0.8}\n"
DAYS = "  days: {sunday: {low: {blue: 0.28, yellow: 0.27}}}\n"
KOLKATA = {"tocsin.yaml": SETTINGS + "zone: Asia/Kolkata\n"}
BEGIN_MS = 1_772_409_600_000  # 2026-03-02T00:00:00Z
TEST = """\
tests:
  - name: a day
    every: 60 s
    {start}
    series: {{water.a.p: "0.275x10 0.30x60"}}
    expect: [{expect}]
"""
RINGS = "{at: 5 min, rule: limit, colour: blue}, {at: 40 min, rule: limit, colour: clear}"


def test_the_default_zone_written_out_leaves_the_bundle_as_it_is(tmp_path: Path) -> None:
    written: dict[str, str | bytes] = {"tocsin.yaml": SETTINGS + "zone: Asia/Shanghai\n"}
    plain = loaded(tmp_path / "plain", {})
    assert loaded(tmp_path / "written", written).bundle() == plain.bundle()


def test_another_zone_is_part_of_the_bundle(tmp_path: Path) -> None:
    plain = loaded(tmp_path / "plain", {})
    zoned = loaded(tmp_path / "zoned", {**KOLKATA})
    assert zoned.hash != plain.hash
    back = again(zoned)
    assert (back.zone, back.hash) == ("Asia/Kolkata", zoned.hash)
    moved = zoned.with_settings(plain.settings)  # a bundle keeps the zone that it was made with
    assert (moved.zone, moved.hash) == ("Asia/Kolkata", zoned.hash)


def test_rules_keep_the_zone_unless_they_say_another_offset(tmp_path: Path) -> None:
    said = DAYS + "  utc_offset: 1 h\n"
    packs = [
        loaded(tmp_path / str(i), {**KOLKATA, "water/pressure.yaml": PACK.replace(LOW, LOW + more)})
        for i, more in enumerate((DAYS, said))
    ]
    limits = [pack.packs["water.pressure"].limit for pack in packs]
    assert [limit and limit.utc_offset.ns // 10**9 for limit in limits] == [19_800, 3_600]


@pytest.mark.parametrize(
    ("start", "expect"),
    [
        ("start: '2026-03-01T00:00:00+05:30'", RINGS),  # the first minute of a Sunday
        ("start: '2026-03-01T00:00:00+08:00'", ""),  # still a Saturday there
        ("start: '2026-03-02T00:00:00+08:00'", RINGS),  # still a Sunday there
        ("", ""),  # a Monday, there
    ],
)
def test_days_begin_at_midnight_of_the_zone(tmp_path: Path, start: str, expect: str) -> None:
    files = {
        **KOLKATA,
        "water/pressure.yaml": PACK.replace(LOW, LOW + DAYS),
        "water/pressure.test.yaml": TEST.format(start=start, expect=expect),
    }
    folder = folder_with(tmp_path, {**files})
    assert run_tests(folder, Configuration.load(folder, {})) == (1, [])


def test_alarms_and_what_is_said_of_them_are_stamped_in_the_zone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = folder_with(tmp_path / "configs", {**KOLKATA})
    telemetry = tmp_path / "day.jsonl"
    rows = [
        {"channel": "water.a.p", "time": BEGIN_MS + 60_000 * i, "value": 0.15} for i in range(9)
    ]
    telemetry.write_text("".join(json.dumps(row) + "\n" for row in rows))
    out = tmp_path / "alarms.jsonl"
    at = ["--configs", str(folder)]
    assert main(["replay", *at, "--lifeline", "water", "--out", str(out), str(telemetry)]) == 0
    alarm = decode_alarm(out.read_bytes().splitlines()[0])
    assert alarm.onset == "2026-03-02T05:30:00+05:30"
    assert alarm.detected == "2026-03-02T05:35:00+05:30"
    assert alarm.owner.acknowledge_by == "2026-03-02T05:45:00+05:30"
    capsys.readouterr()
    line = ["explain", *at, "--telemetry", str(telemetry), "water.a.p", "2026-03-02T00:06:30Z"]
    assert main(line) == 0
    said = capsys.readouterr().out
    assert "breached since 2026-03-02T05:30:00+05:30" in said
    assert "+08:00" not in said


def test_a_lane_that_stands_is_stamped_in_the_zone(tmp_path: Path) -> None:
    plan = plan_of(loaded(tmp_path, {**KOLKATA}), "water")
    message = stopped_alarm(plan.configuration.civil_time, plan.name(0), FatalError("x"), BEGIN_MS)
    assert decode_alarm(message.body).detected == "2026-03-02T05:30:00+05:30"
