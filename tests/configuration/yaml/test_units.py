"""Figures that a class file writes in another unit than the class's."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from configuration.yaml.units import turned
from runtime.installation import HOME
from tests.testkit.config_folder import PACK, loaded

WITH_UNITS = (
    PACK.replace("blue: 0.20", "blue: 200 kPa")
    .replace("[-0.1, 1.0]", "[-1 bar, 1 MPa]")
    .replace("0.6 per min", "3 MPa / 5 min")
    .replace("floor: 0.002", "floor: 2 kPa")
    .replace("hysteresis: 0.01", "hysteresis: 1e4 Pa")
)
WARM = """\
fall:
  over: 1 h
  by: {blue: 9 degF}
  duty:
    cause: fire
    consequence: loss
    respond: {procedure: W-7, first: [look]}
    owner: {level: district, role: water bureau, within: 10 min, then: city}
    say: {en: "{name}", zh: "{name}"}
    source: "[E]"
"""


def test_figures_are_turned_into_the_unit_of_the_class(tmp_path: Path) -> None:
    plain = loaded(tmp_path / "plain", {}).packs["water.pressure"]
    units = loaded(tmp_path / "units", {"water/pressure.yaml": WITH_UNITS}).packs["water.pressure"]
    assert (units.limit, units.unusual) == (plain.limit, plain.unusual)
    assert units.plausible.range == plain.plausible.range
    fastest = (units.plausible.fastest, plain.plausible.fastest)
    assert [rate.per_s for rate in fastest if rate] == [0.01, 0.01]


def test_a_difference_of_degrees_has_no_zero_point(tmp_path: Path) -> None:
    text = PACK.replace("unit: MPa", "unit: degC").replace("hysteresis: 0.01", "hysteresis: 18 mK")
    text = text.replace("blue: 0.20", "blue: 32.45 degF").replace("[-0.1, 1.0]", "[-9, 50]")
    pack = loaded(tmp_path, {"water/pressure.yaml": text + WARM}).packs["water.pressure"]
    assert pack.limit is not None
    assert pack.limit.low is not None
    assert (pack.limit.low.blue, pack.limit.hysteresis) == (0.25, 0.018)
    assert pack.rule("fall").by.blue == 5.0


def test_an_override_may_write_units_too(tmp_path: Path) -> None:
    text = PACK + "overrides: {channel:water.a.p: {limit.low: {blue: 260 kPa}}}\n"
    pack = loaded(tmp_path, {"water/pressure.yaml": text}).packs["water.pressure channel:water.a.p"]
    assert pack.limit is not None
    assert pack.limit.low is not None
    assert pack.limit.low.blue == 0.26


def test_the_unit_of_the_class_may_be_written_even_where_nothing_turns_into_it(
    tmp_path: Path,
) -> None:
    text = PACK.replace("unit: MPa", "unit: NTU").replace("blue: 0.20", "blue: 0.2 NTU")
    pack = loaded(tmp_path, {"water/pressure.yaml": text}).packs["water.pressure"]
    assert pack.limit is not None
    assert pack.limit.low is not None
    assert pack.limit.low.blue == 0.2


@given(st.floats(-1e6, 1e6), st.sampled_from([("m3/h", "l/s", 3.6), ("mm", "m", 1000.0)]))
def test_there_and_back_is_the_same(amount: float, pair: tuple[str, str, float]) -> None:
    small, large, ratio = pair
    there = turned(amount, small, large, difference=False)
    assert there == pytest.approx(amount / ratio, rel=1e-10)
    assert turned(there, large, small, difference=False) == pytest.approx(amount, rel=1e-10)


@pytest.mark.slow
def test_packs_without_units_load_no_table_of_units() -> None:
    code = "import sys; from configuration.checks.folder import check; from pathlib import Path; "
    code += "assert check(Path('configs'), {}) == []; assert 'pint' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=HOME)
