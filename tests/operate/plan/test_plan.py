"""What channels need is reckoned from their rules and from costs, and held against a run."""

import json
from pathlib import Path

import msgspec
import numpy as np
import pytest

from app.cli.main import main
from configuration.configuration import Configuration
from configuration.lane_plan import plan_of
from contracts.errors import ConfigError
from detectors.registry import KINDS
from ingest.encode import READINGS_MAX as ENCODED_MAX
from operate.plan.channels import planned
from operate.plan.costs import Costs, read_costs
from operate.plan.estimate import LANE_CHANNELS_MAX, LaneNeeds, Needs, needs, unmeasured
from operate.plan.made_readings import MadeReadings
from operate.plan.messages import READINGS_MAX, Messages
from operate.plan.run import Comparison, Figures, alone, compared
from pipeline.lane.lane import Lane
from runtime.installation import CONFIGS
from tests.testkit import city

pytestmark = pytest.mark.slow

COSTS = Costs(
    measured="2026-01-01",
    machine="by hand",
    calibration_ns=10.0,
    client_ns=200.0,
    message_ns={"json": 100.0, "arrow": 1000.0},
    reading_ns={"json": 50.0, "arrow": 20.0},
    admission_ns=20.0,
    fused_ns=15.0,
    silence_ns=15.0,
    kinds_ns={"rise": 400.0},
    process_bytes=1000,
    channel_bytes=60.0,
    kind_channel_bytes=8.0,
    process_cores=0.02,
    lane_cores=0.01,
)
RISE = f"rise:\n  over: 10 s\n  by: {{red: 9}}\n  duty:\n{city.DUTY}"
HEAD = "id,class,asset,group\n"
GROUPS = 40


def folder_of(place: Path, *, lanes: int = 2, more: str = "") -> Path:
    """A folder with one class of limits, unusual values and silence, a reading a second."""
    configs = place / "configs"
    city.configure(configs, GROUPS, lanes, place / "state")
    pack = configs / "water" / "level.yaml"
    pack.write_text(pack.read_text() + more)
    return configs


def catalogue_of(place: Path, count: int, kind: str = "water.level") -> Path:
    """A catalogue of channels, two a group."""
    path = place / "planned.csv"
    rows = [f"water.new-{i}.level,{kind},new-{i},water.new-{i // 2}\n" for i in range(count)]
    path.write_text(HEAD + "".join(rows))
    return path


def test_time_and_rates_are_summed_over_readings_messages_and_lanes(tmp_path: Path) -> None:
    configuration = planned(catalogue_of(tmp_path, 100), folder_of(tmp_path))

    found = needs(configuration, Messages("json", 10), COSTS, 2.0)

    assert sum(lane.channels for lane in found.lanes) == 100
    assert sum(lane.readings_s for lane in found.lanes) == pytest.approx(100)
    # A reading: 100 / 10 + 50 to decode, 20 + 15 + 15 to judge; 200 / 10 in the client.
    assert sum(lane.scoring_cores for lane in found.lanes) == pytest.approx(100 * 110e-9)
    assert sum(lane.client_cores for lane in found.lanes) == pytest.approx(100 * 20e-9)
    assert found.cores == pytest.approx((0.02 + 2 * 0.01 + 100 * 130e-9) * 2)


def test_a_kind_of_rule_costs_time_state_and_tables(tmp_path: Path) -> None:
    catalogue = catalogue_of(tmp_path, 100)
    plain = needs(planned(catalogue, folder_of(tmp_path)), Messages("arrow", 1), COSTS, 1.0)
    more = folder_of(tmp_path / "more", more=RISE)

    rising = needs(planned(catalogue, more), Messages("arrow", 1), COSTS, 1.0)

    def more_of(name: str) -> float:
        both = zip(rising.lanes, plain.lanes, strict=True)
        return float(sum(getattr(one, name) - getattr(other, name) for one, other in both))

    assert more_of("scoring_cores") == pytest.approx(100 * 400e-9)
    assert more_of("table_bytes") == pytest.approx(100 * 8)
    assert more_of("state_bytes") > 100 * 8 * 15  # values that a slope is made of


