"""What governs the desk stage is one whole: read, hashed, kept and made again."""

import csv
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from alarms.duty.coverage import Zone
from configuration.configuration import Configuration
from configuration.desk.desk import DeskConfiguration
from configuration.desk.inventory import AREA_COLUMNS
from contracts.errors import ConfigError
from runtime.installation import CONFIGS
from tests.testkit.config_folder import folder_with

pytestmark = pytest.mark.slow


def test_what_is_kept_makes_the_same_desk_again() -> None:
    shipped = DeskConfiguration.load(CONFIGS, Configuration.load(CONFIGS))
    assert {"desks/desks.yaml", "topology/nodes.csv", "topology/edges.yaml"} <= set(shipped.files)
    again = DeskConfiguration.from_bundle(shipped.bundle())
    assert (again.hash, again.bundle()) == (shipped.hash, shipped.bundle())
    assert again.desk().config == shipped.hash
    assert again.desk().state() == shipped.desk().state()


def test_each_of_its_files_and_its_lifelines_change_the_hash(tmp_path: Path) -> None:
    def hash_of(name: str, files: dict[str, str | bytes]) -> str:
        folder = folder_with(tmp_path / name, files)
        return DeskConfiguration.load(folder, Configuration.load(folder, {})).hash

    nothing = hash_of("nothing", {})
    answers = hash_of("answers", {"answers.yaml": "tickets: {auto_close: 20 min}\n"})
    clocks = "clocks: {yellow: {told: [city], acknowledge: 5 min, escalate: 10 min}}\n"
    assert len({nothing, answers, hash_of("clocks", {"desks/clocks.yaml": clocks})}) == 3
    assert hash_of("again", {}) == nothing


def test_channels_are_counted_by_lifeline_and_area() -> None:
    shipped = DeskConfiguration.load(CONFIGS, Configuration.load(CONFIGS)).inventory
    expected: Counter[Zone] = Counter()
    for lifeline in shipped.lanes:
        with (CONFIGS / lifeline / "catalogue.csv").open() as file:
            for row in csv.DictReader(line for line in file if line[0] != "#"):
                expected[Zone(lifeline, *(row.get(name) or "" for name in AREA_COLUMNS))] += 1
    assert shipped.channels == expected
    assert len(expected) > 6


def test_what_an_earlier_release_kept_knows_of_no_channels_and_has_its_own_hash(
    tmp_path: Path,
) -> None:
    folder = folder_with(tmp_path / "good", {})
    held = {"files": {}, "zone": "Asia/Shanghai", "lifelines": ["water"]}
    former = msgspec.msgpack.encode(held)
    kept = DeskConfiguration.from_bundle(former)
    assert kept.bundle() == former
    assert not kept.desk().due(1_772_305_920)
    now = DeskConfiguration.load(folder, Configuration.load(folder, {}))
    assert now.desk().due(1_772_305_920)


def test_all_that_is_wrong_in_all_of_it_is_told(tmp_path: Path) -> None:
    folder = folder_with(tmp_path / "good", {})
    configuration = Configuration.load(folder, {})
    (folder / "answers.yaml").write_text("tickets: {auto_clos: 20 min}\n")
    (folder / "desks").mkdir()
    (folder / "desks" / "a.yaml").write_text("desk: []\n")
    with pytest.raises(ConfigError) as caught:
        DeskConfiguration.load(folder, configuration)
    assert len(caught.value.findings) == 2
