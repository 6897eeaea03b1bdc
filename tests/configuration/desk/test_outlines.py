"""Outlines of districts: a good file is drawn, a bad one refused with the place of each fault."""

import json
from pathlib import Path
from typing import Any

import pytest

from configuration.checks.folder import check
from configuration.desk.outlines import FILE, POINTS_MAX, SIZE_MAX, load_outlines
from contracts.errors import ConfigError
from runtime.installation import CONFIGS
from tests.testkit import city

SQUARE = [[121.4, 31.2], [121.5, 31.2], [121.5, 31.3], [121.4, 31.2]]
KNOWN = ("310101", "310104")


def feature(code: str = "310101", rings: Any = None, kind: str = "Polygon") -> dict[str, Any]:
    """A district of a file."""
    shape = {"type": kind, "coordinates": [SQUARE] if rings is None else rings}
    return {"type": "Feature", "properties": {"code": code}, "geometry": shape}


def written(folder: Path, *features: dict[str, Any], **more: Any) -> Path:
    """A folder with a file of them."""
    said = {"type": "FeatureCollection", "features": list(features), **more}
    (folder / FILE).write_text(json.dumps(said))
    return folder


def refused(folder: Path) -> str:
    """What is said of a bad file."""
    with pytest.raises(ConfigError) as raised:
        load_outlines(folder, KNOWN)
    return "\n".join(raised.value.findings)


def test_a_folder_without_the_file_has_no_outlines(tmp_path: Path) -> None:
    assert load_outlines(tmp_path, KNOWN) == {}


def test_polygons_and_islands_come_as_rings_by_district(tmp_path: Path) -> None:
    hole = [[x, y, 7.5] for x, y in SQUARE]  # with heights, which nobody draws
    folder = written(tmp_path, feature(), feature("310104", [[SQUARE], [hole]], "MultiPolygon"))
    ring = [(lon, lat) for lon, lat in SQUARE]
    assert load_outlines(folder, KNOWN) == {"310101": [ring], "310104": [ring, ring]}


@pytest.mark.parametrize(
    ("features", "said"),
    [
        ([feature("310110")], "features[0].properties.code: expected a district of the catalogues"),
        ([feature("310110")], "nearest is '310104'"),
        ([feature(), feature()], "features[1].properties.code: expected each district once"),
        ([feature(rings=[[*SQUARE[:-1], [0, 0]]])], "coordinates[0]: expected a ring that ends"),
        (
            [feature(rings=[[[31.2, 121.4], *SQUARE[1:3], [31.2, 121.4]]])],
            "coordinates[0][0]: expected longitude and latitude in degrees, in this order",
        ),
        ([feature(rings=[SQUARE[:2]])], "expected GeoJSON of districts"),
        ([feature(rings=[[["a", 1], *SQUARE]])], "$.features[0].geometry.coordinates[0][0][0]"),
        ([feature(kind="LineString")], "Invalid value 'LineString'"),
        ([{**feature(), "properties": {}}], "missing required field `code`"),
        ([feature(rings=[SQUARE[:3] * (POINTS_MAX // 3 + 1) + SQUARE[:1]])], "points in all"),
    ],
)
def test_what_cannot_be_drawn_is_refused_with_its_place(
    tmp_path: Path, features: list[dict[str, Any]], said: str
) -> None:
    assert said in refused(written(tmp_path, *features))


def test_another_reference_system_and_no_json_are_refused(tmp_path: Path) -> None:
    assert "expected WGS84" in refused(written(tmp_path, feature(), crs={"type": "name"}))
    (tmp_path / FILE).write_bytes(b"\xff{}")
    assert "expected GeoJSON" in refused(tmp_path)
    (tmp_path / FILE).write_bytes(b" " * (SIZE_MAX + 1))
    assert f"expected at most {SIZE_MAX} bytes" in refused(tmp_path)


def test_check_says_what_is_wrong_with_outlines(tmp_path: Path) -> None:
    folder = tmp_path / "configs"
    city.configure(folder, 1, 1, tmp_path / "state")
    assert check(folder) == []
    written(folder, feature())
    (line,) = check(folder)
    assert line.startswith(f"{folder.as_posix()}/{FILE}: features[0].properties.code: expected")


def test_the_shipped_city_has_one_that_holds_its_district() -> None:
    (ring,) = load_outlines(CONFIGS, KNOWN)["310101"]
    assert ring[0] == ring[-1]