@pytest.mark.parametrize("more", ["", RISE])
def test_the_state_of_each_lane_is_predicted_to_the_byte(tmp_path: Path, more: str) -> None:
    configuration = planned(catalogue_of(tmp_path, 90), folder_of(tmp_path, lanes=3, more=more))
    plan = plan_of(configuration, "water")

    found = needs(configuration, Messages("json", 1), COSTS, 1.0)

    def bytes_of(number: int) -> int:
        parts = plan.parts(number)
        arrays = Lane(plan.name(number), parts, lambda _: parts).arrays()
        return sum(array.nbytes for array in arrays.values())

    assert [lane.state_bytes for lane in found.lanes] == [
        pytest.approx(bytes_of(number)) for number in range(3)
    ]


def test_memory_holds_a_copy_of_the_largest_lane_and_snapshots_all_of_them() -> None:
    lanes = [
        LaneNeeds("water", 10, 1.0, 500.0, 20.0, 0.0, 0.0),
        LaneNeeds("power", 30, 1.0, 700.0, 40.0, 0.0, 0.0),
    ]

    found = Needs(lanes, COSTS, 1.0, 60.0)

    assert found.memory_bytes == 1000 + 500 + 700 + 20 + 40 + 700
    assert (found.snapshot_bytes, found.snapshot_bytes_s) == (1200, 20.0)


@pytest.mark.parametrize(
    ("channels", "cores", "slower", "lanes"),
    [
        (10, 0.1, 1.0, 1),
        (10, 1.1, 1.0, 3),  # a lane's thread stays half idle
        (10, 1.1, 2.0, 5),
        (LANE_CHANNELS_MAX + 1, 0.1, 1.0, 2),
    ],
)
def test_partitions_follow_from_time_and_from_channels(
    channels: int, cores: float, slower: float, lanes: int
) -> None:
    found = Needs([LaneNeeds("water", channels, 1.0, 1.0, 1.0, cores, 9.0)], COSTS, slower, 60.0)

    assert found.lanes_needed("water") == lanes


def test_a_run_is_held_against_the_prediction(tmp_path: Path) -> None:
    configuration = planned(catalogue_of(tmp_path, 400), folder_of(tmp_path))

    run = compared(configuration, Messages("json", 10), COSTS, 1.0, (100, 3_000))

    assert run.lifeline == "water"
    assert 100 <= run.channels <= 102
    assert run.readings >= 3_000
    # The file has a header of some hundred bytes beside the state.
    assert 0 < run.seen.snapshot_bytes - run.predicted.snapshot_bytes < 4_096
    assert run.seen.scoring_ns > 0
    assert run.predicted.scoring_ns == pytest.approx(110)


def test_the_error_is_a_share_of_what_was_seen() -> None:
    run = Comparison("water", 1, 1, Figures(150.0, 90.0, 50.0), Figures(100.0, 100.0, 100.0))

    errors = [run.error(name) for name in ("memory_bytes", "snapshot_bytes", "scoring_ns")]

    assert errors == pytest.approx([0.5, -0.1, -0.5])


def test_made_readings_come_at_their_period_and_ring_nothing(tmp_path: Path) -> None:
    configuration = Configuration.load(folder_of(tmp_path))
    plan = alone(configuration, "water", configuration.catalogues["water"])
    parts = plan.parts(0)
    lane = Lane(plan.name(0), parts, lambda _: parts)
    made = MadeReadings(plan, Messages("json", 4))

    for records in made.first():
        lane.feed(records)
    begun_s = lane.lane_time_s
    for records in made.later(20_000):
        lane.feed(records)

    counts = lane.accounts.counts()
    assert counts["scored"] == counts["received"] >= 20_000
    assert lane.outbox.sequence == 0
    sent = counts["received"] - 2 * GROUPS
    assert lane.lane_time_s - begun_s == pytest.approx(sent / (2 * GROUPS), abs=2)


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("water.a,water.levle,a,water.a\n", "2: class: unknown class 'water.levle'"),
        ("gas.a,gas.level,a,gas.a\n", "2: class: expected a class of a lifeline (water), got"),
        ("water.a,water.level,a,water.a\n" * 2, "expected each id once, got 'water.a' again"),
        ("", "expected channels, got none"),
    ],
)
def test_a_catalogue_that_no_lane_could_use_is_refused_with_its_lines(
    tmp_path: Path, rows: str, says: str
) -> None:
    path = tmp_path / "planned.csv"
    path.write_text(HEAD + rows)

    with pytest.raises(ConfigError) as refused:
        planned(path, folder_of(tmp_path))

    assert says in str(refused.value)


