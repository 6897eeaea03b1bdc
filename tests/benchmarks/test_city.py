"""The made city has all shipped classes, as many channels as the notes count, and calm values."""

from pathlib import Path

import numpy as np
import pytest

from benchmarks.city_load import city, packs, sizes
from configuration.configuration import Configuration

pytestmark = pytest.mark.slow


def test_the_whole_city_has_every_shipped_class_once_and_all_channels_of_the_notes() -> None:
    classes = city.classes(city.WHOLE)
    assert sorted(each.name for each in classes) == sorted(packs.shipped())
    counted = [each for each in classes if each.source != city.UNCOUNTED]
    assert abs(sum(each.channels for each in counted) - city.WHOLE) < len(counted)
    rate = sum(each.channels / each.period_s for each in classes)
    assert rate == pytest.approx(227_590, rel=1e-3)


def test_a_small_city_is_a_configuration_whose_channels_all_have_a_pack(tmp_path: Path) -> None:
    small = city.classes(2_000)
    city.write(tmp_path, small, tmp_path / "state", 9092)
    configuration = Configuration.load(tmp_path, {})
    channels = sum(len(catalogue) for catalogue in configuration.catalogues.values())
    assert channels == sum(each.channels for each in small)
    assert packs.METER in configuration.packs


def test_values_ring_nothing_and_faults_ring_at_once() -> None:
    faults = 0
    for name, pack in packs.shipped().items():
        said = packs.values(pack)
        low, high = pack.plausible.range
        assert low <= said.middle <= high, name
        if said.fault is None:
            continue
        faults += 1
        assert low <= said.fault <= high, name
        assert pack.limit is not None, name
        sides = [side.array(np.nan) for side in (pack.limit.low, pack.limit.high) if side]
        steps = np.concatenate(sides)
        assert not np.nanmin(steps) < said.fault < np.nanmax(steps), name
    assert faults > 20


def test_bytes_are_told_by_kind_and_sum_to_the_whole_city() -> None:
    each = city.Class("water.pressure", 1 << 30, 60.0, "water.pressure")
    found = [sizes.Size(each, {"admission": 64.0, sizes.REST: 16.0})]
    assert [row[0] for row in sizes.by_kind(found)] == ["admission", sizes.REST, "in all"]
    assert [row[-1] for row in sizes.by_kind(found)] == ["64.00", "16.00", "80.00"]
    assert next(sizes.by_class(found))[2] == "80"
