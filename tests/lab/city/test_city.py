"""The made city: frozen, the same from its seed, whole over all classes, and trouble travels."""

import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import yaml

from lab.city import tables
from lab.city.__main__ import main
from lab.city.city import Block, City, CityParameters
from lab.city.drivers import Drivers
from lab.city.shapes import SHAPES, Touch
from lab.city.tables import ANY, kinds, normals, travels
from lab.city.town import Edge, Sensor, Town, read_town
from lab.generators.made import LABELS, NS
from lab.generators.made import READINGS as READINGS_FILE
from lab.generators.shapes import Floats
from runtime.installation import CONFIGS
from tests.lab.generators.same import assert_same

pytestmark = pytest.mark.slow  # some seconds for its weeks

TABLES = "d1dda1ee52411635"
READINGS = "cd44ec01da1bcc51"


def _town() -> Town:
    """A feeder with a lift behind it, and a gas main whose flow is what its two users take."""
    cells = [
        ("power.feeder_switch", "feeder"), ("power.feeder_voltage", "feeder"),
        ("elevator.confined", "lift"), ("elevator.vibration", "lift"),
        ("gas.flow", "main"), ("gas.flow_user", "works"), ("gas.flow_user", "laundry"),
        ("drainage.rain", "park"), ("metro.gate", "gate"),
    ]  # fmt: skip
    rows = [
        {"id": f"{name}.{asset}", "class": name, "asset": asset, "group": _group(name, asset)}
        for name, asset in cells
    ]
    sensor = Sensor(60.0, -1.0, 100_000.0)
    edges = [Edge("power.feeder", "elevator.lift", "power_lift")]
    people = {"power.feeder": 4_000, "elevator.lift": 60}
    return Town(
        rows, {name: sensor for name, _ in cells}, edges, {"power_lift": (2.0, 9.0)}, people
    )


def _group(name: str, asset: str) -> str:
    return "gas.main" if name.startswith("gas.") else f"{name.partition('.')[0]}.{asset}"


def _city(seed: int = 7, days: int = 6, quiet_days: int = 2) -> City:
    return City(CityParameters(seed, days, quiet_days), _town())


def _hash(blocks: Iterator[Block]) -> str:
    found = hashlib.sha256()
    for block in blocks:
        found.update(block.class_name.encode())
        for column in (block.channels, block.time_ns, np.round(block.value, 3)):
            found.update(np.ascontiguousarray(column).tobytes())
    return found.hexdigest()[:16]


def test_what_the_city_is_drawn_from_is_frozen() -> None:
    """Packs are judged by it: whoever changes it judges all of them anew, and says so in 127."""
    found = hashlib.sha256()
    for path in (tables.NORMALS, tables.TROUBLES, tables.TRAVELS):
        found.update(path.read_bytes())
    assert found.hexdigest()[:16] == TABLES


def test_how_it_is_drawn_is_frozen() -> None:
    assert _hash(_city().blocks()) == READINGS


def test_a_seed_gives_the_same_city_and_another_one_another() -> None:
    assert_same(_city().made("gas"), _city().made("gas"), _city(8).made("gas"))


def test_a_lifeline_is_the_same_alone_and_with_the_others() -> None:
    alone = _city().made("elevator")
    city = _city()
    rows = [n for n, row in enumerate(city.catalogue) if row["class"].startswith("elevator")]
    values = [
        block.value[~np.isnan(block.value)] for block in city.blocks() if block.channels[0] in rows
    ]
    assert len(alone) == sum(map(len, values))
    assert np.sort(np.concatenate(values)).tobytes() == np.sort(alone.value).tobytes()


def test_every_class_that_is_shipped_has_a_normal_and_every_trouble_a_class_and_a_shape() -> None:
    town, known = read_town(CONFIGS), normals()
    assert set(town.sensors) == set(known)
    effects = [effect for kind in kinds() for effect in kind.effects]
    effects += [effect for some in travels().values() for effect in some]
    assert {effect.class_name for effect in effects} <= {*known, ANY}
    assert {effect.shape for effect in effects} <= set(SHAPES)
    passed = {name for kind in kinds() for name in kind.passes}
    assert passed <= set(travels()) <= set(town.delays_s)
    assert {kind.lifeline for kind in kinds()} == {name.partition(".")[0] for name in known}


def test_the_shipped_city_stays_within_what_its_sensors_can_mean() -> None:
    city = City(CityParameters(3, days=2, quiet_days=1))
    told: set[str] = set()
    for block in city.blocks():
        sensor = city.town.sensors[block.class_name]
        value = block.value[~np.isnan(block.value)]
        assert np.all((value >= sensor.low) & (value <= sensor.high)), block.class_name
        told.add(block.class_name)
    slow = {name for name, sensor in city.town.sensors.items() if sensor.period_s > 86_400}
    assert told | slow | {"power.pmu_frequency"} >= {row["class"] for row in city.catalogue}


def test_trouble_travels_to_the_lift_with_the_delay_of_its_edge_and_counts_its_people() -> None:
    (lost,) = [one for one in _city().troubles if one.kind == "feeder lost"]
    assert lost.people == 4_060
    (root, _, lift) = lost.touches
    assert root.begin_s == lost.begin_s
    assert 2.0 <= lift.begin_s - lost.begin_s <= 9.0
    city = _city()
    (event,) = [one for one in city.made("elevator").events if one.drawn["kind"] == "feeder lost"]
    assert event.channels == ("elevator.d0-confined.lift",)
    assert event.drawn["root"] == "power.feeder"
    made = city.made("elevator")
    time_ns, value = made.of(event.channels[0])
    lasts = (time_ns >= event.begin_ns + NS) & (
        time_ns < event.begin_ns + event.drawn["lasts_s"] * NS
    )
    assert value[lasts].max() > 0.0
    before = (time_ns >= event.begin_ns - 600 * NS) & (time_ns < event.begin_ns)
    assert value[before].max() == 0.0