def test_a_catalogue_that_is_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="expected a catalogue"):
        planned(tmp_path / "planned.txt", folder_of(tmp_path))


def test_overrides_that_no_channel_of_the_folder_has_are_named(tmp_path: Path) -> None:
    configs = folder_of(tmp_path, more="overrides:\n  tag:old:\n    silent.colour: yellow\n")
    own = configs / "water" / "catalogue.csv"
    first, *rest = own.read_text().splitlines()
    tagged = [f"{first},tags", f"{rest[0]},old", *(f"{row}," for row in rest[1:])]
    path = tmp_path / "planned.csv"
    path.write_text(f"{first},tags\nwater.a.in,water.level,a,water.a,old\n")
    own.write_text("\n".join(tagged) + "\n")

    whole = planned(path, configs)

    labels, label_of = whole.labels(whole.catalogues["water"])
    assert [labels[i] for i in label_of] == ["water.level tag:old"]

    path.write_text(f"{first},tags\nwater.a.in,water.level,a,water.a,old new\n")
    other = "  tag:new:\n    silent.colour: red\n"
    pack = configs / "water" / "level.yaml"
    pack.write_text(pack.read_text() + other)
    own.write_text(own.read_text() + "water.z.in,water.level,z,water.z,new\n")
    with pytest.raises(ConfigError, match="overrides that a channel of the folder has too"):
        planned(path, configs)


def test_kinds_that_nobody_measured_are_named(tmp_path: Path) -> None:
    configuration = Configuration.load(folder_of(tmp_path, more=RISE))

    assert unmeasured(configuration, COSTS) == []
    assert unmeasured(configuration, msgspec.structs.replace(COSTS, kinds_ns={})) == ["rise"]


def test_every_kind_that_comes_along_was_measured() -> None:
    costs = read_costs()

    assert {kind.name for kind in KINDS} - costs.kinds_ns.keys() <= {"joint", "river", "repeated"}
    assert np.all(np.array(list(costs.kinds_ns.values())) > 0)


def test_messages_are_bounded_as_gateways_bound_them() -> None:
    assert READINGS_MAX == ENCODED_MAX


def test_the_command_prints_what_is_needed_and_where_it_comes_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    catalogue, configs = catalogue_of(tmp_path, 100), folder_of(tmp_path)

    assert main(["plan", str(catalogue), str(configs)]) == 0

    said = capsys.readouterr().out
    assert "water              100         100.0             2             1" in said
    assert f"from costs measured {read_costs().measured} on {read_costs().machine}" in said


def test_the_command_gives_programs_the_run_and_its_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    catalogue, configs = catalogue_of(tmp_path, 20), folder_of(tmp_path)
    words = ["plan", str(catalogue), str(configs), "--form", "arrow", "--per-message", "500"]

    assert main([*words, "--run", "--json"]) == 0

    said = json.loads(capsys.readouterr().out)
    assert said["lifelines"]["water"]["channels"] == 20
    run = said["run"]
    seen, predicted = run["seen"]["snapshot_bytes"], run["predicted"]["snapshot_bytes"]
    assert run["error"]["snapshot_bytes"] == pytest.approx((predicted - seen) / seen)


def test_shipped_packs_can_be_planned_for() -> None:
    configuration = Configuration.load(CONFIGS)

    found = needs(configuration, Messages("json", 1), read_costs(), 1.0)

    assert {lane.lifeline for lane in found.lanes} == set(configuration.partitions)
