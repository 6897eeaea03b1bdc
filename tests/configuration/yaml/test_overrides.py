"""Overrides by tag and by channel: what they change, where mistakes in them are named."""

from pathlib import Path

import pytest

from configuration.checks.folder import judged
from configuration.lane_plan import plan_of
from detectors.base.thresholds import Steps
from tests.testkit.config_folder import (
    PACK,
    again,
    findings_of,
    folder_with,
    labels_of,
    loaded,
)

CATALOGUE = """\
id,class,asset,group,tags
water.a.p,water.pressure,a,water.a,
water.b.p,water.pressure,b,water.b,high_rise
water.c.p,water.pressure,c,water.c,old high_rise
"""
FILES: dict[str, str | bytes] = {"water/catalogue.csv": CATALOGUE}


def pack(overrides: str) -> dict[str, str | bytes]:
    return {**FILES, "water/pressure.yaml": PACK + overrides}


def low(steps: Steps | None) -> tuple[float | None, float | None]:
    assert steps is not None
    return steps.blue, steps.yellow


def test_each_channel_gets_what_its_tags_and_its_id_say_and_later_ones_win(tmp_path: Path) -> None:
    text = """\
overrides:
  tag:high_rise: {limit.low: {blue: 0.26, yellow: 0.24}}
  tag:old: {limit: {low: {blue: 0.25}}, limit.on_delay: 10 min}
  channel:water.a.p: {limit.hysteresis: 0.02}
"""
    configuration = loaded(tmp_path, pack(text))
    labels = labels_of(configuration)
    limits = [configuration.packs[label].limit for label in labels]
    base = configuration.packs["water.pressure"].limit
    assert base is not None
    found = [(low(limit.low), limit.on_delay.ns, limit.hysteresis) for limit in limits if limit]
    minutes = 60 * 10**9
    assert found == [
        (low(base.low), base.on_delay.ns, 0.02),
        ((0.26, 0.24), base.on_delay.ns, base.hysteresis),
        ((0.25, 0.24), 10 * minutes, base.hysteresis),
    ]
    assert labels[2] == "water.pressure tag:high_rise tag:old"


def test_a_lane_runs_every_variant_with_its_own_figures(tmp_path: Path) -> None:
    text = "overrides: {tag:high_rise: {limit.low: {blue: 0.26}}}\n"
    configuration = loaded(tmp_path, pack(text))
    plan = plan_of(configuration, "water")
    assert list(plan.packs) == ["water.pressure", "water.pressure tag:high_rise"]
    for lane in range(plan.partitions):
        assert len(plan.parts(lane).catalogue) == int((plan.lane_of == lane).sum())


def test_another_override_is_another_configuration(tmp_path: Path) -> None:
    one = loaded(tmp_path / "one", pack("overrides: {tag:high_rise: {limit.hysteresis: 0.02}}\n"))
    two = loaded(tmp_path / "two", pack("overrides: {tag:high_rise: {limit.hysteresis: 0.03}}\n"))
    assert one.hash != two.hash
    assert again(one).hash == one.hash
    assert labels_of(again(one)) == labels_of(one)


def test_a_colour_that_is_none_is_taken_away(tmp_path: Path) -> None:
    text = "overrides: {tag:high_rise: {limit.low: {blue: none}, limit.high.red: none}}\n"
    configuration = loaded(tmp_path, pack(text))
    limit = configuration.packs["water.pressure tag:high_rise"].limit
    assert limit is not None
    assert low(limit.low) == (None, 0.16)
    assert limit.high == Steps(orange=0.7)


def test_a_colour_of_another_override_may_be_taken_away(tmp_path: Path) -> None:
    text = "overrides: {tag:high_rise: {limit.high.blue: 0.6}, tag:old: {limit.high.blue: none}}\n"
    configuration = loaded(tmp_path, pack(text))
    limit = configuration.packs["water.pressure tag:high_rise tag:old"].limit
    assert limit is not None
    assert limit.high == Steps(orange=0.7, red=0.8)


LINE = PACK.count("\n") + 1


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        (
            "overrides: {high_rise: {limit.hysteresis: 0.02}}",
            f"{LINE}:13: overrides.high_rise: expected `tag:NAME` or `channel:ID`, got "
            "'high_rise'; write which channels it is for",
        ),
        (
            "overrides: {tag:old: {limit.low.blue: 0.1}}",
            "7:29: limit.low.yellow: expected below blue (0.1), got 0.16; blue could never ring "
            "alone, lower yellow (with tag:old)",
        ),
        (
            "overrides: {tag:old: {limit.lo: {blue: 0.1}}}",
            f"{LINE}:23: limit: unknown key 'lo'; nearest is 'low'",
        ),
        (
            "overrides: {tag:old: {limit.hysteresis: much}}",
            f"{LINE}:41: limit.hysteresis: expected a number of at least 0, got 'much'",
        ),
        (
            "overrides: {tag:old: {limit.high: {yellow: none}}}",
            f"{LINE}:36: overrides.tag:old.limit.high.yellow: expected a colour that is there to "
            "be taken away, got 'yellow'; known are orange, red",
        ),
        (
            "overrides: {tag:old: 3}",
            f"{LINE}:22: overrides.tag:old: expected a mapping of places to values, got 3",
        ),
        (
            "overrides: [tag:old]",
            f"{LINE}:12: overrides: expected a mapping, got a list of 1; write "
            "`tag:NAME: {limit.low: …}`",
        ),
    ],
)
def test_a_mistake_in_an_override_is_named_where_it_was_written(
    text: str, finding: str, tmp_path: Path
) -> None:
    found = findings_of(tmp_path, pack(text + "\n"))
    assert found
    assert found[0].startswith(f"water/pressure.yaml:{finding}"), found


def test_a_tag_that_no_channel_has_is_warned_of_and_runs(tmp_path: Path) -> None:
    files = pack("overrides: {tag:nowhere: {limit.hysteresis: 0.02}}\n")
    findings, warned = judged(folder_with(tmp_path, files), {})
    assert findings == []
    assert warned == [
        f"{tmp_path.as_posix()}/water/pressure.yaml:{LINE}:13: overrides.tag:nowhere: expected a "
        "channel of the class with it, got none; it changes nothing"
    ]
    assert labels_of(loaded(tmp_path, files)) == ["water.pressure"] * 3


def test_tags_that_are_no_words_are_named_with_their_line(tmp_path: Path) -> None:
    text = CATALOGUE.replace("high_rise", "High-Rise", 1)
    (found,) = findings_of(tmp_path, {"water/catalogue.csv": text})
    assert found.startswith("water/catalogue.csv:3: tags: expected words of lower-case letters")
