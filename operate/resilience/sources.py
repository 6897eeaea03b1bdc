"""Where resilience is worked out from: the history, a file of alarms, a file of a series."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from alarms.resilience.figures import Told
from alarms.resilience.functional import Band, Sample, band_of
from alarms.resilience.outages import Outages, Ring, ring_of
from configuration.configuration import Configuration
from contracts.alarm import decode_alarm
from contracts.civil_time import moment_ms
from contracts.desk.incident import Incident
from contracts.errors import ConfigError
from sinks.history.levels import (
    AlarmLevel,
    incident,
    incidents,
    known_until_ms,
    levels,
    levels_of,
)
from sinks.history.opening import store_of
from sinks.history.queries import Period
from sinks.history.versions import check_version

MS_PER_S = 1_000
DAYS_S = 30 * 86_400
COLUMNS = ("time", "supply", "demand")


class Asked(NamedTuple):
    """A period that somebody names, seconds since 1970 UTC; None for what is left open."""

    begins_s: float | None
    ends_s: float | None

    def within(self, first_s: float | None, known_s: float) -> tuple[float, float]:
        """From when to when: as far as anything is known, for 30 days where none is named.

        Raises
        ------
        ConfigError
            When nothing is left of it.
        """
        ends_s = known_s if self.ends_s is None else min(self.ends_s, known_s)
        begins_s = self.begins_s
        if begins_s is None:
            begins_s = ends_s - DAYS_S if first_s is None else first_s
        if begins_s >= ends_s:
            msg = (
                f"--from: expected a time before {ends_s:.0f} s since 1970, up to which anything "
                f"is known, got {begins_s:.0f} s; name an earlier one"
            )
            raise ConfigError(msg)
        return begins_s, ends_s


class OfIncident(NamedTuple):
    """An incident with its alarms, and up to when they are known (seconds since 1970 UTC)."""

    incident: Incident
    outages: Outages
    known_s: float


def of_incident(configuration: Configuration, name: str, asked: Asked) -> OfIncident:
    """An incident of the history.

    Raises
    ------
    ConfigError
        When it is not known there.
    """
    store = store_of(configuration.settings.history, configuration.settings.state)
    try:
        check_version(store)
        with store.reading() as connection:
            found = incident(connection, name)
            if found is None:
                text = f"expected an incident of this history, got {name!r}"
                msg = f"resilience: {text}; `tocsin history incidents` has those that are open"
                raise ConfigError(msg)
            root = found.situation.root
            assets = [] if root is None else [f"{root.lifeline}.{root.asset}"]
            rings = levels_of(connection, name, assets)
            known_s = known_until_ms(connection) / MS_PER_S
    finally:
        store.close()
    known_s = known_s if asked.ends_s is None else min(known_s, asked.ends_s)
    outages = Outages()
    for ring in map(_ring, rings):
        if ring.detected_s <= known_s:
            outages.take(ring)
    return OfIncident(found, outages, known_s)


def of_history(configuration: Configuration, asked: Asked) -> tuple[Told, tuple[float, float]]:
    """Alarms and incidents of a period of the history, and that period."""
    store = store_of(configuration.settings.history, configuration.settings.state)
    try:
        check_version(store)
        with store.reading() as connection:
            period = asked.within(None, known_until_ms(connection) / MS_PER_S)
            # An end that is also the last moment known is part of it.
            wanted = Period(int(period[0] * MS_PER_S), int(period[1] * MS_PER_S) + 1)
            rings = [_ring(one) for one in levels(connection, wanted)]
            return Told(rings, incidents(connection, wanted)), period
    finally:
        store.close()


def _ring(level: AlarmLevel) -> Ring:
    node, told = f"{level.lifeline}.{level.asset}", (level.rule, level.state, level.colour)
    times = (level.onset_ms / MS_PER_S, level.detected_ms / MS_PER_S)
    return Ring(level.id, level.revision, node, *told, *times)


def of_alarms(path: Path, asked: Asked) -> tuple[Told, tuple[float, float]]:
    """Alarms of a file, a record a line, and the period that they cover.

    Raises
    ------
    ConfigError
        When a line is no revision of an alarm, or there is none.
    """
    rings = list(_of_lines(path))
    if not rings:
        msg = f"{path}: expected alarms, a record a line, got none; see `tocsin replay --out`"
        raise ConfigError(msg)
    period = asked.within(
        min(ring.onset_s for ring in rings), max(ring.detected_s for ring in rings)
    )
    return Told([ring for ring in rings if ring.detected_s <= period[1]], ()), period


def _of_lines(path: Path) -> Iterator[Ring]:
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                try:
                    yield ring_of(decode_alarm(line))
                except (msgspec.DecodeError, ValueError) as error:
                    msg = f"{path}:{number}: expected a revision of an alarm: {error}"
                    raise ConfigError(msg) from error


def of_series(path: Path, asked: Asked) -> Band:
    """Q(t) of a file of a lifeline's own figures.

    Raises
    ------
    ConfigError
        When a column is not there, a figure is none, or a demand is not above 0.
    """
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = csv.DictReader(file)
        if missing := set(COLUMNS) - set(rows.fieldnames or ()):
            got = ", ".join(rows.fieldnames or ()) or "none"
            msg = f"{path}:1: expected the columns {', '.join(COLUMNS)}, got {got}; add "
            raise ConfigError(msg + ", ".join(sorted(missing)))
        samples = [_sample(f"{path}:{rows.line_num}", row) for row in rows]
    begins_s, ends_s = asked
    mine = [
        one
        for one in samples
        if (begins_s is None or one.at_s >= begins_s) and (ends_s is None or one.at_s <= ends_s)
    ]
    try:
        return band_of(mine)
    except ValueError as error:
        msg = f"{path}: {error}"
        raise ConfigError(msg) from error


def _sample(where: str, row: dict[str, str]) -> Sample:
    at_s = moment_ms(f"{where}: time", row["time"] or "") / MS_PER_S
    supply = (row["supply"] or "").strip()
    try:
        return Sample(at_s, float(supply) if supply else None, float(row["demand"] or ""))
    except ValueError as error:
        msg = f"{where}: expected figures for supply (or nothing) and demand: {error}; correct them"
        raise ConfigError(msg) from error
