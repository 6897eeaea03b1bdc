"""Limits by kind of day: Sundays and holidays have their own, and the alarm says which held."""

from pathlib import Path

import pytest

from configuration.configuration import Configuration
from lab.explain.rule_tests import run_tests
from tests.testkit.config_folder import PACK, folder_with

DAYS = "  days: {sunday: {low: {blue: 0.28, yellow: 0.27}}}\n"
LOW = "  high: {orange: 0.7, red: 0.8}\n"
TEST = """\
tests:
  - name: a day
    every: 60 s
    start: "{start}"
    series: {{water.a.p: "0.275x10 0.30x60"}}
    expect: [{expect}]
"""
RINGS = "{at: 5 min, rule: limit, colour: blue}, {at: 40 min, rule: limit, colour: clear}"


def failures(place: Path, start: str, expect: str) -> list[str]:
    files: dict[str, str | bytes] = {
        "water/pressure.yaml": PACK.replace(LOW, LOW + DAYS),
        "water/pressure.test.yaml": TEST.format(start=start, expect=expect),
        "calendar.yaml": "2026-03-04: sunday\n2026-03-08: workday\n",
    }
    folder = folder_with(place, files)
    return run_tests(folder, Configuration.load(folder, {}))[1]


@pytest.mark.parametrize(
    ("start", "expect"),
    [
        ("2026-03-01T08:00:00+08:00", RINGS),  # a Sunday
        ("2026-03-02T08:00:00+08:00", ""),  # a Monday
        ("2026-03-04T08:00:00+08:00", RINGS),  # a holiday on a Wednesday
        ("2026-03-08T08:00:00+08:00", ""),  # a Sunday that is worked
        (
            "2026-02-28T23:57:00+08:00",
            "{at: 8 min, rule: limit, colour: blue}, {at: 40 min, rule: limit, colour: clear}",
        ),  # over midnight into a Sunday
    ],
)
def test_each_day_has_its_limits(tmp_path: Path, start: str, expect: str) -> None:
    assert failures(tmp_path, start, expect) == []
