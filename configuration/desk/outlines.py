"""Outlines of districts for the console's maps, from `districts.geojson` beside the lifelines."""

from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from configuration.yaml.findings import NOWHERE, Findings, nearest
from configuration.yaml.source import read_regular
from contracts.errors import ConfigError

FILE: Final = "districts.geojson"
SIZE_MAX: Final = 4 << 20  # bytes
POINTS_MAX: Final = 20_000  # a page draws all of them at once
RING_MIN: Final = 4  # the first point is also the last

Ring = list[tuple[float, float]]  # longitude and latitude, degrees of WGS84
Outlines = Mapping[str, list[Ring]]  # by district; a ring inside another one is a hole

Position = Annotated[list[float], Meta(min_length=2, max_length=3)]
Rings = Annotated[list[Annotated[list[Position], Meta(min_length=RING_MIN)]], Meta(min_length=1)]


class Polygon(msgspec.Struct, frozen=True, tag_field="type", tag="Polygon"):
    """One area, with holes behind its outer ring."""

    coordinates: Rings

    def rings(self) -> Iterator[tuple[str, list[list[float]]]]:
        """Rings, each with its path."""
        for at, ring in enumerate(self.coordinates):
            yield f"coordinates[{at}]", ring


class MultiPolygon(msgspec.Struct, frozen=True, tag_field="type", tag="MultiPolygon"):
    """Several areas: islands."""

    coordinates: Annotated[list[Rings], Meta(min_length=1)]

    def rings(self) -> Iterator[tuple[str, list[list[float]]]]:
        """Rings, each with its path."""
        for number, polygon in enumerate(self.coordinates):
            for at, ring in enumerate(polygon):
                yield f"coordinates[{number}][{at}]", ring


class Properties(msgspec.Struct, frozen=True):
    """Which district it is; whatever else is said of it does not matter."""

    code: Annotated[str, Meta(min_length=1, max_length=64)]


class Feature(msgspec.Struct, frozen=True):
    """A district."""

    type: Literal["Feature"]
    properties: Properties
    geometry: Polygon | MultiPolygon


class Districts(msgspec.Struct, frozen=True):
    """The file: GeoJSON (RFC 7946), whose coordinates are WGS84."""

    type: Literal["FeatureCollection"]
    features: list[Feature]
    crs: object = None


_DISTRICTS: Final = msgspec.json.Decoder(Districts)


def load_outlines(folder: Path, known: Collection[str]) -> Outlines:
    """What a city has laid down of its districts; nothing without the file.

    Parameters
    ----------
    folder : Path
        The configuration folder.
    known : collection of str
        Codes of districts.

    Raises
    ------
    ConfigError
        With every finding.
    """
    findings = Findings()
    outlines = read_outlines(folder, known, findings)
    if findings.found:
        raise ConfigError(*findings.lines())
    return outlines


def read_outlines(folder: Path, known: Collection[str], findings: Findings) -> Outlines:
    """The same, noting what is wrong."""
    path = folder / FILE
    if not path.exists():
        return {}
    try:
        source = read_regular(path, SIZE_MAX)
    except OSError as error:
        text = f"expected GeoJSON of districts, got an error: {error.strerror}; make it readable"
        findings.add(path.as_posix(), NOWHERE, "", text)
        return {}
    if len(source) > SIZE_MAX:
        text = f"expected at most {SIZE_MAX} bytes, got more; leave out points that nobody sees"
        findings.add(path.as_posix(), NOWHERE, "", text)
        return {}
    try:
        districts = _DISTRICTS.decode(source)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        text = f"expected GeoJSON of districts, got: {error}; see docs/console-pages.md"
        findings.add(path.as_posix(), NOWHERE, "", text)
        return {}
    return dict(_judged(path.as_posix(), districts, known, findings))


def _judged(
    file: str, districts: Districts, known: Collection[str], findings: Findings
) -> Iterator[tuple[str, list[Ring]]]:
    """Districts that can be drawn."""
    if districts.crs is not None:
        text = "expected WGS84, got another `crs`; convert the coordinates and leave it out"
        findings.add(file, NOWHERE, "crs", text)
    points, seen = 0, set[str]()
    for number, feature in enumerate(districts.features):
        code, place = feature.properties.code, f"features[{number}]"
        if code not in known:
            text = f"expected a district of the catalogues or `areas`, got {code!r}; "
            findings.add(file, NOWHERE, f"{place}.properties.code", text + nearest(code, known))
        if code in seen:
            text = f"expected each district once, got {code!r} again; make it one MultiPolygon"
            findings.add(file, NOWHERE, f"{place}.properties.code", text)
        seen.add(code)
        rings = []
        for path, ring in feature.geometry.rings():
            points += len(ring)
            _judge_ring(file, f"{place}.geometry.{path}", ring, findings)
            rings.append([(point[0], point[1]) for point in ring])
        yield code, rings
    if points > POINTS_MAX:
        text = f"expected at most {POINTS_MAX} points in all, got {points}; draw them coarser"
        findings.add(file, NOWHERE, "features", text)


def _judge_ring(file: str, path: str, ring: list[list[float]], findings: Findings) -> None:
    """Whether it is closed, and lies on Earth."""
    if ring[0][:2] != ring[-1][:2]:
        text = f"expected a ring that ends where it begins, {ring[0]}, got {ring[-1]}; close it"
        findings.add(file, NOWHERE, path, text)
    for number, (lon, lat, *_) in enumerate(ring):
        if not (-180 <= lon <= 180 and -90 <= lat <= 90):
            text = (
                "expected longitude and latitude in degrees, in this order, "
                f"got {[lon, lat]}; see which comes first"
            )
            findings.add(file, NOWHERE, f"{path}[{number}]", text)
            return  # one of a ring says enough
