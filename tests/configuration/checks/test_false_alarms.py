"""`tocsin check` says how often the statistical rules of a configuration ring on clean data."""

from itertools import pairwise

import pytest

from configuration.checks.false_alarms import Expected, expected, together
from configuration.checks.folder import summary
from configuration.configuration import Configuration
from runtime.installation import CONFIGS

pytestmark = pytest.mark.slow


def test_a_class_is_told_its_false_alarms_a_day() -> None:
    lines = summary(Configuration.load(CONFIGS, {}))
    told = {
        before.split(":")[0].strip(): line
        for before, line in pairwise(lines)
        if line.startswith("    false alarms on clean data: ")
    }
    assert "shift 0.00017 a day" in told["water.flow_dma"]  # one channel's part of two a day
    assert lines[-2].endswith(" a day of all statistical rules")


def test_twice_the_channels_ring_twice_as_often() -> None:
    pack = Configuration.load(CONFIGS, {}).packs["power.grid_frequency"]
    one, two = (next(expected(pack, n, 1)) for n in (1, 2))
    assert two.per_day == pytest.approx(2 * one.per_day)
    assert one.rule == "unusual"
    assert not one.exact  # its smoothing is above 0.02


def test_words_of_a_promise() -> None:
    exact, bound = Expected("c", "shift", 1.5, True), Expected("c", "discord", 0.25, False)
    assert str(exact) == "shift 1.5 a day"
    assert str(bound) == "discord at most 0.25 a day"
    assert str(Expected("c", "unusual", 1e-9, True)) == "unusual below 0.000001 a day"
    assert "at most 1.8 a day" in together([exact, bound])
    assert "false alarms on clean data: 3 a day" in together([exact, exact])
