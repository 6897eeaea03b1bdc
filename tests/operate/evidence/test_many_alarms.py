"""Alarms of every kind of rule, and of thirty made days, made anew one by one."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks.quality_data import judging
from configuration.configuration import Configuration
from contracts.alarm import decode_alarm
from lab.generators import crowd, elevator, excavation
from lab.generators.made import Made
from runtime.installation import CONFIGS
from tests.operate.evidence.lane_life import outcomes
from tests.operate.evidence.made_life import by_the_minute, configured, lived, messages
from tests.testkit.kinds.all_kinds import cases

CASES = cases()
DAYS = 30
SEED = 20


@pytest.mark.long
@pytest.mark.parametrize("name", CASES)
async def test_every_alarm_of_every_kind_is_made_anew_to_the_byte(
    name: str, tmp_path: Path
) -> None:
    case = CASES[name]
    today = configured(case, tmp_path / "configs")
    life = lived(today, messages(case), tmp_path / "state")
    (lifeline,) = today.partitions
    found = await outcomes(today, lifeline, life)
    assert found["equal"] == len(life.revisions) > 0
    assert name in {decode_alarm(one.body).rule.name for one in life.revisions}


def lifts() -> list[Made]:
    """Six lifts."""
    return [elevator.make(elevator.Elevator(SEED, DAYS))]


def gates() -> list[Made]:
    """The gates of two stations."""
    return [crowd.make(crowd.Crowd(seed, DAYS, 21)) for seed in (SEED, SEED + 1)]


def pits() -> list[Made]:
    """Ten pits."""
    return [excavation.make(excavation.Excavation(SEED + n, DAYS)) for n in range(10)]


MONTH = [
    ("elevator", lifts, 10, {"limit", "silent", "sequence"}),
    ("metro", gates, 10, {"seasonal"}),
    ("pit", pits, 80, {"limit", "fall", "rise", "stuck"}),
]


def heard(configuration: Configuration, made: Made) -> Configuration:
    """The configuration without channels that nothing is told of."""
    catalogue = configuration.catalogue
    told = [cells["id"] for cells in made.catalogue]
    return configuration.with_channels(catalogue.take(np.isin(catalogue.ids, told)))


@pytest.mark.long
@pytest.mark.parametrize(("name", "make", "least", "rings"), MONTH)
async def test_every_alarm_of_thirty_made_days_is_made_anew_to_the_byte(
    name: str, make: Callable[[], list[Made]], least: int, rings: set[str], tmp_path: Path
) -> None:
    """A hundred alarms and more, all lifelines together."""
    alarms, rules = 0, set[str]()
    for number, made in enumerate(make()):
        folder = tmp_path / str(number)
        folder.mkdir()
        today = heard(judging.configured(CONFIGS / name, made, folder), made)
        life = lived(today, by_the_minute(made), folder / "state")
        found = await outcomes(today, name, life)
        assert found["equal"] == len(life.revisions)
        assert found["snapshot"] == len({one.alarm for one in life.revisions})
        alarms += found["snapshot"]
        rules |= {decode_alarm(one.body).rule.name for one in life.revisions}
    assert alarms >= least
    assert rings <= rules