def test_a_main_gives_what_its_users_take_until_it_leaks() -> None:
    city = _city()
    (leak,) = [one for one in city.troubles if one.kind == "main leaks"]
    made = city.made("gas")
    by_time: dict[int, dict[str, float]] = {}
    for row, time_ns, value in zip(made.row, made.time_ns, made.value, strict=True):
        by_time.setdefault(int(time_ns), {})[made.catalogue[row]["id"]] = float(value)
    main, works, laundry = (made.catalogue[n]["id"] for n in range(3))
    begin_ns = int(made.time_ns[0]) + int(leak.begin_s // 60 * 60) * NS
    quiet_ns = made.time_ns[0] + 2 * 86_400 * NS
    whole = [one for time_ns, one in by_time.items() if len(one) == 3 and time_ns < quiet_ns]
    assert len(whole) > 1_000
    assert all(abs(one[main] - one[works] - one[laundry]) <= 1.5 for one in whole)
    late = [by_time.get(begin_ns + (90 + minute) * 60 * NS, {}) for minute in range(60)]
    assert any(one[main] - one[works] - one[laundry] > 30 for one in late if len(one) == 3)


def test_weather_is_shared_and_people_rush_on_workdays() -> None:
    drivers = Drivers(5, 14)
    rain = drivers.series["rain"]
    sums = [rain[max(n - 59, 0) : n + 1].sum() / 60 for n in range(len(rain))]
    assert np.allclose(drivers.series["rain_1h"], sums)
    assert (drivers.series["rain_12h"] + 1e-9 >= drivers.series["rain_1h"]).all()
    eight = np.array([8.0 * 3600, 5 * 86_400 + 8.0 * 3600])  # on Monday and on Saturday
    monday, saturday = drivers.curve("rush", eight)
    assert monday > saturday + 1.0


def test_noise_has_a_heavy_tail_and_a_memory_over_blocks() -> None:
    made = _city(days=20, quiet_days=19).made("elevator")
    quiet = made.time_ns < made.time_ns[0] + 19 * 86_400 * NS
    of = [cells["class"] for cells in made.catalogue].index("elevator.vibration")
    value = made.value[quiet & (made.row == of)]
    value = value - value.mean()
    kept = float(np.mean(value[1:] * value[:-1]) / np.mean(value**2))
    assert 0.6 < kept < 0.8
    assert float(np.mean(value**4) / np.mean(value**2) ** 2) > 3.15  # a normal one has 3


def _every_ten_seconds(count: int) -> Floats:
    return np.linspace(0.0, 10.0 * (count - 1), count)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ("step", [1, 1, 3, 3, 3, 1]), ("ramp", [1, 1, 1, 2, 3, 1]), ("slow", [1, 1, 1, 1.5, 3, 1]),
        ("scale", [1, 1, 1, 1.5, 2, 1]), ("set", [1, 1, 2, 2, 2, 1]),
        ("stuck", [1, 1, 1, 1, 1, 1]), ("spikes", [1, 1, 3, 1, 1, 1]),
    ],
)  # fmt: skip
def test_each_shape_is_what_its_name_says(shape: str, expected: list[float]) -> None:
    value = np.ones(6)
    Touch(0, shape, 20.0, 50.0, 2.0, 20.0).on(_every_ten_seconds(6), value)
    assert value.tolist() == expected


def test_a_stuck_sensor_stands_over_blocks_and_a_lost_one_is_gone() -> None:
    touch, moves = Touch(0, "stuck", 0.0, 100.0, 0.0, 0.0), np.arange(6.0)
    touch.on(_every_ten_seconds(6), moves)
    later = np.arange(6.0) + 6.0
    touch.on(_every_ten_seconds(12)[6:], later)
    assert moves.tolist() == [0.0] * 6
    assert later.tolist() == [0.0] * 4 + [10.0, 11.0]
    gone = np.ones(3)
    Touch(0, "dropout", 10.0, 20.0, 0.0, 0.0).on(_every_ten_seconds(3), gone)
    assert np.isnan(gone).tolist() == [False, True, False]


def test_a_lifeline_is_written_as_backtests_take_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--seed=4", f"--out={tmp_path}", "--days=2", "--quiet-days=1"]
    assert main([*words, "port"]) == 0
    assert "port: " in capsys.readouterr().out
    made = City(CityParameters(4, 2, 1)).made("port")
    assert pq.read_table(tmp_path / "port" / READINGS_FILE).num_rows == len(made)
    labels = yaml.safe_load((tmp_path / "port" / LABELS).read_text())["events"]
    assert len(labels) == len(made.events)
    assert {label["colour"] for label in labels if "colour" in label} >= {"red", "orange"}


def test_what_is_no_lifeline_and_a_city_without_time_for_trouble_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--seed=4", f"--out={tmp_path}", "trams"]) == 2
    assert "expected some of building, curtain" in capsys.readouterr().err
    assert main(["--seed=4", f"--out={tmp_path}", "--days=2", "--quiet-days=2", "port"]) == 2
    assert "days: expected more than the quiet ones" in capsys.readouterr().err
